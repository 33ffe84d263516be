//! A cluster is audited in two steps: every message is looked up, then the offsets are captured once and all messages are
//! judged by them.
//!
//! The first step is a run like any other, with a record of its own beside that of the audit (`RESULTS.located`): paced,
//! journalled, gone on with by `--resume`. The second takes seconds, so nothing of it is worth keeping: ended in the
//! middle, it is done again, with offsets as they are then.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::asking::{Around, Asking};
use super::begin::{Begin, ResumeFlags};
use super::ending::listen;
use super::job::Job;
use crate::clock::rfc3339;
use crate::command::World;
use crate::engine::Stop;
use crate::exit::Failed;
use crate::input::{Entry, Error, Row};
use crate::message::{BornClock, Position, Query, Tag};
use crate::offsets::snapshot::{ClusterState, Document};
use crate::record::{
    Durability, Found, FoundView, Header, LOCATED, Line, Outcome, ReadError, Record, RecordError,
    Recorder, partial_path,
};
use crate::source::rocketmq::{AskedTopic, Cluster, Locator};
use crate::source::{FailureKind, Snapshot};
use crate::words::count;

/// The messages that were looked up.
#[derive(Debug)]
pub(in crate::command) struct Located {
    path: PathBuf,
    /// What the input asks about.
    pub(in crate::command) topics: BTreeSet<AskedTopic>,
    /// Does the input give the place of every message? Then nothing is looked up.
    placed: bool,
    /// Were all messages looked up before?
    done: bool,
}

impl Located {
    /// Of the record at `results`.
    pub(in crate::command) fn beside(results: &Path) -> Self {
        Self {
            path: results.with_added_extension("located"),
            topics: BTreeSet::new(),
            placed: true,
            done: false,
        }
    }

    /// How the run begins: by what is looked up already, unless the audit is whole.
    pub(super) fn settle(
        &mut self,
        flags: ResumeFlags,
        results: &Path,
        header: &Header,
    ) -> Result<Begin, Failed> {
        let partial = partial_path(results);
        if flags.resumes() {
            if is_answered(results, header) {
                return Ok(Begin::Whole);
            }
            if partial.exists() {
                drop(Found::beside(results, header)?); // of another run, it is refused here
            }
        } else if partial.exists() && !flags.restarts() {
            return Err(RecordError::Unfinished { path: partial }.into());
        }
        self.go_on(flags, header)
    }

    /// How the first step begins.
    pub(in crate::command) fn go_on(
        &mut self,
        flags: ResumeFlags,
        header: &Header,
    ) -> Result<Begin, Failed> {
        let begin = flags.settle(&self.path, &Self::header(header))?;
        self.done = matches!(begin, Begin::Whole);
        Ok(if self.done { Begin::New } else { begin })
    }

    /// The first step: looks every message up that the input does not place. Nothing where it places all.
    pub(in crate::command) fn look_up(
        &self,
        asking: &mut Asking,
        cluster: &Cluster,
        (header, born): (&Header, BornClock),
        around: Around<'_>,
    ) -> Result<Option<Record>, Failed> {
        if self.placed {
            return Ok(None);
        }
        if !self.done {
            self.make_room()?;
            let pacer = asking.pacer.clone();
            let locator = Locator::new(cluster, &pacer, born);
            let header = Self::header(header);
            asking.run(&locator, (&self.path, &header), around)?;
        }
        let record = Record::open_as(&self.path, LOCATED)?;
        cluster.expect(record.header().brokers());
        Ok(Some(record))
    }

    /// The second step was done: what was looked up is of use only where something is left to look up.
    pub(in crate::command) fn clear(&self, unanswered: u64) {
        if unanswered == 0 {
            let _ = std::fs::remove_file(&self.path); // nobody is worse off where it stays
        } else {
            tracing::warn!(
                "{} messages got no answer; --resume asks about them again and reads all offsets anew",
                count(unanswered)
            );
        }
    }

    /// What an earlier run has left whole is not kept: its lines were taken over, or are of no use.
    fn make_room(&self) -> Result<(), Failed> {
        match Record::open_as(&self.path, LOCATED) {
            Ok(_) => std::fs::remove_file(&self.path).map_err(|error| Failed::refused(error, None)),
            Err(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Failed::refused(
                error,
                "name another record with --results".to_owned(),
            )),
        }
    }

