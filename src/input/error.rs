//! Errors of inputs that cannot be read at all. A bad row is not an error: it becomes a rejected row.

use std::io;
use std::path::Path;

use crate::delimited::{MAX_LENGTH, RecordError};
use crate::exit::Advice;
use crate::file::is_long_window;
use crate::humanize::{self, printable};
use crate::message::{BadName, MessageId};

use super::header::{Role, Unmapped, near_miss};
use super::parquet::ParquetFault;
use super::unreadable::Unreadable;
use super::workbook::WorkbookError;

/// An input cannot be read, or the options do not fit it.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be opened.
    #[error("can't open {}", named(.path))]
    Open {
        /// The path as it was given.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Reading stopped in the middle: a disk error, a truncated gzip file, or a record without end.
    #[error("can't read {} to its end", named(.path))]
    Read {
        /// The path as it was given.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A record is longer than any that is read.
    #[error("{}:{line}: the record that begins here is longer than {} MiB", named(.path), MAX_LENGTH >> 20)]
    TooLong {
        /// The path as it was given.
        path: String,
        /// The line where the record begins, from 1.
        line: u64,
    },
    /// It is not JSON.
    #[error("{}:{line}, column {column}: {problem}", named(.path))]
    Json {
        /// The path as it was given.
        path: String,
        /// The line, from 1.
        line: u64,
        /// The byte of that line, from 1.
        column: u64,
        /// What was found and what was expected.
        problem: String,
    },
    /// It has bytes that are not UTF-8.
    #[error("{} is not UTF-8: records with other bytes: {rows}, the first in line {line}", named(.path))]
    NotUtf8 {
        /// The path as it was given.
        path: String,
        /// Number of records with such bytes.
        rows: u64,
        /// The line of the first one, from 1.
        line: u64,
        /// The label of the encoding that it may have.
        guess: String,
    },
    /// Its header contains a message ID, so a row may be lost in it.
    #[error("the header of {}, which ends in line {line}, contains a message ID", named(.path))]
    HeaderWithId {
        /// The path as it was given.
        path: String,
        /// The last line of the header, from 1.
        line: u64,
    },
    /// Its header has bytes that its encoding does not have.
    #[error("the header of {} cannot be read: it is not valid {encoding}", named(.path))]
    Header {
        /// The path as it was given.
        path: String,
        /// The name of the encoding.
        encoding: &'static str,
    },
    /// It is a workbook that cannot be read.
    #[error("{} {reason}", named(.path))]
    Workbook {
        /// The path as it was given.
        path: String,
        /// The cause.
        reason: WorkbookError,
    },
    /// It is a Parquet file that cannot be read.
    #[error("{} {reason}", named(.path))]
    Parquet {
        /// The path as it was given.
        path: String,
        /// The cause.
        reason: ParquetFault,
    },
    /// It has none of the formats.
    #[error("{} {reason}", named(.path))]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// The format that was found.
        reason: Unreadable,
    },
    /// It does not have the columns.
    #[error("{}: {reason}; {}{}", named(.path), columns_listed(.columns), read_as(*.encoding))]
    Columns {
        /// The path as it was given.
        path: String,
        /// The encoding in which it was read, if it is not UTF-8.
        encoding: Option<&'static str>,
        /// Whether it is a Parquet file, whose columns always have names.
        is_parquet: bool,
        /// The columns of the file.
        columns: Vec<String>,
        /// The fault.
        reason: Unmapped,
    },
    /// A list of IDs has no topic.
    #[error("{} has message IDs only, and no topic is given", named(.path))]
    NoTopic {
        /// The path as it was given.
        path: String,
    },
    /// A flag gives a column number, but the keys of an object have no numbers.
    #[error("{} is JSON, whose fields have names only, but {flag} is a number", named(.path))]
    NumberedKey {
        /// The path as it was given.
        path: String,
        /// The flag with the number.
        flag: &'static str,
    },
    /// `--delimiter` is a character that cannot separate cells.
    #[error("{:?} can't be the delimiter, expected an ASCII character other than a quote or a line end", char::from(*.0))]
    Delimiter(u8),
    /// `--topic` or `--instance` is not a valid name.
    #[error("{flag} `{found}` {reason}")]
    Name {
        /// The flag.
        flag: &'static str,
        /// Its value.
        found: String,
        /// The fault of the name.
        reason: BadName,
    },
    /// It cannot be read as a stream.
    #[error("{} is {what}, which can't be read while it arrives", named(.path))]
    Whole {
        /// The path as it was given.
        path: String,
        /// What was found.
        what: &'static str,
    },
    /// A flag means nothing for these inputs.
    #[error("{0} is given, but {1}")]
    Unused(&'static str, &'static str),
    /// Row numbers of the duplicate check have 32 bits.
    #[error("the inputs have more than {} rows", u32::MAX)]
    TooManyRows,
    /// The scratch file for another order of rows failed.
    #[error("can't use a scratch file in the folder of the results file")]
    Scratch(#[source] io::Error),
    /// No row has the column of `--born-column`.
    #[error("no row keeps exactly one column `{0}` that says when its message was born")]
    BornColumn(String),
    /// The column of `--born-column` has no time in any row.
    #[error(
        "the column `{column}` holds no born time in any row, the first is `{first}` in row {row}; expected times such as \
         2026-11-20T14:00:00+08:00, 2026-11-20 14:00:00 or seconds or milliseconds of the Unix epoch"
    )]
    BornTimes {
        /// The column.
        column: String,
        /// Row of the first cell that is not empty.
        row: u64,
        /// The text of that cell.
        first: String,
    },
    /// The file was rewritten during the run.
    #[error("{} has changed since it was surveyed: it had {expected} rows, now it has {found}", named(.path))]
    Changed {
        /// The path as it was given.
        path: String,
        /// Number of rows in the survey.
        expected: u64,
        /// Number of rows now.
        found: u64,
    },
    /// The file was rewritten during the run and has as many rows as before.
    #[error(
        "{path} was rewritten while it was read: its SHA-256 differs from that of the first pass"
    )]
    Rewritten {
        /// The path as it was given.
        path: String,
    },
}

