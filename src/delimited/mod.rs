//! Splits delimited text (CSV and the like) into records and cells.
//!
//! Inputs and expectations files are split by the same code. It is our own because errors name a line. The `csv`
//! crate's line numbers are off with CRLF and after blank lines, and a quote that is never closed would silently
//! swallow the rest of the file. In everything else, a property test compares this module with the `csv` crate.

mod cells;
mod records;

pub(crate) use cells::RecordCells;
pub(crate) use records::{BOM, Record, RecordSyntax, Records};

/// The delimiters to try, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Returns the delimiter that yields a sought column, or else the one that yields the most columns.
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
    // `max_by_key` returns the last of equals, but the first is likelier.
    let scored: Vec<_> = scored.collect();
    scored
        .into_iter()
        .rev()
        .max_by_key(|(_, score)| *score)
        .map(|(delimiter, _)| delimiter)
}
