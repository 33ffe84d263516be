//! Asks. Rows are pulled from the input only when a slot is free, every attempt passes the one [`Pacer`], and the
//! consumer of the one loop owns all counters and all order: nothing else locks.
//!
//! ```text
//! rows → [ turn → ask → again? ] × in flight → Sink
//! ```
//!
//! The first call goes alone (`gate.rs`), and what the key may not ask about is not asked (`topic_permissions.rs`). A throttled
//! answer slows the whole run down (`adaptive_rate.rs`), and the other runs that share its quota, too ([`QuotaFile`]).

mod adaptive_rate;
mod ask;
mod backoff;
mod forecast;
mod gate;
mod limiter;
mod pacer;
mod quota_file;
mod quota_state;
mod rate;
mod run;
#[cfg(test)]
mod simulation;
mod stop;
#[cfg(test)]
mod tests;
mod topic_permissions;

pub use ask::Policy;
pub use backoff::Backoff;
pub use forecast::{Forecast, Oldest, RETENTION};
pub use limiter::Limiter;
pub use pacer::{Pacer, Permit};
pub use quota_file::{QuotaFile, QuotaFileError};
pub use rate::{BadRate, Rate};
pub use run::{Engine, RunOutcome, Sink};
pub use stop::Stop;
