//! Errors of inputs that cannot be read at all. A bad row is not an error: it becomes a rejected row.

use std::io;
use std::path::Path;

use crate::exit::Advice;
use crate::humanize;
use crate::message::{BadName, MessageId};

use super::format::Unreadable;
use super::header::{Role, Unmapped, near_miss};

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
    /// It has none of the formats.
    #[error("{} {reason}", named(.path))]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// The format that was found.
        reason: Unreadable,
    },
    /// It does not have the columns.
    #[error("{}: {reason}; {}", named(.path), columns_listed(.columns))]
    Columns {
        /// The path as it was given.
        path: String,
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
    #[error("{} is NDJSON, whose columns have names only, but {flag} is a number", named(.path))]
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

/// Returns the name of an input in a sentence. Records keep `-`.
fn named(path: &str) -> String {
    humanize::input(Path::new(path))
}

impl InputError {
    /// Makes the error of a failed read of the file at `path`.
    pub(super) fn unread(path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }
}

impl Advice for InputError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { path, .. } if path.contains(['*', '?']) => {
                "no file has this name: the shell puts names in the place of * where it finds some".to_owned()
            }
            Self::Open { .. } => "check the path; - is standard input".to_owned(),
            Self::Read { .. } => "fetch or write the file again, it may be incomplete".to_owned(),
            Self::Unreadable { reason, .. } => hint_for_unreadable(*reason).to_owned(),
            Self::Columns {
                columns, reason, ..
            } => hint_for_columns(columns, reason),
            Self::NoTopic { .. } => "name it with --topic NAME".to_owned(),
            Self::NumberedKey { flag, .. } => format!("name the key: {flag} NAME"),
            Self::Delimiter(_) => "--delimiter ';'".to_owned(),
            Self::Name { flag, .. } => format!("{flag} NAME, exactly as the console shows it"),
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

fn hint_for_unreadable(unreadable: Unreadable) -> &'static str {
    match unreadable {
        Unreadable::Empty => "if the export failed, run it again",
        Unreadable::Utf16 => {
            "save it as UTF-8: `iconv -f UTF-16 -t UTF-8 FILE`, or \"CSV UTF-8\" in Excel"
        }
        Unreadable::Compressed => {
            "decompress it: `bzip2 -dc FILE` or `xz -dc FILE`, and give it as -"
        }
        Unreadable::Workbook => "save the sheet as CSV, with the ID column as text",
        Unreadable::LoneCr => "convert the line ends: `tr '\\r' '\\n' < FILE`",
        Unreadable::JsonArray => "make it one object a line: `jq -c '.[]' FILE`",
    }
}

fn hint_for_columns(columns: &[String], unmapped: &Unmapped) -> String {
    let first_id = columns
        .iter()
        .position(|name| MessageId::check(name).is_ok());
    match unmapped {
        Unmapped::Keep(_) => "name the columns as the input does: --keep NAME,NAME".to_owned(),
        Unmapped::Missing(Role::MsgId) if let Some(place) = first_id => {
            format!("the first line looks like data: --no-header --msg-id-column {}", place + 1)
        }
        Unmapped::Missing(role) if let Some(name) = near_miss(columns, *role) => {
            let or = match role {
                Role::Topic => ", or the one topic of all rows with --topic NAME",
                _ => "",
            };
            let quoted = shlex::try_quote(name).unwrap_or(name.into());
            let (name, quoted) = (printable(name), printable(&quoted));
            format!("is `{name}` the {}? {} {quoted}{or}", role.noun(), flag(*role))
        }
        Unmapped::Missing(Role::MsgId) if columns.len() == 1 => {
            "name it with --msg-id-column NAME, or what stands between the cells with --delimiter ';'".to_owned()
        }
        Unmapped::Missing(Role::Topic) => {
            "name the column with --topic-column NAME, or the one topic of all rows with --topic NAME".to_owned()
        }
        Unmapped::Missing(role) | Unmapped::Unknown { role, .. } | Unmapped::Ambiguous { role, .. } => {
            format!("name it with {} NAME, or its number from 1", flag(*role))
        }
    }
}

/// Returns the flag that names a role's column.
pub(super) fn flag(role: Role) -> &'static str {
    match role {
        Role::Topic => "--topic-column",
        Role::Instance => "--instance-column",
        // The columns of a position are never required.
        Role::MsgId | Role::Broker | Role::QueueId | Role::QueueOffset | Role::Tag => {
            "--msg-id-column"
        }
    }
}

/// Replaces control characters, which a file that is not a table may have and which must not reach the terminal.
pub(super) fn printable(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
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
