//! Asks. Rows are pulled from the input only when a slot is free, every attempt passes the one [`Pacer`], and the
//! consumer of the one loop owns all counters and all order: nothing else locks.
//!
//! ```text
//! rows → [ turn → ask → again? ] × in flight → Sink
//! ```

mod ask;
mod backoff;
mod forecast;
mod limiter;
mod pacer;
mod rate;
mod run;
mod stop;
#[cfg(test)]
mod tests;

pub use ask::Policy;
pub use backoff::Backoff;
pub use forecast::{Forecast, Oldest, RETENTION};
pub use limiter::Limiter;
pub use pacer::Pacer;
pub use rate::{BadRate, Rate};
pub use run::{Ended, Engine, Sink};
pub use stop::Stop;
