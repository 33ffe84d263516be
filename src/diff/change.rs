//! The status of a group for a message in one results file, and the change that two such statuses make.

use crate::verdict::Verdict;

/// What one results file says about one message × group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GroupStatus {
    /// The results file does not have the message.
    NotAsked,
    /// The results file has the message without an answer.
    Unanswered,
    /// The source did not have the message.
    NotFound,
    /// The answer does not name the group, and the group is not expected.
    NotNamed,
    /// The answer names the group, or the group is expected.
    Named {
        /// The verdict about the group.
        verdict: Verdict,
        /// Whether the group should have consumed the message.
        expected: bool,
        /// Whether the group makes the message a break.
        breaks: bool,
        /// Whether `passed` rests on the offset or the lag alone, so that nothing is known about failures.
        by_offset: bool,
    },
}

impl GroupStatus {
    /// Returns whether the group is at fault: expected, and open, absent, retrying or failed, or filtered or dead-lettered
    /// where that is not accepted.
    #[must_use]
    pub(crate) const fn is_at_fault(self) -> bool {
        matches!(self, Self::Named { breaks: true, .. })
    }

    /// Returns the word in reports: the verdict, or why there is none.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Unanswered => "unanswered",
            Self::NotFound => "not_found",
            Self::NotNamed => "not_named",
            Self::Named { verdict, .. } => verdict.as_str(),
        }
    }

    /// Returns whether the group had passed the message by its offset, or its lag, alone.
    pub(super) const fn is_by_offset(self) -> bool {
        matches!(
            self,
            Self::Named {
                by_offset: true,
                ..
            }
        )
    }

    const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Named { verdict, .. } => Some(verdict),
            _ => None,
        }
    }

    /// Returns whether a delivery is known to have failed, and none to have succeeded.
    const fn has_failed(self) -> bool {
        matches!(
            self.verdict(),
            Some(Verdict::DeadLettered | Verdict::Retrying | Verdict::Failed)
        )
    }

    /// Returns whether the group had passed the message, as far as is known of failures in the same way as in `new`: an
    /// offset alone says nothing about them.
    const fn had_passed(self, new: Self) -> bool {
        match self {
            Self::Named {
                verdict: Verdict::Passed,
                by_offset,
                ..
            } => !(by_offset && new.has_failed()),
            _ => false,
        }
    }

    /// Returns whether nothing is left to do of a fault in `old`. A filter or a dead letter settles a message only for an
    /// expected group, and only if it is accepted. An offset alone does not settle a failure.
    const fn settles(self, old: Self) -> bool {
        match self {
            Self::Named {
                verdict: Verdict::Passed,
                by_offset,
                ..
            } => !(by_offset && old.has_failed()),
            Self::Named {
                verdict: Verdict::Filtered | Verdict::DeadLettered,
                expected,
                breaks,
                ..
            } => expected && !breaks,
            _ => false,
        }
    }
}

/// The change of a message × group that is or was at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// The group had passed the message and is at fault now.
    Regressed,
    /// The group is at fault, and OLD has no fault.
    New,
    /// The group is at fault in both.
    StillOpen,
    /// The group was at fault, and NEW does not say what became of it.
    Unconfirmed,
    /// The group was at fault, and a later answer says that it passed.
    Resolved,
}

