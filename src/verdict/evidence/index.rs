//! What a results file has beyond its rows, arranged for judging.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{EvidenceLine, EvidenceNote, RowEvidence, RowProof, TracedRow, UnexaminedRow};
use crate::evidence::{ExaminedTopic, GroupLag, ProofKind, RetryPolicy, SCHEDULE_TOPIC};

/// What a results file has beyond its rows, arranged for judging.
#[derive(Debug, Default)]
pub struct EvidenceIndex {
    /// By name of the group: those of the instances that have one of this name.
    groups: HashMap<Arc<str>, Vec<GroupExamined>>,
    pub(super) proofs: HashMap<u64, Vec<RowProof>>,
    pub(super) traced: HashMap<u64, TracedRow>,
    pub(super) unexamined: HashMap<u64, Arc<str>>,
    /// By name of the group: on each topic of each instance.
    lags: HashMap<Arc<str>, Vec<GroupLag>>,
    /// By name of the group: in each instance.
    policies: HashMap<Arc<str>, Vec<RetryPolicy>>,
    lines: u64,
}

/// What was examined for one group.
#[derive(Debug, Default)]
pub(super) struct GroupExamined {
    instance: Option<Arc<str>>,
    pub(super) dead_letters: Option<Completeness>,
    /// The schedule topic and the retry topics.
    pub(super) retries: Option<Completeness>,
    pub(super) has_schedule: bool,
    pub(super) has_retries: bool,
}

/// Whether the absence of a copy means something.
#[derive(Debug, Clone, Default)]
pub(super) struct Completeness {
    /// Copies that are older may be missing.
    from: Option<Timestamp>,
    /// Copies that are newer are missing.
    to: Option<Timestamp>,
    incomplete: Option<Arc<str>>,
}

impl Completeness {
    fn and(&mut self, topic: &ExaminedTopic) {
        self.from = self.from.max(topic.from);
        self.to = Some(self.to.map_or(topic.to, |to| to.min(topic.to)));
        if self.incomplete.is_none() {
            self.incomplete.clone_from(&topic.incomplete);
        }
    }

    /// Returns why the absence of a copy means nothing for a message of which no copy can be older than `earliest`.
    pub(super) fn gap(&self, earliest: Option<Timestamp>) -> Option<EvidenceNote<'_>> {
        match (&self.incomplete, self.from, earliest) {
            (Some(why), _, _) => Some(EvidenceNote::NotExamined(why)),
            (None, Some(from), Some(earliest)) if earliest < from => Some(EvidenceNote::TooOld),
            (None, Some(_), None) => Some(EvidenceNote::BornUnknown),
            (None, _, Some(earliest)) if self.to.is_some_and(|to| to < earliest) => Some(
                EvidenceNote::NotExamined("it was read before the message was there"),
            ),
            (None, _, _) => None,
        }
    }
}

impl EvidenceIndex {
    /// Adds a line.
    pub fn add(&mut self, line: EvidenceLine) {
        self.lines += 1;
        match line {
            EvidenceLine::Examined(topic) => self.add_topic(&topic),
            EvidenceLine::Proof(proof) => self.proofs.entry(proof.row).or_default().push(proof),
            EvidenceLine::Traced(traced) => {
                self.traced.insert(traced.row, traced);
            }
            EvidenceLine::Unexamined(UnexaminedRow { row, why }) => {
                self.unexamined.insert(row, why);
            }
            EvidenceLine::Lag(lag) => self.lags.entry(lag.group.clone()).or_default().push(lag),
            EvidenceLine::Policy(policy) => {
                let of_name = self.policies.entry(policy.group.clone()).or_default();
                of_name.push(policy);
            }
        }
    }

    fn add_topic(&mut self, topic: &ExaminedTopic) {
        let of_name = self.groups.entry(topic.group.clone()).or_default();
        let mut known = of_name.iter();
        let known = known.position(|examined| examined.instance == topic.instance_id);
        let nth = known.unwrap_or_else(|| {
            of_name.push(GroupExamined {
                instance: topic.instance_id.clone(),
                ..GroupExamined::default()
            });
            of_name.len() - 1
        });
        let examined = &mut of_name[nth];
        if topic.is_dead_letter_topic() {
            examined.dead_letters.get_or_insert_default().and(topic);
        } else if topic.is_retry_topic() || &*topic.topic == SCHEDULE_TOPIC {
            examined.has_retries |= topic.is_retry_topic();
            examined.has_schedule |= !topic.is_retry_topic();
            examined.retries.get_or_insert_default().and(topic);
        }
    }

    /// Returns the number of lines that were added.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns whether nothing was examined.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Returns what clients have reported about the message of a row.
    #[must_use]
    pub fn reports(&self, row: u64) -> Vec<RowProof> {
        let is_report = |p: &&RowProof| matches!(p.kind, ProofKind::Succeeded | ProofKind::Failed);
        let of_row = self.proofs.get(&row).into_iter().flatten();
        of_row.filter(is_report).cloned().collect()
    }

    /// Returns what is known about the message of a row.
    #[must_use]
    pub fn of_row<'a>(&'a self, row: u64, instance: &'a str) -> RowEvidence<'a> {
        RowEvidence {
            index: Some(self),
            row,
            instance,
            ..RowEvidence::default()
        }
    }

    /// Returns the lags of a group on a topic: that of the run, and those of earlier runs whose answers were taken.
    pub(super) fn lags(
        &self,
        instance: &str,
        group: &str,
        topic: &str,
    ) -> impl Iterator<Item = &GroupLag> {
        let of_group = self.lags.get(group).into_iter().flatten();
        of_group.filter(move |lag| {
            lag.instance_id.as_deref().unwrap_or_default() == instance && *lag.topic == *topic
        })
    }

    /// Returns the lags that were read as zero.
    pub fn lags_of_zero(&self) -> impl Iterator<Item = &GroupLag> {
        self.lags.values().flatten().filter(|lag| lag.is_zero())
    }

    /// Returns how a group retries.
    pub(super) fn policy(&self, instance: &str, group: &str) -> Option<&RetryPolicy> {
        let mut of_name = self.policies.get(group)?.iter();
        of_name.find(|policy| policy.instance_id.as_deref().unwrap_or_default() == instance)
    }

    pub(super) fn group(&self, instance: &str, group: &str) -> Option<&GroupExamined> {
        let mut of_name = self.groups.get(group)?.iter();
        of_name.find(|examined| examined.instance.as_deref().unwrap_or_default() == instance)
    }

    /// Returns the groups for which something could not be examined, with the reasons, in name order.
    #[must_use]
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        let of_groups = self.groups.iter().flat_map(|(group, of_name)| {
            of_name.iter().flat_map(move |examined| {
                let parts = [&examined.dead_letters, &examined.retries];
                let reasons = parts.into_iter().flatten();
                reasons.filter_map(move |part| Some((&**group, part.incomplete.as_deref()?)))
            })
        });
        let lags = self.lags.values().flatten();
        let lags = lags.filter_map(|lag| Some((&*lag.group, lag.unknown.as_deref()?)));
        let policies = self.policies.values().flatten();
        let policies =
            policies.filter_map(|policy| Some((&*policy.group, policy.unknown.as_deref()?)));
        let mut gaps: Vec<_> = of_groups.chain(lags).chain(policies).collect();
        gaps.sort_unstable();
        gaps.dedup();
        gaps
    }
}
