//! Judges the answers.
//!
//! A source reports a track type for each group ([`TrackType`](crate::offsets::TrackType)). [`Verdict`] is what the
//! track type allows us to conclude, and [`Expectations`] say which groups should have consumed. [`judge`] combines
//! both into the verdict about the message, and [`Tally`] counts. An undetermined group is never added to either side
//! (`docs/facts/users.md` §3b, traps 3 and 4).

mod evidence;
mod expect;
mod expect_file;
mod interval;
mod judge;
mod tally;
mod topics;
mod totals;

pub use evidence::{
    AnswerFacts, DeliveryStatus, Evidence, EvidenceIndex, EvidenceLine, EvidenceNote, GroupFinding,
    RowEvidence, RowProof, SampleResult, TracedRow, UndeterminedReason, UnexaminedRow,
};
pub(crate) use expect::EVERY_TOPIC;
pub use expect::{Expectation, Expectations, ExpectedGroups, MessageContext};
pub use expect_file::{DRAFT, ExpectationsError};
pub use interval::Interval;
pub use judge::{AnswerView, GroupVerdict, Judged, MessageVerdict, TrackView, Verdict, judge};
pub use tally::{BreakKind, GroupTally, RowFacts, Tally};
pub use topics::{Coverage, TopicCounts};
pub(crate) use totals::RowResult;
pub use totals::Totals;
