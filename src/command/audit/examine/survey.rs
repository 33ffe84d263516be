//! The first pass over the settled rows: which groups and which messages are worth examining.

use std::collections::{BTreeMap, HashMap};
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
    /// Number of messages of the pairs.
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
        let mut counted = PairsByTopic::default();
        each_message(run, None, |line, subject, judged| {
            survey.add(line, subject);
            counted.add(names, line, judged);
        })?;
        survey.keys.sort();
        survey.groups = counted.groups();
        Ok(survey)
    }

    fn add(&mut self, line: &Line<'_>, subject: &MessageContext<'_>) {
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
    }
}

/// The pairs by instance, topic and group. A known group is found without making a name.
#[derive(Debug, Default)]
struct PairsByTopic(HashMap<String, HashMap<String, BTreeMap<Arc<str>, GroupPairs>>>);

impl PairsByTopic {
    fn add(&mut self, names: SourceNames<'_>, line: &Line<'_>, judged: &Judged<'_>) {
        let topics = known_or_new(&mut self.0, &line.instance_id);
        let groups = known_or_new(topics, &line.topic);
        for seen in &judged.groups {
            if seen.verdict() == Verdict::Open {
                continue;
            }
            if !groups.contains_key(seen.group) {
                let name = names.group(instance_of(line), &line.topic, seen.group);
                let pairs = GroupPairs {
                    source_name: name.into(),
                    messages: 0,
                    is_expected: false,
                    is_relied_on: false,
                };
                groups.insert(seen.group.into(), pairs);
            }
            if let Some(pairs) = groups.get_mut(seen.group) {
                pairs.messages += 1;
                pairs.is_expected |= seen.expected;
                pairs.is_relied_on |= seen.expected && seen.verdict() == Verdict::Passed;
            }
        }
    }

    /// Returns the pairs by group, whatever the topic.
    fn groups(self) -> BTreeMap<GroupName, GroupPairs> {
        let mut all: BTreeMap<GroupName, GroupPairs> = BTreeMap::new();
        for (instance, topics) in self.0 {
            let instance = Some(Arc::from(instance)).filter(|id: &Arc<str>| !id.is_empty());
            for (group, pairs) in topics.into_values().flatten() {
                let name = GroupName {
                    instance: instance.clone(),
                    group,
                };
                match all.get_mut(&name) {
                    Some(known) => {
                        known.messages += pairs.messages;
                        known.is_expected |= pairs.is_expected;
                        known.is_relied_on |= pairs.is_relied_on;
                    }
                    None => {
                        all.insert(name, pairs);
                    }
                }
            }
        }
        all
    }
}

/// Returns the value of a key. A known key is not copied.
fn known_or_new<'m, V: Default>(map: &'m mut HashMap<String, V>, key: &str) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key).expect("the key was just added")
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
            let found = line.with_answer(found.unwrap_or_default());
            let judged = judge(answer, &subject, expectations, found);
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