/// Tells in which encoding names were read, since another one makes other names of them.
fn read_as(encoding: Option<&str>) -> String {
    encoding.map_or(String::new(), |encoding| format!(" (read as {encoding})"))
}

/// Returns the name of an input in a sentence. Records keep `-`.
fn named(path: &str) -> String {
    humanize::input(Path::new(path))
}

impl InputError {
    /// Makes the error of a failed read of the file at `path`.
    pub(super) fn unread(path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.downcast::<ParquetFault>() {
                Ok(reason) => Self::Parquet { path, reason },
                Err(source) => Self::Read { path, source },
            }
        }
    }
}

impl InputError {
    /// Makes the error of a record that cannot be read in the file at `path`.
    pub(super) fn bad_record(path: &str) -> impl FnOnce(RecordError) -> Self {
        move |error| {
            let path = path.to_owned();
            match error {
                RecordError::Io(source) => Self::unread(&path)(source),
                RecordError::TooLong { line } => Self::TooLong { path, line },
                RecordError::Json {
                    line,
                    column,
                    problem,
                } => Self::Json {
                    path,
                    line,
                    column,
                    problem,
                },
            }
        }
    }

    /// Suggests how to name a column that was not found.
    fn hint_for_columns(&self) -> Option<String> {
        let Self::Columns {
            encoding,
            is_parquet,
            columns,
            reason,
            ..
        } = self
        else {
            return None;
        };
        Some(match (encoding, reason) {
            (Some(encoding), Unmapped::Missing(role)) => format!(
                "is {encoding} its encoding? If it is, name the column with {} NAME",
                role.flag()
            ),
            _ if *is_parquet => hint_for_parquet(columns, reason),
            _ => hint_for_columns(columns, reason),
        })
    }

    /// Returns whether no format was recognised in a file. Among logs it is a log without messages.
    pub(super) const fn is_unrecognised(&self) -> bool {
        matches!(
            self,
            Self::Unreadable {
                reason: Unreadable::Empty,
                ..
            } | Self::Columns {
                reason: Unmapped::Missing(Role::MsgId),
                ..
            }
        )
    }
}

impl Advice for InputError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { path, .. } if path.contains(['*', '?']) => {
                "no file has this name: the shell puts names in the place of * where it finds some".to_owned()
            }
            Self::Open { path, source } if source.kind() == io::ErrorKind::IsADirectory => {
                hint_for_folder(path)
            }
            Self::Open { .. } => "check the path; - is standard input".to_owned(),
            Self::Read { source, .. } if is_long_window(source) => {
                "decompress it: zstd -dc --long=31 FILE | ons-audit COMMAND -".to_owned()
            }
            Self::Read { .. } => "fetch or write the file again, it may be incomplete".to_owned(),
            Self::TooLong { .. } => {
                "is this the list of messages? Its records are lines, rows of cells or JSON values".to_owned()
            }
            Self::Json { .. } => {
                "correct it there, or give one JSON object a line: then only the broken line is rejected".to_owned()
            }
            Self::NotUtf8 { guess, .. } => {
                format!("--encoding {guess} if that is what wrote it; --encoding lossy rejects these rows and asks about the others")
            }
            Self::HeaderWithId { .. } => {
                "--no-header if the first line is data; otherwise look for a quote in the header that is not closed".to_owned()
            }
            Self::Header { .. } => "name the encoding with --encoding LABEL, for example gb18030 or utf-16le".to_owned(),
            Self::Workbook { reason, .. } => return reason.hint(),
            Self::Parquet { reason, .. } => return reason.hint(),
            Self::Unreadable { reason, .. } => reason.hint(),
            Self::Columns { .. } => return self.hint_for_columns(),
            Self::NoTopic { .. } => "name it with --topic NAME".to_owned(),
            Self::NumberedKey { flag, .. } => format!("name the field: {flag} NAME"),
            Self::Delimiter(_) => "--delimiter ';'".to_owned(),
            Self::Name { flag, .. } => format!("{flag} NAME, exactly as the console shows it"),
            Self::Whole { .. } => {
                "--stream reads CSV, TSV, one JSON object a line, logs and message IDs; leave --stream out, or convert the input first"
                    .to_owned()
            }
            Self::Unused(flag, _) => format!("leave {flag} out, or check the inputs"),
            Self::TooManyRows => "split the input and audit the parts as shards".to_owned(),
            Self::Scratch(_) => {
                "make room there, or name a results file elsewhere with --results".to_owned()
            }
            Self::BornTimes { .. } => {
                "write its times in one of these forms, or leave --born-column out: then the times in the IDs are used".to_owned()
            }
            Self::BornColumn(_) => {
                "--born-column NAME, as the input has it; --keep must not leave it out".to_owned()
            }
            Self::Changed { .. } | Self::Rewritten { .. } => "audit a copy that does not change".to_owned(),
        })
    }
}

