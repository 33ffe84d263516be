//! The second stage of a cluster audit: the offsets are read once, and every message is judged by them.
//!
//! All messages must be judged by the same offsets, so an interrupted judge stage starts anew, with offsets as they are
//! then. It takes seconds; the located messages are kept and are not looked up again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use anyhow::anyhow;

use crate::clock::rfc3339;
use crate::command::signals::stop_on_signal;
use crate::engine::Stop;
use crate::exit::{Advice, Failed, Status};
use crate::humanize::counted;
use crate::input::{Entry, Row};
use crate::message::{Position, Query, Tag};
use crate::offsets::snapshot::{ClusterState, SnapshotDocument};
use crate::results::{
    Block, Blocks, FoundView, KnownAnswer, Line, Outcome, ReadError, ResultsFile,
};
use crate::source::rocketmq::{Cluster, QueriedTopic};
use crate::source::{Failure, FailureKind, Snapshot, Trace};

/// Reads the offsets of `topics`. A signal stops it.
///
/// # Errors
///
/// If a broker cannot be asked, or if a signal stops it. The hint says how to continue if messages are `located` already.
pub(in crate::command) async fn read_offsets(
    cluster: &Cluster,
    topics: &BTreeSet<QueriedTopic>,
    located: Option<&ResultsFile>,
) -> Result<SnapshotDocument, Failed> {
    let with_hint = |failed: Failed| failed.and_hint(located.map(|file| resume_hint(Some(file))));
    let stop = Stop::new();
    let document = tokio::select! {
        document = cluster.capture(topics) => document,
        error = stop_on_signal(&stop) => return Err(with_hint(Failed::incomplete(error, None))),
        () = stop.draining() => return Err(with_hint(Failed::incomplete(anyhow!("stopped as asked"), None))),
    };
    let document = document.map_err(|failure| {
        let error = anyhow!("the offsets can't be read: {}", failure.message);
        if located.is_none() && failure.kind == FailureKind::Fatal {
            Failed::refused(error, failure.hint)
        } else {
            with_hint(Failed::incomplete(error, failure.hint))
        }
    })?;
    tracing::info!(
        "read the offsets of {} on {}, as of {}",
        counted(document.groups.len() as u64, "group", "groups"),
        counted(document.topics.len() as u64, "topic", "topics"),
        rfc3339(document.captured_at.0)
    );
    Ok(document)
}

/// Says how to continue if a cluster audit ends before its results file is complete.
pub(in crate::command) fn resume_hint(located: Option<&ResultsFile>) -> String {
    located.map_or_else(
        || "run the same command again with --restart: nothing is looked up, so nothing is lost".to_owned(),
        |file| {
            let path = file.path().display();
            format!("the messages are looked up and kept in {path}; run the same command with --resume to continue")
        },
    )
}

/// Makes a source of the offsets that were read.
pub(super) fn snapshot_of(document: SnapshotDocument) -> Result<Snapshot, Failed> {
    let state = ClusterState::from_document(document).map_err(|contradiction| {
        Failed::incomplete(
            anyhow!("the brokers contradict each other: {contradiction}"),
            None,
        )
    })?;
    Ok(Snapshot::new(state))
}

/// The located messages and the offsets by which they are judged.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct LocatedMessages<'a> {
    pub(super) file: &'a ResultsFile,
    pub(super) snapshot: &'a Snapshot,
}

/// Adds to each row the judgement of its located message. The located messages are in row order, as the rows must be.
pub(super) struct LocatedRows<'a, R> {
    rows: R,
    located: LocatedMessages<'a>,
    blocks: Blocks<'a>,
    /// The lines of the current block that are not used yet, by row.
    lines: VecDeque<(u64, Option<LocatedOutcome>)>,
}

/// The outcome of looking a message up, and its position if it was found.
struct LocatedOutcome {
    outcome: Outcome,
    position: Option<Position>,
    /// The unique key of the message, if the query names it by another ID.
    unique_key: Option<Arc<str>>,
}

