//! From bytes to lines whose fields are known by name and read on their own; nothing here looks into the store.

use super::{
    ColumnName, FIELD_BYTES, ImportError, LineFault, RefusedLine, TABLE_BYTES, TABLE_LINES,
};
use krog_measures::{Day, Facilitation};
use std::fmt;

/// The columns of a table, in the order of their documentation.
const COLUMNS: [&str; 9] = [
    "centre",
    "group",
    "facilitation",
    "member",
    "joined",
    "sharing",
    "measure",
    "date",
    "score",
];
const SHARING: usize = 5;

/// A table, read.
pub(super) struct Table {
    /// Lines that can be read and belong to the asking centre.
    pub(super) lines: Vec<Line>,
    /// Lines that cannot.
    pub(super) refused: Vec<RefusedLine>,
    /// Lines of other centres.
    pub(super) other_centres: usize,
    /// Whether it has a `sharing` column.
    pub(super) states_sharing: bool,
}

/// One line.
pub(super) struct Line {
    /// Its number, the header being 1.
    pub(super) number: usize,
    pub(super) group: String,
    pub(super) facilitation: Facilitation,
    pub(super) member: String,
    pub(super) joined: Day,
    pub(super) sharing: Option<bool>,
    pub(super) measure: String,
    pub(super) day: Day,
    pub(super) score: f64,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({})", self.number)
    }
}

/// Reads a table for the centre that goes by one of `names`, compared without regard to case.
pub(super) fn read(bytes: &[u8], names: &[&str], today: Day) -> Result<Table, ImportError> {
    if bytes.len() > TABLE_BYTES {
        return Err(ImportError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let names: Vec<String> = names
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| name.trim().to_lowercase())
        .collect();
    let separator = separator(text);
    let mut records = Records::of(text, separator);
    let (_, header) = records.next()?.ok_or(ImportError::Empty)?;
    let places = columns(&header)?;
    let mut table = Table {
        lines: Vec::new(),
        refused: Vec::new(),
        other_centres: 0,
        states_sharing: places.contains(&SHARING),
    };
    while let Some((number, record)) = records.next()? {
        match line(&record, &places, &names, number, separator, today) {
            Ok(Some(line)) => table.lines.push(line),
            Ok(None) => table.other_centres += 1,
            Err(why) => table.refused.push(RefusedLine { line: number, why }),
        }
    }
    Ok(table)
}

/// Semicolon if the header has one outside quotation marks, else comma.
fn separator(text: &str) -> u8 {
    let header = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let mut quoted = false;
    for byte in header.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => return b';',
            _ => {}
        }
    }
    b','
}

/// The records of a table with the numbers of their lines. The reader's own count stands before blank lines, so lines are
/// counted here.
struct Records<'a> {
    records: csv::StringRecordsIntoIter<&'a [u8]>,
    text: &'a [u8],
    counted_to: usize,
    line: usize,
}

impl<'a> Records<'a> {
    fn of(text: &'a str, separator: u8) -> Self {
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        Self {
            records: reader.into_records(),
            text: text.as_bytes(),
            counted_to: 0,
            line: 1,
        }
    }

    /// The next record that is not blank, and its line.
    fn next(&mut self) -> Result<Option<(usize, csv::StringRecord)>, ImportError> {
        loop {
            let record = match self.records.next() {
                None => return Ok(None),
                Some(Ok(record)) => record,
                Some(Err(_)) => return Err(ImportError::Unreadable(self.line + 1)),
            };
            let from = record.position().map_or(0, csv::Position::byte);
            let mut from = usize::try_from(from)
                .unwrap_or(usize::MAX)
                .min(self.text.len());
            while matches!(self.text.get(from), Some(b'\r' | b'\n')) {
                from += 1;
            }
            let passed = self.text.get(self.counted_to..from).unwrap_or_default();
            self.line += passed.iter().filter(|byte| **byte == b'\n').count();
            self.counted_to = from;
            if self.line > TABLE_LINES {
                return Err(ImportError::TooManyLines);
            }
            if !is_blank(&record) {
                return Ok(Some((self.line, record)));
            }
        }
    }
}

fn is_blank(record: &csv::StringRecord) -> bool {
    record.iter().all(|field| field.trim().is_empty())
}

