//! How a run begins where an earlier one has left answers: go on with them, throw them away, or refuse to choose.

use std::path::Path;

use crate::exit::Failed;
use crate::input::{Error, Row};
use crate::record::{Durability, Found, Header, Recorder, RowSet, Unfinished};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Going on")]
pub(super) struct BeginFlags {
    /// Go on with what an unfinished run of the same command has left: ask only what has no answer yet
    ///
    /// Without an unfinished run it begins with the first row, so it may stand in a script. A finished record with
    /// unanswered messages is gone on with, too.
    ///
    /// Example: audit incident.csv --source ons://cn-hangzhou -o report.csv --resume
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Throw away what an unfinished run has left, and begin with the first row
    #[arg(long)]
    restart: bool,
}

/// How a run begins.
#[derive(Debug)]
pub(super) enum Begin {
    /// With the first row; answers of another run are in nobody's way.
    New,
    /// With the first row; another run's answers are thrown away.
    Restart,
    /// With the rows that are not settled.
    Resume(Box<Unfinished>),
    /// Not at all: the record is whole.
    Whole,
}

impl BeginFlags {
    /// Looks for answers that are to become `results`; only with `--resume` they are touched.
    pub(super) fn settle(&self, results: &Path, header: &Header) -> Result<Begin, Failed> {
        if self.restart {
            return Ok(Begin::Restart);
        }
        if !self.resume {
            return Ok(Begin::New);
        }
        Ok(match Found::beside(results, header)? {
            Found::Nothing => Begin::New,
            Found::Unfinished(unfinished) => Begin::Resume(unfinished),
            Found::Whole => Begin::Whole,
        })
    }
}

impl Begin {
    /// The rows that are settled already.
    pub(super) fn done(&self) -> Option<&RowSet> {
        match self {
            Self::Resume(unfinished) => Some(unfinished.done()),
            Self::New | Self::Restart | Self::Whole => None,
        }
    }

    /// Distinct messages that are settled already.
    pub(super) fn distinct(&self) -> u64 {
        match self {
            Self::Resume(unfinished) => unfinished.totals().distinct,
            Self::New | Self::Restart | Self::Whole => 0,
        }
    }

    /// Opens the record; gives the rows that are settled in it.
    pub(super) fn record(
        self,
        results: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<(Recorder, RowSet), Failed> {
        let nothing = |recorder| (recorder, RowSet::default());
        Ok(match self {
            Self::New | Self::Whole => nothing(Recorder::create(results, header, durability)?),
            Self::Restart => nothing(Recorder::restart(results, header, durability)?),
            Self::Resume(unfinished) => Recorder::resume(results, *unfinished, durability)?,
        })
    }
}

/// The rows that are not settled.
pub(super) fn left<'d>(
    rows: impl Iterator<Item = Result<Row, Error>> + 'd,
    done: Option<&'d RowSet>,
) -> impl Iterator<Item = Result<Row, Error>> + 'd {
    let is_left = move |row: &Result<Row, Error>| match (row, done) {
        (Ok(row), Some(done)) => !done.contains(row.row),
        _ => true,
    };
    rows.filter(is_left)
}
