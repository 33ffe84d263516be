//! What the lines of a results file add up to.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Line, Outcome};
use crate::input::{Entry, Row};
use crate::source::FailureKind;
use crate::verdict::{AnswerView, RowResult, Totals};

/// Control totals, groups and kept columns of the lines so far. A run that writes a line and a run that reads the lines
/// of an earlier one count them here, so a resumed run ends with the same trailer.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) totals: Totals,
    groups: BTreeSet<Arc<str>>,
    pub(super) columns: ColumnOrder,
}

impl Contents {
    /// Counts a row that is written.
    pub(super) fn add_row(&mut self, row: &Row, outcome: Option<&Outcome>) {
        self.columns.add_row(row.row, &row.kept.columns);
        self.totals.add(match (&row.entry, outcome) {
            (Entry::Duplicate { .. }, _) => RowResult::Duplicate,
            (Entry::Rejected(_), _) => RowResult::Rejected,
            (Entry::Query(_), None) => RowResult::Unanswered,
            (Entry::Query(_), Some(outcome)) => match &outcome.answer {
                Ok(trace) => RowResult::Answered {
                    tracks: trace.tracks.len() as u64,
                    is_carried: outcome.carried_from.is_some(),
                },
                Err(failure) if failure.kind == FailureKind::NotFound => RowResult::NotFound,
                Err(_) => RowResult::Unanswered,
            },
        });
    }

    /// Counts a line that an earlier run wrote.
    pub(super) fn add_line(&mut self, line: &Line<'_>) {
        let names = line.extra.0.iter().map(|(name, _)| &**name);
        self.columns.add_names(line.row, names);
        self.totals.add(match line.answer() {
            None => RowResult::Duplicate,
            Some(AnswerView::Rejected) => RowResult::Rejected,
            Some(AnswerView::NotFound) => RowResult::NotFound,
            Some(AnswerView::Unanswered) => RowResult::Unanswered,
            Some(AnswerView::Tracks(tracks)) => {
                for track in tracks {
                    if !self.groups.contains(&*track.group) {
                        self.groups.insert((*track.group).into());
                    }
                }
                RowResult::Answered {
                    tracks: tracks.len() as u64,
                    is_carried: !line.carried_from.is_empty(),
                }
            }
        });
    }

    /// Adds the groups of an answer that is written.
    pub(super) fn add_groups<'g>(&mut self, groups: impl Iterator<Item = &'g Arc<str>>) {
        self.groups.extend(groups.cloned());
    }

    /// Returns all groups in name order.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        self.groups.iter().map(ToString::to_string).collect()
    }
}

/// Collects the columns of rows. Rows may come in any order: a resumed run must get the same result.
#[derive(Debug, Default)]
pub struct ColumnOrder {
    /// For each column the first row that has it, and its index in that row.
    first: HashMap<Box<str>, (u64, usize)>,
    /// The columns of the previous row of an input. Most rows have the same.
    last: Option<(Arc<[Box<str>]>, u64)>,
    /// The columns of the previous row of a results file.
    last_names: Vec<Box<str>>,
}

impl ColumnOrder {
    /// Adds the columns of a row of an input.
    pub(super) fn add_row(&mut self, row: u64, columns: &Arc<[Box<str>]>) {
        let is_known =
            |(last, since): &(Arc<[Box<str>]>, u64)| Arc::ptr_eq(last, columns) && *since <= row;
        if self.last.as_ref().is_some_and(is_known) {
            return;
        }
        self.add_names(row, columns.iter().map(|name| &**name));
        self.last = Some((columns.clone(), row));
    }

    /// Adds the columns of a row of a results file. Rows may come in any order.
    pub(super) fn add_names<'n>(&mut self, row: u64, names: impl Iterator<Item = &'n str>) {
        for (nth, name) in names.enumerate() {
            match self.first.get_mut(name) {
                Some(first) => *first = (*first).min((row, nth)),
                None => {
                    self.first.insert(name.into(), (row, nth));
                }
            }
        }
    }

    /// Adds the kept columns of the next line of a results file.
    pub fn add_kept(&mut self, row: u64, kept: &[(Cow<'_, str>, &RawValue)]) {
        let names = || kept.iter().map(|(name, _)| &**name);
        if names().ne(self.last_names.iter().map(|name| &**name)) {
            self.add_names(row, names());
            self.last_names = names().map(Into::into).collect();
        }
    }

    /// Adds the columns of rows that follow these.
    pub fn append(&mut self, next: Self) {
        for (name, theirs) in next.first {
            let first = self.first.entry(name).or_insert(theirs);
            *first = (*first).min(theirs);
        }
    }

    /// Returns all columns in the order of their first row.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.first.iter().collect();
        names.sort_by_key(|(_, first)| **first);
        names
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_of_answers_is_not_the_order_of_columns(rows in Just((0..6_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let shapes: [Arc<[Box<str>]>; 3] = [
                ["b".into(), "a".into()].into(),
                ["a".into(), "c".into()].into(),
                ["d".into()].into(),
            ];
            let mut columns = ColumnOrder::default();
            for row in rows {
                columns.add_row(row, &shapes[usize::try_from(row).unwrap() % 3]);
            }
            prop_assert_eq!(columns.names(), ["b", "a", "c", "d"]);
        }
    }
}
