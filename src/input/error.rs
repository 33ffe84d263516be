//! Why inputs can't be read at all. A bad row is no error: it is a rejected row.

use std::io;
use std::path::Path;

use crate::exit::Advice;
use crate::humanize;
use crate::message::{BadName, MessageId};

use super::format::Unreadable;
use super::header::{Role, Unmapped};

/// An input that can't be read, or that the options don't fit.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It can't be opened.
    #[error("can't open {}", named(.path))]
    Open {
        /// As the person named it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Reading stopped in the middle: a disk, a truncated gzip file, a record without end.
    #[error("can't read {} to its end", named(.path))]
    Read {
        /// As the person named it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is none of the formats.
    #[error("{} {reason}", named(.path))]
    Unreadable {
        /// As the person named it.
        path: String,
        /// What it is.
        reason: Unreadable,
    },
    /// It does not have the columns.
    #[error("{}: {reason}; {}", named(.path), listed(.columns))]
    Columns {
        /// As the person named it.
        path: String,
        /// The columns there are.
        columns: Vec<String>,
        /// Which are not.
        reason: Unmapped,
    },
    /// Bare IDs say nothing about their topic.
    #[error("{} has message IDs only, and no topic is given", named(.path))]
    NoTopic {
        /// As the person named it.
        path: String,
    },
    /// The keys of an object have no numbers.
    #[error("{} is NDJSON, whose columns have names only, but {flag} is a number", named(.path))]
    NumberedKey {
        /// As the person named it.
        path: String,
        /// The flag with the number.
        flag: &'static str,
    },
    /// `--delimiter` can't stand between cells.
    #[error("{:?} can't be the delimiter, expected an ASCII character other than a quote or a line end", char::from(*.0))]
    Delimiter(u8),
    /// `--topic` or `--instance` is no name.
    #[error("{flag} `{found}` {reason}")]
    Name {
        /// Which flag.
        flag: &'static str,
        /// Its value.
        found: String,
        /// What is wrong with it.
        reason: BadName,
    },
    /// Row numbers of the duplicate check have 32 bits.
    #[error("the inputs have more than {} rows", u32::MAX)]
    TooManyRows,
    /// Rows can't be put in another order.
    #[error("can't use a scratch file in the folder of the record")]
    Scratch(#[source] io::Error),
    /// No row has the column that is to tell ages.
    #[error("no row keeps exactly one column `{0}` that says when its message was born")]
    BornColumn(String),
    /// The column that is to tell ages tells none.
    #[error(
        "the column `{column}` holds no born time in any row, the first is `{first}` in row {row}; expected times such as \
         2026-11-20T14:00:00+08:00, 2026-11-20 14:00:00 or seconds or milliseconds of the Unix epoch"
    )]
    BornTimes {
        /// Its name.
        column: String,
        /// Row of the first cell that is not empty.
        row: u64,
        /// What stands there.
        first: String,
    },
    /// The file was rewritten while we worked.
    #[error("{} has changed since it was surveyed: it had {expected} rows, now it has {found}", named(.path))]
    Changed {
        /// As the person named it.
        path: String,
        /// Rows at first.
        expected: u64,
        /// Rows now.
        found: u64,
    },
    /// The same, with as many rows as before.
    #[error(
        "{path} was rewritten while it was read: its SHA-256 is another one than when it was surveyed"
    )]
    Rewritten {
        /// As the person named it.
        path: String,
    },
}

/// An input's name in a sentence; records keep `-`.
fn named(path: &str) -> String {
    humanize::input(Path::new(path))
}

impl InputError {
    /// What a failed read of the file called `path` becomes.
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
                "make room there, or name a record elsewhere with --results".to_owned()
            }
            Self::BornTimes { .. } => {
                "write its times in one of these forms, or leave --born-column out: then IDs tell, where they can".to_owned()
            }
            Self::BornColumn(_) => {
                "--born-column NAME, as the input has it; --keep must not leave it out".to_owned()
            }
            Self::Changed { .. } | Self::Rewritten { .. } => "audit a copy that nobody writes to".to_owned(),
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

/// The flag that names a role's column.
pub(super) fn flag(role: Role) -> &'static str {
    match role {
        Role::Topic => "--topic-column",
        Role::Instance => "--instance-column",
        // The columns of a position are never demanded.
        Role::MsgId | Role::Broker | Role::QueueId | Role::QueueOffset | Role::Tag => {
            "--msg-id-column"
        }
    }
}

/// Whatever is in a file that is no table must not reach the terminal as it is.
fn printable(name: &str) -> String {
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

/// Says which columns there are, but not a thousand of them.
fn listed(columns: &[String]) -> String {
    const SHOWN: usize = 20;
    let names: Vec<_> = columns
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", printable(name)))
        .collect();
    match columns.len() {
        0 => "it has no columns".to_owned(),
        count if count > SHOWN => format!(
            "its columns are {} and {} more",
            names.join(", "),
            count - SHOWN
        ),
        _ => format!("its columns are {}", names.join(", ")),
    }
}
