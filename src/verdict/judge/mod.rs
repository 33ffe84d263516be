//! Turns track types into verdicts about groups and messages.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::evidence::TrackFacts;
use super::{EvidenceNote, Expectations, GroupFinding, MessageContext, RowEvidence, SampleResult};
use crate::evidence::Deliveries;

/// The verdict about one group and one message, concluded from the track type and from what was examined beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The group's offset has passed the message. This does not prove that the message was processed
    /// (`docs/facts/users.md` §3b, trap 1).
    Passed,
    /// The group's subscription, as it is today, filters the message out.
    Filtered,
    /// The group's offset has not reached the message, or a delivery of it is in process.
    Open,
    /// The source cannot tell: offline, pull, broadcasting, unknown, and every track type not known today.
    Undetermined,
    /// The group is expected, but the answer does not name it.
    Absent,
    /// A copy is in the group's dead-letter topic: processing failed at least once. The copy stays there even if the
    /// message was sent to the group again.
    DeadLettered,
    /// A delivery failed, and a copy waits for the next one.
    Retrying,
    /// A client has reported that processing failed, and nothing later is known.
    Failed,
}

impl Verdict {
    /// All verdicts, in the order of the reports.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Filtered,
        Self::Open,
        Self::Undetermined,
        Self::Absent,
        Self::DeadLettered,
        Self::Retrying,
        Self::Failed,
    ];

    /// Returns the verdicts that can occur, in the order of the reports. The last three follow only from an examination.
    #[must_use]
    pub const fn where_examined(is_examined: bool) -> &'static [Self] {
        if is_examined {
            &Self::ALL
        } else {
            Self::ALL.split_at(5).0
        }
    }

    /// Returns the verdict of a track type in the source's spelling, which only the offset decides.
    #[must_use]
    pub fn of(track_type: &str) -> Self {
        match track_type {
            "CONSUMED" => Self::Passed,
            "CONSUMED_BUT_FILTERED" | "FILTERED_BY_TAG" => Self::Filtered,
            "NOT_CONSUME_YET" => Self::Open,
            _ => Self::Undetermined,
        }
    }

    /// Returns the verdict's name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Filtered => "filtered",
            Self::Open => "open",
            Self::Undetermined => "undetermined",
            Self::Absent => "absent",
            Self::DeadLettered => "dead_lettered",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The verdict about one row. The rules are tried in this order, and the first that holds decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageVerdict {
    /// The row is bad and was not queried.
    Rejected,
    /// All attempts failed.
    Unanswered,
    /// The source does not have the message.
    NotFound,
    /// No group subscribes, and none is expected.
    Unsubscribed,
    /// An expected group is open, absent, retrying or failed, or filtered or dead-lettered where that is not accepted.
    Break,
    /// There is no break, but the verdict about an expected group is undetermined.
    Undetermined,
    /// Every expected group has passed the message, or filtered it where that is accepted.
    Reconciled,
}

impl MessageVerdict {
    /// All verdicts, in the order of the summaries: first the results, then the rows that could not be judged.
    pub const ALL: [Self; 7] = [
        Self::Reconciled,
        Self::Break,
        Self::Undetermined,
        Self::Unsubscribed,
        Self::NotFound,
        Self::Unanswered,
        Self::Rejected,
    ];

    /// Returns the verdict's name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Unanswered => "unanswered",
            Self::NotFound => "not_found",
            Self::Unsubscribed => "unsubscribed",
            Self::Break => "break",
            Self::Undetermined => "undetermined",
            Self::Reconciled => "reconciled",
        }
    }
}

impl fmt::Display for MessageVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the results file has for one row, as far as the verdict depends on it.
#[derive(Debug, Clone, Copy)]
pub enum AnswerView<'a> {
    /// The tracks of the answer.
    Tracks(&'a [TrackView<'a>]),
    /// The source does not have the message.
    NotFound,
    /// An error stands in place of the answer.
    Unanswered,
    /// The row is bad.
    Rejected,
}

