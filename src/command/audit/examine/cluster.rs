//! Examines the messages of a cluster: copies in schedule, retry and dead-letter topics, and trace records.

use std::sync::Arc;

use super::survey::{PairSurvey, each_message, instance_of, key_of};
use super::{ExaminedRun, SourceNames};
use crate::engine::Pacer;
use crate::evidence::Examination;
use crate::offsets::snapshot::SnapshotDocument;
use crate::source::Snapshot;
use crate::source::rocketmq::{Cluster, ExamineRequest, GroupToExamine};
use crate::verdict::Verdict;

/// A cluster, and how it is examined.
#[derive(Debug)]
pub(in crate::command) struct ClusterExaminer<'a> {
    pub(in crate::command) cluster: &'a Cluster,
    /// The offsets, which were read before.
    pub(in crate::command) document: &'a SnapshotDocument,
    /// The same offsets, by which the rows were judged.
    pub(in crate::command) snapshot: &'a Snapshot,
    pub(in crate::command) pacer: &'a Pacer,
    /// Most calls that the examination may make.
    pub(in crate::command) limit: u64,
    /// The topic with trace records, if they are read.
    pub(in crate::command) trace_topic: Option<Arc<str>>,
}

impl ClusterExaminer<'_> {
    /// Examines the groups of the survey, expected ones first.
    pub(super) async fn examine(&self, run: ExaminedRun<'_>, survey: &PairSurvey) -> Examination {
        let mut groups: Vec<_> = survey.groups.values().collect();
        groups.sort_by_key(|pairs| !pairs.is_expected);
        let groups = groups.into_iter().map(|pairs| GroupToExamine {
            group: pairs.source_name.clone(),
            messages: pairs.messages,
        });
        let names = SourceNames::OnBrokers(self.snapshot);
        let request = ExamineRequest {
            groups: groups.collect(),
            keys: &survey.keys,
            since: survey.since.filter(|_| !survey.has_undated),
            limit: self.limit,
            trace_topic: self.trace_topic.clone(),
            keys_of: &|group| keys_of(run, names, group),
        };
        self.cluster
            .examine(self.document, &request, self.pacer)
            .await
    }
}

/// Returns the keys of the messages that a group has passed, or for which its offset decides nothing.
fn keys_of(
    run: ExaminedRun<'_>,
    names: SourceNames<'_>,
    group: &str,
) -> anyhow::Result<Vec<Arc<str>>> {
    let mut keys = Vec::new();
    each_message(run, None, |line, _, judged| {
        let instance = instance_of(line);
        let mut groups = judged.groups.iter();
        let is_it = groups.any(|seen| {
            seen.verdict() != Verdict::Open
                && *names.group(instance, &line.topic, seen.group) == *group
        });
        keys.extend(key_of(line).filter(|_| is_it).map(Arc::from));
    })?;
    Ok(keys)
}
