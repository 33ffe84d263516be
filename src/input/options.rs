//! Options for reading inputs. All are optional, because most inputs need none.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::header::Role;

/// How inputs are read. `None` means that the value is detected or absent.
#[derive(Debug, Clone, Default)]
pub struct InputOptions {
    /// `--input-format`.
    pub format: Option<InputFormat>,
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
    /// `--keep`: the columns that are kept for the report. `None` keeps all columns that are not used.
    pub keep: Option<Vec<String>>,
}

impl InputOptions {
    /// Returns the column of a role as a flag names it.
    pub(super) const fn column(&self, role: Role) -> Option<&ColumnRef> {
        match role {
            Role::MsgId => self.msg_id_column.as_ref(),
            Role::Topic => self.topic_column.as_ref(),
            Role::Instance => self.instance_column.as_ref(),
            Role::Broker | Role::QueueId | Role::QueueOffset | Role::Tag => None,
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
    /// One message ID on each line.
    Ids,
}

/// A word that is not the name of an [`InputFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an input format, expected csv, tsv, ndjson or ids")]
pub struct UnknownFormat(String);

/// A column as a flag names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// A name in the header, compared without case, blanks, `_` and `-`. For JSON it may be a path.
    Name(String),
    /// A number, counted from 1.
    Number(NonZeroUsize),
}

impl InputFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Tsv, Self::Ndjson, Self::Ids];

    /// Returns the word for `--input-format`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Ndjson => "ndjson",
            Self::Ids => "ids",
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

impl From<&str> for ColumnRef {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Number(number) => write!(f, "{number}"),
        }
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
            "`xlsx` is not an input format, expected csv, tsv, ndjson or ids"
        );
    }

    #[test]
    fn columns_are_numbered_from_1() {
        assert_eq!(
            ColumnRef::from("3"),
            ColumnRef::Number(NonZeroUsize::new(3).unwrap())
        );
        for name in ["0", "id", "3rd", ""] {
            assert_eq!(ColumnRef::from(name), ColumnRef::Name(name.to_owned()));
        }
    }
}
