//! One input file: its format, its columns, and the parser that makes rows of its records.

use std::io::Read;
use std::sync::Arc;

use super::InputError;
use super::bytes::Bytes;
use super::columns::Columns;
use super::csv_rows::CsvRows;
use super::error::{flag, printable};
use super::format::{HEAD, RecordShape, sniff};
use super::header::{Role, Unmapped, unique_names};
use super::id_rows::IdRows;
use super::ndjson_rows::{self, NdjsonRows};
use super::options::{ColumnRef, InputOptions};
use super::query_builder::QueryBuilder;
use super::row::ParsedRow;
use super::survey::{Survey, sha256};
use crate::delimited::{Record, RecordCells, Records};

/// One input: its bytes and its format.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: Arc<str>,
    bytes: Bytes,
    layout: Layout,
    options: Arc<InputOptions>,
    /// Which column was taken for which role, in words. Empty for a list of IDs.
    pub(super) roles: String,
    /// Number of rows found by the survey.
    rows: u64,
    /// Its checksum found by the survey.
    sha256: String,
}

/// The form of the records of an input.
#[derive(Debug)]
enum Layout {
    RecordCells {
        delimiter: u8,
        columns: Arc<Columns>,
    },
    Ndjson,
    Ids,
}

/// Makes rows of the records of one file.
#[derive(Debug)]
pub(super) enum Parser {
    Csv(CsvRows),
    Ndjson(NdjsonRows),
    Ids(IdRows),
}

impl Parser {
    pub(super) fn parse(&mut self, record: Record<'_>) -> ParsedRow {
        match self {
            Self::Csv(rows) => rows.parse(record),
            Self::Ndjson(rows) => rows.parse(record),
            Self::Ids(rows) => rows.parse(record),
        }
    }
}

impl Input {
    /// Detects the format of an input and maps its columns.
    pub(super) fn understand(
        name: String,
        bytes: Bytes,
        options: Arc<InputOptions>,
    ) -> Result<Self, InputError> {
        let mut head = Vec::new();
        let content = bytes.content().map(|content| content.take(HEAD));
        content
            .and_then(|mut content| content.read_to_end(&mut head))
            .map_err(InputError::unread(&name))?;
        let shape = sniff(&head, &options).map_err(|reason| InputError::Unreadable {
            path: name.clone(),
            reason,
        })?;
        let (layout, roles) = match shape {
            RecordShape::RecordCells { delimiter } => {
                let columns = Arc::new(columns(&name, &bytes, delimiter, &options)?);
                let roles = in_words(columns.taken());
                (Layout::RecordCells { delimiter, columns }, roles)
            }
            RecordShape::Ndjson => {
                check_keys(&name, &options)?;
                (Layout::Ndjson, roles_of_keys(&name, &bytes, &options)?)
            }
            RecordShape::Ids => {
                check_ids(&name, &options)?;
                (Layout::Ids, String::new())
            }
        };
        Ok(Self {
            name: name.into(),
            bytes,
            layout,
            options,
            roles,
            rows: 0,
            sha256: String::new(),
        })
    }

