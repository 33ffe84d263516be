//! How a run starts where an earlier run has left answers: it continues, discards them, or refuses to choose.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::command::flags::SourceKind;
use crate::exit::Failed;
use crate::file;
use crate::results::{
    Durability, EarlierAccess, EarlierRun, Header, Previous, QueryDigest, ResultsWriter, RowSet,
    Unfinished,
};
use crate::settings::{Settings, Share};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Resume and reuse")]
pub(in crate::command) struct StartFlags {
    #[command(flatten)]
    pub(in crate::command) resume: ResumeFlags,
    /// Reuse the answers of an earlier results file for messages that all their expected groups have passed
    ///
    /// They keep their own observed_at and are marked as carried; only the rest is asked. A group that had passed a message
    /// and is open now is reported: its offset was likely reset, or, for 5.x, a client has the message. This takes at most 48 bytes of memory for each message of that
    /// results file.
    ///
    /// Example: ons-audit audit open.csv --source ons://cn-hangzhou -o today.csv --previous yesterday.results.ndjson
    #[arg(long, value_name = "RESULTS")]
    previous: Option<PathBuf>,
    /// ons:// only: do not ask what follows from other answers by the order of the queues
    ///
    /// A group that has passed a message has passed all below it in the queue; one that has not reached it has reached none
    /// above it. So the highest message of each queue is asked first, then the boundary of each group is searched for by
    /// halving. It applies to rows with topic, broker, queue_id, queue_offset and send_status SEND_OK, or from log lines
    /// that say so; all others are asked. Not for delayed, timed and transactional messages: their send results name the
    /// place of another message. Such pairs have the evidence `inferred`.
    ///
    /// Example: ons-audit audit sent.log --source ons://cn-hangzhou -o audit.csv --infer
    #[arg(long)]
    infer: bool,
    /// With --infer: every row with a place was sent successfully, whatever its send status says
    #[arg(long, requires = "infer")]
    trust_input: bool,
    /// Ask this share of the reused messages anyway, chosen at random [default: 0%; with --infer 2%]
    #[arg(long, value_name = "P%")]
    recheck: Option<String>,
}

/// What happens to the answers that an unfinished run has left.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Resume and reuse")]
pub(in crate::command) struct ResumeFlags {
    /// Continue an unfinished run of the same command: ask only what has no answer yet
    ///
    /// Without an earlier run it starts with the first row. A finished results file with unanswered messages is continued,
    /// too. With --resume, name reports by date (-o audit-$(date +%F).csv): a finished results file of the same name is not
    /// asked again, and one about another input, source or expectation is refused.
    ///
    /// Example: repeat the command that was interrupted, and add --resume
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Throw away the answers of an unfinished run and start with the first row
    #[arg(long)]
    restart: bool,
}

/// How a run starts.
#[derive(Debug)]
pub(in crate::command) enum StartMode {
    /// With the first row; there are no answers of an earlier run.
    New,
    /// With the first row; the answers of an earlier run are discarded.
    Restart,
    /// With the rows that an earlier run has not settled.
    Resume(Box<Unfinished>),
    /// Not at all: the results file is complete and every message has an answer.
    AlreadyComplete,
}

