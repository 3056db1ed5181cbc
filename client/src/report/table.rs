//! One table, three ways: aligned text, HTML, and JSON with every digit.

use serde_json::{Map, Value, json};

use super::html::escape;
use super::{clean, number, span, wrap};

/// Width of a terminal this is made for, characters.
pub const WIDTH: usize = 80;
/// A longer word may be broken to make a table fit.
const LONGEST_WORD: usize = 16;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words; cleaned when shown.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, shown with so many decimals.
    Number(f64, usize),
    /// An interval, shown with so many decimals.
    Interval(f64, f64, usize),
    /// A number with its interval, shown with so many decimals.
    Estimate(f64, (f64, f64), usize),
    /// Nothing, and the word for why, which is what people see in its place.
    Absent(&'static str),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number, or the word for why there is none.
    pub fn number_or(value: Option<f64>, decimals: usize, why: &'static str) -> Self {
        value.map_or(Self::Absent(why), |value| Self::Number(value, decimals))
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => clean(text),
            Self::Count(count) => count.to_string(),
            Self::Number(value, decimals) => number(*value, *decimals),
            Self::Interval(low, high, decimals) => span(*low, *high, *decimals),
            Self::Estimate(value, (low, high), decimals) => {
                format!(
                    "{} ({})",
                    number(*value, *decimals),
                    span(*low, *high, *decimals)
                )
            }
            Self::Absent(why) => (*why).to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Number(value, _) => super::json::number(*value),
            Self::Interval(low, high, _) => {
                json!({"low": super::json::number(*low), "high": super::json::number(*high)})
            }
            Self::Estimate(value, (low, high), _) => json!({
                "value": super::json::number(*value),
                "low": super::json::number(*low),
                "high": super::json::number(*high),
            }),
            Self::Absent(why) => json!({"status": "absent", "why": why}),
        }
    }
}

/// One column: its key in JSON and its heading for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Key in JSON, in lower case.
    pub key: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// True for words, which stand left and may be broken; false for numbers, which stand right.
    pub words: bool,
}

impl Column {
    /// A column of words.
    pub const fn words(key: &'static str, heading: &'static str) -> Self {
        Self {
            key,
            heading,
            words: true,
        }
    }

    /// A column of numbers.
    pub const fn numbers(key: &'static str, heading: &'static str) -> Self {
        Self {
            key,
            heading,
            words: false,
        }
    }
}

fn longest_word(text: &str) -> usize {
    text.split(' ')
        .map(|word| word.chars().count())
        .max()
        .unwrap_or(0)
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells beyond the columns are left out; missing ones are absent.
    pub fn push(&mut self, cells: impl Into<Vec<Cell>>) {
        let mut cells = cells.into();
        cells.resize(self.columns.len(), Cell::Absent("not given"));
        self.rows.push(cells);
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lines of at most [`WIDTH`] characters (as long as the numbers leave room), each indented by two.
    pub fn text(&self) -> String {
        let shown: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::shown).collect())
            .collect();
        let widths = self.widths(&shown);
        let mut out = String::new();
        let headings: Vec<String> = self.columns.iter().map(|c| c.heading.to_owned()).collect();
        for row in std::iter::once(&headings).chain(&shown) {
            self.write_row(&mut out, row, &widths);
        }
        out
    }

    fn widths(&self, shown: &[Vec<String>]) -> Vec<usize> {
        let mut widths: Vec<usize> = (self.columns.iter().enumerate())
            .map(|(at, column)| {
                let longest = shown
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| cell.chars().count());
                // A heading over numbers is broken rather than made to widen the column.
                let heading = if column.words {
                    column.heading.chars().count()
                } else {
                    longest_word(column.heading)
                };
                longest.chain([heading]).max().unwrap_or(0)
            })
            .collect();
        // Words are broken within only when nothing else helps.
        let least: Vec<usize> = (self.columns.iter().enumerate())
            .map(|(at, column)| {
                let words = shown
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| longest_word(cell));
                words
                    .chain([longest_word(column.heading)])
                    .max()
                    .unwrap_or(0)
                    .min(LONGEST_WORD)
            })
            .collect();
        loop {
            let total: usize = widths.iter().map(|width| width + 2).sum();
            let widest = (self.columns.iter().zip(&least).zip(&mut widths))
                .filter(|((column, least), width)| column.words && **width > **least)
                .map(|(_, width)| width)
                .max();
            match widest {
                Some(width) if total > WIDTH => *width -= 1,
                _ => return widths,
            }
        }
    }

    fn write_row(&self, out: &mut String, row: &[String], widths: &[usize]) {
        let lines: Vec<Vec<String>> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| wrap(cell, *width))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut text = String::new();
            for ((column, cell), width) in self.columns.iter().zip(&lines).zip(widths) {
                let piece = cell.get(line).map_or("", String::as_str);
                text.push_str("  ");
                if column.words {
                    text.push_str(&format!("{piece:<width$}"));
                } else {
                    text.push_str(&format!("{piece:>width$}"));
                }
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
    }

    /// An HTML table with a caption; every text is escaped.
    pub fn html(&self, caption: &str) -> String {
        let mut out = format!(
            "<table>\n<caption>{}</caption>\n<thead><tr>",
            escape(caption)
        );
        for column in &self.columns {
            let class = if column.words { "" } else { " class=\"n\"" };
            out.push_str(&format!(
                "<th scope=\"col\"{class}>{}</th>",
                escape(column.heading)
            ));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            out.push_str("<tr>");
            for (at, (column, cell)) in self.columns.iter().zip(row).enumerate() {
                let shown = escape(&cell.shown());
                out.push_str(&match (at, column.words) {
                    (0, true) => format!("<th scope=\"row\">{shown}</th>"),
                    (_, true) => format!("<td>{shown}</td>"),
                    (_, false) => format!("<td class=\"n\">{shown}</td>"),
                });
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n");
        out
    }

    /// An array with one object for each row.
    pub fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let fields: Map<String, Value> = (self.columns.iter().zip(row))
                .map(|(column, cell)| (column.key.to_owned(), cell.json()))
                .collect();
            Value::Object(fields)
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([
            Column::words("name", "name"),
            Column::numbers("n", "persons counted"),
        ]);
        table.push([Cell::text("A <b>\u{1b}"), Cell::Count(12)]);
        table.push([Cell::text("long ".repeat(40)), Cell::Absent("below_floor")]);
        table
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let text = sample().text();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn what_is_absent_is_no_zero_and_no_null() {
        let json = sample().json();
        assert_eq!(
            json[1]["n"],
            json!({"status": "absent", "why": "below_floor"})
        );
        assert_eq!(json[0]["n"], 12);
    }

    #[test]
    fn names_cannot_write_html() {
        let html = sample().html("a & b");
        assert!(html.contains("A &lt;b&gt;") && html.contains("a &amp; b"));
        assert!(!html.contains("<b>"));
    }
}