impl Change {
    /// All changes, most urgent first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Regressed,
        Self::New,
        Self::StillOpen,
        Self::Unconfirmed,
        Self::Resolved,
    ];

    /// Returns the word in reports.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::New => "new",
            Self::StillOpen => "still_open",
            Self::Unconfirmed => "unconfirmed",
            Self::Resolved => "resolved",
        }
    }

    /// Returns the change that two statuses make, or `None` if neither is at fault.
    ///
    /// `stale` means that NEW's answer was observed before OLD's (overlapping runs, answers of an earlier run). Such an
    /// answer neither resolves a fault nor shows a regression.
    #[must_use]
    pub(crate) fn of(old: GroupStatus, new: GroupStatus, stale: bool) -> Option<Self> {
        match (old.is_at_fault(), new.is_at_fault()) {
            (false, false) => None,
            (true, true) => Some(Self::StillOpen),
            (false, true) if old.had_passed(new) && !stale => Some(Self::Regressed),
            (false, true) => Some(Self::New),
            (true, false) if new.settles(old) && !stale => Some(Self::Resolved),
            (true, false) => Some(Self::Unconfirmed),
        }
    }

    /// Returns whether `diff` ends with exit status 1.
    #[must_use]
    pub(crate) const fn is_alarming(self) -> bool {
        matches!(self, Self::Regressed | Self::New)
    }
}

/// Returns whether the group had passed the message, which is open now. Offsets only grow unless they are reset
/// (`docs/facts/ons-api.md` §1.4). Where deliveries are recorded, a client has the message now.
#[must_use]
pub(super) fn is_open_again(change: Change, new: GroupStatus) -> bool {
    change == Change::Regressed && new.verdict() == Some(Verdict::Open)
}

/// Returns whether the message was not in the group's dead-letter topic before, and is there now.
#[must_use]
pub(super) fn is_newly_dead_lettered(old: GroupStatus, new: GroupStatus) -> bool {
    let is_dead = |status: GroupStatus| status.verdict() == Some(Verdict::DeadLettered);
    is_dead(new) && !is_dead(old)
}

/// Returns whether the group had failed to process the message and has passed it now.
#[must_use]
pub(super) const fn is_recovered(change: Change, old: GroupStatus, new: GroupStatus) -> bool {
    old.has_failed()
        && matches!(
            (change, new.verdict()),
            (Change::Resolved, Some(Verdict::Passed))
        )
}

