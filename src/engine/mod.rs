//! Asks. Rows are pulled from the input only when a slot is free, every attempt passes the one [`Pacer`], and the
//! consumer of the one loop owns all counters and all order: nothing else locks.
//!
//! ```text
//! rows → [ turn → ask → again? ] × in flight → Sink
//! ```
//!
//! The first call goes alone (`gate.rs`), and what the key may not ask about is not asked (`rights.rs`). A throttled
//! answer slows the whole run down (`tempo.rs`), and the other runs that share its quota, too ([`QuotaFile`]).

mod ask;
mod backoff;
mod book;
mod forecast;
mod gate;
mod limiter;
mod pacer;
mod quota_file;
mod rate;
mod rights;
mod run;
#[cfg(test)]
mod simulation;
mod stop;
mod tempo;
#[cfg(test)]
mod tests;

pub use ask::Policy;
pub use backoff::Backoff;
pub use forecast::{Forecast, Oldest, RETENTION};
pub use limiter::Limiter;
pub use pacer::{Pacer, Turn};
pub use quota_file::{QuotaFile, QuotaFileError};
pub use rate::{BadRate, Rate};
pub use run::{Ended, Engine, Sink};
pub use stop::Stop;
