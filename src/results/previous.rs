//! Answers of an earlier results file (`--previous`): a message that all its expected groups have passed is not asked
//! again.
//!
//! An offset only grows unless it is reset, so `passed` normally stays true. To notice a reset, some of those messages
//! can be asked again at random. A group that had passed a message is compared whenever the message is asked
//! ([`Previously`]).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Block, Header, Line, MessageContexts, Outcome, ReadError, ResultsFile};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::evidence::GroupLag;
use crate::exit::Advice;
use crate::input::{DedupIndex, Entry, Fingerprint, Row};
use crate::message::Query;
use crate::verdict::{
    AnswerView, Evidence, Expectations, GroupVerdict, Judged, MessageContext, RowProof, Verdict,
    judge,
};

/// A message that fails is delivered for the last time 4 h 46 min after the first, with the default delays of 16 retries
/// (`docs/facts/processing.md` §B.1).
const LAST_RETRY: SignedDuration = SignedDuration::from_hours(5);

/// An earlier results file, opened to look up single messages.
#[derive(Debug)]
pub struct Previous {
    results_file: ResultsFile,
    /// The rows of its messages: 16 bytes each, as in the duplicate check.
    rows: DedupIndex,
    /// IDs with several answers, because the input gave several positions. Either answer could be meant, so neither is
    /// used.
    ambiguous: HashSet<Fingerprint>,
    expectations: Expectations,
    contexts: MessageContexts,
    run_id: Arc<str>,
    /// The share of the reusable messages that is asked anyway.
    recheck: f64,
    /// Seed of the random choice, from the run that asks: another run chooses other messages.
    seed: String,
    /// Whether the run that asks examines more than the offsets.
    examines: bool,
}

/// What an earlier results file has about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAnswer {
    /// Nothing useful: the message is asked as if there were no earlier file.
    Unknown,
    /// An answer that is reused.
    Settled(Box<Outcome>),
    /// Some groups have passed the message. It is asked again.
    Passed(Box<Previously>),
}

/// The answer of an earlier run about a message that is asked again. Serialised as the field `previously` of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Previously {
    /// The ID of the earlier run.
    pub run_id: Arc<str>,
    /// The time of its answer, RFC 3339 UTC.
    pub observed_at: String,
    /// The groups whose offset was past the message.
    pub passed: Vec<String>,
}

/// An earlier results file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PreviousError {
    /// It cannot be read, or was changed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is of another source.
    #[error("{} was answered by `{found}`, this run asks `{wanted}`", path.display())]
    Source {
        /// The results file.
        path: PathBuf,
        /// The source of the earlier results file.
        found: String,
        /// The source of this run.
        wanted: String,
    },
    /// It has more rows than this program writes.
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
    /// Reads the results file at `path` and checks its seal. Answers are judged by the expectations of `asking`. The
    /// share `recheck` of the reusable ones is asked again.
    ///
    /// # Errors
    ///
    /// If it cannot be read, its seal does not hold, or it is of another source.
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
            contexts: MessageContexts::of(results_file.header(), &asking.expectations),
            run_id: results_file.header().run_id.as_str().into(),
            results_file,
            recheck,
            seed: asking.run_id.clone(),
            examines: asking.is_examined(),
        })
    }

    /// Sets the run whose ID seeds the random choice.
    #[must_use]
    pub fn picking_for(mut self, run_id: &str) -> Self {
        run_id.clone_into(&mut self.seed);
        self
    }

    /// Returns its header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.results_file.header()
    }

    /// Returns its seal, which identifies it.
    #[must_use]
    pub fn seal(&self) -> &str {
        &self.results_file.trailer().sha256
    }

    /// Returns what the earlier results file has about the message of a row.
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
        let text = self.results_file.line_of(row).ok()?; // if it cannot be read any more, the message is asked
        let line = Block::parse(row, &text).ok()?;
        let is_it = *line.msg_id == *query.msg_id
            && *line.topic == *query.topic
            && *line.instance_id == *query.instance_id.as_deref().unwrap_or_default();
        if !is_it {
            return None;
        }
        let answer @ AnswerView::Tracks(_) = line.answer()? else {
            return None;
        };
        let subject = self.contexts.of_line(&line);
        let evidence = self.results_file.evidence_of(&line);
        let judged = judge(answer, &subject, &self.expectations, evidence);
        let has_passed = |seen: &&GroupVerdict<'_>| seen.verdict() == Verdict::Passed;
        if !judged.groups.iter().any(|seen| has_passed(&seen)) {
            return None;
        }
        // An answer that was reused before keeps the run that got it.
        let run_id = match &*line.carried_from {
            "" => self.run_id.clone(),
            carried_from => carried_from.into(),
        };
        if self.holds(&line, &subject, &judged) && !self.is_picked(query) {
            return carried(&line, run_id).map(|outcome| KnownAnswer::Settled(Box::new(outcome)));
        }
        let passed = judged.groups.iter().filter(has_passed);
        Some(KnownAnswer::Passed(Box::new(Previously {
            run_id,
            observed_at: line.observed_at.to_string(),
            passed: passed.map(|seen| seen.group.to_owned()).collect(),
        })))
    }

    /// Returns whether the answer need not be asked again: all expected groups have passed the message, and the message was
    /// old enough if retries could not be seen.
    fn holds(&self, line: &Line<'_>, subject: &MessageContext<'_>, judged: &Judged<'_>) -> bool {
        let observed: Option<Timestamp> = line.observed_at.parse().ok();
        let age = observed
            .zip(subject.born)
            .map(|(then, born)| then.duration_since(born));
        let is_settled = !self.examines || age.is_some_and(|age| age > LAST_RETRY);
        let holds = |seen: &GroupVerdict<'_>| match seen.finding.evidence {
            Some(Evidence::Offset | Evidence::Lag | Evidence::NoDeadLetter) => is_settled,
            Some(Evidence::NoFailure | Evidence::Retried | Evidence::Trace) => true,
            // It is inferred again, or asked: how far the group was is known only from another message.
            Some(Evidence::Inferred) | None => false,
        };
        let mut expected = judged.groups.iter().filter(|seen| seen.expected).peekable();
        expected.peek().is_some() && expected.all(holds)
    }

    /// Returns the lags of groups that had none: they prove what they proved then.
    #[must_use]
    pub fn lags(&self) -> Vec<GroupLag> {
        let lags = self.results_file.evidence().lags_of_zero();
        lags.cloned().collect()
    }

    /// Returns what clients have reported about the message of a line whose answer was taken from this file. Copies are
    /// examined anew, records may be deleted meanwhile.
    #[must_use]
    pub fn reports(&self, line: &Line<'_>) -> Vec<RowProof> {
        let message = Fingerprint::of_parts(&line.instance_id, &line.topic, &line.msg_id);
        let earlier = self.rows.row_of(message);
        let proofs = earlier.map(|row| self.results_file.evidence().reports(row));
        let mut proofs = proofs.unwrap_or_default();
        for proof in &mut proofs {
            proof.row = line.row;
        }
        proofs
    }

    /// Returns whether the message is chosen to be asked again. A resumed run chooses the same messages.
    fn is_picked(&self, query: &Query) -> bool {
        Fingerprint::of_parts(&self.seed, &query.topic, &query.msg_id).share() < self.recheck
    }
}

/// Returns the answer with its own time and without calls.
fn carried(line: &Line<'_>, run_id: Arc<str>) -> Option<Outcome> {
    Outcome::of(line).map(|outcome| Outcome {
        attempts: 0,
        more_calls: 0,
        carried_from: Some(run_id),
        previously: None,
        ..outcome
    })
}
