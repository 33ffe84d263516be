//! The order in which messages are asked, and the rows that are left to ask.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::command::flags::deadline;
use crate::exit::Failed;
use crate::file;
use crate::humanize;
use crate::input::{BornColumn, Entry, InputError, Inputs, OldestFirst, Row};
use crate::message::{BornClock, Zone};
use crate::results::RowSet;
use crate::settings::{Deadline, Settings};
use crate::source::Snapshot;

/// The born times of messages before they are asked about: those in the column, else those in the snapshot, else those in
/// the IDs.
#[derive(Debug)]
pub(in crate::command) struct BornTimes<'a> {
    clock: BornClock,
    column: Option<BornColumn>,
    snapshot: Option<&'a Snapshot>,
}

impl BornTimes<'_> {
    /// Returns the born time of a row's message, if it is known.
    pub(super) fn of(&self, row: &Row) -> Option<Timestamp> {
        let given = self.column.as_ref().and_then(|column| column.born(row));
        given.or_else(|| match &row.entry {
            Entry::Query(query) => {
                let stored = self.snapshot.and_then(|snapshot| snapshot.born_at(query));
                stored.or_else(|| self.clock.born(&query.msg_id))
            }
            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
        })
    }
}

/// How the born times of messages are found, and the deadline of the run.
#[derive(Debug)]
pub(in crate::command) struct MessageAges {
    pub(super) clock: BornClock,
    /// The column with born times.
    column: Option<String>,
    zone: TimeZone,
    pub(in crate::command) deadline: Option<Deadline>,
}

impl MessageAges {
    pub(in crate::command) fn of(
        settings: &Settings,
        zone: &Zone,
        now: Timestamp,
    ) -> Result<Self, Failed> {
        Ok(Self {
            clock: BornClock::new(now, &zone.zone),
            column: settings.optional("born_column")?,
            zone: zone.zone.clone(),
            deadline: deadline(settings, now)?,
        })
    }

    /// Returns the born times of messages. `snapshot` is the source, if it is one.
    pub(in crate::command) fn born_times<'s>(
        &self,
        snapshot: Option<&'s Snapshot>,
    ) -> BornTimes<'s> {
        let column = self.column.as_ref();
        BornTimes {
            clock: self.clock,
            column: column.map(|name| BornColumn::new(name, self.zone.clone())),
            snapshot,
        }
    }

    /// Returns the rows that are not settled with the oldest message first. Returns `None` if the order of the input is
    /// kept: there is neither a deadline nor a column of born times.
    pub(super) fn oldest_first(
        &self,
        inputs: &Inputs,
        done: Option<&RowSet>,
        results: &Path,
        snapshot: Option<&Snapshot>,
    ) -> Result<Option<OldestFirst>, InputError> {
        if self.deadline.is_none() && self.column.is_none() {
            return Ok(None);
        }
        let scratch = file::scratch(results).map_err(InputError::Scratch)?;
        let rows = inputs.row_count();
        let count = rows - done.map_or(0, RowSet::len).min(rows);
        let born = self.born_times(snapshot);
        let order = OldestFirst::new(remaining(inputs.rows(), done), count, scratch, |row| {
            born.of(row)
        })?;
        self.check_column(&born, count)?;
        Ok(Some(order))
    }

    /// Refuses a column of born times that does not exist or has no readable time. `born` has read `count` rows.
    pub(in crate::command) fn check_column(
        &self,
        born: &BornTimes<'_>,
        count: u64,
    ) -> Result<(), InputError> {
        match self.column.as_ref().zip(born.column.as_ref()) {
            Some((name, column)) if count > 0 && !column.is_present() => {
                Err(InputError::BornColumn(name.clone()))
            }
            Some((name, column)) => refuse_or_warn_of_unread(name, column),
            None => Ok(()),
        }
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
         the times of the source or in the IDs are used",
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