/// For each field of the header, which column it is.
fn columns(header: &csv::StringRecord) -> Result<Vec<usize>, ImportError> {
    let known = |field: &&str| COLUMNS.contains(&field.trim().to_lowercase().as_str());
    // A line of content names no columns, and nothing of it is repeated.
    if header.iter().filter(known).count() * 2 < header.len() {
        return Err(ImportError::NoHeader);
    }
    let mut places: Vec<usize> = Vec::with_capacity(header.len());
    for (at, field) in header.iter().enumerate() {
        let name = field.trim().to_lowercase();
        let column = COLUMNS
            .iter()
            .position(|column| *column == name)
            .ok_or_else(|| ImportError::UnknownColumn(ColumnName::of(&name, at + 1)))?;
        if places.contains(&column) {
            return Err(ImportError::RepeatedColumn(COLUMNS[column]));
        }
        places.push(column);
    }
    match (0..COLUMNS.len()).find(|column| *column != SHARING && !places.contains(column)) {
        Some(missing) => Err(ImportError::MissingColumn(COLUMNS[missing])),
        None => Ok(places),
    }
}

/// Reads one line; `None` when it is another centre's.
fn line(
    record: &csv::StringRecord,
    places: &[usize],
    names: &[String],
    number: usize,
    separator: u8,
    today: Day,
) -> Result<Option<Line>, LineFault> {
    // The centre is looked at first: what is wrong with other centres' lines is not this centre's to say.
    let centre = places
        .iter()
        .position(|column| *column == 0)
        .and_then(|at| record.get(at))
        .unwrap_or_default();
    if centre.trim().is_empty() {
        return Err(LineFault::Empty("the centre"));
    }
    if !names.contains(&centre.trim().to_lowercase()) {
        return Ok(None);
    }
    if record.len() != places.len() {
        return Err(LineFault::Fields);
    }
    let mut fields = [""; COLUMNS.len()];
    for (field, column) in record.iter().zip(places) {
        fields[*column] = field.trim();
    }
    let [
        _,
        group,
        facilitation,
        member,
        joined,
        sharing,
        measure,
        date,
        score,
    ] = fields;
    Ok(Some(Line {
        number,
        group: words(group, "the group")?,
        facilitation: facilitation
            .to_lowercase()
            .parse()
            .map_err(|_| LineFault::Facilitation)?,
        member: words(member, "the member")?,
        joined: day(joined, "joined", today)?,
        sharing: match sharing.to_lowercase().as_str() {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return Err(LineFault::Sharing),
        },
        measure: words(measure, "the measure")?.to_lowercase(),
        day: day(date, "the date", today)?,
        score: decimal(score, separator == b';').ok_or(LineFault::Score)?,
    }))
}

fn words(text: &str, what: &'static str) -> Result<String, LineFault> {
    if text.is_empty() {
        return Err(LineFault::Empty(what));
    }
    if text.len() > FIELD_BYTES || text.chars().any(char::is_control) {
        return Err(LineFault::Text(what));
    }
    Ok(text.to_owned())
}

fn day(text: &str, what: &'static str, today: Day) -> Result<Day, LineFault> {
    let day: Day = text.parse().map_err(|_| LineFault::Day(what))?;
    if day > today {
        return Err(LineFault::Future(what));
    }
    Ok(day)
}

