//! The form of the records of an input, and whether the options fit it.

use std::sync::Arc;

use super::InputError;
use super::column_ref::ColumnRef;
use super::columns::Columns;
use super::csv_rows::Table;
use super::encoding::Decoding;
use super::header::{Role, Unmapped, unique_names};
use super::input_text::InputText;
use super::log_rows::LogRows;
use super::options::InputOptions;
use super::table_start::TableStart;
use crate::humanize::printable;
use crate::message::contains_id;

/// The form of the records of an input.
#[derive(Debug)]
pub(super) enum Layout {
    Table(Table, TableStart),
    JsonLines,
    JsonValues,
    Ids,
    Log,
}

impl Layout {
    /// Maps the columns of a table.
    pub(super) fn table(
        path: &str,
        start: TableStart,
        text: &InputText,
        options: &InputOptions,
    ) -> Result<Self, InputError> {
        let columns = columns(path, &start, options, text)?;
        let has_id = |cell: &String| contains_id(cell.as_bytes());
        if !options.no_header && start.header.iter().any(has_id) {
            return Err(InputError::HeaderWithId {
                path: path.to_owned(),
                line: start.line - 1,
            });
        }
        let table = Table {
            columns: Arc::new(columns),
            delimiter: start.delimiter,
            has_header: !options.no_header,
            sheet: match text {
                InputText::Sheet(_, sheet) => Some(sheet.clone()),
                InputText::File(..) | InputText::Parquet(_) => None,
            },
            counts_rows: !matches!(text, InputText::File(..)),
            decoding: text.decoding(),
        };
        Ok(Self::Table(table, start))
    }
}

/// Maps the columns of a table.
fn columns(
    path: &str,
    start: &TableStart,
    options: &InputOptions,
    text: &InputText,
) -> Result<Columns, InputError> {
    let names: Vec<&str> = if options.no_header {
        vec![""; start.header.len()]
    } else {
        start.header.iter().map(String::as_str).collect()
    };
    let mapped = if options.no_header {
        Columns::numbered(names.len(), options)
    } else {
        Columns::named(&names, options)
    };
    let complete = mapped.and_then(|columns| columns.require(&names, options).map(|()| columns));
    complete.map_err(|reason| InputError::Columns {
        path: path.to_owned(),
        encoding: match text.decoding() {
            decoding @ Decoding::Named(_) => Some(decoding.name()),
            Decoding::Utf8 | Decoding::Lossy => None,
        },
        is_parquet: matches!(text, InputText::Parquet(_)),
        columns: unique_names(&names).into_iter().map(String::from).collect(),
        reason,
    })
}

/// Describes roles: "message ID from `消息ID`, topic from `topic`".
pub(super) fn in_words<'n>(roles: impl Iterator<Item = (Role, &'n str)>) -> String {
    let words = roles.map(|(role, name)| format!("{} from `{}`", role.noun(), printable(name)));
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn check_keys(path: &str, options: &InputOptions) -> Result<(), InputError> {
    let is_number = |role: &Role| matches!(options.column(*role), Some(ColumnRef::Number(_)));
    match Role::ALL.into_iter().find(is_number) {
        Some(role) => Err(InputError::NumberedKey {
            path: path.to_owned(),
            flag: options.flag(role),
        }),
        None => Ok(()),
    }
}

/// Checks that `--keep` names columns of a log only.
pub(super) fn check_log(path: &str, options: &InputOptions) -> Result<(), InputError> {
    let mut names = options.keep.iter().flatten();
    match names.find(|name| !LogRows::columns().any(|column| column == *name)) {
        Some(name) => Err(InputError::Columns {
            path: path.to_owned(),
            encoding: None,
            is_parquet: false,
            columns: LogRows::columns().map(str::to_owned).collect(),
            reason: Unmapped::Keep(name.clone()),
        }),
        None => Ok(()),
    }
}

/// Checks a list of IDs: it needs `--topic`, and has no columns to keep.
pub(super) fn check_ids(path: &str, options: &InputOptions) -> Result<(), InputError> {
    if options.topic.is_none() {
        return Err(InputError::NoTopic {
            path: path.to_owned(),
        });
    }
    match options.keep.iter().flatten().next() {
        Some(name) => Err(InputError::Columns {
            path: path.to_owned(),
            encoding: None,
            is_parquet: false,
            columns: Vec::new(),
            reason: Unmapped::Keep(name.clone()),
        }),
        None => Ok(()),
    }
}
