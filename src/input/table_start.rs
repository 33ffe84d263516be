//! Finds the header of a table: lines above it may be titles, comments or `sep=;`.

use memchr::memchr2;

use super::column_ref::ColumnRef;
use super::header::{Role, find};
use super::notes::InputNotes;
use super::options::InputOptions;
use crate::delimited::{DELIMITERS, Record, RecordCells, first_record, likeliest_delimiter};
use crate::message::contains_id;

/// Number of lines that are not blank among which the header is sought.
const SEARCHED: usize = 20;

/// The delimiter of sheets after their conversion.
pub(super) const SHEET_DELIMITER: u8 = b',';

/// Where a table begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableStart {
    pub(super) delimiter: u8,
    /// The cells of the header, or those of the first row if there is no header.
    pub(super) header: Vec<String>,
    /// Number of bytes before the first row, after the byte order mark.
    pub(super) offset: u64,
    /// The line of the first row, from 1.
    pub(super) line: u64,
    /// The title and comment lines above the header.
    pub(super) skipped: Vec<(u64, String)>,
    /// Whether a quote in the header is not closed in the text so far.
    pub(super) is_unclosed: bool,
}

/// The beginning of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableText<'a> {
    /// The first bytes, without a byte order mark.
    pub(super) head: &'a [u8],
    /// Whether each record is a row of a sheet, and rows are counted instead of lines.
    pub(super) is_sheet: bool,
}

/// Returns whether a header with these cells names the column that holds the message IDs.
pub(super) fn names_id(cells: &[&str], options: &InputOptions) -> bool {
    let wanted = options.column(Role::MsgId);
    !matches!(wanted, Some(ColumnRef::Number(_)))
        && !matches!(find(cells, Role::MsgId, wanted), Ok(None))
}

impl TableStart {
    /// Makes the start of a table whose records are rows from the first one on.
    pub(super) const fn without_header(columns: Vec<String>) -> Self {
        Self {
            delimiter: SHEET_DELIMITER,
            header: columns,
            offset: 0,
            line: 1,
            skipped: Vec::new(),
            is_unclosed: false,
        }
    }

    /// Finds the header that names the message-ID column. Returns `None` if there is none, or if a line above it contains
    /// a message ID.
    pub(super) fn find(
        text: TableText<'_>,
        delimiter: Option<u8>,
        options: &InputOptions,
    ) -> Option<Self> {
        let (mut lines, separator) = HeadLines::after_separator(text);
        let delimiter = delimiter.or(separator);
        let delimiters = delimiter
            .as_ref()
            .map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut skipped = Vec::new();
        for _ in 0..SEARCHED {
            let line = lines.peek()?;
            let found = delimiters.iter().filter_map(|&delimiter| {
                let mut start = Self::at(text, &line, delimiter, Vec::new());
                start.unmark_header();
                let cells: Vec<&str> = start.header.iter().map(String::as_str).collect();
                names_id(&cells, options).then_some(start)
            });
            // Delimiters that are likelier come first, but the one that yields most columns is meant.
            if let Some(start) = found.reduce(|best, next| {
                if next.header.len() > best.header.len() {
                    next
                } else {
                    best
                }
            }) {
                return Some(Self { skipped, ..start });
            }
            if contains_id(line.bytes) {
                return None;
            }
            skipped.push((line.number, line.record().text().trim().to_owned()));
            lines.pass(&line);
        }
        None
    }

    /// Takes the first line as the header that is neither blank nor a comment. Returns `None` if there is none.
    pub(super) fn first(
        text: TableText<'_>,
        delimiter: Option<u8>,
        options: &InputOptions,
    ) -> Option<Self> {
        let (mut lines, separator) = HeadLines::after_separator(text);
        let delimiter = delimiter.or(separator);
        let mut skipped = Vec::new();
        loop {
            let line = lines.peek()?;
            if !options.no_header && line.bytes.starts_with(b"#") && !contains_id(line.bytes) {
                skipped.push((line.number, line.record().text().trim().to_owned()));
                lines.pass(&line);
                continue;
            }
            let likeliest = || {
                likeliest_delimiter(line.bytes, |name| names_id(&[name], options)).unwrap_or(b',')
            };
            let mut start = Self::at(text, &line, delimiter.unwrap_or_else(likeliest), skipped);
            if options.no_header {
                (start.offset, start.line) = (line.from as u64, line.number);
            }
            return Some(start);
        }
    }

