//! The words of the workbook. Codes (`passed`, column names) are not among them: they are the same everywhere.

use crate::verdict::{MessageVerdict, Verdict};

pub(super) const COMPLETE: &str = "Complete: every message was answered";
pub(super) const INCOMPLETE: &str = "INCOMPLETE: some messages got no answer";
pub(super) const BY_GROUP: &str = "By consumer group";
pub(super) const GROUP: &str = "group";
pub(super) const EXPECTED: &str = "expected";
pub(super) const MISSED_FIRST: &str = "first missed, produced";
pub(super) const MISSED_LAST: &str = "last missed, produced";
pub(super) const BY_MESSAGE: &str = "By message";
pub(super) const VERDICT: &str = "verdict";
pub(super) const MESSAGES: &str = "messages";
pub(super) const SHARE: &str = "share";
pub(super) const BREAKS_BY_KIND: &str = "Breaks by kind";
pub(super) const TOPIC: &str = "topic";
pub(super) const FIRST_ROW: &str = "first row";
pub(super) const FIRST_MESSAGE: &str = "first message ID";
pub(super) const GROUPS_AT_FAULT: &str = "groups at fault";
pub(super) const OTHER_KINDS: &str = "of other kinds";
pub(super) const ERRORS: &str = "Errors";
pub(super) const ERROR_CODE: &str = "code";
pub(super) const SHEETS: &str = "In this workbook";
pub(super) const SHEET: &str = "sheet";
pub(super) const ROWS: &str = "rows";
pub(super) const HOLDS: &str = "what it holds";
pub(super) const BREAKS_HOLD: &str =
    "the list to act on: a row per message and group that missed it, each message once";
pub(super) const MATRIX_HOLDS: &str = "a row per row of the input, a column per group";
pub(super) const DETAIL_HOLDS: &str =
    "a row per row of the input and group, with the source's own word";
pub(super) const METHOD_HOLDS: &str =
    "what the words mean, what they do not prove, and where the answers came from";
pub(super) const MEANING_OF_VERDICTS: &str = "What the verdicts mean";
pub(super) const NOT_PROVEN: &str = "What they do not prove";
pub(super) const PROVENANCE: &str = "Where the answers came from";

/// What a verdict about a group says.
pub(super) const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "the group's offset went past the message (CONSUMED)",
        Verdict::Filtered => {
            "skipped by the group's subscription as it is today (CONSUMED_BUT_FILTERED)"
        }
        Verdict::Open => "the group's offset has not reached the message (NOT_CONSUME_YET)",
        Verdict::Undetermined => {
            "the source can't tell (NOT_ONLINE, PULL, CONSUME_BROADCASTING, UNKNOWN and every new word)"
        }
        Verdict::Absent => "the group was expected, and the answer does not name it",
    }
}

/// What a verdict about a message says: the first that holds.
pub(super) const fn message_meaning(verdict: MessageVerdict) -> &'static str {
    match verdict {
        MessageVerdict::Rejected => "a bad row: it was never asked",
        MessageVerdict::Unanswered => "no answer after all tries",
        MessageVerdict::NotFound => "the source does not know the message",
        MessageVerdict::Unsubscribed => "no group subscribes and none was expected",
        MessageVerdict::Break => {
            "an expected group is open, absent, or filtered where that is not accepted"
        }
        MessageVerdict::Undetermined => "no break, but the source can't tell of an expected group",
        MessageVerdict::Reconciled => "every expected group has passed it",
    }
}
