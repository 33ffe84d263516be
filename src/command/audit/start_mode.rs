//! How a run begins where an earlier one has left answers: go on with them, throw them away, or refuse to choose.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::exit::Failed;
use crate::file;
use crate::input::Inputs;
use crate::results::{
    Durability, EarlierRun, Header, Previous, QueryDigest, ResultsWriter, RowSet, Unfinished,
};
use crate::settings::{Settings, Share};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Resume and reuse")]
pub(super) struct StartFlags {
    #[command(flatten)]
    pub(super) resume: ResumeFlags,
    /// Reuse the answers of an earlier results file for messages that all their expected groups have passed
    ///
    /// They keep their own observed_at and are marked as carried; only the rest is asked. A group that had passed a message
    /// and is open now is reported as a likely offset reset. This takes at most 48 bytes of memory for each message of that
    /// results file.
    ///
    /// Example: ons-audit audit open.csv --source ons://cn-hangzhou -o today.csv --previous yesterday.results.ndjson
    #[arg(long, value_name = "RESULTS")]
    previous: Option<PathBuf>,
    /// Ask this share of the reused messages anyway, chosen at random [default: 0%]
    #[arg(long, value_name = "P%", requires = "previous")]
    recheck: Option<String>,
}

/// What becomes of the answers that an unfinished run has left.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Resume and reuse")]
pub(in crate::command) struct ResumeFlags {
    /// Continue an unfinished run of the same command: ask only what has no answer yet
    ///
    /// Without an unfinished run it starts with the first row, so a script can always set it. A finished results file with
    /// unanswered messages is continued, too; one about another input, source or expectation is refused.
    ///
    /// Example: repeat the command that was interrupted, and add --resume
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Throw away the answers of an unfinished run and start with the first row
    #[arg(long)]
    restart: bool,
}

/// How a run begins.
#[derive(Debug)]
pub(in crate::command) enum StartMode {
    /// With the first row; no answers of another run are there.
    New,
    /// With the first row; another run's answers are thrown away.
    Restart,
    /// With the rows that are not settled.
    Resume(Box<Unfinished>),
    /// Not at all: the results file is whole.
    AlreadyComplete,
}

impl StartFlags {
    pub(super) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("recheck", self.recheck.as_ref());
    }

    /// The earlier results file, which no report may overwrite.
    pub(super) fn previous(&self) -> Option<&Path> {
        self.previous.as_deref()
    }

    /// Opens the earlier results file for the run of `header`, and notes in the header which one it is.
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
    /// Does the run begin with the first row, whatever there is?
    pub(in crate::command) const fn restarts(self) -> bool {
        self.restart
    }

    /// Does it go on with what there is?
    pub(in crate::command) const fn resumes(self) -> bool {
        self.resume
    }

    /// Looks for answers that are to become `results`; only with `--resume` they are touched. Without a word on what
    /// becomes of them, they are refused here, before anything is said of what will be asked.
    pub(in crate::command) fn settle(
        self,
        results: &Path,
        header: &Header,
    ) -> Result<StartMode, Failed> {
        if !file::folder(results).is_dir() {
            return Err(Failed::unwritable(results, ErrorKind::NotFound.into()));
        }
        if self.restart {
            return Ok(StartMode::Restart);
        }
        if !self.resume {
            ResultsWriter::refuse_unfinished(results)?;
            return Ok(StartMode::New);
        }
        Ok(match EarlierRun::beside(results, header)? {
            EarlierRun::Nothing => StartMode::New,
            EarlierRun::Unfinished(unfinished) => StartMode::Resume(unfinished),
            EarlierRun::Complete => StartMode::AlreadyComplete,
        })
    }
}

impl StartMode {
    /// The rows that are settled already.
    pub(super) fn done(&self) -> Option<&RowSet> {
        match self {
            Self::Resume(unfinished) => Some(unfinished.done()),
            Self::New | Self::Restart | Self::AlreadyComplete => None,
        }
    }

    /// The run that began, where this one goes on with it.
    pub(super) fn header(&self) -> Option<&Header> {
        match self {
            Self::Resume(unfinished) => Some(unfinished.header()),
            Self::New | Self::Restart | Self::AlreadyComplete => None,
        }
    }

    /// Its ID.
    pub(super) fn run_id(&self) -> Option<&str> {
        self.header().map(|header| &*header.run_id)
    }

    /// Distinct messages that are settled already.
    pub(super) fn distinct(&self) -> u64 {
        match self {
            Self::Resume(unfinished) => unfinished.totals().distinct,
            Self::New | Self::Restart | Self::AlreadyComplete => 0,
        }
    }

    /// Refuses to go on with lines that do not ask what their rows in the input ask.
    pub(super) fn compare(&self, results: &Path, inputs: &Inputs) -> Result<(), Failed> {
        let Self::Resume(unfinished) = self else {
            return Ok(());
        };
        let mut asked = QueryDigest::default();
        for row in inputs.rows() {
            let row = row?;
            if unfinished.done().contains(row.row) {
                asked.add_row(&row);
            }
        }
        Ok(unfinished.compare(asked, results)?)
    }

    /// Opens the results file; gives the rows that are settled in it.
    pub(super) fn results_file(
        self,
        results: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<(ResultsWriter, RowSet), Failed> {
        let nothing = |recorder| (recorder, RowSet::default());
        Ok(match self {
            Self::New | Self::AlreadyComplete => {
                nothing(ResultsWriter::create(results, header, durability)?)
            }
            Self::Restart => nothing(ResultsWriter::restart(results, header, durability)?),
            Self::Resume(unfinished) => ResultsWriter::resume(results, *unfinished, durability)?,
        })
    }
}
