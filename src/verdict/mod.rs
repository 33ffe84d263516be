//! What we make of the answers.
//!
//! A source says a word for each group ([`TrackType`](crate::offsets::TrackType)); [`Verdict`] is what that word
//! allows us to conclude, [`Expectations`] say who should have consumed, [`judge`] puts both together into the
//! verdict of the message, and [`Tally`] counts. Nothing undetermined is ever summed into either side
//! (`facts/users.md` §3b, traps 3 and 4).

mod expect;
mod expect_file;
mod judge;
mod tally;
mod topics;
mod totals;

pub use expect::{Expectations, ExpectedGroups, MessageContext};
pub use expect_file::{DRAFT, ExpectationsError};
pub use judge::{AnswerView, GroupVerdict, Judged, MessageVerdict, TrackView, Verdict, judge};
pub use tally::{BreakKind, GroupTally, RowFacts, Tally};
pub use topics::{Coverage, TopicCounts};
pub(crate) use totals::RowResult;
pub use totals::Totals;
