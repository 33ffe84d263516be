//! The order in which messages are asked, and the rows that are left to ask.

use std::path::Path;

use jiff::Timestamp;

use crate::command::flags::deadline;
use crate::exit::Failed;
use crate::file;
use crate::humanize;
use crate::input::{BornColumn, Entry, InputError, Inputs, OldestFirst, Row};
use crate::message::{BornClock, Zone};
use crate::results::RowSet;
use crate::settings::{Deadline, Settings};

/// How the born times of messages are found, and the deadline of the run.
#[derive(Debug)]
pub(super) struct MessageAges {
    pub(super) clock: BornClock,
    column: Option<(String, BornColumn)>,
    pub(super) deadline: Option<Deadline>,
}

impl MessageAges {
    pub(super) fn of(settings: &Settings, zone: &Zone, now: Timestamp) -> Result<Self, Failed> {
        let column: Option<String> = settings.optional("born_column")?;
        Ok(Self {
            clock: BornClock::new(now, &zone.zone),
            column: column.map(|name| {
                let column = BornColumn::new(&name, zone.zone.clone());
                (name, column)
            }),
            deadline: deadline(settings, now)?,
        })
    }

    /// Returns the rows that are not settled with the oldest message first. Returns `None` if the order of the input is
    /// kept: there is neither a deadline nor a column of born times.
    pub(super) fn oldest_first(
        &self,
        inputs: &Inputs,
        done: Option<&RowSet>,
        results: &Path,
    ) -> Result<Option<OldestFirst>, InputError> {
        if self.deadline.is_none() && self.column.is_none() {
            return Ok(None);
        }
        let scratch = file::scratch(results).map_err(InputError::Scratch)?;
        let rows: u64 = inputs.surveys().iter().map(|survey| survey.rows).sum();
        let count = rows - done.map_or(0, RowSet::len).min(rows);
        let order = OldestFirst::new(remaining(inputs.rows(), done), count, scratch, |row| {
            self.born(row)
        })?;
        match &self.column {
            Some((name, column)) if count > 0 && !column.is_present() => {
                Err(InputError::BornColumn(name.clone()))
            }
            Some((name, column)) => {
                refuse_or_warn_of_unread(name, column)?;
                Ok(Some(order))
            }
            None => Ok(Some(order)),
        }
    }

    /// Returns the time in the row's column, or else the time in its ID.
    fn born(&self, row: &Row) -> Option<Timestamp> {
        let given = self
            .column
            .as_ref()
            .and_then(|(_, column)| column.born(row));
        given.or_else(|| match &row.entry {
            Entry::Query(query) => self.clock.born(&query.msg_id),
            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
        })
    }
}

/// Refuses a column without any readable time, and warns about single values that are not times.
fn refuse_or_warn_of_unread(name: &str, column: &BornColumn) -> Result<(), InputError> {
    let unread = column.unread();
    let Some((row, first)) = unread.first else {
        return Ok(());
    };
    if column.read() == 0 {
        let column = name.to_owned();
        return Err(InputError::BornTimes { column, row, first });
    }
    tracing::warn!(
        "column {name}: {} of {} values cannot be read as a time, the first is `{first}` in row {row}; for these rows \
         the times in the IDs are used",
        humanize::count(unread.cells),
        humanize::count(unread.cells + column.read()),
    );
    Ok(())
}

/// Returns the rows that are not settled.
pub(super) fn remaining<'d>(
    rows: impl Iterator<Item = Result<Row, InputError>> + 'd,
    done: Option<&'d RowSet>,
) -> impl Iterator<Item = Result<Row, InputError>> + 'd {
    rows.filter(move |row| match (row, done) {
        (Ok(row), Some(done)) => !done.contains(row.row),
        _ => true,
    })
}