/// A track of an answer, with borrowed texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackView<'a> {
    /// The consumer group's name.
    #[serde(borrow)]
    pub group: Cow<'a, str>,
    /// The track type in the source's spelling.
    #[serde(borrow)]
    pub track_type: Cow<'a, str>,
    /// A mark that qualifies the track type, or an empty text.
    #[serde(borrow, default)]
    pub mark: Cow<'a, str>,
    /// The track type that `mqadmin` would print, if it differs.
    #[serde(borrow, default)]
    pub mqadmin_track_type: Cow<'a, str>,
    /// What the source says about the deliveries of the message to the group, if it records them.
    #[serde(default)]
    pub deliveries: Option<Arc<Deliveries>>,
    /// The row whose answer the track type follows from by the order of the queue, if the source was not asked about this
    /// message.
    #[serde(default)]
    pub inferred_from: Option<NonZeroU64>,
}

impl<'a> TrackView<'a> {
    /// Returns a track without a mark.
    #[must_use]
    pub fn new(group: impl Into<Cow<'a, str>>, track_type: impl Into<Cow<'a, str>>) -> Self {
        Self {
            group: group.into(),
            track_type: track_type.into(),
            mark: Cow::Borrowed(""),
            mqadmin_track_type: Cow::Borrowed(""),
            deliveries: None,
            inferred_from: None,
        }
    }
}

/// The verdict about one group of one message, as reports show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupVerdict<'a> {
    /// The consumer group's name.
    pub group: &'a str,
    /// The track type in the source's spelling; empty if the group is absent.
    pub track_type: &'a str,
    /// A mark that qualifies the track type, or an empty text.
    pub mark: &'a str,
    /// The track type that `mqadmin` would print, if it differs; else an empty text.
    pub mqadmin_track_type: &'a str,
    /// The row whose answer the track type was inferred from.
    pub inferred_from: Option<NonZeroU64>,
    /// The verdict by the offset alone.
    pub by_offset: Verdict,
    /// The verdict about the group, with what it rests on.
    pub finding: GroupFinding<'a>,
    /// Whether the group should have consumed the message.
    pub expected: bool,
    /// Whether the group answers although the expectations name it nowhere for this topic.
    pub unexpected: bool,
    /// Whether the group makes the message a break.
    pub breaks: bool,
}

impl GroupVerdict<'_> {
    /// Returns the verdict about the group.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.finding.verdict
    }

    /// Returns whether the answer names the group.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.by_offset != Verdict::Absent
    }

    /// Returns the word of the `expected` column. `no` means that the expectations name the group, but not for this
    /// message: another tag, or another born time.
    #[must_use]
    pub const fn expectation(&self) -> &'static str {
        match self {
            Self { expected: true, .. } => "yes",
            Self {
                unexpected: true, ..
            } => "unexpected",
            _ => "no",
        }
    }
}

/// One row with its verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'a> {
    /// The verdict about the row.
    pub verdict: MessageVerdict,
    /// The groups of the answer and the absent groups, in name order.
    pub groups: Vec<GroupVerdict<'a>>,
    /// Whether some group is expected only because the message's tag or born time is unknown.
    pub assumed: bool,
    /// Whether there are expectations for the topic, but none applies to this message.
    pub nothing_expected: bool,
    /// What the trace says, if the message is part of the random sample.
    pub sampled: Option<SampleResult>,
    /// Why the answer may lack groups that subscribe to the topic.
    pub unlisted: Option<&'a str>,
}

