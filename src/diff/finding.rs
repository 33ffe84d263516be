//! One change of one message × group, as the comparison found it.

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, GroupStatus};
use crate::results::Line;

/// A change of one message × group.
#[derive(Debug)]
pub(crate) struct Finding<'a> {
    /// What became of it.
    pub(crate) change: Change,
    /// Consumer group.
    pub(crate) group: &'a str,
    /// The message's first row in NEW, or in OLD where NEW does not have it.
    pub(crate) line: &'a Line<'a>,
    /// What OLD says.
    pub(crate) old: SideState<'a>,
    /// What NEW says.
    pub(crate) new: SideState<'a>,
    /// The earlier of the moments at which the two results files saw the fault.
    pub(crate) first_seen: Option<Timestamp>,
    /// How long after that it was still at fault, or not known to be resolved.
    pub(crate) age: Option<SignedDuration>,
    /// Born time, given or decoded from the ID.
    pub(crate) born: Option<Timestamp>,
    /// What the words don't tell.
    pub(crate) remark: &'static str,
}

/// One results file's part in a finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SideState<'a> {
    /// The message's first row.
    pub(crate) row: Option<u64>,
    /// Where the group stands.
    pub(crate) status: GroupStatus,
    /// The source's word.
    pub(crate) word: &'a str,
    /// When that was observed.
    pub(crate) observed: Option<Timestamp>,
}
