//! Why a call has no answer to use. Codes decide; remarks only where a code stands for everything.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{RequestCode, response};

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// Who was asked.
    pub address: Arc<str>,
    /// What was asked.
    pub call: RequestCode,
    /// Why there is no answer.
    pub cause: Cause,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No connection.
    Connect(String),
    /// No connection, because the server's certificate is not trusted or is another's.
    Certificate(String),
    /// The connection was lost before the answer came.
    Lost(String),
    /// No answer in this time.
    TimedOut(Duration),
    /// The server has too much to do: wait, then ask again.
    Busy(ErrorReply),
    /// The access key is wrong, or may not do this.
    Denied(ErrorReply),
    /// What was asked about is not there: an answer, in truth.
    NotFound(ErrorReply),
    /// An answer that can't be read.
    Malformed(String),
    /// Any other code.
    Refused(ErrorReply),
}

/// What a server said instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// The code.
    pub code: i32,
    /// Its remark in one line, without keys; may be empty.
    pub remark: String,
}

impl CallError {
    /// Is another attempt worth a call?
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.cause,
            Cause::Connect(_)
                | Cause::Lost(_)
                | Cause::TimedOut(_)
                | Cause::Busy(_)
                | Cause::Malformed(_)
        )
    }

    /// Must everybody ask this server less?
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        matches!(self.cause, Cause::Busy(_))
    }

    /// Did the server answer, and is what was asked about not there?
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.cause, Cause::NotFound(_))
    }

    /// The server's code, if it answered with one.
    #[must_use]
    pub const fn code(&self) -> Option<i32> {
        match &self.cause {
            Cause::Busy(refusal)
            | Cause::Denied(refusal)
            | Cause::NotFound(refusal)
            | Cause::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// What the person should do next, where we know.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match &self.cause {
            Cause::Connect(_) => {
                "check that the address can be reached from here: brokers are asked at the addresses that they have \
                 told the name server"
            }
            Cause::Certificate(_) => {
                "--ca-cert names the authority that signed the certificate; the certificate must name the host that \
                 is asked"
            }
            Cause::Denied(_) => {
                "set ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY to an account that may read the topics and groups"
            }
            Cause::Malformed(_) => "check that this is the remoting port of a RocketMQ server",
            Cause::Busy(_) => "lower --rate",
            _ => return None,
        })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.call, self.address, self.cause)
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "can't connect: {why}"),
            Self::Certificate(why) => write!(f, "the server's certificate is not trusted: {why}"),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::TimedOut(after) => write!(f, "no answer in {after:?}"),
            Self::Busy(refusal) => write!(f, "the server is busy: {refusal}"),
            Self::Denied(refusal) => write!(f, "the server denies it: {refusal}"),
            Self::NotFound(refusal) => write!(f, "not found: {refusal}"),
            Self::Malformed(what) => write!(f, "the answer can't be read: {what}"),
            Self::Refused(refusal) => write!(f, "the server refuses it: {refusal}"),
        }
    }
}

impl fmt::Display for ErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.code)?;
        if self.remark.is_empty() {
            return Ok(());
        }
        write!(f, ", {}", self.remark)
    }
}

impl Cause {
    /// What an answer's code means, where it is not success (`docs/facts/rocketmq.md` §§3.2, 5).
    pub(super) fn of(call: RequestCode, code: i32, remark: String) -> Self {
        let refusal = ErrorReply { code, remark };
        match code {
            response::SYSTEM_BUSY | response::FLOW_CONTROL => Self::Busy(refusal),
            response::NO_PERMISSION => Self::Denied(refusal),
            response::GO_AWAY => Self::Lost(format!("the server is about to stop: {refusal}")),
            response::TOPIC_NOT_EXIST
            | response::QUERY_NOT_FOUND
            | response::CONSUMER_NOT_ONLINE => Self::NotFound(refusal),
            // Code 1 stands for everything that is not foreseen, so only the remark tells.
            response::SYSTEM_ERROR if refusal.remark.contains("AclException") => {
                Self::Denied(refusal)
            }
            response::SYSTEM_ERROR if nothing_there(call, &refusal.remark) => {
                Self::NotFound(refusal)
            }
            _ => Self::Refused(refusal),
        }
    }
}

/// Is it this that the server says, where it has no code of its own for it?
fn nothing_there(call: RequestCode, remark: &str) -> bool {
    match call {
        // Where no message begins, a broker may cut out less than nothing.
        RequestCode::ViewMessageById => {
            remark.starts_with("can not find message by the offset")
                || remark.starts_with("java.lang.IllegalArgumentException: newLimit")
        }
        RequestCode::QueryConsumeQueue => remark.ends_with("is not exist!"),
        RequestCode::GetAllConsumerOffset => remark.starts_with("No consumer offset"),
        _ => false,
    }
}

/// Tells what is not there from what went wrong.
pub trait OptionalAnswer<T> {
    /// Nothing, where the server says that there is nothing.
    fn if_found(self) -> Result<Option<T>, CallError>;
}

impl<T> OptionalAnswer<T> for Result<T, CallError> {
    fn if_found(self) -> Result<Option<T>, CallError> {
        match self {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
