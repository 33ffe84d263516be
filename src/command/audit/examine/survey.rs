//! The first pass over the settled rows: which groups and which messages are worth examining.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{ExaminedRun, SourceNames};
use crate::evidence::MessageKeys;
use crate::results::{Line, ResultsError};
use crate::verdict::{
    AnswerView, EvidenceIndex, Judged, MessageContext, UnexaminedRow, Verdict, judge,
};

/// A group of an instance, as the rows name them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupName {
    pub(super) instance: Option<Arc<str>>,
    pub(super) group: Arc<str>,
}

/// A group with the pairs that can be examined: all but those that its offset has not reached.
#[derive(Debug)]
pub(super) struct GroupPairs {
    /// The name that the source has for the group.
    pub(super) source_name: Arc<str>,
    /// Number of messages.
    pub(super) messages: u64,
    /// Whether the group is expected to consume any of them.
    pub(super) is_expected: bool,
    /// Whether the group is expected to consume a message that it has passed.
    pub(super) is_relied_on: bool,
}

/// What the settled rows say about groups and messages.
#[derive(Debug, Default)]
pub(super) struct PairSurvey {
    pub(super) groups: BTreeMap<GroupName, GroupPairs>,
    pub(super) keys: MessageKeys,
    /// The earliest time at which a copy of any of the messages can have been stored.
    pub(super) since: Option<Timestamp>,
    /// Whether the born time of some message is unknown.
    pub(super) has_undated: bool,
    /// Messages whose key is unknown.
    pub(super) unexamined: Vec<UnexaminedRow>,
}

impl PairSurvey {
    /// Reads all rows of the run.
    pub(super) fn of(run: ExaminedRun<'_>, names: SourceNames<'_>) -> Result<Self, ResultsError> {
        let mut survey = Self::default();
        each_message(run, None, |line, subject, judged| {
            survey.add(names, line, subject, judged);
        })?;
        survey.keys.sort();
        Ok(survey)
    }

    fn add(
        &mut self,
        names: SourceNames<'_>,
        line: &Line<'_>,
        subject: &MessageContext<'_>,
        judged: &Judged<'_>,
    ) {
        match key_of(line) {
            Some(key) => self.keys.add(key),
            None => self.unexamined.push(UnexaminedRow {
                row: line.row,
                why: "the key of the message is unknown".into(),
            }),
        }
        match (subject.earliest_copy(), self.since) {
            (None, _) => self.has_undated = true,
            (Some(earliest), Some(since)) if since <= earliest => {}
            (earliest, _) => self.since = earliest,
        }
        let instance = instance_of(line);
        for seen in &judged.groups {
            if seen.verdict() == Verdict::Open {
                continue;
            }
            let name = GroupName {
                instance: instance.map(Into::into),
                group: seen.group.into(),
            };
            let pairs = self.groups.entry(name).or_insert_with(|| GroupPairs {
                source_name: names.group(instance, &line.topic, seen.group).into(),
                messages: 0,
                is_expected: false,
                is_relied_on: false,
            });
            pairs.messages += 1;
            pairs.is_expected |= seen.expected;
            pairs.is_relied_on |= seen.expected && seen.verdict() == Verdict::Passed;
        }
    }
}

/// Calls `each` for every message with an answer, judged by what was found, or by the offsets alone.
pub(super) fn each_message(
    run: ExaminedRun<'_>,
    found: Option<&EvidenceIndex>,
    each: impl FnMut(&Line<'_>, &MessageContext<'_>, &Judged<'_>),
) -> Result<(), ResultsError> {
    each_message_if(run, found, |_| true, each)
}

/// As [`each_message`], for those messages that `is_wanted` returns. The others are not judged, which takes the most time.
pub(super) fn each_message_if(
    run: ExaminedRun<'_>,
    found: Option<&EvidenceIndex>,
    is_wanted: impl Fn(&Line<'_>) -> bool,
    mut each: impl FnMut(&Line<'_>, &MessageContext<'_>, &Judged<'_>),
) -> Result<(), ResultsError> {
    run.rows.each_line(|line| {
        if let Some(answer @ AnswerView::Tracks(_)) = line.answer()
            && is_wanted(line)
        {
            let subject = run.contexts.of_line(line);
            let found = found.map(|found| found.of_row(line.row, &line.instance_id));
            let expectations = &run.header.expectations;
            let judged = judge(answer, &subject, expectations, found.unwrap_or_default());
            each(line, &subject, &judged);
        }
        Ok(())
    })
}

/// Returns the key by which copies name the message of a row.
pub(super) fn key_of<'l>(line: &'l Line<'_>) -> Option<&'l str> {
    match line.unique_key.as_deref() {
        Some("") => None,
        Some(key) => Some(key),
        None => Some(&line.msg_id),
    }
}

/// Returns the instance of a row.
pub(super) fn instance_of<'l>(line: &'l Line<'_>) -> Option<&'l str> {
    Some(&*line.instance_id).filter(|instance| !instance.is_empty())
}
