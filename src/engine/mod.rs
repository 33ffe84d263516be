//! Asks the source about every message. Rows are pulled from the input only when a call may be in flight for them,
//! every attempt takes a permit from the one [`Pacer`], and the loop hands every settled row to one [`Sink`]. The loop
//! itself needs no locks.
//!
//! ```text
//! rows → [ permit → ask → retry? ] × calls in flight → Sink
//! ```
//!
//! Until the first answer only one call is in flight (`gate.rs`). Topics that the key may not ask about are not asked
//! (`topic_permissions.rs`). A throttled answer slows down the whole run (`adaptive_rate.rs`) and all runs that share
//! its quota ([`SharedQuota`]).

mod adaptive_rate;
mod ask;
mod backoff;
mod counted_calls;
mod forecast;
mod gate;
mod inference;
mod limiter;
mod pacer;
mod quota_file;
mod quota_state;
mod rate;
#[cfg(feature = "redis")]
mod redis_quota;
mod run;
mod shared_quota;
#[cfg(test)]
mod simulation;
mod stop;
#[cfg(test)]
mod tests;
mod topic_permissions;

pub use ask::Policy;
pub use backoff::Backoff;
pub use counted_calls::CountedCalls;
pub use forecast::{Forecast, Oldest, RETENTION};
pub use inference::{
    Ask, CandidateSet, Disposition, Inference, InferredAnswer, InstanceTopic, MessageAnswer,
};
pub use limiter::Limiter;
pub use pacer::{Pacer, Permit};
pub use quota_file::{QuotaFile, QuotaFileError};
pub use rate::{BadRate, Rate};
#[cfg(feature = "redis")]
pub use redis_quota::{RedisQuota, RedisQuotaError, RedisServer};
pub use run::{Engine, RunOutcome, Sink};
pub use shared_quota::{QuotaLost, SharedQuota};
pub use stop::Stop;
