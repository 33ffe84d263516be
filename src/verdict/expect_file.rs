//! The file of expectations: CSV, a group a line, with the conditions under which it is expected.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Expectations;
use super::expect::Expected;
use crate::exit::Advice;

/// The columns that mean something, by their folded names; every other column is the person's own.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("topic", &["topic"]),
    ("group", &["group"]),
    ("tags", &["tags", "tag"]),
    ("valid_from", &["validfrom"]),
    ("valid_to", &["validto"]),
];

/// Beginnings of names that look like ours: one of them misspelt would silently mean nothing.
const NEAR: [&str; 2] = ["valid", "tag"];

/// How a file begins that `expect learn` wrote and nobody has confirmed.
pub const DRAFT: &str = "# DRAFT";

/// Why expectations can't be understood.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationsError {
    /// A value of `--expect` without any group in it.
    #[error("--expect `{found}`: expected GROUP,… or TOPIC=GROUP,…")]
    NoGroup {
        /// What was typed.
        found: String,
    },
    /// The file can't be opened.
    #[error("can't read expectations from {}", path.display())]
    Unreadable {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file can't be read as CSV.
    #[error("can't read expectations from {}", path.display())]
    File {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What the reader said, with the line.
        source: csv::Error,
    },
    /// The file lacks a column.
    #[error("{}: no `{missing}` column; the header has: {}", path.display(), found.join(", "))]
    Column {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// `topic` or `group`.
        missing: &'static str,
        /// The names that are there.
        found: Vec<String>,
    },
    /// A column that looks like one of ours and is none.
    #[error("{}: found the column `{found}`, expected it to be tags, valid_from or valid_to", path.display())]
    Misnamed {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The name in the header.
        found: String,
    },
    /// A cell can't be understood.
    #[error("{}:{line}, column {column}: {problem}", path.display())]
    Cell {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The column's name in our spelling.
        column: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
}

impl Advice for ExpectationsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoGroup { .. } => "for example --expect orders=GID_billing,GID_shipping".to_owned(),
            _ => "an expectations file is CSV with the header `topic,group` or `topic,group,tags,valid_from,valid_to`, one \
                  expected group a line; leave `topic` empty for a group that every topic should have"
                .to_owned(),
        })
    }
}

/// Where the columns stand.
struct Places {
    topic: usize,
    group: usize,
    tags: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

impl Expectations {
    /// Adds a file of `--expect-file`: CSV with the columns `topic` and `group`, and if need be `tags`, `valid_from` and
    /// `valid_to`. `zone` is the producers': a date is a day there.
    pub fn add_file(&mut self, path: &Path, zone: &TimeZone) -> Result<(), ExpectationsError> {
        let text = std::fs::read(path).map_err(|source| ExpectationsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        if text.starts_with(DRAFT.as_bytes()) {
            tracing::warn!(
                "{} is a draft that nobody has confirmed: go through its lines, then delete those that begin with #",
                path.display()
            );
        }
        let unreadable = |source| ExpectationsError::File {
            path: path.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(&*text);
        let places = Places::find(path, reader.headers().map_err(unreadable)?)?;
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let cells = Cells {
                path,
                line: record.position().map_or(0, |at| line_of(&text, at)),
                record: &record,
            };
            self.insert(
                cells.text(Some(places.topic)),
                cells.expected(&places, zone)?,
            );
        }
        Ok(())
    }
}

impl Places {
    fn find(path: &Path, header: &csv::StringRecord) -> Result<Self, ExpectationsError> {
        let folded: Vec<_> = header.iter().map(fold).collect();
        let known = |name: &String| COLUMNS.iter().any(|(_, names)| names.contains(&&**name));
        let is_near = |name: &String| NEAR.iter().any(|near| name.starts_with(near));
        if let Some(stranger) = folded.iter().position(|name| is_near(name) && !known(name)) {
            return Err(ExpectationsError::Misnamed {
                path: path.to_owned(),
                found: header[stranger].to_owned(),
            });
        }
        let place = |nth: usize| {
            let (_, names) = COLUMNS[nth];
            folded.iter().position(|name| names.contains(&&**name))
        };
        let needed = |nth: usize| {
            place(nth).ok_or_else(|| ExpectationsError::Column {
                path: path.to_owned(),
                missing: COLUMNS[nth].0,
                found: header.iter().map(str::to_owned).collect(),
            })
        };
        Ok(Self {
            topic: needed(0)?,
            group: needed(1)?,
            tags: place(2),
            valid_from: place(3),
            valid_to: place(4),
        })
    }
}

/// One line of the file.
struct Cells<'a> {
    path: &'a Path,
    line: u64,
    record: &'a csv::StringRecord,
}

impl<'a> Cells<'a> {
    fn text(&self, column: Option<usize>) -> &'a str {
        column
            .and_then(|column| self.record.get(column))
            .unwrap_or_default()
    }

