//! What a snapshot examines beyond the offsets: the groups of the topics of its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};

use super::Env;
use super::audit::resume_hint;
use super::flags::ExamineSettings;
use super::signals::stop_on_signal;
use crate::engine::{Pacer, Stop};
use crate::evidence::MessageKeys;
use crate::exit::Failed;
use crate::humanize::counted;
use crate::offsets::snapshot::{GroupEntry, SnapshotDocument};
use crate::results::{FoundView, Line, ResultsFile};
use crate::source::rocketmq::{Cluster, ExamineRequest, GroupToExamine};

/// Margin for the difference between the clocks of producers and brokers.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);

impl ExamineSettings {
    /// Examines the groups of the topics of the located messages, and adds what is found to the document. A signal stops
    /// it.
    ///
    /// # Errors
    ///
    /// If the messages cannot be read, a signal stops it, or the shared quota is lost.
    pub(super) fn add_to(
        &self,
        document: &mut SnapshotDocument,
        located: &ResultsFile,
        (env, cluster, pacer): (&Env, &Cluster, &Pacer),
    ) -> Result<(), Failed> {
        let survey = LocatedSurvey::of(located)?;
        let groups: Vec<_> = survey.groups(&document.groups).collect();
        let keys_of = |group: &str| {
            let entry = document.groups.iter().find(|entry| *entry.group == *group);
            let topics = entry.map(topics_of).unwrap_or_default();
            keys_of_topics(located, &topics)
        };
        let request = ExamineRequest {
            groups,
            keys: &survey.keys,
            since: survey.since(),
            limit: self.limit,
            trace_topic: self.trace_topic.clone(),
            keys_of: &keys_of,
        };
        let stop = Stop::new();
        let examined = env.runtime()?.block_on(async {
            tokio::select! {
                examined = cluster.examine(document, &request, pacer) => Ok(examined),
                lost = pacer.lost() => Err(lost.into()),
                error = stop_on_signal(&stop) => Err(error.into()),
                () = stop.draining() => Err(anyhow!("stopped as asked")),
            }
        });
        let examined =
            examined.map_err(|error| Failed::incomplete(error, resume_hint(Some(located))))?;
        tracing::info!(
            "examined {} beyond the offsets with {}: found {}",
            counted(request.groups.len() as u64, "group", "groups"),
            counted(examined.calls, "call", "calls"),
            counted(
                examined.proofs.len() as u64,
                "copy or record",
                "copies or records"
            ),
        );
        document.examined = Some(examined.topics);
        document.proofs = examined.proofs;
        Ok(())
    }
}

/// What is known about the located messages.
#[derive(Debug, Default)]
struct LocatedSurvey {
    keys: MessageKeys,
    /// Number of messages by topic.
    by_topic: BTreeMap<Box<str>, u64>,
    oldest: Option<Timestamp>,
    /// Whether the born time of some message is unknown.
    has_undated: bool,
}

impl LocatedSurvey {
    fn of(located: &ResultsFile) -> Result<Self, Failed> {
        let mut survey = Self::default();
        each_found(located, |line, found| {
            survey.keys.add(key_of(line));
            *survey.by_topic.entry((&*found.topic).into()).or_default() += 1;
            match line.born_at.parse::<Timestamp>() {
                Ok(born) => survey.oldest = Some(survey.oldest.map_or(born, |at| at.min(born))),
                Err(_) => survey.has_undated = true,
            }
        })?;
        survey.keys.sort();
        Ok(survey)
    }

    fn since(&self) -> Option<Timestamp> {
        let oldest = self.oldest.filter(|_| !self.has_undated)?;
        oldest.checked_sub(BEFORE).ok()
    }

    /// Returns the groups that consume any of the messages' topics.
    fn groups<'d>(&'d self, groups: &'d [GroupEntry]) -> impl Iterator<Item = GroupToExamine> {
        groups.iter().filter_map(|entry| {
            let topics = topics_of(entry).into_iter();
            let messages = topics.filter_map(|topic| self.by_topic.get(topic)).sum();
            (messages > 0).then(|| GroupToExamine {
                group: entry.group.clone(),
                messages,
            })
        })
    }
}

/// Returns the topics that a group subscribes to or has an offset for.
fn topics_of(entry: &GroupEntry) -> BTreeSet<&str> {
    let subscribed = entry.subscriptions.iter().map(|to| &*to.topic);
    let committed = entry.offsets.iter().map(|offset| &*offset.topic);
    subscribed.chain(committed).collect()
}

/// Returns the keys of the messages of some topics.
fn keys_of_topics(located: &ResultsFile, topics: &BTreeSet<&str>) -> anyhow::Result<Vec<Arc<str>>> {
    let mut keys = Vec::new();
    let all = each_found(located, |line, found| {
        if topics.contains(&*found.topic) {
            keys.push(key_of(line).into());
        }
    });
    all.map_err(|failed| failed.error)?;
    Ok(keys)
}

/// Returns the key by which copies name a message.
fn key_of<'l>(line: &'l Line<'_>) -> &'l str {
    let key = line.unique_key.as_deref().filter(|key| !key.is_empty());
    key.unwrap_or(&line.msg_id)
}

fn each_found(
    located: &ResultsFile,
    mut take: impl FnMut(&Line<'_>, &FoundView<'_>),
) -> Result<(), Failed> {
    super::snapshot::each_line(located, false, |line| {
        if let Some(found) = &line.found {
            take(line, found);
        }
        Ok(())
    })
}
