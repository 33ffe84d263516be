//! A cluster is audited in two steps: every message is looked up here, then the offsets are captured once and all
//! messages are judged by them ([`captured`](super::captured)).
//!
//! This step is a run like any other, with a results file of its own beside that of the audit (`RESULTS.located`): paced,
//! journalled, gone on with by `--resume`.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::query_run::{QueryRun, RunContext};
use super::start_mode::{ResumeFlags, StartMode};
use crate::exit::Failed;
use crate::humanize::count;
use crate::input::{Entry, Error, Row};
use crate::message::BornClock;
use crate::results::{
    EarlierRun, Header, LOCATED, ReadError, ResultsFile, ResultsWriter, partial_path,
};
use crate::source::rocketmq::{Cluster, Locator, QueriedTopic};

/// The messages that were looked up.
#[derive(Debug)]
pub(in crate::command) struct LookupStage {
    path: PathBuf,
    /// What the input asks about.
    pub(in crate::command) topics: BTreeSet<QueriedTopic>,
    /// Does the input give the place of every message? Then nothing is looked up.
    placed: bool,
    /// Were all messages looked up before?
    done: bool,
}

impl LookupStage {
    /// Of the results file at `results`.
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
    ) -> Result<StartMode, Failed> {
        if flags.resumes() {
            let finished = EarlierRun::finished(results, header);
            if matches!(&finished, Ok(Some(results_file)) if results_file.trailer().totals.unanswered == 0)
            {
                return Ok(StartMode::AlreadyComplete);
            }
            // Of another run, it is refused here.
            if partial_path(results).exists() {
                drop(EarlierRun::beside(results, header)?);
            } else {
                drop(finished?);
            }
        } else if !flags.restarts() {
            ResultsWriter::refuse_unfinished(results)?;
        }
        self.go_on(flags, header)
    }

    /// How the first step begins.
    pub(in crate::command) fn go_on(
        &mut self,
        flags: ResumeFlags,
        header: &Header,
    ) -> Result<StartMode, Failed> {
        let start = flags.settle(&self.path, &Self::header(header))?;
        self.done = matches!(start, StartMode::AlreadyComplete);
        Ok(if self.done { StartMode::New } else { start })
    }

    /// The first step: looks every message up that the input does not place. Nothing where it places all.
    pub(in crate::command) fn look_up(
        &self,
        query_run: &mut QueryRun,
        cluster: &Cluster,
        (header, born): (&Header, BornClock),
        context: RunContext<'_>,
    ) -> Result<Option<ResultsFile>, Failed> {
        if self.placed {
            return Ok(None);
        }
        if !self.done {
            self.make_room()?;
            let pacer = query_run.pacer.clone();
            let locator = Locator::new(cluster, &*pacer, born);
            let header = Self::header(header);
            query_run.run(&locator, (&self.path, &header), context)?;
        }
        let results_file = ResultsFile::open_as(&self.path, LOCATED)?;
        cluster.expect(results_file.header().brokers());
        Ok(Some(results_file))
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
        match ResultsFile::open_as(&self.path, LOCATED) {
            Ok(_) => std::fs::remove_file(&self.path).map_err(|error| Failed::refused(error, None)),
            Err(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Failed::refused(
                error,
                "name another results file with --results".to_owned(),
            )),
        }
    }

    /// What is to be found out: which topics are asked about, and whether any message is to be looked up.
    pub(in crate::command) fn survey(
        &mut self,
        rows: impl Iterator<Item = Result<Row, Error>>,
    ) -> Result<(), Error> {
        let mut last: Option<QueriedTopic> = None;
        for row in rows {
            let Entry::Query(query) = row?.entry else {
                continue;
            };
            self.placed &= query.position.is_some();
            let is_last = |(instance, topic): &QueriedTopic| {
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
