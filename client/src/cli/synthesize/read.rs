//! A table of estimates from CSV as spreadsheets write it.

use krog_measures::synthesis::Estimate;

use super::TableError;

/// Reads columns label, yi, vi and, if there, facilitation, in any order and case. The separator is `;`, a tab or `,`,
/// whichever the header has; numbers may have a decimal comma; a byte-order mark is skipped.
///
/// # Errors
/// When a column is missing or a line cannot be read.
pub fn read_estimates(bytes: &[u8]) -> Result<Vec<Estimate>, TableError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TableError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let separator = [';', '\t']
        .into_iter()
        .find(|c| header.contains(*c))
        .unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = Columns::of(
        reader
            .headers()
            .map_err(|_| TableError::Broken { line: 1 })?,
    )?;
    let mut estimates = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| TableError::Broken {
            line: error.position().map_or(1, csv::Position::line),
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default();
        let number_in =
            |at, column| number(field(at)).ok_or(TableError::NotANumber { line, column });
        let facilitation = match columns.facilitation.map(field).unwrap_or_default() {
            "" => None,
            word => Some(
                word.to_lowercase()
                    .parse()
                    .map_err(|_| TableError::UnknownFacilitation { line })?,
            ),
        };
        estimates.push(Estimate {
            label: field(columns.label).to_owned(),
            y: number_in(columns.yi, "yi")?,
            v: number_in(columns.vi, "vi")?,
            facilitation,
        });
    }
    Ok(estimates)
}

struct Columns {
    label: usize,
    yi: usize,
    vi: usize,
    facilitation: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, TableError> {
        let find = |name: &str| {
            header
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name))
        };
        let need = |name| find(name).ok_or(TableError::NoColumn(name));
        Ok(Self {
            label: need("label")?,
            yi: need("yi")?,
            vi: need("vi")?,
            facilitation: find("facilitation"),
        })
    }
}

/// A number with a decimal point or comma; one with both is ambiguous and none.
fn number(text: &str) -> Option<f64> {
    let text = text.trim().replace('−', "-");
    let text = match (text.contains(','), text.contains('.')) {
        (true, true) => return None,
        (true, false) => text.replacen(',', ".", 1),
        _ => text,
    };
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    plain
        .then(|| text.parse().ok())
        .flatten()
        .filter(|value: &f64| value.is_finite())
}
