//! A self-contained page: inline style, inline SVG, no scripts, nothing fetched, good in print and without colour.

mod svg;

use std::fmt::Write as _;

use krog_proto::federation::v1 as pb;

use super::table::Table;
use super::{clean, pools, text, words};

pub use svg::forest_svg;

/// One part of a page. `html` is put in as it is: build it with [`paragraph`], [`list`], [`table`] and [`escape`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Heading, plain text.
    pub heading: String,
    /// Content, already HTML.
    pub html: String,
}

/// Text made safe for an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A paragraph of plain text.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(&clean(text)))
}

/// A list of plain texts.
pub fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = "<ul>\n".to_owned();
    for item in items {
        let _ = writeln!(out, "<li>{}</li>", escape(&clean(item.as_ref())));
    }
    out.push_str("</ul>\n");
    out
}

/// A table with its caption.
pub fn table(caption: &str, table: &Table) -> String {
    table.html(caption)
}

const STYLE: &str = "\
:root { color-scheme: light }
body { font: 1rem/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.2 }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 2px solid #111; padding-top: .5rem }
h3 { font-size: 1.05rem; margin-top: 1.75rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .9rem }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #999; font-weight: 400; overflow-wrap: anywhere }
thead th { font-weight: 600; border-bottom: 2px solid #111; overflow-wrap: normal }
.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto; margin: 1rem 0 }
@media print { body { margin: 0; max-width: none; font-size: 10pt } h2, h3 { break-after: avoid } table, svg, tr { break-inside: avoid } }
";

/// A whole page. `lang` is a BCP 47 tag, for readers that speak.
pub fn page(title: &str, lang: &str, sections: &[Section]) -> String {
    let title = escape(&clean(title));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        escape(lang),
    );
    for Section { heading, html } in sections {
        let _ = write!(
            out,
            "<section>\n<h2>{}</h2>\n{html}</section>\n",
            escape(&clean(heading))
        );
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// A comparison as a section of a page: everything the text says, with a forest plot and its table.
pub fn comparison_section(comparison: &pb::Comparison) -> Section {
    let mut html = paragraph(&words::unit(comparison));
    html.push_str("<h3>By facilitation</h3>\n");
    if comparison.sides.is_empty() {
        html.push_str(&paragraph(
            "No centre has told anything of this measure yet.",
        ));
    } else {
        html.push_str(&table("Change and improvement", &text::sides(comparison)));
        html.push_str(&table(
            "How much centres differ",
            &text::between(comparison),
        ));
        html.push_str(&paragraph(text::BETWEEN_NOTE));
        if !comparison.pools.is_empty() {
            html.push_str(&paragraph(text::POOLED_NOTE));
        }
    }
    html.push_str("<h3>Professional and peer-led groups, entry pairs</h3>\n");
    html.push_str(&paragraph(&words::contrast(
        comparison.contrast.as_ref(),
        false,
    )));
    html.push_str(&paragraph(&format!(
        "Within centres that offer both. {}",
        words::contrast(comparison.within.as_ref(), true)
    )));
    if let Some(heading) = text::each(comparison) {
        let _ = writeln!(html, "<h3>{heading}</h3>");
        html.push_str(&forest_svg(comparison));
        html.push_str(&table("The same as a table", &text::figures(comparison)));
    }
    if !comparison.centres.is_empty() {
        html.push_str(&table("What each centre told", &text::centres(comparison)));
    }
    if !comparison.pools.is_empty() {
        html.push_str(&table("What each pool told", &pools::pools(comparison)));
        html.push_str(&table(
            "How precise each pool is, and what it costs",
            &pools::precision(comparison),
        ));
        let more = pools::more(comparison);
        if !more.is_empty() {
            html.push_str(&list(more));
        }
        html.push_str(&paragraph(pools::NOTE));
    }
    html.push_str("<h3>What was not told</h3>\n");
    if comparison.untold.is_empty() {
        html.push_str(&paragraph(words::nothing_withheld(comparison)));
    } else {
        html.push_str(&table(
            "Cells without a value, by their public reason",
            &text::not_told(comparison),
        ));
    }
    if comparison.waiting > 0 {
        html.push_str(&paragraph(&text::waiting(comparison.waiting)));
    }
    html.push_str("<h3>To be read with it</h3>\n");
    html.push_str(&list(
        comparison
            .caveats
            .iter()
            .map(|caveat| words::caveat(*caveat)),
    ));
    Section {
        heading: format!("Comparison of {}", clean(&comparison.measure)),
        html,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_page_is_whole_and_stands_alone() {
        let comparison = sample::comparison();
        let page = page(
            "Outcomes & groups",
            "en",
            &[comparison_section(&comparison)],
        );
        insta::assert_snapshot!(page);
        for foreign in [
            "<script",
            "src=",
            "href=",
            "url(",
            "@import",
            "http://",
            "javascript:",
        ] {
            let found = page
                .replace("http://www.w3.org/2000/svg", "")
                .contains(foreign);
            assert!(!found, "{foreign}");
        }
    }

    #[test]
    fn a_section_with_pools_draws_and_lists_them() {
        insta::assert_snapshot!(comparison_section(&sample::with_pools()).html);
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut comparison = sample::with_pools();
        let hostile = "</title><script>alert(1)</script>\"'&<img src=x onerror=y>";
        comparison.measure = hostile.to_owned();
        comparison.change_sd_pooled = false;
        comparison.change_sd_source = hostile.to_owned();
        for row in &mut comparison.centres {
            row.public_name = hostile.to_owned();
        }
        for item in comparison.pools.iter_mut().flat_map(|row| &mut row.items) {
            item.code = hostile.to_owned();
        }
        let page = page(hostile, "en\"><script>", &[comparison_section(&comparison)]);
        assert!(!page.contains("<script"));
        assert!(!page.contains("<img"));
        assert_eq!(
            page.matches("</title>").count(),
            2,
            "one of the page, one of the plot"
        );
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn a_small_comparison_has_no_plot_and_says_why_there_is_no_contrast() {
        let html = comparison_section(&sample::small()).html;
        assert!(!html.contains("<svg"));
        assert!(html.contains("No contrast: it needs five centres a side"));
        assert!(html.contains("below the floor"));
    }
}
