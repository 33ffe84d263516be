//! Reads an expectations file: CSV, one group per line, with the conditions under which it is expected.
//!
//! `columns` finds the meaning of each column, and `row` reads a line by them.

mod columns;
mod error;
mod row;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use jiff::tz::TimeZone;

use super::Expectations;
use crate::delimited::{
    BOM, Record, RecordCells, RecordError, RecordSyntax, Records, likeliest_delimiter,
};
use crate::file::decompressed;
use columns::{ExpectationColumns, fold};
use row::ExpectationRow;

pub use error::ExpectationsError;

/// The beginning of a file that `expect learn` wrote and that was not confirmed yet.
pub const DRAFT: &str = "# DRAFT";

/// The beginning of a comment line, and of its first cell after a spreadsheet has saved the file.
const REMARK: char = '#';

/// The longest file that is read, decompressed.
const MAX_BYTES: u64 = 64 << 20;

impl Expectations {
    /// Adds an expectations file: CSV with the columns `topic` and `group`, and optionally `tags`, `valid_from` and
    /// `valid_to`. A date is a day in `zone`, the producers' time zone.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something in it has no meaning: a cell beyond the header, an open quote, a name that
    /// no group can have, no group at all. A line read otherwise than intended would hide a miss.
    pub fn add_file(&mut self, path: &Path, zone: &TimeZone) -> Result<(), ExpectationsError> {
        let unreadable = |source| ExpectationsError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let no_file = |problem| ExpectationsError::File {
            path: path.to_owned(),
            problem,
        };
        let text = read(path).map_err(unreadable)?;
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(no_file("is UTF-16, expected UTF-8"));
        }
        if is_draft(&text) {
            tracing::warn!(
                "{} is an unconfirmed draft: review its lines, then delete those that begin with #",
                path.display()
            );
        }
        let delimiter = delimiter_of(&text);
        let cut = RecordSyntax::Csv {
            delimiter,
            remarks: true,
        };
        let mut records = Records::new(Box::new(Cursor::new(text)), cut);
        let mut cells = RecordCells::new(delimiter);
        let mut places: Option<ExpectationColumns> = None;
        let mut has_groups = false;
        while let Some(record) = records.next().map_err(|error| bad_record(path, error))? {
            let bad_line = |problem| ExpectationsError::Line {
                path: path.to_owned(),
                line: record.line,
                problem,
            };
            if !has_content(&record, &mut cells).map_err(bad_line)? {
                continue;
            }
            let Some(places) = &places else {
                places = Some(ExpectationColumns::find(path, &cells)?);
                continue;
            };
            places.check_width(&cells).map_err(bad_line)?;
            let row = ExpectationRow {
                path,
                line: record.line,
                cells: &cells,
            };
            self.insert(row.topic(places)?, row.expected(places, zone)?);
            has_groups = true;
        }
        match (places, has_groups) {
            (None, _) => Err(no_file("is empty")),
            (Some(_), false) => Err(no_file("names no group below its header")),
            (Some(_), true) => Ok(()),
        }
    }
}

/// Splits a line into cells. Returns whether the line is more than a comment or blanks.
fn has_content(record: &Record<'_>, cells: &mut RecordCells) -> Result<bool, String> {
    let Cow::Borrowed(line) = record.text() else {
        return Err("found bytes that are not UTF-8, expected UTF-8".to_owned());
    };
    if line.starts_with(REMARK) {
        return Ok(false);
    }
    cells.split(record, line);
    if let Some(fault) = record.fault {
        return Err(format!(
            "the cell in column {} {}",
            fault.cell + 1,
            fault.reason()
        ));
    }
    // A spreadsheet gives every line as many cells as the header has, and puts quotes around a comment.
    let is_remark = cells.get(0).is_some_and(|cell| cell.starts_with(REMARK));
    Ok(!is_remark && cells.iter().any(|cell| !cell.trim().is_empty()))
}

/// Makes the error of a record that cannot be read.
fn bad_record(path: &Path, error: RecordError) -> ExpectationsError {
    let path = path.to_owned();
    match error {
        RecordError::Io(source) => ExpectationsError::Unreadable { path, source },
        RecordError::TooLong { line } | RecordError::Json { line, .. } => ExpectationsError::Line {
            path,
            line,
            problem: error.to_string(),
        },
    }
}

/// Reads the whole file, decompressed and without a byte order mark.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let content = decompressed(File::open(path)?)?;
    content.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        let problem = format!("is longer than {} MiB", MAX_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    if text.starts_with(BOM) {
        text.drain(..BOM.len());
    }
    Ok(text)
}

fn is_draft(text: &[u8]) -> bool {
    let begin = text.strip_prefix(b"\"").unwrap_or(text);
    begin.starts_with(DRAFT.as_bytes())
}

