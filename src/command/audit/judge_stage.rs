//! The second step of auditing a cluster: the offsets are captured once, and every message is judged by them.
//!
//! It takes seconds, so nothing of it is worth keeping: ended in the middle, it is done again, with offsets as they are
//! then.

use std::collections::BTreeSet;

use anyhow::anyhow;

use super::ending::listen;
use super::job::Job;
use super::lookup_stage::LookupStage;
use super::query_run::RunContext;
use crate::clock::rfc3339;
use crate::command::Env;
use crate::command::interrupt::end_at_once;
use crate::engine::Stop;
use crate::exit::Failed;
use crate::humanize::count;
use crate::input::Entry;
use crate::message::{Position, Query, Tag};
use crate::offsets::snapshot::{ClusterState, SnapshotDocument};
use crate::results::{Durability, FoundView, Header, Line, Outcome, ResultsFile, ResultsWriter};
use crate::source::rocketmq::{Cluster, QueriedTopic};
use crate::source::{FailureKind, Snapshot};

impl Job {
    /// Both steps.
    pub(super) fn look_up_and_judge(
        &mut self,
        cluster: &Cluster,
        located: &LookupStage,
        context: RunContext<'_>,
    ) -> Result<(), Failed> {
        let of_run = (&self.header, self.born);
        let found = located.look_up(&mut self.query_run, cluster, of_run, context)?;
        let captured = captured(cluster, &located.topics, found.as_ref());
        let frozen = context.runtime.block_on(captured)?;
        end_at_once(kept(found.as_ref()));
        let frozen = freeze(frozen)?;
        let unanswered = self.judge(&frozen, found.as_ref(), context.env)?;
        if found.is_some() {
            located.clear(unanswered);
        }
        Ok(())
    }

    /// Judges every row by what was captured, in one pass; gives how many messages got no answer.
    fn judge(
        &self,
        frozen: &Snapshot,
        found: Option<&ResultsFile>,
        env: &Env,
    ) -> Result<u64, Failed> {
        let header = Header {
            as_of: Some(rfc3339(frozen.captured_at())),
            rules: frozen.rules(),
            ..self.header.clone()
        };
        // What an earlier try has left of this step is not worth keeping.
        let mut recorder = ResultsWriter::restart(&self.results, &header, Durability::Relaxed)?;
        let mut rows = self.query_run.inputs.rows();
        match found {
            None => {
                for row in rows {
                    let row = row?;
                    let outcome = match &row.entry {
                        Entry::Query(query) => Some(judged(frozen, query)),
                        Entry::Duplicate { .. } | Entry::Rejected(_) => None,
                    };
                    recorder.push(&row, outcome.as_ref())?;
                }
            }
            Some(results_file) => {
                let mut blocks = results_file.blocks(true);
                while let Some(block) = blocks.next_block()? {
                    for line in results_file.parsed(&block) {
                        let line = line?;
                        let row = rows.next().ok_or_else(changed)??;
                        if row.row != line.row {
                            return Err(changed());
                        }
                        let outcome = match &row.entry {
                            Entry::Query(query) => {
                                Some(judged_where_found(frozen, query, &line).ok_or_else(changed)?)
                            }
                            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
                        };
                        recorder.push(&row, outcome.as_ref())?;
                    }
                }
            }
        }
        let totals = recorder.finish((env.clock)())?;
        Ok(totals.unanswered)
    }
}

/// Captures the offsets of all topics; asked to stop, it stops.
pub(in crate::command) async fn captured(
    cluster: &Cluster,
    topics: &BTreeSet<QueriedTopic>,
    found: Option<&ResultsFile>,
) -> Result<SnapshotDocument, Failed> {
    let with_kept =
        |failed: Failed| failed.and_hint(found.map(|results_file| kept(Some(results_file))));
    let stop = Stop::new();
    let captured = tokio::select! {
        captured = cluster.capture(topics) => captured,
        error = listen(&stop) => return Err(with_kept(Failed::incomplete(error, None))),
        () = stop.draining() => return Err(with_kept(Failed::incomplete(anyhow!("stopped as asked"), None))),
    };
    let captured = captured.map_err(|failure| {
        let error = anyhow!("the offsets can't be read: {}", failure.message);
        if found.is_none() && failure.kind == FailureKind::Fatal {
            Failed::refused(error, failure.hint)
        } else {
            with_kept(Failed::incomplete(error, failure.hint))
        }
    })?;
    tracing::info!(
        "read the offsets of {} groups on {} topics, as of {}",
        count(captured.groups.len() as u64),
        count(captured.topics.len() as u64),
        rfc3339(captured.captured_at.0)
    );
    Ok(captured)
}

/// What is there to go on with where this step is not ended.
pub(in crate::command) fn kept(found: Option<&ResultsFile>) -> String {
    found.map_or_else(
        || "run the same command again with --restart: nothing is looked up, so nothing is lost".to_owned(),
        |results_file| {
            let path = results_file.path().display();
            format!("the messages are looked up and kept in {path}; run the same command with --resume to continue")
        },
    )
}

fn freeze(captured: SnapshotDocument) -> Result<Snapshot, Failed> {
    let state = ClusterState::from_document(captured).map_err(|contradiction| {
        Failed::incomplete(
            anyhow!("the brokers contradict each other: {contradiction}"),
            None,
        )
    })?;
    Ok(Snapshot::new(state))
}

fn judged(frozen: &Snapshot, query: &Query) -> Outcome {
    Outcome {
        answer: frozen.answer(query),
        observed_at: frozen.captured_at(),
        attempts: 1,
        throttled: 0,
        carried_from: None,
        previously: None,
    }
}

/// What a line of the first step comes to: a place is judged, all else stays as it is.
fn judged_where_found(frozen: &Snapshot, query: &Query, line: &Line<'_>) -> Option<Outcome> {
    let told = Outcome::of(line)?;
    let position = match &line.found {
        Some(found) => Some(position(found)),
        None => query.position.clone(),
    };
    if told.answer.is_err() || told.carried_from.is_some() {
        return Some(told);
    }
    let query = Query {
        position: Some(position?),
        ..query.clone()
    };
    Some(Outcome {
        answer: frozen.answer(&query),
        observed_at: frozen.captured_at(),
        ..told
    })
}

fn position(found: &FoundView<'_>) -> Position {
    Position {
        broker: (*found.broker).into(),
        queue_id: found.queue_id,
        queue_offset: found.queue_offset,
        tag: found
            .tag
            .as_ref()
            .map_or(Tag::None, |tag| Tag::Named((**tag).into())),
        store: found.store_host.as_ref().map(|store| (**store).into()),
    }
}

/// The input is read again for each step, so it must be what it was.
fn changed() -> Failed {
    Failed::incomplete(
        anyhow!("the input changed while it was read"),
        "give the run a file that stays as it is, and begin with --restart".to_owned(),
    )
}
