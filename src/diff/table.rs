//! The table per group that the summaries share.

use super::change::Change;
use super::text::{Differences, GroupChanges};
use crate::clock;
use crate::humanize::{count, duration};

/// The headings behind the group's.
pub(super) const HEADINGS: [&str; 6] = [
    "regressed",
    "new",
    "still open",
    "unconfirmed",
    "resolved",
    "longest open",
];

/// The group and its cells.
pub(super) fn rows<'a>(
    differences: &'a Differences<'_>,
) -> impl Iterator<Item = (&'a str, [String; 6])> {
    differences.by_group().into_iter().map(|(name, group)| {
        let [regressed, new, open, unconfirmed, resolved] =
            Change::ALL.map(|change| count(group.count(change)));
        let longest = longest(&group);
        (name, [regressed, new, open, unconfirmed, resolved, longest])
    })
}

/// Since when a fault is known that is not known to be resolved: `23 h 15 min, since 2026-11-21T02:15:00.000Z`.
fn longest(group: &GroupChanges) -> String {
    let age = group.open.age.and_then(|age| age.try_into().ok());
    match (age, group.open.first_seen) {
        (Some(age), Some(first)) => format!("{}, since {}", duration(age), clock::rfc3339(first)),
        _ => String::new(),
    }
}