/// Returns a remark on what the two words do not say. `records_deliveries` is whether NEW has deliveries in place of
/// offsets.
#[must_use]
pub(super) fn remark(
    change: Change,
    old: GroupStatus,
    new: GroupStatus,
    stale: bool,
    records_deliveries: bool,
) -> &'static str {
    let unexpected = |status| {
        matches!(
            status,
            GroupStatus::Named {
                expected: false,
                ..
            }
        )
    };
    let is_open_again = is_open_again(change, new);
    if is_open_again && records_deliveries {
        "being delivered"
    } else if is_open_again {
        "likely offset reset"
    } else if stale {
        "NEW's answer is older than OLD's"
    } else if is_newly_dead_lettered(old, new) {
        "newly dead-lettered"
    } else if is_recovered(change, old, new) {
        "recovered"
    } else if change == Change::Unconfirmed && unexpected(new) {
        "no longer expected"
    } else if change == Change::New && unexpected(old) {
        "newly expected"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(verdict: Verdict, breaks: bool) -> GroupStatus {
        GroupStatus::Named {
            verdict,
            expected: true,
            breaks,
            by_offset: false,
        }
    }

    fn unexpected(verdict: Verdict) -> GroupStatus {
        GroupStatus::Named {
            verdict,
            expected: false,
            breaks: false,
            by_offset: false,
        }
    }

    /// Returns every possible status.
    fn all() -> Vec<GroupStatus> {
        let mut all = vec![
            GroupStatus::NotAsked,
            GroupStatus::Unanswered,
            GroupStatus::NotFound,
            GroupStatus::NotNamed,
        ];
        all.extend(Verdict::ALL.map(unexpected));
        all.extend([
            expected(Verdict::Passed, false),
            expected(Verdict::Filtered, false),
            expected(Verdict::Filtered, true),
            expected(Verdict::Open, true),
            expected(Verdict::Undetermined, false),
            expected(Verdict::Absent, true),
        ]);
        all
    }

    #[test]
    fn each_pair_of_statuses_has_its_change() {
        use Change::{New, Regressed, Resolved, StillOpen, Unconfirmed};
        let passed = expected(Verdict::Passed, false);
        let (open, absent) = (
            expected(Verdict::Open, true),
            expected(Verdict::Absent, true),
        );
        let (accepted, filtered) = (
            expected(Verdict::Filtered, false),
            expected(Verdict::Filtered, true),
        );
        let undetermined = expected(Verdict::Undetermined, false);
        for (old, new, change) in [
            (passed, passed, None),
            (passed, GroupStatus::Unanswered, None),
            (passed, open, Some(Regressed)),
            (passed, absent, Some(Regressed)),
            (passed, filtered, Some(Regressed)),
            (unexpected(Verdict::Passed), open, Some(Regressed)),
            (accepted, open, Some(New)),
            (undetermined, open, Some(New)),
            (unexpected(Verdict::Open), open, Some(New)),
            (GroupStatus::NotAsked, open, Some(New)),
            (GroupStatus::Unanswered, absent, Some(New)),
            (GroupStatus::NotFound, open, Some(New)),
            (GroupStatus::NotNamed, absent, Some(New)),
            (open, open, Some(StillOpen)),
            (open, absent, Some(StillOpen)),
            (filtered, open, Some(StillOpen)),
            (open, passed, Some(Resolved)),
            (absent, passed, Some(Resolved)),
            (open, accepted, Some(Resolved)),
            (open, unexpected(Verdict::Passed), Some(Resolved)),
            (open, unexpected(Verdict::Open), Some(Unconfirmed)),
            (open, unexpected(Verdict::Filtered), Some(Unconfirmed)),
            (open, undetermined, Some(Unconfirmed)),
            (open, GroupStatus::NotNamed, Some(Unconfirmed)),
            (open, GroupStatus::NotFound, Some(Unconfirmed)),
            (open, GroupStatus::Unanswered, Some(Unconfirmed)),
            (open, GroupStatus::NotAsked, Some(Unconfirmed)),
        ] {
            assert_eq!(Change::of(old, new, false), change, "{old:?} {new:?}");
        }
    }

    #[test]
    fn changes_need_a_later_answer() {
        for (old, new) in all()
            .into_iter()
            .flat_map(|old| all().into_iter().map(move |new| (old, new)))
        {
            for stale in [false, true] {
                let change = Change::of(old, new, stale);
                assert_eq!(
                    change.is_some(),
                    old.is_at_fault() || new.is_at_fault(),
                    "a fault is listed and nothing else: {old:?} {new:?}"
                );
                let passed = |status: GroupStatus| status.verdict() == Some(Verdict::Passed);
                match change {
                    Some(Change::Resolved) => {
                        assert!(old.is_at_fault() && !stale);
                        assert!(passed(new) || new == expected(Verdict::Filtered, false));
                    }
                    Some(Change::Regressed) => {
                        assert!(passed(old) && new.is_at_fault() && !stale);
                    }
                    Some(Change::Unconfirmed) => assert!(!new.is_at_fault()),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn remarks_add_what_the_statuses_do_not_say() {
        let (passed, open) = (
            expected(Verdict::Passed, false),
            expected(Verdict::Open, true),
        );
        let absent = expected(Verdict::Absent, true);
        for (old, new, stale, says) in [
            (passed, open, false, "likely offset reset"),
            (passed, absent, false, ""),
            (passed, open, true, "NEW's answer is older than OLD's"),
            (open, passed, true, "NEW's answer is older than OLD's"),
            (open, unexpected(Verdict::Open), false, "no longer expected"),
            (unexpected(Verdict::Open), open, false, "newly expected"),
            (open, GroupStatus::Unanswered, false, ""),
        ] {
            let change = Change::of(old, new, stale).unwrap();
            assert_eq!(
                remark(change, old, new, stale, false),
                says,
                "{old:?} {new:?}"
            );
        }
    }
}
