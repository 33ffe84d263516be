//! Options for reading inputs. All are optional, because most inputs need none.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::column_ref::ColumnRef;
use super::encoding::InputEncoding;
use super::header::Role;
use super::shard::Shard;
use super::workbook::SheetRef;

/// The flag of [`InputOptions::shard`], by which a results file says which shard it holds.
pub const SHARD: &str = "--shard";

/// How inputs are read. `None` means that the value is detected or absent.
#[derive(Debug, Clone, Default)]
pub struct InputOptions {
    /// `--input-format`.
    pub format: Option<InputFormat>,
    /// `--encoding`.
    pub encoding: Option<InputEncoding>,
    /// `--sheet`: the sheet of a workbook.
    pub sheet: Option<SheetRef>,
    /// `--log-column`: the column whose cells are log lines of producers.
    pub log_column: Option<ColumnRef>,
    /// `--trust-coordinates`: messages of logs are where the log says they were stored.
    pub trust_coordinates: bool,
    /// `--delimiter`: the ASCII character between two cells.
    pub delimiter: Option<u8>,
    /// `--no-header`: the first record is data, and columns have numbers only.
    pub no_header: bool,
    /// `--msg-id-column`.
    pub msg_id_column: Option<ColumnRef>,
    /// `--topic-column`.
    pub topic_column: Option<ColumnRef>,
    /// `--instance-column`.
    pub instance_column: Option<ColumnRef>,
    /// `--topic`: the topic of rows without one.
    pub topic: Option<String>,
    /// `--instance`: the instance of rows without one.
    pub instance: Option<String>,
    /// The instance that the source names: that of rows without one, unless `instance` is given. It is no flag.
    pub source_instance: Option<String>,
    /// `--keep`: the columns that are kept for the report. `None` keeps all columns that are not used.
    pub keep: Option<Vec<String>>,
    /// `--shard`: the part of the messages that is read.
    pub shard: Option<Shard>,
}

impl InputOptions {
    /// Returns the column of a role as a flag names it. With `--log-column`, that column holds the message IDs.
    pub(super) const fn column(&self, role: Role) -> Option<&ColumnRef> {
        match role {
            Role::MsgId => match &self.log_column {
                Some(column) => Some(column),
                None => self.msg_id_column.as_ref(),
            },
            Role::Topic => self.topic_column.as_ref(),
            Role::Instance => self.instance_column.as_ref(),
            Role::Broker | Role::QueueId | Role::QueueOffset | Role::Tag | Role::SendStatus => None,
        }
    }

    /// Returns the flag that names a role's column.
    pub(super) const fn flag(&self, role: Role) -> &'static str {
        match role {
            Role::MsgId if self.log_column.is_some() => "--log-column",
            _ => role.flag(),
        }
    }

    /// Returns the flags that were given, with their values. They decide which rows there are and what each asks.
    #[must_use]
    pub fn given_flags(&self) -> BTreeMap<String, String> {
        let column = |column: &Option<ColumnRef>| {
            column
                .as_ref()
                .map(|column| column.to_string().replace('`', ""))
        };
        let flags = [
            (
                "--input-format",
                self.format.map(|format| format.as_str().to_owned()),
            ),
            (
                "--encoding",
                self.encoding.map(|encoding| encoding.to_string()),
            ),
            ("--sheet", self.sheet.as_ref().map(ToString::to_string)),
            ("--log-column", column(&self.log_column)),
            (
                "--trust-coordinates",
                self.trust_coordinates.then(|| "yes".to_owned()),
            ),
            (
                "--delimiter",
                self.delimiter.map(|byte| char::from(byte).to_string()),
            ),
            ("--no-header", self.no_header.then(|| "yes".to_owned())),
            ("--msg-id-column", column(&self.msg_id_column)),
            ("--topic-column", column(&self.topic_column)),
            ("--instance-column", column(&self.instance_column)),
            ("--topic", self.topic.clone()),
            ("--instance", self.instance.clone()),
            ("--keep", self.keep.as_ref().map(|names| names.join(","))),
            (SHARD, self.shard.map(|shard| shard.to_string())),
        ];
        flags
            .into_iter()
            .filter_map(|(flag, value)| Some((flag.to_owned(), value?)))
            .collect()
    }
}

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// Cells between commas, or between another delimiter that the header suggests.
    Csv,
    /// Cells between tabs.
    Tsv,
    /// One JSON object on each line.
    Ndjson,
    /// JSON values one after another, or one array of them.
    Json,
    /// Lines of logs in which producers say that they sent a message.
    Log,
    /// One message ID on each line.
    Ids,
    /// A Parquet file.
    Parquet,
}

/// A word that is not the name of an [`InputFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an input format, expected csv, tsv, ndjson, json, log, ids or parquet")]
pub struct UnknownFormat(String);

impl InputFormat {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::Csv,
        Self::Tsv,
        Self::Ndjson,
        Self::Json,
        Self::Log,
        Self::Ids,
        Self::Parquet,
    ];

    /// Returns the word for `--input-format`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Log => "log",
            Self::Ids => "ids",
            Self::Parquet => "parquet",
        }
    }
}

impl FromStr for InputFormat {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == word)
            .ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_words() {
        for format in InputFormat::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let error = "xlsx".parse::<InputFormat>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`xlsx` is not an input format, expected csv, tsv, ndjson, json, log, ids or parquet"
        );
    }
}