impl<'a, R: Iterator<Item = anyhow::Result<Row>>> LocatedRows<'a, R> {
    pub(super) fn new(rows: R, located: LocatedMessages<'a>) -> Self {
        Self {
            rows,
            located,
            blocks: located.file.blocks(true),
            lines: VecDeque::new(),
        }
    }

    fn known_answer(&mut self, row: &Row) -> anyhow::Result<KnownAnswer> {
        let line = self.line_of(row.row)?;
        let Entry::Query(query) = &row.entry else {
            return Ok(KnownAnswer::Unknown);
        };
        let outcome = line.and_then(|line| judge(self.located.snapshot, query, line));
        Ok(KnownAnswer::Settled(Box::new(outcome.ok_or(InputChanged)?)))
    }

    /// Returns the line of a row. Skips the lines before it.
    fn line_of(&mut self, row: u64) -> anyhow::Result<Option<LocatedOutcome>> {
        loop {
            while let Some((found, line)) = self.lines.pop_front() {
                if found == row {
                    return Ok(line);
                }
                if found > row {
                    return Err(InputChanged.into());
                }
            }
            let block = self.blocks.next_block()?.ok_or(InputChanged)?;
            self.read(&block)?;
        }
    }

    fn read(&mut self, block: &Block) -> Result<(), ReadError> {
        for line in self.located.file.parsed(block) {
            let line = line?;
            self.lines.push_back((line.row, LocatedOutcome::of(&line)));
        }
        Ok(())
    }
}

impl<R: Iterator<Item = anyhow::Result<Row>>> Iterator for LocatedRows<'_, R> {
    type Item = anyhow::Result<(Row, KnownAnswer)>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(row) = self.rows.next() else {
            if !self.lines.is_empty() {
                self.lines.clear();
                return Some(Err(InputChanged.into()));
            }
            // Reads to the end, where the seal is checked.
            return match self.blocks.next_block() {
                Ok(None) => None,
                Ok(Some(_)) => Some(Err(InputChanged.into())),
                Err(error) => Some(Err(error.into())),
            };
        };
        Some(row.and_then(|row| {
            let known = self.known_answer(&row)?;
            Ok((row, known))
        }))
    }
}

impl LocatedOutcome {
    /// Returns `None` for the line of a duplicate or of a rejected row.
    fn of(line: &Line<'_>) -> Option<Self> {
        Some(Self {
            outcome: Outcome::of(line)?,
            position: line.found.as_ref().map(position),
            unique_key: line.unique_key.as_deref().map(Into::into),
        })
    }
}

/// Judges a located message. An error of the look-up and an answer of an earlier run stay as they are. Returns `None` if
/// the position is unknown.
fn judge(snapshot: &Snapshot, query: &Query, line: LocatedOutcome) -> Option<Outcome> {
    let LocatedOutcome {
        outcome,
        position,
        unique_key,
    } = line;
    if outcome.answer.is_err() || outcome.carried_from.is_some() {
        return Some(outcome);
    }
    let is_located = position.is_some();
    let query = Query {
        position: Some(position.or_else(|| query.position.clone())?),
        ..query.clone()
    };
    let born_at = outcome.born_at();
    let answer = snapshot.answer(&query);
    Some(Outcome {
        answer: answer
            .map(|trace| Trace {
                born_at,
                unique_key: if is_located {
                    unique_key
                } else {
                    trace.unique_key
                },
                ..trace
            })
            .map_err(|failure| Failure {
                born_at: born_at.map(Box::new),
                ..failure
            }),
        observed_at: snapshot.captured_at(),
        ..outcome
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

/// The rows of the input are not those of the located messages. The input is read once for each stage, so it must not
/// change between them.
#[derive(Debug, thiserror::Error)]
#[error("the input changed while it was read")]
pub(super) struct InputChanged;

impl Advice for InputChanged {
    fn hint(&self) -> Option<String> {
        Some("give the run a file that stays as it is, and begin with --restart".to_owned())
    }

    fn status(&self) -> Status {
        Status::Incomplete
    }
}
