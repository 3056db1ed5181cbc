//! A comparison for people and for programs: text of 80 columns, a page that prints, JSON with every digit.
//!
//! Nothing here computes an outcome. What is absent is said with its reason, never as zero. Names come from other nodes:
//! they are cleaned for a terminal by [`clean`] and escaped for a page by [`html::escape`].

mod forest;
pub mod html;
pub mod json;
mod pools;
pub mod release;
pub mod table;
pub mod text;
mod words;

pub(crate) use pools::privacy_cost;
pub use words::{quarter_name, quarter_number};

/// Text from elsewhere without what could steer a terminal or turn the direction of writing: control characters and
/// bidirectional marks become `\u{fffd}`, line ends become spaces.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A number with so many decimals and a real minus sign; never "−0".
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// `low to high` with so many decimals.
pub(crate) fn span(low: f64, high: f64, decimals: usize) -> String {
    format!("{} to {}", number(low, decimals), number(high, decimals))
}

/// Lines of at most `width` characters, broken at spaces and line ends; a longer word stands alone, cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= width {
                if gap == 1 {
                    line.push(' ');
                }
                line.extend(word.iter());
                used += gap + word.len();
                break;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else {
                lines.push(word.drain(..width.min(word.len())).collect());
            }
        }
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_steers_a_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb c\u{fffd}d");
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-0.5, 2), "−0.50");
        assert_eq!(number(f64::NAN, 2), "not a number");
    }

    #[test]
    fn lines_are_no_longer_than_asked() {
        let lines = wrap("one two three, a-word-that-is-far-too-long four", 9);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 9),
            "{lines:?}"
        );
        assert_eq!(lines[0], "one two");
        assert_eq!(wrap("", 5), [""]);
    }
}
