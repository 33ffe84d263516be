//! One change of one message × group, as the comparison found it.

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, GroupStatus};
use crate::results::Line;

/// A change of one message × group.
#[derive(Debug)]
pub struct Finding<'a> {
    /// What became of it.
    pub change: Change,
    /// Consumer group.
    pub group: &'a str,
    /// The message's first row in NEW, or in OLD where NEW does not have it.
    pub line: &'a Line<'a>,
    /// What OLD says.
    pub old: SideState<'a>,
    /// What NEW says.
    pub new: SideState<'a>,
    /// The earlier of the moments at which the two results files saw the fault.
    pub first_seen: Option<Timestamp>,
    /// How long after that it was still at fault, or not known to be resolved.
    pub age: Option<SignedDuration>,
    /// Born time, given or decoded from the ID.
    pub born: Option<Timestamp>,
    /// What the words don't tell.
    pub remark: &'static str,
}

/// One results file's part in a finding.
#[derive(Debug, Clone, Copy)]
pub struct SideState<'a> {
    /// The message's first row.
    pub row: Option<u64>,
    /// Where the group stands.
    pub status: GroupStatus,
    /// The source's word.
    pub word: &'a str,
    /// When that was observed.
    pub observed: Option<Timestamp>,
}
