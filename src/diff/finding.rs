//! A change that the comparison found.

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, GroupStatus};
use crate::results::Line;

/// A change of one message × group.
#[derive(Debug)]
pub(crate) struct Finding<'a> {
    pub(crate) change: Change,
    pub(crate) group: &'a str,
    /// The message's first row in NEW, or in OLD if NEW does not have the message.
    pub(crate) line: &'a Line<'a>,
    pub(crate) old: SideState<'a>,
    pub(crate) new: SideState<'a>,
    /// The earlier of the moments at which the results files observed the fault.
    pub(crate) first_seen: Option<Timestamp>,
    /// How long the fault has existed since then, or may have existed.
    pub(crate) age: Option<SignedDuration>,
    /// The born time, as given in a column or by the source, or decoded from the ID.
    pub(crate) born: Option<Timestamp>,
    /// What the two statuses do not say.
    pub(crate) remark: &'static str,
}

/// One results file's part of a finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SideState<'a> {
    /// The message's first row.
    pub(crate) row: Option<u64>,
    pub(crate) status: GroupStatus,
    /// The track type in the source's spelling.
    pub(crate) word: &'a str,
    /// When the answer was observed.
    pub(crate) observed: Option<Timestamp>,
}
