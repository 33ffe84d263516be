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

pub use expect::{Duties, Expectations, MessageContext};
pub use expect_file::{DRAFT, ExpectationsError};
pub use judge::{Answer, Judged, MessageVerdict, Seen, TrackView, Verdict, judge};
pub use tally::{BreakKind, Facts, GroupTally, Tally};
pub use topics::{Coverage, Topics};
pub use totals::Totals;