/// Suggests the files of a folder that was given as an input.
fn hint_for_folder(path: &str) -> String {
    const SHOWN: usize = 5;
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<_> = files
        .map(|entry| entry.path().display().to_string())
        .collect();
    files.sort();
    let more = files.len().saturating_sub(SHOWN);
    files.truncate(SHOWN);
    let names: Vec<_> = files
        .iter()
        .map(|name| printable(&shlex::try_quote(name).unwrap_or(name.into())))
        .collect();
    match (names.len(), more) {
        (0, _) => "name a file; this folder has none".to_owned(),
        (_, 0) => format!("name its files: {}", names.join(" ")),
        _ => format!("name its files: {} and {more} more", names.join(" ")),
    }
}

/// Suggests columns of a Parquet file, which has neither delimiters nor a first line that may be data.
fn hint_for_parquet(columns: &[String], unmapped: &Unmapped) -> String {
    let flag = match unmapped {
        Unmapped::Missing(role) if *role != Role::Topic && near_miss(columns, *role).is_none() => {
            role.flag()
        }
        Unmapped::Unknown { flag, .. } => *flag,
        _ => return hint_for_columns(columns, unmapped),
    };
    format!(
        "name it with {flag} NAME, or its number from 1; a field of a struct has to be a column of its own"
    )
}

fn hint_for_columns(columns: &[String], unmapped: &Unmapped) -> String {
    let first_id = columns
        .iter()
        .position(|name| MessageId::check(name).is_ok());
    match unmapped {
        Unmapped::Keep(_) => "name the columns as the input does: --keep NAME,NAME".to_owned(),
        Unmapped::Missing(Role::MsgId) if let Some(place) = first_id => {
            let place = place + 1;
            format!("the first line looks like data: --no-header --msg-id-column {place} --topic-column N, or --topic NAME")
        }
        Unmapped::Missing(role) if let Some(name) = near_miss(columns, *role) => {
            let or = match role {
                Role::Topic => ", or the one topic of all rows with --topic NAME",
                _ => "",
            };
            let quoted = shlex::try_quote(name).unwrap_or(name.into());
            let (name, quoted) = (printable(name), printable(&quoted));
            format!("is `{name}` the {}? {} {quoted}{or}", role.noun(), role.flag())
        }
        Unmapped::Missing(Role::MsgId) if columns.len() == 1 => {
            "name it with --msg-id-column NAME, what stands between the cells with --delimiter ';', a sheet with --sheet NAME; a producer's log with --input-format log".to_owned()
        }
        Unmapped::Missing(Role::Topic) => {
            "name the column with --topic-column NAME, or the one topic of all rows with --topic NAME".to_owned()
        }
        Unmapped::Unknown { flag, .. } => format!("name it with {flag} NAME, or its number from 1"),
        Unmapped::Missing(role) | Unmapped::Ambiguous { role, .. } => {
            format!("name it with {} NAME, or its number from 1", role.flag())
        }
    }
}

fn columns_listed(columns: &[String]) -> String {
    match columns.len() {
        0 => "it has no columns".to_owned(),
        _ => format!("its columns are {}", listed(columns.iter())),
    }
}

/// Lists names, but not a thousand of them.
pub(super) fn listed<N: AsRef<str>>(names: impl ExactSizeIterator<Item = N>) -> String {
    const SHOWN: usize = 20;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<_> = names
        .take(SHOWN)
        .map(|name| format!("`{}`", printable(name.as_ref())))
        .collect();
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
