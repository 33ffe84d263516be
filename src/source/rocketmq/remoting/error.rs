//! Errors of calls. The code decides; the remark counts only if one code has several meanings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{RequestCode, response};

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// Address of the server.
    pub address: Arc<str>,
    /// The call.
    pub call: RequestCode,
    /// The reason why the call failed.
    pub cause: Cause,
}

/// The reason why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No connection.
    Connect(String),
    /// No connection, because too many files are open.
    OutOfFiles(String),
    /// No connection, because the server's certificate is not trusted or has another name.
    Certificate(String),
    /// The connection was lost before the response.
    Lost(String),
    /// No response in this time.
    TimedOut(Duration),
    /// The server is overloaded: wait, then ask again.
    Busy(ErrorReply),
    /// The access key is wrong or lacks a permission.
    Denied(ErrorReply),
    /// The object does not exist; this is a valid answer.
    NotFound(ErrorReply),
    /// The response cannot be read.
    Malformed(String),
    /// Any other code.
    Refused(ErrorReply),
    /// No name server answers. One error for each.
    NameServers(Box<[CallError]>),
}

/// The server's response to a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// The code.
    pub code: i32,
    /// The remark in one line, without keys; may be empty.
    pub remark: String,
}

impl CallError {
    /// Returns the error itself, or that of the last name server if none answers.
    pub(in super::super) fn last(&self) -> &Self {
        match &self.cause {
            Cause::NameServers(errors) => errors.last().unwrap_or(self),
            _ => self,
        }
    }

    /// Returns whether another attempt is worth a call.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.last().cause,
            Cause::Connect(_)
                | Cause::OutOfFiles(_)
                | Cause::Lost(_)
                | Cause::TimedOut(_)
                | Cause::Busy(_)
                | Cause::Malformed(_)
        )
    }

    /// Returns whether all calls to the server must slow down.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self.last().cause, Cause::Busy(_))
    }

    /// Returns whether the server answered that the object does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.cause, Cause::NotFound(_))
    }

    /// Returns the server's code, if it answered with one.
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

    /// Returns what the user can do next, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let is_to_name_server = matches!(
            self.call,
            RequestCode::GetBrokerClusterInfo
                | RequestCode::GetRouteInfoByTopic
                | RequestCode::GetAllTopicListFromNameServer
        );
        Some(match &self.cause {
            Cause::NameServers(errors) => return errors.iter().find_map(Self::hint),
            Cause::Refused(refusal)
                if is_to_name_server && refusal.code == response::NOT_SUPPORTED =>
            {
                "this server is not a name server, but perhaps a broker or a proxy; name servers listen at port 9876 by \
                 default"
            }
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
        match &self.cause {
            Cause::NameServers(_) => write!(f, "{}: {}", self.call, self.cause),
            cause => write!(f, "{} of {}: {cause}", self.call, self.address),
        }
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) | Self::OutOfFiles(why) => write!(f, "can't connect: {why}"),
            Self::Certificate(why) => write!(f, "the server's certificate is not trusted: {why}"),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::TimedOut(after) => write!(f, "no answer in {after:?}"),
            Self::Busy(refusal) => write!(f, "the server is busy: {refusal}"),
            Self::Denied(refusal) => write!(f, "the server denies it: {refusal}"),
            Self::NotFound(refusal) => write!(f, "not found: {refusal}"),
            Self::Malformed(what) => write!(f, "the answer can't be read: {what}"),
            Self::Refused(refusal) => write!(f, "the server refuses it: {refusal}"),
            Self::NameServers(errors) => {
                f.write_str("no name server answers")?;
                errors.iter().enumerate().try_for_each(|(nth, error)| {
                    let before = if nth == 0 { ": " } else { "; " };
                    write!(f, "{before}{}: {}", error.address, error.cause)
                })
            }
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
    /// Returns the cause for a code other than success (`docs/facts/rocketmq.md` §§3.2, 5).
    pub(super) fn from_code(call: RequestCode, code: i32, remark: String) -> Self {
        let refusal = ErrorReply { code, remark };
        match code {
            response::SYSTEM_BUSY | response::FLOW_CONTROL => Self::Busy(refusal),
            response::NO_PERMISSION => Self::Denied(refusal),
            response::GO_AWAY => Self::Lost(format!("the server is about to stop: {refusal}")),
            response::TOPIC_NOT_EXIST
            | response::QUERY_NOT_FOUND
            | response::CONSUMER_NOT_ONLINE => Self::NotFound(refusal),
            // Code 1 is used for every unforeseen error, so the remark decides.
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

/// Returns whether the remark means that the object does not exist, for calls without a code for it.
fn nothing_there(call: RequestCode, remark: &str) -> bool {
    match call {
        // At a position where no message begins, a broker may compute a negative length.
        RequestCode::ViewMessageById => {
            remark.starts_with("can not find message by the offset")
                || remark.starts_with("java.lang.IllegalArgumentException: newLimit")
        }
        RequestCode::QueryConsumeQueue => remark.ends_with("is not exist!"),
        RequestCode::GetAllConsumerOffset => remark.starts_with("No consumer offset"),
        RequestCode::GetAllDelayOffset => remark.starts_with("No delay offset"),
        _ => false,
    }
}

/// Separates "does not exist" from other errors.
pub trait OptionalAnswer<T> {
    /// Converts the error "does not exist" into `None`.
    ///
    /// # Errors
    ///
    /// If the call failed for another reason.
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
