//! Delimited text (CSV and its like), cut into records and cells.
//!
//! Inputs and the file of expectations are cut with the same knife. It is our own because an error names a line: the
//! `csv` crate's positions are one short with CRLF and stop at the blank lines before a record, and a quote that is never
//! closed would silently take the rest of the file with it. On everything else a property test holds it to that crate.

mod cells;
mod records;

pub(crate) use cells::RecordCells;
pub(crate) use records::{BOM, Record, RecordSyntax, Records};

/// Delimiters to try, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The delimiter that finds a column that is looked for, or else the one that finds most columns.
pub(crate) fn likeliest_delimiter(header: &str, is_sought: impl Fn(&str) -> bool) -> Option<u8> {
    let mut cells = RecordCells::default();
    let present = DELIMITERS
        .into_iter()
        .filter(|&delimiter| header.as_bytes().contains(&delimiter));
    let scored = present.map(|delimiter| {
        cells.split(header, delimiter);
        let is_found = cells.iter().any(&is_sought);
        (delimiter, (is_found, cells.len()))
    });
    // The last of equals would win, and the first is likelier.
    let scored: Vec<_> = scored.collect();
    scored
        .into_iter()
        .rev()
        .max_by_key(|(_, score)| *score)
        .map(|(delimiter, _)| delimiter)
}
