//! What an earlier results file knows already: a message that all its expected groups have passed is not asked again.
//!
//! An offset only grows unless someone resets it, so `passed` stays true while nobody does. That is why some of those
//! messages can be asked again at random, and why a group that had passed a message is compared whenever the message is
//! asked ([`Previously`]).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Block, Header, Line, MessageContexts, Outcome, ReadError, ResultsFile};
use serde::Serialize;

use crate::exit::Advice;
use crate::input::{DedupIndex, Entry, Fingerprint, Row};
use crate::message::Query;
use crate::verdict::{AnswerView, Expectations, TrackView, Verdict, judge};

/// An earlier results file, opened to be asked about single messages.
#[derive(Debug)]
pub struct Previous {
    results_file: ResultsFile,
    /// The rows of its messages: 16 bytes each, as in the duplicate check.
    rows: DedupIndex,
    /// IDs with several answers, since its input placed them differently: which is meant would be a guess.
    ambiguous: HashSet<Fingerprint>,
    expectations: Expectations,
    subjects: MessageContexts,
    run_id: Arc<str>,
    /// Which share of the messages that need not be asked is asked.
    recheck: f64,
    /// Of the run that asks: another run picks others.
    seed: String,
}

/// What an earlier results file knows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAnswer {
    /// Neither an answer that can be taken over nor a pass that could be contradicted.
    Unknown,
    /// Its answer holds.
    Settled(Outcome),
    /// Some groups have passed it; it is asked again.
    Passed(Previously),
}

/// What an earlier answer said about a message that is asked again. Serialised as the field `previously` of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Previously {
    /// The run that was answered.
    pub run_id: Arc<str>,
    /// When; RFC 3339 UTC.
    pub observed_at: String,
    /// The groups whose offset was past the message.
    pub passed: Vec<String>,
}

/// Why a results file is no help.
#[derive(Debug, thiserror::Error)]
pub enum PreviousError {
    /// It can't be read, or was changed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was asked of somebody else.
    #[error("{} was answered by `{found}`, this run asks `{wanted}`", path.display())]
    Source {
        /// The results file.
        path: PathBuf,
        /// Its source.
        found: String,
        /// The run's.
        wanted: String,
    },
    /// More rows than a results file of ours has.
    #[error("{} has more than {} rows", path.display(), u32::MAX)]
    TooManyRows {
        /// The results file.
        path: PathBuf,
    },
}

impl Advice for PreviousError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::Source { .. } => {
                Some("--previous names a results file of the same source".to_owned())
            }
            Self::TooManyRows { .. } => None,
        }
    }
}

impl Previous {
    /// Reads the results file at `path` and checks its seal. Answers are judged by what `asking` expects; the share `recheck`
    /// of those that hold is asked again.
    pub fn open(path: &Path, asking: &Header, recheck: f64) -> Result<Self, PreviousError> {
        let results_file = ResultsFile::open(path)?;
        if results_file.header().source != asking.source {
            return Err(PreviousError::Source {
                path: path.to_owned(),
                found: results_file.header().source.clone(),
                wanted: asking.source.clone(),
            });
        }
        let mut rows = DedupIndex::new();
        let mut ambiguous = HashSet::new();
        let mut blocks = results_file.blocks(true);
        while let Some(block) = blocks.next_block()? {
            for line in results_file.parsed(&block) {
                let line = line?;
                if matches!(line.answer(), None | Some(AnswerView::Rejected)) {
                    continue;
                }
                let id = Fingerprint::of_parts(&line.instance_id, &line.topic, &line.msg_id);
                let too_many = |_| PreviousError::TooManyRows {
                    path: path.to_owned(),
                };
                if rows.first(id, line.row).map_err(too_many)?.is_some() {
                    ambiguous.insert(id);
                }
            }
        }
        Ok(Self {
            rows,
            ambiguous,
            expectations: asking.expectations.clone(),
            subjects: MessageContexts::of(results_file.header(), &asking.expectations),
            run_id: results_file.header().run_id.as_str().into(),
            results_file,
            recheck,
            seed: asking.run_id.clone(),
        })
    }

    /// Picks for the run of this ID.
    #[must_use]
    pub fn picking_for(mut self, run_id: &str) -> Self {
        run_id.clone_into(&mut self.seed);
        self
    }

    /// What it was asked about, of whom.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.results_file.header()
    }

    /// The seal, which names the results file among others.
    #[must_use]
    pub fn seal(&self) -> &str {
        &self.results_file.trailer().sha256
    }

    /// Returns what the earlier results file knows about the message of a row.
    #[must_use]
    pub fn known_answer(&self, row: &Row) -> KnownAnswer {
        let known = match &row.entry {
            Entry::Query(query) => self.look_up(query),
            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
        };
        known.unwrap_or(KnownAnswer::Unknown)
    }

    fn look_up(&self, query: &Query) -> Option<KnownAnswer> {
        let message = Fingerprint::of(query);
        let row = self.rows.row_of(message)?;
        if self.ambiguous.contains(&message) {
            return None;
        }
        let text = self.results_file.line_of(row).ok()?; // it was read a moment ago; if not, the message is asked
        let line = Block::parse(row, &text).ok()?;
        let is_it = *line.msg_id == *query.msg_id
            && *line.topic == *query.topic
            && *line.instance_id == *query.instance_id.as_deref().unwrap_or_default();
        if !is_it {
            return None;
        }
        let mut tracks = line.tracks.iter().flat_map(|tracks| &**tracks);
        if !tracks.any(has_passed) {
            return None;
        }
        // What was carried once is as old as it was then.
        let run_id = match &*line.carried_from {
            "" => self.run_id.clone(),
            carried_from => carried_from.into(),
        };
        if self.holds(&line) && !self.is_picked(query) {
            return carried(&line, run_id).map(KnownAnswer::Settled);
        }
        let passed = line
            .tracks
            .iter()
            .flat_map(|tracks| &**tracks)
            .filter(|track| has_passed(track));
        Some(KnownAnswer::Passed(Previously {
            run_id,
            observed_at: line.observed_at.to_string(),
            passed: passed.map(|track| track.group.to_string()).collect(),
        }))
    }

    /// Have all expected groups passed it?
    fn holds(&self, line: &Line<'_>) -> bool {
        let Some(answer @ AnswerView::Tracks(_)) = line.answer() else {
            return false;
        };
        let judged = judge(answer, &self.subjects.of_line(line), &self.expectations);
        let mut expected = judged.groups.iter().filter(|seen| seen.expected).peekable();
        expected.peek().is_some() && expected.all(|seen| seen.verdict == Verdict::Passed)
    }

    /// By the message and the run: a run that is gone on with picks the same ones.
    fn is_picked(&self, query: &Query) -> bool {
        Fingerprint::of_parts(&self.seed, &query.topic, &query.msg_id).share() < self.recheck
    }
}

fn has_passed(track: &TrackView<'_>) -> bool {
    Verdict::of(&track.track_type) == Verdict::Passed
}

/// The answer with its own time; no call was made for it.
fn carried(line: &Line<'_>, run_id: Arc<str>) -> Option<Outcome> {
    Outcome::of(line).map(|outcome| Outcome {
        attempts: 0,
        carried_from: Some(run_id),
        previously: None,
        ..outcome
    })
}
