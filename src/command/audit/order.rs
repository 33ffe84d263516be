//! In which order messages are asked, and what of the rows is left to ask.

use std::cell::Cell;
use std::path::Path;

use jiff::Timestamp;

use crate::command::flags::deadline;
use crate::exit::Failed;
use crate::file;
use crate::humanize;
use crate::input::{BornColumn, Entry, Error, Inputs, OldestFirst, Row};
use crate::message::{BornClock, Zone};
use crate::results::{Known, Previous, RowSet};
use crate::settings::{Deadline, Settings};

/// When messages were born, and whether that matters.
#[derive(Debug)]
pub(super) struct Ages {
    pub(super) clock: BornClock,
    column: Option<(String, BornColumn)>,
    pub(super) deadline: Option<Deadline>,
}

impl Ages {
    pub(super) fn settle(settings: &Settings, zone: &Zone, now: Timestamp) -> Result<Self, Failed> {
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

    /// Where the run may end before its last row, or ages are given: all rows that are not settled, the oldest message
    /// first.
    pub(super) fn oldest_first(
        &self,
        inputs: &Inputs,
        done: Option<&RowSet>,
        results: &Path,
    ) -> Result<Option<OldestFirst>, Error> {
        if self.deadline.is_none() && self.column.is_none() {
            return Ok(None);
        }
        let scratch = file::scratch(results).map_err(Error::Scratch)?;
        let rows: u64 = inputs.surveys().iter().map(|survey| survey.rows).sum();
        let count = rows - done.map_or(0, RowSet::len).min(rows);
        let order = OldestFirst::new(left(inputs.rows(), done), count, scratch, |row| {
            self.born(row)
        })?;
        match &self.column {
            Some((name, column)) if count > 0 && !column.is_met() => {
                Err(Error::BornColumn(name.clone()))
            }
            Some((name, column)) => {
                heed_unread(name, column)?;
                Ok(Some(order))
            }
            None => Ok(Some(order)),
        }
    }

    /// By its column, or else by its ID.
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

/// A time that can't be read is not guessed at; whoever gave the column hears of it while it can still be mended.
fn heed_unread(name: &str, column: &BornColumn) -> Result<(), Error> {
    let unread = column.unread();
    let Some((row, first)) = unread.first else {
        return Ok(());
    };
    if column.read() == 0 {
        let column = name.to_owned();
        return Err(Error::BornTimes { column, row, first });
    }
    tracing::warn!(
        "column {name}: {} of {} values are no time that can be read, the first is `{first}` in row {row}; the IDs of \
         those rows tell when they were born, where they can",
        humanize::count(unread.cells),
        humanize::count(unread.cells + column.read()),
    );
    Ok(())
}

/// The rows that are not settled.
pub(super) fn left<'d>(
    rows: impl Iterator<Item = Result<Row, Error>> + 'd,
    done: Option<&'d RowSet>,
) -> impl Iterator<Item = Result<Row, Error>> + 'd {
    let is_left = move |row: &Result<Row, Error>| match (row, done) {
        (Ok(row), Some(done)) => !done.contains(row.row),
        _ => true,
    };
    rows.filter(is_left)
}

/// The rows that must be asked because `--previous` has no answer to carry; `carried` counts the others.
pub(super) fn unknown<'p>(
    rows: impl Iterator<Item = Result<Row, Error>> + 'p,
    previous: Option<&'p Previous>,
    carried: &'p Cell<u64>,
) -> impl Iterator<Item = Result<Row, Error>> + 'p {
    let is_carried = move |row: &Row| match (&row.entry, previous) {
        (Entry::Query(query), Some(previous)) => matches!(previous.know(query), Known::Carried(_)),
        _ => false,
    };
    rows.filter(move |row| {
        let is_carried = row.as_ref().is_ok_and(is_carried);
        carried.set(carried.get() + u64::from(is_carried));
        !is_carried
    })
}
