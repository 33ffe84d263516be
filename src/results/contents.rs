//! What the lines of a results file add up to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::column_order::ColumnOrder;
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