    /// What is to be found out: which topics are asked about, and whether any message is to be looked up.
    pub(in crate::command) fn survey(
        &mut self,
        rows: impl Iterator<Item = Result<Row, Error>>,
    ) -> Result<(), Error> {
        let mut last: Option<AskedTopic> = None;
        for row in rows {
            let Entry::Query(query) = row?.entry else {
                continue;
            };
            self.placed &= query.position.is_some();
            let is_last = |(instance, topic): &AskedTopic| {
                *instance == query.instance_id && *topic == query.topic
            };
            if !last.as_ref().is_some_and(is_last) {
                let asked = (query.instance_id, query.topic);
                self.topics.insert(asked.clone());
                last = Some(asked);
            }
        }
        Ok(())
    }

    /// Does the input give the place of every message?
    pub(in crate::command) const fn is_placed(&self) -> bool {
        self.placed
    }

    /// Is nothing left to look up?
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    fn header(of_audit: &Header) -> Header {
        Header {
            schema: LOCATED.to_owned(),
            ..of_audit.clone()
        }
    }
}

/// Is the audit whole, with an answer for every message?
fn is_answered(results: &Path, header: &Header) -> bool {
    Record::open(results).is_ok_and(|record| {
        record.header().differences(header).is_empty() && record.trailer().totals.unanswered == 0
    })
}

impl Job {
    /// Both steps.
    pub(super) fn look_up_and_judge(
        &mut self,
        cluster: &Cluster,
        located: &Located,
        around: Around<'_>,
    ) -> Result<(), Failed> {
        let of_run = (&self.header, self.born);
        let found = located.look_up(&mut self.asking, cluster, of_run, around)?;
        let captured = captured(cluster, &located.topics, found.as_ref());
        let frozen = around.runtime.block_on(captured)?;
        let frozen = freeze(frozen)?;
        let unanswered = self.judge(&frozen, found.as_ref(), around.world)?;
        if found.is_some() {
            located.clear(unanswered);
        }
        Ok(())
    }

    /// Judges every row by what was captured, in one pass; gives how many messages got no answer.
    fn judge(
        &self,
        frozen: &Snapshot,
        found: Option<&Record>,
        world: &World,
    ) -> Result<u64, Failed> {
        let header = Header {
            as_of: Some(rfc3339(frozen.captured_at())),
            rules: frozen.rules(),
            ..self.header.clone()
        };
        // What an earlier try has left of this step is not worth keeping.
        let mut recorder = Recorder::restart(&self.results, &header, Durability::Relaxed)?;
        let mut rows = self.asking.inputs.rows();
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
            Some(record) => {
                let mut blocks = record.blocks(false);
                while let Some(block) = blocks.next_block()? {
                    for line in record.parsed(&block) {
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
        let totals = recorder.finish((world.clock)())?;
        Ok(totals.unanswered)
    }
}

/// Captures the offsets of all topics; asked to stop, it stops.
pub(in crate::command) async fn captured(
    cluster: &Cluster,
    topics: &BTreeSet<AskedTopic>,
    found: Option<&Record>,
) -> Result<Document, Failed> {
    let kept = |hint: Option<String>| match found {
        Some(record) => {
            let kept = format!(
                "the messages are looked up, and kept in {}; say the same again with --resume",
                record.path().display()
            );
            Some(hint.map_or_else(|| kept.clone(), |hint| format!("{hint}\nhint: {kept}")))
        }
        None => hint,
    };
    let stop = Stop::new();
    let captured = tokio::select! {
        captured = cluster.capture(topics) => captured,
        error = listen(&stop) => return Err(Failed::incomplete(error, kept(None))),
        () = stop.draining() => return Err(Failed::incomplete(anyhow!("stopped as asked"), kept(None))),
    };
    let captured = captured.map_err(|failure| {
        let error = anyhow!("the offsets can't be read: {}", failure.message);
        if found.is_none() && failure.kind == FailureKind::Fatal {
            Failed::refused(error, failure.hint)
        } else {
            Failed::incomplete(error, kept(failure.hint))
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

fn freeze(captured: Document) -> Result<Snapshot, Failed> {
    let state = ClusterState::of(captured).map_err(|contradiction| {
        Failed::incomplete(
            anyhow!("the brokers contradict each other: {contradiction}"),
            None,
        )
    })?;
    Ok(Snapshot::of(state))
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