    /// Reads the header that begins with a line.
    fn at(
        text: TableText<'_>,
        line: &HeadLine<'_>,
        delimiter: u8,
        skipped: Vec<(u64, String)>,
    ) -> Self {
        let (record, length) = first_record(&text.head[line.from..], delimiter);
        let header = record.text();
        let mut cells = RecordCells::new(delimiter);
        cells.split(&record, &header);
        Self {
            delimiter,
            header: cells.iter().map(str::to_owned).collect(),
            offset: (line.from + length.consumed) as u64,
            line: line.number + if text.is_sheet { 1 } else { length.lines },
            skipped,
            is_unclosed: (record.fault).is_some_and(|fault| fault.closing_line.is_none()),
        }
    }

    /// Removes the `#` before the first name of a header that looks like a comment.
    fn unmark_header(&mut self) {
        if let Some(first) = self.header.first_mut()
            && let Some(name) = first.strip_prefix('#')
        {
            *first = name.trim_start().to_owned();
        }
    }

    /// Notes the skipped lines, and replacement characters in them and in the header.
    pub(super) fn note(&self, file: &str, notes: &mut InputNotes) {
        let replaced = |text: &String| text.contains(char::REPLACEMENT_CHARACTER);
        for (line, text) in &self.skipped {
            notes.skipped_lines.add(file, *line, text);
            if replaced(text) {
                notes.replaced_characters.add(file, *line, "");
            }
        }
        if self.header.iter().any(replaced) {
            notes.replaced_characters.add(file, self.line - 1, "");
        }
    }
}

/// A line that is not blank.
#[derive(Debug, Clone, Copy)]
struct HeadLine<'a> {
    /// Its number in the file, from 1.
    number: u64,
    from: usize,
    /// Its bytes without the line end.
    bytes: &'a [u8],
    /// The position after its line end.
    next: usize,
}

impl<'a> HeadLine<'a> {
    const fn record(&self) -> Record<'a> {
        Record::of_line(self.number, self.bytes)
    }
}

/// The lines of a text, without blank ones.
struct HeadLines<'a> {
    text: TableText<'a>,
    from: usize,
    number: u64,
}

impl<'a> HeadLines<'a> {
    /// Begins behind a line `sep=;`. Returns the delimiter that it names, too.
    fn after_separator(text: TableText<'a>) -> (Self, Option<u8>) {
        let mut lines = Self {
            text,
            from: 0,
            number: 1,
        };
        let separator = lines.separator();
        (lines, separator)
    }