impl StartFlags {
    pub(super) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("recheck", self.recheck.as_ref());
    }

    /// Returns whether answers are inferred.
    pub(super) const fn infers(&self) -> bool {
        self.infer
    }

    /// Returns whether every message with a place counts as sent.
    pub(super) const fn trusts_input(&self) -> bool {
        self.trust_input
    }

    /// Refuses flags that do not fit the source or each other.
    pub(super) fn check(&self, kind: SourceKind) -> Result<(), Failed> {
        if self.recheck.is_some() && self.previous.is_none() && !self.infer {
            let hint = "it is the share of the messages that --previous or --infer would not ask";
            return Err(Failed::refused(
                anyhow!("--recheck needs --previous RESULTS or --infer"),
                Some(hint.to_owned()),
            ));
        }
        let why = match kind {
            SourceKind::Api => return Ok(()),
            _ if !self.infer => return Ok(()),
            SourceKind::Rmq => {
                "5.x acknowledges each message alone, so nothing follows for another one"
            }
            SourceKind::Cluster => "a cluster needs no call for each message; leave it out",
            SourceKind::Snapshot => "a snapshot needs no calls; leave it out",
        };
        let error = anyhow!("--infer does not work with this source");
        Err(Failed::refused(error, Some(why.to_owned())))
    }

    /// Returns the flag that needs rows that can be read again, with what to do instead.
    pub(super) fn beyond_stream(&self) -> Option<(&'static str, &'static str)> {
        let resume = "a stream can't be read again: give only the rows that have no line yet";
        let previous = "audit a file instead, or leave out the rows whose answers are known";
        let infer = "answers follow from others only when all rows are known: audit a file instead";
        let flags = [
            (self.resume.resumes(), "--resume", resume),
            (self.previous.is_some(), "--previous", previous),
            (self.infer, "--infer", infer),
            (self.trust_input, "--trust-input", infer),
            (self.recheck.is_some(), "--recheck", infer),
        ];
        let mut given = flags.into_iter().filter(|(is_given, ..)| *is_given);
        given.next().map(|(_, flag, hint)| (flag, hint))
    }

    /// Returns the path of `--previous`, which no report may replace.
    pub(in crate::command) fn previous(&self) -> Option<&Path> {
        self.previous.as_deref()
    }

    /// Opens the file of `--previous` for the run of `header`, and notes in the header which one it is.
    pub(super) fn open_previous(
        &self,
        settings: &Settings,
        header: &mut Header,
    ) -> Result<Option<Previous>, Failed> {
        let Some(path) = &self.previous else {
            return Ok(None);
        };
        let Share(recheck) = settings.get("recheck")?;
        let previous = Previous::open(path, header, recheck)?;
        let options = &mut header.options;
        options.insert("--previous".to_owned(), previous.seal().to_owned());
        options.insert(
            "--recheck".to_owned(),
            settings.text("recheck").0.to_owned(),
        );
        Ok(Some(previous))
    }
}

impl ResumeFlags {
    pub(in crate::command) const fn restarts(self) -> bool {
        self.restart
    }

    pub(in crate::command) const fn resumes(self) -> bool {
        self.resume
    }

    /// Looks for answers that are to become `results`. They are changed only with
    /// `--resume`, and if `access` allows it.
    ///
    /// # Errors
    ///
    /// If there are such answers and neither flag is given, or if they are of another run.
    pub(in crate::command) fn start(
        self,
        results: &Path,
        header: &Header,
        access: EarlierAccess,
    ) -> Result<StartMode, Failed> {
        if !file::folder(results).is_dir() {
            return Err(Failed::unwritable(results, ErrorKind::NotFound.into()));
        }
        if self.restart {
            return Ok(StartMode::Restart);
        }
        if !self.resume {
            ResultsWriter::refuse_unfinished(results, access)?;
            return Ok(StartMode::New);
        }
        Ok(match EarlierRun::beside(results, header, access)? {
            EarlierRun::Nothing => StartMode::New,
            EarlierRun::Unfinished(unfinished) => StartMode::Resume(unfinished),
            EarlierRun::Complete => StartMode::AlreadyComplete,
        })
    }
}

impl StartMode {
    /// Returns the answers of the run that is resumed.
    pub(in crate::command) fn unfinished(&self) -> Option<&Unfinished> {
        match self {
            Self::Resume(unfinished) => Some(unfinished),
            Self::New | Self::Restart | Self::AlreadyComplete => None,
        }
    }

    /// Returns the rows that are settled already.
    pub(in crate::command) fn done(&self) -> Option<&RowSet> {
        self.unfinished().map(Unfinished::done)
    }

    /// Refuses to resume if the settled lines ask anything else than their rows in the input (`digest`). `results` is
    /// what the lines are to become.
    pub(in crate::command) fn compare(
        &self,
        digest: QueryDigest,
        results: &Path,
    ) -> Result<(), Failed> {
        if let Some(unfinished) = self.unfinished() {
            unfinished.compare(digest, results)?;
        }
        Ok(())
    }

    /// Opens the partial file. Also returns the rows that are settled in it.
    pub(super) fn open(
        self,
        results: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<(ResultsWriter, RowSet), Failed> {
        let writer = match self {
            Self::New => ResultsWriter::create(results, header, durability)?,
            Self::Restart => ResultsWriter::restart(results, header, durability)?,
            Self::Resume(unfinished) => {
                return Ok(ResultsWriter::resume(results, *unfinished, durability)?);
            }
            Self::AlreadyComplete => unreachable!("a complete audit asks nothing"),
        };
        Ok((writer, RowSet::default()))
    }
}