/// Judges one row by the rules of [`MessageVerdict`].
///
/// The tracks must be in name order, as in the results file. If there is no expectation for the topic, the groups in
/// the answer are expected and `filtered` is accepted.
#[must_use]
pub fn judge<'a>(
    answer: AnswerView<'a>,
    subject: &MessageContext<'_>,
    expectations: &'a Expectations,
    evidence: RowEvidence<'a>,
) -> Judged<'a> {
    let tracks = match answer {
        AnswerView::Rejected => return without_groups(MessageVerdict::Rejected),
        AnswerView::Unanswered => return without_groups(MessageVerdict::Unanswered),
        AnswerView::NotFound => return without_groups(MessageVerdict::NotFound),
        AnswerView::Tracks(tracks) => tracks,
    };
    let expected_groups = expectations.groups_for(subject);
    let expects_nothing = expected_groups
        .as_ref()
        .is_none_or(|expected_groups| expected_groups.groups.is_empty());
    if tracks.is_empty() && expects_nothing {
        return match evidence.unlisted() {
            None => without_groups(MessageVerdict::Unsubscribed),
            unlisted => Judged {
                unlisted,
                ..without_groups(MessageVerdict::Undetermined)
            },
        };
    }
    let expected = expected_groups
        .as_ref()
        .map(|expected_groups| &expected_groups.groups);
    let mut groups = judge_groups(tracks, (subject, expectations), expected, evidence);
    let unlisted = evidence.unlisted();
    let may_lack_groups = unlisted.filter(|_| expected.is_none());
    if let Some(why) = may_lack_groups {
        for seen in groups
            .iter_mut()
            .filter(|seen| seen.finding.note.is_nothing())
        {
            seen.finding.note = EvidenceNote::Unlisted(why);
        }
    }
    let counted = groups.iter().filter(|seen| seen.expected);
    Judged {
        verdict: conclude(&groups, may_lack_groups.is_some()),
        unlisted,
        sampled: evidence.sampled(counted.map(|seen| seen.group)),
        groups,
        assumed: expected_groups
            .as_ref()
            .is_some_and(|expected_groups| expected_groups.assumed),
        nothing_expected: expected_groups.is_some() && expects_nothing,
    }
}

/// Judges each group of the answer and each absent group. `expected` is `None` without expectations for the topic.
fn judge_groups<'a>(
    tracks: &'a [TrackView<'a>],
    (subject, expectations): (&MessageContext<'_>, &'a Expectations),
    expected: Option<&BTreeSet<&'a str>>,
    evidence: RowEvidence<'a>,
) -> Vec<GroupVerdict<'a>> {
    let accept_filtered = expected.is_none() || expectations.accept_filtered;
    let accepted = |verdict| match verdict {
        Verdict::Filtered => accept_filtered,
        Verdict::DeadLettered => expectations.accept_dead_lettered,
        Verdict::Passed | Verdict::Undetermined => true,
        Verdict::Open | Verdict::Absent | Verdict::Retrying | Verdict::Failed => false,
    };
    let verdict_of = |track: TrackFacts<'a>, mqadmin_track_type, expected: bool| {
        let finding = evidence.find(track, subject);
        let group = track.group;
        GroupVerdict {
            group,
            track_type: track.word,
            mark: track.mark,
            mqadmin_track_type,
            inferred_from: track.inferred_from,
            by_offset: track.verdict,
            finding,
            expected,
            unexpected: !expected && !expectations.names_group(subject.topic, group),
            breaks: expected && !accepted(finding.verdict),
        }
    };
    let is_expected = |group: &str| expected.is_none_or(|expected| expected.contains(group));
    let answered = tracks.iter().map(|track| {
        let facts = TrackFacts {
            group: &track.group,
            word: &track.track_type,
            verdict: Verdict::of(&track.track_type),
            mark: &track.mark,
            deliveries: track.deliveries.as_deref(),
            inferred_from: track.inferred_from,
        };
        verdict_of(facts, &*track.mqadmin_track_type, is_expected(&track.group))
    });
    let mut groups: Vec<GroupVerdict<'a>> = answered.collect();
    if let Some(expected) = expected {
        let is_answered = |group: &str| tracks.iter().any(|track| track.group == group);
        let absent = expected.iter().filter(|group| !is_answered(group));
        groups.extend(absent.map(|group| verdict_of(TrackFacts::absent(group), "", true)));
        groups.sort_by_key(|seen| seen.group);
    }
    groups
}

fn without_groups<'a>(verdict: MessageVerdict) -> Judged<'a> {
    Judged {
        verdict,
        groups: Vec::new(),
        assumed: false,
        nothing_expected: false,
        sampled: None,
        unlisted: None,
    }
}

/// Concludes from the groups. If all groups of the answer are expected and some may be missing, it is not reconciled.
fn conclude(groups: &[GroupVerdict<'_>], may_lack_groups: bool) -> MessageVerdict {
    if groups.iter().any(|seen| seen.breaks) {
        MessageVerdict::Break
    } else if may_lack_groups
        || groups
            .iter()
            .any(|seen| seen.expected && seen.verdict() == Verdict::Undetermined)
    {
        MessageVerdict::Undetermined
    } else {
        MessageVerdict::Reconciled
    }
}

#[cfg(test)]
mod tests;