/// Returns the delimiter of the header, which is the first line that is neither empty nor a comment.
fn delimiter_of(text: &[u8]) -> u8 {
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let header = lines.find(|line| {
        let begin = line.strip_prefix(b"\"").unwrap_or(line);
        !begin.is_empty() && !begin.starts_with(b"#")
    });
    likeliest_delimiter(header.unwrap_or_default(), |name| fold(name) == "topic").unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::exit::Advice;
    use crate::verdict::MessageContext;

    fn read(text: &str) -> Result<Expectations, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut expectations = Expectations::default();
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let read = expectations.add_file(file.path(), &zone);
        read.map(|()| expectations).map_err(|error| {
            assert!(error.hint().is_some());
            let path = file.path().display().to_string();
            error.to_string().replace(&path, "FILE")
        })
    }

    fn groups(expectations: &Expectations, tag: &str, born: &str) -> Vec<String> {
        let subject = MessageContext {
            topic: "orders",
            tag: Some(tag.into()),
            born: born.parse().ok(),
            is_born_decoded: false,
        };
        let expected_groups = expectations.groups_for(&subject).unwrap();
        expected_groups
            .groups
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn columns_are_found_by_name_and_others_ignored() {
        let read = read(
            "\u{feff}Topic,Group,owner,Valid To,TAG,valid-from\r\norders,GID_a,li,2026-11-20,paid||created,\n# a remark\n\
             orders,GID_b,,,,2026-11-21\n,GID_all\n",
        )
        .unwrap();
        assert_eq!(
            groups(&read, "paid", "2026-11-20T15:59:59Z"),
            ["GID_a", "GID_all"]
        );
        assert_eq!(groups(&read, "other", "2026-11-20T15:59:59Z"), ["GID_all"]);
        // The day ends at midnight in the producers' time zone.
        assert_eq!(
            groups(&read, "paid", "2026-11-20T16:00:00Z"),
            ["GID_all", "GID_b"]
        );
    }

    #[test]
    fn files_saved_by_spreadsheets_are_read_unchanged() {
        let expected = read("topic,group,owner\norders,GID_a,\n,GID_b,\n").unwrap();
        for text in [
            "\u{feff}\"# DRAFT that, nobody has seen\",,\r\ntopic,group,owner\r\norders,GID_a,\r\n*,GID_b,\r\n,,\r\n",
            "topic;group;owner\norders;GID_a;\n;GID_b;\n",
            "topic\tgroup\towner\norders\t GID_a\n# a \"remark\t\"with quotes\n\t\"GID_b\"\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert!(is_draft(b"# DRAFT\n") && is_draft(b"\"# DRAFT, x\",\n") && !is_draft(b"topic\n"));
    }

    #[test]
    fn errors_name_the_line_and_the_column() {
        for (text, error) in [
            (
                "topic,group\n# a remark\n\npayments,\n",
                "FILE:4, column group: is empty, expected a consumer group",
            ),
            (
                "topic,group,tags\norders,a,\"x,y\"\n",
                "FILE:2, column tags: found `x,y`, expected tags set apart by ||, such as paid || created",
            ),
            (
                "topic,group,tags\norders,a,x |y\n",
                "FILE:2, column tags: found `x |y`, expected tags set apart by ||, such as paid || created",
            ),
            (
                "topic,group,valid_from\norders,a,yesterday\n",
                "FILE:2, column valid_from: found `yesterday`, expected a moment with its zone such as \
                 2026-11-20T14:00:00+08:00, or a day such as 2026-11-20",
            ),
            (
                "topic,group,valid_to\norders,a,2026-11-20T14:00:00\n",
                "FILE:2, column valid_to: found `2026-11-20T14:00:00`, expected a moment with its zone such as \
                 2026-11-20T14:00:00+08:00, or a day such as 2026-11-20",
            ),
            (
                "topic,group,valid_from,valid_to\norders,a,2026-11-21,2026-11-20\n",
                "FILE:2, column valid_to: `2026-11-20` is not after valid_from `2026-11-21`: no message could be born \
                 between them",
            ),
            (
                "topic,group\nord*,a\n",
                "FILE:2, column topic: `ord*` has '*' as character 4, expected letters, digits, `_`, `-`, `%` and `|` only",
            ),
            (
                "topic,group\norders,a;b\n",
                "FILE:2, column group: `a;b` has ';' as character 2, expected letters, digits, `_`, `-`, `%` and `|` only",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn content_without_meaning_is_refused() {
        for (text, error) in [
            (
                "topic,consumer\norders,a\n",
                "FILE: no `group` column; the header has: topic, consumer",
            ),
            (
                "topic,group,valid_form\norders,a,2026-11-21\n",
                "FILE: found the column `valid_form`, expected it to be tags, valid_from or valid_to",
            ),
            (
                "topic,group,owner\norders,a,\"Li\norders,b,Wang\n",
                "FILE:2: the cell in column 3 begins with a quote that is never closed",
            ),
            (
                "topic,group\n\norders,\"a\" b\npayments,c\n",
                "FILE:3: the cell in column 2 has text after the closing quote, expected a delimiter or a line end there",
            ),
            (
                "topic,group\n\norders,a,b\n",
                "FILE:3: found `b` beyond the last column of the header, expected one group a line",
            ),
            (
                "topic,group,tag,Tags\norders,a,x,\n",
                "FILE: the columns `tag` and `Tags` could both be tags, expected one of them",
            ),
            ("# a remark\n,\n", "FILE: is empty"),
            ("topic,group\n,\n", "FILE: names no group below its header"),
            ("\u{feff}", "FILE: is empty"),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn expectations_survive_the_results_file(
            values in prop::collection::vec("[a-c*=, ]{0,8}|.{0,8}", 0..4),
            file in "(topic|group|\u{feff}|[\",#\r\n])(group|tags|valid_from|valid_to|topic|2026-1[01]-2[0-9]|[ab,\"#\r\n*|]){0,16}",
        ) {
            let mut csv = tempfile::NamedTempFile::new().unwrap();
            csv.write_all(file.as_bytes()).unwrap();
            let mut expectations = Expectations::default();
            for value in &values {
                let before = expectations.clone();
                if expectations.add(value).is_err() {
                    prop_assert_eq!(&expectations, &before);
                }
            }
            let _ = expectations.add_file(csv.path(), &TimeZone::UTC);
            prop_assert!(expectations.groups().all(|group| !group.is_empty() && group.trim() == group));
            prop_assert_eq!(expectations.is_empty(), expectations.groups().next().is_none());
            let json = serde_json::to_string(&expectations).unwrap();
            prop_assert_eq!(serde_json::from_str::<Expectations>(&json).unwrap(), expectations);
        }
    }
}
