//! Where several runs keep the state of the quota that they share.

use super::QuotaFile;
#[cfg(feature = "redis")]
use super::redis_quota::{RedisQuota, RedisQuotaError};
use crate::exit::{Advice, Status};

/// A quota that several runs share.
#[derive(Debug)]
pub enum SharedQuota {
    /// In a file, for the runs on a machine.
    File(QuotaFile),
    /// On a Redis server, for runs on any machine.
    #[cfg(feature = "redis")]
    Redis(Box<RedisQuota>),
}

impl From<QuotaFile> for SharedQuota {
    fn from(file: QuotaFile) -> Self {
        Self::File(file)
    }
}

#[cfg(feature = "redis")]
impl From<RedisQuota> for SharedQuota {
    fn from(quota: RedisQuota) -> Self {
        Self::Redis(Box::new(quota))
    }
}

/// The quota cannot be shared any more, so no call begins.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct QuotaLost {
    message: String,
    hint: Option<String>,
}

#[cfg(feature = "redis")]
impl From<&RedisQuotaError> for QuotaLost {
    fn from(error: &RedisQuotaError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Advice for QuotaLost {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn status(&self) -> Status {
        Status::Incomplete
    }
}