    fn expected(&self, places: &Places, zone: &TimeZone) -> Result<Expected, ExpectationsError> {
        let group = self.text(Some(places.group));
        if group.is_empty() {
            let problem = "is empty, expected a consumer group".to_owned();
            return Err(self.bad("group", problem));
        }
        let tags = tags(self.text(places.tags)).map_err(|problem| self.bad("tags", problem))?;
        let [valid_from, valid_to] = [
            (places.valid_from, "valid_from", Edge::First),
            (places.valid_to, "valid_to", Edge::Last),
        ]
        .map(|(column, name, edge)| {
            moment(self.text(column), edge, zone).map_err(|problem| self.bad(name, problem))
        });
        let expected = Expected {
            group: group.to_owned(),
            tags,
            valid_from: valid_from?,
            valid_to: valid_to?,
        };
        match (expected.valid_from, expected.valid_to) {
            (Some(from), Some(to)) if to <= from => Err(self.bad(
                "valid_to",
                format!(
                    "`{}` is not behind valid_from `{}`: no message could be born between them",
                    self.text(places.valid_to),
                    self.text(places.valid_from)
                ),
            )),
            _ => Ok(expected),
        }
    }

    fn bad(&self, column: &'static str, problem: String) -> ExpectationsError {
        ExpectationsError::Cell {
            path: self.path.to_owned(),
            line: self.line,
            column,
            problem,
        }
    }
}

/// The line of a record: the reader remembers where it began to look for it, which may be at remarks or empty lines.
fn line_of(text: &[u8], at: &csv::Position) -> u64 {
    let begin = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let mut rest = text.get(begin..).unwrap_or_default();
    let mut line = at.line();
    while let [b'#' | b'\r' | b'\n', ..] = rest
        && let Some(end) = memchr::memchr(b'\n', rest)
    {
        rest = &rest[end + 1..];
        line += 1;
    }
    line
}

/// `paid || created`, as RocketMQ writes it; nothing or `*` is every tag. A comma would make one tag of two, which no
/// message has, and nobody would miss anything.
fn tags(cell: &str) -> Result<std::collections::BTreeSet<String>, String> {
    if cell.is_empty() || cell == "*" {
        return Ok(std::collections::BTreeSet::new());
    }
    let tags = cell.split("||").map(str::trim);
    tags.map(|tag| {
        let joins = |c: char| c.is_whitespace() || matches!(c, '|' | ',' | ';');
        if tag.is_empty() || tag == "*" || tag.contains(joins) {
            Err(format!(
                "found `{cell}`, expected tags set apart by ||, such as paid || created"
            ))
        } else {
            Ok(tag.to_owned())
        }
    })
    .collect()
}

/// Which end of a day a date means.
#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

/// A moment (RFC 3339), or a day in `zone`, whole: from its first moment to the first one of the next day.
fn moment(cell: &str, edge: Edge, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    if let Ok(moment) = cell.parse::<Timestamp>() {
        return Ok(Some(moment));
    }
    let day = if cell.len() == "2026-11-20".len() {
        cell.parse::<Date>().ok()
    } else {
        None // a time without a zone would be read as its day
    };
    let day = match edge {
        Edge::First => day,
        Edge::Last => day.and_then(|day| day.tomorrow().ok()),
    };
    let start = day.and_then(|day| day.to_zoned(zone.clone()).ok());
    start.map(|start| Some(start.timestamp())).ok_or_else(|| {
        format!(
            "found `{cell}`, expected a moment with its zone such as 2026-11-20T14:00:00+08:00, or a day such as 2026-11-20"
        )
    })
}

/// A column's name without what doesn't count.
fn fold(name: &str) -> String {
    let counts = |c: &char| c.is_alphanumeric();
    name.chars()
        .filter(counts)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::verdict::Subject;

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
        let subject = Subject {
            topic: "orders",
            tag: Some(tag.into()),
            born: born.parse().ok(),
        };
        let duties = expectations.of(&subject).unwrap();
        duties.groups.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_found_by_name_and_others_are_the_persons_own() {
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
        // The day ends at midnight where the producers are.
        assert_eq!(
            groups(&read, "paid", "2026-11-20T16:00:00Z"),
            ["GID_all", "GID_b"]
        );
    }

    #[test]
    fn errors_name_the_line_and_the_column() {
        for (text, error) in [
            (
                "topic,consumer\norders,a\n",
                "FILE: no `group` column; the header has: topic, consumer",
            ),
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
                "FILE:2, column valid_to: `2026-11-20` is not behind valid_from `2026-11-21`: no message could be born \
                 between them",
            ),
            (
                "topic,group,valid_form\norders,a,2026-11-21\n",
                "FILE: found the column `valid_form`, expected it to be tags, valid_from or valid_to",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_expectation_lacks_a_name_or_is_lost_in_the_record(
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
