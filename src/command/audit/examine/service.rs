//! Examines the messages of a service: the dead letters of the groups, then traces of messages.

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::matching::lines;
use super::survey::{PairSurvey, each_message, each_message_if, instance_of};
use super::{ExaminedRun, SourceNames};
use crate::engine::Pacer;
use crate::evidence::Examination;
use crate::input::Fingerprint;
use crate::results::{Line, ResultsError};
use crate::source::Ons;
use crate::source::ons::{DeadLetterRequest, LastCall, TraceOutcome, TraceQuery};
use crate::verdict::{EvidenceIndex, EvidenceLine, Judged, TracedRow, Verdict};

/// Dead letters are kept for three days.
const KEPT: SignedDuration = SignedDuration::from_hours(72);

/// A service, and how it is asked.
#[derive(Debug)]
pub(in crate::command) struct ServiceExaminer<'a> {
    pub(in crate::command) ons: &'a Ons,
    /// Most calls for dead letters.
    pub(in crate::command) limit: u64,
    /// The number of messages in the random sample, and of breaks and dead letters that are traced at most.
    pub(in crate::command) trace_sample: usize,
    /// The pace of the dead letters, which have a quota of their own.
    pub(in crate::command) dead_letters: Pacer,
    /// The pace of the traces.
    pub(in crate::command) traces: Pacer,
    /// Until when calls may begin.
    pub(in crate::command) last_call: LastCall<'a>,
}

/// The messages that are traced.
#[derive(Debug, Default)]
struct TracedMessages {
    queries: Vec<TraceQuery>,
    rows: Vec<TracedRow>,
}

impl ServiceExaminer<'_> {
    /// Asks for the dead letters of the groups of the survey.
    pub(super) async fn dead_letters(&self, survey: &PairSurvey) -> Examination {
        let to = (self.last_call.clock)();
        let since = survey.since.filter(|_| !survey.has_undated);
        let since = since.unwrap_or(to - KEPT);
        let mut groups: Vec<_> = survey.groups.iter().collect();
        groups.sort_by_key(|(_, pairs)| !pairs.is_expected);
        let groups = groups.into_iter();
        let request = DeadLetterRequest {
            groups: groups
                .map(|(name, _)| (name.instance.clone(), name.group.clone()))
                .collect(),
            from: since.min(to),
            to,
            keys: &survey.keys,
            limit: self.limit,
            last_call: self.last_call,
        };
        self.ons.dead_letters(&request, &self.dead_letters).await
    }

    /// Asks for the traces of breaks and dead letters, then of a random sample. Adds their proofs, and returns the lines
    /// about the messages that were traced.
    pub(super) async fn traces(
        &self,
        run: ExaminedRun<'_>,
        survey: &PairSurvey,
        examination: &mut Examination,
    ) -> Result<Vec<EvidenceLine>, ResultsError> {
        if self.trace_sample == 0 {
            return Ok(Vec::new());
        }
        let mut found = EvidenceIndex::default();
        for line in lines(run, survey, examination, SourceNames::AsInRows)? {
            found.add(line);
        }
        let mut traced = self.chosen(run, &found)?;
        tracing::info!(
            "asking for the traces of {}",
            crate::humanize::counted(traced.rows.len() as u64, "message", "messages")
        );
        let answer = self
            .ons
            .traces(&traced.queries, self.last_call, &self.traces)
            .await;
        for (row, outcome) in traced.rows.iter_mut().zip(answer.outcomes) {
            if let TraceOutcome::Untraced(why) = outcome {
                row.error = Some(why);
            }
        }
        examination.proofs.extend(answer.proofs);
        examination.calls += answer.calls;
        Ok(traced.rows.into_iter().map(EvidenceLine::Traced).collect())
    }

    /// Chooses the messages to trace. A resumed run chooses the same sample.
    fn chosen(
        &self,
        run: ExaminedRun<'_>,
        found: &EvidenceIndex,
    ) -> Result<TracedMessages, ResultsError> {
        let mut troubled = BTreeSet::new();
        let mut sample: BinaryHeap<(Draw, u64)> = BinaryHeap::new();
        each_message(run, Some(found), |line, _, judged| {
            if is_troubled(judged) && troubled.len() < self.trace_sample {
                troubled.insert(line.row);
            }
            let mut expected = judged.groups.iter().filter(|seen| seen.expected);
            if expected.any(|seen| seen.verdict() == Verdict::Passed) {
                sample.push((Draw::of(&run.header.run_id, line), line.row));
                if sample.len() > self.trace_sample {
                    sample.pop();
                }
            }
        })?;
        let sample: BTreeSet<_> = sample.into_iter().map(|(_, row)| row).collect();
        let mut traced = TracedMessages::default();
        let is_chosen =
            |line: &Line<'_>| sample.contains(&line.row) || troubled.contains(&line.row);
        each_message_if(run, None, is_chosen, |line, subject, _| {
            traced.queries.push(query(line, subject.born));
            traced.rows.push(TracedRow {
                row: line.row,
                sampled: sample.contains(&line.row),
                error: None,
            });
        })?;
        Ok(traced)
    }
}

/// Returns whether some expected group makes a break, or has the message among its dead letters.
fn is_troubled(judged: &Judged<'_>) -> bool {
    let mut groups = judged.groups.iter();
    groups.any(|seen| seen.breaks || seen.verdict() == Verdict::DeadLettered)
}

fn query(line: &Line<'_>, born_at: Option<Timestamp>) -> TraceQuery {
    TraceQuery {
        instance_id: instance_of(line).map(Into::into),
        topic: Arc::from(&*line.topic),
        msg_id: Arc::from(&*line.msg_id),
        born_at,
    }
}

/// The order in which messages are drawn for the sample: by a hash of the run and the message.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Draw(f64);

impl Draw {
    fn of(run_id: &str, line: &Line<'_>) -> Self {
        Self(Fingerprint::of_parts(run_id, &line.topic, &line.msg_id).share())
    }
}

impl Eq for Draw {}

impl PartialOrd for Draw {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Draw {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