/// A plain decimal number: digits, at most one decimal mark, at most one sign. No exponents, no words.
fn decimal(text: &str, comma: bool) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mark = |c: char| c == '.' || (comma && c == ',');
    let (whole, part) = digits.split_once(mark).unwrap_or((digits, "0"));
    let all_digits = |text: &str| {
        !text.is_empty() && text.len() <= 12 && text.bytes().all(|c| c.is_ascii_digit())
    };
    if !all_digits(whole) || !all_digits(part) {
        return None;
    }
    text.replace(',', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "centre,group,facilitation,member,joined,sharing,measure,date,score";

    fn today() -> Day {
        "2026-06-01".parse().unwrap()
    }

    fn table(text: &str) -> Table {
        read(text.as_bytes(), &["Long", ""], today()).unwrap()
    }

    fn refusal(line: &str) -> LineFault {
        let table = table(&format!("{HEADER}\n{line}\n"));
        assert_eq!(table.lines.len(), 0);
        assert_eq!(table.refused[0].line, 2);
        table.refused[0].why
    }

    #[test]
    fn columns_come_in_any_order_with_semicolons_decimal_commas_quotes_and_a_byte_order_mark() {
        let text = "\u{feff}Score;date;measure;member;joined;facilitation;group;centre\r\n\
                    \r\n\
                    3,5;2026-03-12;K6;\"P;1\";2026-01-12;Peer;\"The \"\"old\"\" group\";LONG\r\n\
                    ;;;;;;;\r\n\
                    4.5;2026-03-12;k6;P2;2026-01-12;co-led;b;long\r\n";
        let table = table(text);
        assert_eq!(table.refused, []);
        assert!(!table.states_sharing);
        let [first, second] = &table.lines[..] else {
            panic!("two lines")
        };
        assert_eq!(
            (first.number, first.score, first.member.as_str()),
            (3, 3.5, "P;1")
        );
        assert_eq!(
            (first.group.as_str(), first.measure.as_str()),
            ("The \"old\" group", "k6")
        );
        assert_eq!(
            (second.number, second.score, second.facilitation),
            (5, 4.5, Facilitation::CoLed)
        );
    }

    #[test]
    fn lines_of_other_centres_are_counted_and_not_judged() {
        let table = table(&format!(
            "{HEADER}\nother,,,,,,,,\nelse,a\nlong,g,peer,P,2026-01-12,yes,k6,2026-01-12,3\n"
        ));
        assert_eq!(
            (table.other_centres, table.lines.len(), table.refused.len()),
            (2, 1, 0)
        );
        assert_eq!(table.lines[0].sharing, Some(true));
    }

    #[test]
    fn every_fault_of_a_line_has_its_reason() {
        for (line, why) in [
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12",
                LineFault::Fields,
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12,3,4",
                LineFault::Fields,
            ),
            (
                ",g,peer,P,2026-01-12,yes,k6,2026-01-12,3",
                LineFault::Empty("the centre"),
            ),
            (
                "long,,peer,P,2026-01-12,yes,k6,2026-01-12,3",
                LineFault::Empty("the group"),
            ),
            (
                "long,g,friend,P,2026-01-12,yes,k6,2026-01-12,3",
                LineFault::Facilitation,
            ),
            (
                "long,g,peer,,2026-01-12,yes,k6,2026-01-12,3",
                LineFault::Empty("the member"),
            ),
            (
                "long,g,peer,P,12.1.2026,yes,k6,2026-01-12,3",
                LineFault::Day("joined"),
            ),
            (
                "long,g,peer,P,2026-01-12,maybe,k6,2026-01-12,3",
                LineFault::Sharing,
            ),
            (
                "long,g,peer,P,2026-01-12,yes,,2026-01-12,3",
                LineFault::Empty("the measure"),
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-02-30,3",
                LineFault::Day("the date"),
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-06-02,3",
                LineFault::Future("the date"),
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12,",
                LineFault::Score,
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12,NaN",
                LineFault::Score,
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12,1e3",
                LineFault::Score,
            ),
            (
                "long,g,peer,P,2026-01-12,yes,k6,2026-01-12,\"3,5\"",
                LineFault::Score,
            ),
            (
                "long,g,peer,P\u{7},2026-01-12,yes,k6,2026-01-12,3",
                LineFault::Text("the member"),
            ),
        ] {
            assert_eq!(refusal(line), why, "{line}");
        }
    }

    #[test]
    fn a_wrong_header_is_refused_by_name_and_a_line_of_data_in_its_place_is_not_repeated() {
        let refused = |text: &str| read(text.as_bytes(), &["long"], today()).err().unwrap();
        assert_eq!(
            refused(&format!("{HEADER},diagnosis\n")),
            ImportError::UnknownColumn(ColumnName::Named("diagnosis".to_owned()))
        );
        let data = refused("Ana Novak,g1,peer,P001,2026-01-12,yes,k6,2026-01-12,3\n");
        assert_eq!(data, ImportError::NoHeader);
        let data = refused("ana,group,peer,p,2026-01-12,yes,k6,2026-01-12,3\n");
        assert!(!data.to_string().contains("ana"), "{data}");
        assert_eq!(
            refused("score,score\n"),
            ImportError::RepeatedColumn("score")
        );
        assert_eq!(
            refused("centre,group\n"),
            ImportError::MissingColumn("facilitation")
        );
        assert_eq!(refused("\n\n"), ImportError::Empty);
        assert_eq!(
            read(b"\xff\xfe", &["long"], today()).err().unwrap(),
            ImportError::NotText
        );
        let large = vec![b'a'; TABLE_BYTES + 1];
        assert_eq!(
            read(&large, &["long"], today()).err().unwrap(),
            ImportError::TooLarge
        );
        let long = format!("{HEADER}\n{}", "x\n".repeat(TABLE_LINES));
        assert_eq!(refused(&long), ImportError::TooManyLines);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail_in_another_way(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes, &["long"], today());
            let mut text = HEADER.as_bytes().to_vec();
            text.push(b'\n');
            text.extend(bytes);
            let _ = read(&text, &["long"], today());
        }

        #[test]
        fn any_field_written_with_quotes_reads_back(member in "[^\\p{Cc}]{1,20}", semicolon: bool) {
            prop_assume!(!member.trim().is_empty());
            let separator = if semicolon { ";" } else { "," };
            let quoted = format!("\"{}\"", member.replace('"', "\"\""));
            let line = ["long", "g", "peer", &quoted, "2026-01-12", "no", "k6", "2026-01-12", "3"].join(separator);
            let table = table(&format!("{}\n{line}", HEADER.replace(',', separator)));
            prop_assert_eq!(table.refused.len(), 0);
            prop_assert_eq!(table.lines[0].member.as_str(), member.trim());
        }
    }
}