    /// Notes what the survey found, for [`check_unchanged`](Self::check_unchanged).
    pub(super) fn set_survey(&mut self, survey: &Survey) {
        self.rows = survey.rows;
        self.sha256.clone_from(&survey.sha256);
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the data records, without the header.
    pub(super) fn data(&self) -> Result<Records, InputError> {
        let shape = match self.layout {
            Layout::RecordCells { delimiter, .. } => RecordShape::RecordCells { delimiter },
            Layout::Ndjson => RecordShape::Ndjson,
            Layout::Ids => RecordShape::Ids,
        };
        let content = self
            .bytes
            .content()
            .map_err(InputError::unread(&self.name))?;
        let mut records = Records::new(content, shape.cut());
        if matches!(self.layout, Layout::RecordCells { .. }) && !self.options.no_header {
            records.next().map_err(InputError::unread(&self.name))?;
        }
        Ok(records)
    }

    /// Returns the parser of its records.
    pub(super) fn parser(&self) -> Parser {
        let builder = QueryBuilder::new(self.name.clone(), &self.options);
        match &self.layout {
            Layout::RecordCells { delimiter, columns } => {
                Parser::Csv(CsvRows::new(columns.clone(), *delimiter, builder))
            }
            Layout::Ndjson => Parser::Ndjson(NdjsonRows::new(self.options.clone(), builder)),
            Layout::Ids => Parser::Ids(IdRows::new(builder)),
        }
    }

    /// Checks after the last of `found` rows that the bytes are those of the survey. The results file states their
    /// checksum, so it must not hold answers about other rows.
    pub(super) fn check_unchanged(&self, found: u64) -> Result<(), InputError> {
        let path = || self.name.to_string();
        if found != self.rows {
            return Err(InputError::Changed {
                path: path(),
                expected: self.rows,
                found,
            });
        }
        if self.bytes.is_touched() {
            let now = sha256(self.bytes.raw()).map_err(InputError::unread(&self.name))?;
            if now != self.sha256 {
                return Err(InputError::Rewritten { path: path() });
            }
        }
        Ok(())
    }
}

/// Maps the columns of a table by its first record.
fn columns(
    path: &str,
    bytes: &Bytes,
    delimiter: u8,
    options: &InputOptions,
) -> Result<Columns, InputError> {
    let content = bytes.content().map_err(InputError::unread(path))?;
    let mut records = Records::new(content, RecordShape::RecordCells { delimiter }.cut());
    let mut cells = RecordCells::default();
    if let Some(first) = records.next().map_err(InputError::unread(path))? {
        cells.split(&first.text(), delimiter);
    }
    let names: Vec<&str> = if options.no_header {
        vec![""; cells.len()]
    } else {
        cells.iter().collect()
    };
    let mapped = if options.no_header {
        Columns::numbered(names.len(), options)
    } else {
        Columns::named(&names, options)
    };
    let complete = mapped.and_then(|columns| columns.require(&names, options).map(|()| columns));
    complete.map_err(|reason| InputError::Columns {
        path: path.to_owned(),
        columns: unique_names(&names).into_iter().map(String::from).collect(),
        reason,
    })
}

/// Describes the roles of the keys of the first object.
fn roles_of_keys(path: &str, bytes: &Bytes, options: &InputOptions) -> Result<String, InputError> {
    let content = bytes.content().map_err(InputError::unread(path))?;
    let mut records = Records::new(content, RecordShape::Ndjson.cut());
    let first = records.next().map_err(InputError::unread(path))?;
    let roles = first.and_then(|first| ndjson_rows::roles(&first.text(), options));
    let roles = roles.unwrap_or_default();
    Ok(in_words(roles.iter().map(|(role, name)| (*role, &**name))))
}

/// Describes roles: "message ID from `消息ID`, topic from `topic`".
fn in_words<'n>(roles: impl Iterator<Item = (Role, &'n str)>) -> String {
    let words = roles.map(|(role, name)| format!("{} from `{}`", role.noun(), printable(name)));
    words.collect::<Vec<_>>().join(", ")
}

fn check_keys(path: &str, options: &InputOptions) -> Result<(), InputError> {
    let is_number = |role: &Role| matches!(options.column(*role), Some(ColumnRef::Number(_)));
    match Role::ALL.into_iter().find(is_number) {
        Some(role) => Err(InputError::NumberedKey {
            path: path.to_owned(),
            flag: flag(role),
        }),
        None => Ok(()),
    }
}

/// Checks a list of IDs: it needs `--topic`, and has no columns to keep.
fn check_ids(path: &str, options: &InputOptions) -> Result<(), InputError> {
    if options.topic.is_none() {
        return Err(InputError::NoTopic {
            path: path.to_owned(),
        });
    }
    match options.keep.iter().flatten().next() {
        Some(name) => Err(InputError::Columns {
            path: path.to_owned(),
            columns: Vec::new(),
            reason: Unmapped::Keep(name.clone()),
        }),
        None => Ok(()),
    }
}