    /// Returns the next line. Blanks and delimiters alone are a blank line.
    fn peek(&mut self) -> Option<HeadLine<'a>> {
        loop {
            let rest = &self.text.head[self.from..];
            if rest.is_empty() {
                return None;
            }
            let (length, consumed) = if self.text.is_sheet {
                let (record, length) = first_record(rest, SHEET_DELIMITER);
                (record.bytes.len(), length.consumed)
            } else {
                let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                let is_crlf = rest[end..].starts_with(b"\r\n");
                (end, end + 1 + usize::from(is_crlf))
            };
            let line = HeadLine {
                number: self.number,
                from: self.from,
                bytes: &rest[..length],
                next: (self.from + consumed).min(self.text.head.len()),
            };
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || DELIMITERS.contains(byte);
            if !line.bytes.iter().all(is_blank) {
                return Some(line);
            }
            self.pass(&line);
        }
    }

    const fn pass(&mut self, line: &HeadLine<'_>) {
        self.from = line.next;
        self.number = line.number + 1;
    }

    /// Reads `sep=;`, by which a spreadsheet names the delimiter in the first line.
    fn separator(&mut self) -> Option<u8> {
        let line = self
            .peek()
            .filter(|line| line.number == 1 && !self.text.is_sheet)?;
        let (name, delimiter) = line.bytes.split_at_checked(4)?;
        let delimiter = match delimiter.trim_ascii() {
            [delimiter] => *delimiter,
            [] if delimiter.starts_with(b"\t") => b'\t',
            _ => return None,
        };
        name.eq_ignore_ascii_case(b"sep=").then(|| {
            self.pass(&line);
            delimiter
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

    fn find(text: &str, options: &InputOptions) -> Option<TableStart> {
        let text = TableText {
            head: text.as_bytes(),
            is_sheet: false,
        };
        TableStart::find(text, None, options)
    }

    #[test]
    fn titles_comments_and_separators_are_skipped() {
        let none = InputOptions::default();
        for (text, delimiter, header, line, skipped) in [
            ("msg_id,topic\nx", b',', "msg_id|topic", 2, vec![]),
            (
                "sep=;\r\nmsg_id;topic\r\nx",
                b';',
                "msg_id|topic",
                3,
                vec![],
            ),
            ("sep=\t\nmsg_id\ttopic\n", b'\t', "msg_id|topic", 3, vec![]),
            (
                "Failed orders, week 47\n\n,,\nmsg_id;topic\n",
                b';',
                "msg_id|topic",
                5,
                vec![1],
            ),
            (
                "# a, b\r# msg of \"x\rtopic|msg_id|z\r",
                b'|',
                "topic|msg_id|z",
                4,
                vec![1, 2],
            ),
            ("# msg_id,topic\nx", b',', "msg_id|topic", 2, vec![]),
            (
                "\"message\nid\",topic\nx",
                b',',
                "message\nid|topic",
                3,
                vec![],
            ),
            (
                "order, ref;msg_id;topic\nx",
                b';',
                "order, ref|msg_id|topic",
                2,
                vec![],
            ),
        ] {
            let found = find(text, &none).unwrap();
            let lines: Vec<u64> = found.skipped.iter().map(|(line, _)| *line).collect();
            assert_eq!(
                (
                    found.delimiter,
                    found.header.join("|").as_str(),
                    found.line,
                    lines
                ),
                (delimiter, header, line, skipped),
                "{text}"
            );
            let rest = &text[usize::try_from(found.offset).unwrap()..];
            assert!(rest.is_empty() || rest == "x", "{rest}");
        }
    }

    #[test]
    fn no_line_with_an_id_is_a_title() {
        let none = InputOptions::default();
        assert_eq!(find(&format!("{ID},orders\nmsg_id,topic\n"), &none), None);
        assert_eq!(find(&format!("# {ID}\nmsg_id,topic\n"), &none), None);
        let titles = |count| format!("{}msg_id,topic\n", "title\n".repeat(count));
        assert!(find(&titles(19), &none).is_some());
        assert_eq!(find(&titles(20), &none), None);
    }

    #[test]
    fn flags_say_which_line_is_the_header() {
        let named = InputOptions {
            msg_id_column: Some("Kennung".into()),
            ..InputOptions::default()
        };
        let found = find("msg_id,topic\nkennung,topic\n", &named).unwrap();
        assert_eq!((found.header[0].as_str(), found.line), ("kennung", 3));
        let numbered = InputOptions {
            msg_id_column: Some("1".into()),
            ..InputOptions::default()
        };
        let text = TableText {
            head: b"# c\n\nid;topic\n",
            is_sheet: false,
        };
        assert_eq!(TableStart::find(text, None, &numbered), None);
        let found = TableStart::first(text, None, &numbered).unwrap();
        assert_eq!(
            (found.header.join("|").as_str(), found.line),
            ("id|topic", 4)
        );
        assert_eq!(found.skipped, [(1, "# c".to_owned())]);
    }

    #[test]
    fn rows_of_a_sheet_are_counted() {
        let text = TableText {
            head: b"\"a\ntitle\"\n \nmsg_id,topic\nx",
            is_sheet: true,
        };
        let found = TableStart::find(text, None, &InputOptions::default()).unwrap();
        assert_eq!((found.line, found.offset), (4, 25));
    }
}
