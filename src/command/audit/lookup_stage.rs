//! The first stage of a cluster audit: every message is looked up. Then the offsets are read once, and all messages are
//! judged by them ([`judge_stage`](super::judge_stage)).
//!
//! This stage is a run like any other with a results file of its own beside that of the audit (`RESULTS.located`): it is
//! paced, it keeps every answer, and `--resume` continues it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::query_run::QueryRun;
use super::start_mode::{ResumeFlags, StartMode};
use crate::exit::Failed;
use crate::humanize::counted;
use crate::message::BornClock;
use crate::results::{
    EarlierAccess, EarlierRun, Header, LOCATED, ReadError, ResultsFile, ResultsWriter, partial_path,
};
use crate::source::rocketmq::{Cluster, Locator};

/// Where the located messages are kept, and whether they are complete.
#[derive(Debug)]
pub(in crate::command) struct LookupStage {
    path: PathBuf,
    /// Whether an earlier run has looked up all messages.
    is_complete: bool,
}

impl LookupStage {
    /// Keeps the located messages beside the results file at `results`.
    pub(in crate::command) fn beside(results: &Path) -> Self {
        Self {
            path: results.with_added_extension("located"),
            is_complete: false,
        }
    }

    /// Decides how the audit starts: not at all if it is complete, else with the messages that are located already.
    ///
    /// # Errors
    ///
    /// If there are answers of an earlier run that the flags do not allow to continue or to discard.
    pub(super) fn start_audit(
        &mut self,
        flags: ResumeFlags,
        results: &Path,
        header: &Header,
        access: EarlierAccess,
    ) -> Result<StartMode, Failed> {
        if flags.resumes() {
            let finished = EarlierRun::finished(results, header);
            if matches!(&finished, Ok(Some(file)) if file.trailer().totals.unanswered == 0) {
                return Ok(StartMode::AlreadyComplete);
            }
            // A file of another run is refused here.
            if partial_path(results).exists() {
                drop(EarlierRun::beside(results, header, access)?);
            } else {
                drop(finished?);
            }
        } else if !flags.restarts() {
            ResultsWriter::refuse_unfinished(results, access)?;
        }
        self.start(flags, header, access)
    }

    /// Decides how this stage starts.
    ///
    /// # Errors
    ///
    /// As [`start_audit`](Self::start_audit).
    pub(in crate::command) fn start(
        &mut self,
        flags: ResumeFlags,
        header: &Header,
        access: EarlierAccess,
    ) -> Result<StartMode, Failed> {
        let start = flags.start(&self.path, &Self::header(header), access)?;
        self.is_complete = matches!(start, StartMode::AlreadyComplete);
        Ok(if self.is_complete {
            StartMode::New
        } else {
            start
        })
    }

    /// Returns the path of the located messages.
    pub(in crate::command) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks every message up, unless an earlier run has done it. `header` is that of the audit, and `born` decodes the
    /// time from IDs.
    ///
    /// # Errors
    ///
    /// If the run ends early. The located messages are kept for `--resume`.
    pub(in crate::command) fn look_up(
        &self,
        run: QueryRun<'_>,
        cluster: &Cluster,
        (header, born): (&Header, BornClock),
    ) -> Result<ResultsFile, Failed> {
        if !self.is_complete {
            self.remove_old()?;
            let locator = Locator::new(cluster, run.pacer, born);
            run.run(&locator, (&self.path, &Self::header(header)))?;
        }
        let located = ResultsFile::open_as(&self.path, LOCATED)?;
        cluster.expect(located.header().brokers());
        Ok(located)
    }

    /// Removes the located messages once all of them are judged or written. They are kept while some have no answer,
    /// because `--resume` then looks up only those.
    pub(in crate::command) fn clear(&self, unanswered: u64) {
        if unanswered == 0 {
            let _ = std::fs::remove_file(&self.path); // a file that stays does no harm
        } else {
            tracing::warn!(
                "{} got no answer; --resume asks again and reads all offsets anew",
                counted(unanswered, "message", "messages")
            );
        }
    }

    /// Returns whether all messages are looked up already.
    pub(in crate::command) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Removes the complete file of an earlier run: its lines were taken over or are not used.
    fn remove_old(&self) -> Result<(), Failed> {
        match ResultsFile::open_as(&self.path, LOCATED) {
            Ok(_) => std::fs::remove_file(&self.path).map_err(|error| Failed::refused(error, None)),
            Err(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Failed::refused(
                error,
                "name another results file with --results".to_owned(),
            )),
        }
    }

    fn header(of_audit: &Header) -> Header {
        Header {
            schema: LOCATED.to_owned(),
            ..of_audit.clone()
        }
    }
}
