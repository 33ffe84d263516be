//! Splits text into records, and delimited records (CSV and the like) into cells.
//!
//! Inputs and expectations files are split by the same code. It finds where a record begins and ends and whether its
//! quotes are well formed, because errors name a line and no line may be swallowed by a stray quote. The cells of a
//! well-formed record are split by the `csv` crate.

mod cells;
mod json_values;
mod record;
mod record_end;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use cells::RecordCells;
pub(crate) use record::{QuoteFault, Record};
pub(crate) use records::{BOM, MAX_LENGTH, RecordError, RecordSyntax, Records};

/// The delimiters to try, the likeliest first.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The length of a record with its line end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordLength {
    /// Number of bytes.
    pub consumed: usize,
    /// Number of lines.
    pub lines: u64,
}

/// Returns the first CSV record of a text that is a whole file or its beginning.
pub(crate) fn first_record(text: &[u8], delimiter: u8) -> (Record<'_>, RecordLength) {
    let end = record_end::first_csv_end(text, delimiter);
    let record = Record {
        line: 1,
        column: 1,
        has_lines: end.lines > 1,
        quotes: end.quotes,
        fault: end.fault,
        bytes: &text[..end.length],
    };
    let length = RecordLength {
        consumed: end.consumed,
        lines: end.lines,
    };
    (record, length)
}

/// Returns the delimiter that yields a sought column, or else the one that yields the most columns.
pub(crate) fn likeliest_delimiter(header: &[u8], is_sought: impl Fn(&str) -> bool) -> Option<u8> {
    let present = DELIMITERS
        .into_iter()
        .filter(|delimiter| header.contains(delimiter));
    let scored = present.map(|delimiter| {
        let mut cells = RecordCells::new(delimiter);
        let (record, _) = first_record(header, delimiter);
        cells.split(&record, &record.text());
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
