//! Why a quota on a Redis server cannot be used.

use std::fmt;
use std::time::Duration;

use crate::engine::Rate;
use crate::exit::{Advice, Status};

/// A quota on a Redis server that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the shared quota {place} can't be used: {problem}")]
pub struct RedisQuotaError {
    /// The address, without a password.
    pub(super) place: String,
    pub(super) problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Problem {
    /// No connection, or a lost one.
    Unreachable(String),
    /// The certificate is not trusted.
    Certificate(String),
    /// No answer within this time.
    Silent(Duration),
    /// The server does not know the user or the password, or wants one.
    Denied(String),
    /// The user may not run the script or use the key.
    Forbidden(String),
    /// The server answers with an error; it may be over soon.
    Busy(String),
    /// The server answers with an error.
    Refused(String),
    /// The server belongs to a Redis Cluster, and another server has the key.
    Cluster(String),
    /// The key holds something else.
    Foreign,
    /// The answer cannot be understood.
    Garbled(String),
    /// The interval under the key is not that of its rate, which is the rate of this run.
    Damaged(Rate),
    /// The runs that use the key have another rate.
    OtherRate {
        /// The rate under the key.
        theirs: String,
        /// The rate of this run.
        ours: Rate,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why)
            | Self::Certificate(why)
            | Self::Denied(why)
            | Self::Forbidden(why)
            | Self::Busy(why)
            | Self::Refused(why)
            | Self::Cluster(why) => f.write_str(why),
            Self::Silent(time) => write!(f, "no answer within {} s", time.as_secs()),
            Self::Foreign => f.write_str("the key holds something else"),
            Self::Garbled(answer) => write!(f, "unexpected answer: {answer}"),
            Self::Damaged(rate) => write!(
                f,
                "the key holds a damaged quota: its rate is {rate}, but its interval is that of another rate"
            ),
            Self::OtherRate { theirs, ours } => write!(
                f,
                "its rate is {theirs}, and the rate of this run is {ours}"
            ),
        }
    }
}

impl Problem {
    /// Makes a problem of an error of the client.
    pub(super) fn of(error: &redis::RedisError) -> Self {
        let why = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        if error.kind() == redis::ErrorKind::AuthenticationFailed {
            return Self::Denied("the user or the password is wrong".to_owned());
        }
        match error.code() {
            Some("NOAUTH" | "WRONGPASS") => Self::Denied(why),
            Some("NOPERM") => Self::Forbidden(why),
            Some("LOADING" | "TRYAGAIN" | "MASTERDOWN" | "BUSY" | "READONLY") => Self::Busy(why),
            Some("MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT") => Self::Cluster(why),
            Some(_) => Self::Refused(why),
            None if error.is_io_error() => Self::Unreachable(why),
            None => Self::Garbled(why),
        }
    }

    /// Returns whether another attempt may succeed.
    pub(super) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Silent(_) | Self::Busy(_))
    }
}

impl Advice for RedisQuotaError {
    fn hint(&self) -> Option<String> {
        Some(
            match &self.problem {
                Problem::Unreachable(_) | Problem::Silent(_) | Problem::Busy(_) => {
                    "without the shared quota no call is made: check that the Redis server runs and that this machine may connect to it"
                }
                Problem::Certificate(_) => "--ca-cert FILE names the authority that signed the server's certificate",
                Problem::Denied(_) => {
                    "ONS_AUDIT_REDIS_PASSWORD holds the password, and --shared-quota redis://USER@HOST/KEY names the user"
                }
                Problem::Forbidden(_) => {
                    "the user must be allowed the key and EVAL, EVALSHA, HGETALL, HSET, PEXPIRE and TIME"
                }
                Problem::Cluster(_) => "a Redis Cluster can't keep the quota: name a server that stands alone",
                Problem::Foreign | Problem::Damaged(_) => "name another key with --shared-quota",
                Problem::Refused(_) | Problem::Garbled(_) => "the server must be Redis 5 or later, or Valkey",
                Problem::OtherRate { .. } => {
                    "give all runs that share a quota the same --rate; a key that no run uses is gone after an hour"
                }
            }
            .to_owned(),
        )
    }

    fn status(&self) -> Status {
        match self.problem {
            Problem::OtherRate { .. } | Problem::Foreign | Problem::Damaged(_) => Status::Refused,
            _ => Status::Incomplete,
        }
    }
}
