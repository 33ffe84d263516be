//! What a failed call means for the run.

use super::remoting::{CallError, Cause, RequestCode};
use crate::source::{Failure, FailureKind};

/// The failure that a failed call is.
pub(super) fn failure(error: &CallError) -> Failure {
    let kind = match error.cause {
        Cause::Busy(_) => FailureKind::Throttled,
        Cause::Connect(_) | Cause::Lost(_) | Cause::TimedOut(_) => FailureKind::Transport,
        Cause::Denied(_) | Cause::Certificate(_) => FailureKind::Fatal,
        Cause::NotFound(_) => FailureKind::NotFound,
        _ => FailureKind::Server,
    };
    let hint = match error.cause {
        Cause::Denied(_) => Some(missing_permission(error.call).to_owned()),
        _ => error.hint().map(str::to_owned),
    };
    Failure {
        hint,
        ..Failure::new(kind, code(error), error.to_string())
    }
}

/// Names as the table of a report counts them.
fn code(error: &CallError) -> Option<String> {
    let name = match &error.cause {
        Cause::Connect(_) => "BROKER_UNREACHABLE",
        Cause::Lost(_) => "CONNECTION_LOST",
        Cause::TimedOut(_) => "TIMED_OUT",
        Cause::Certificate(_) => "CERTIFICATE",
        Cause::Busy(_) => "SYSTEM_BUSY",
        Cause::Denied(_) => "NO_PERMISSION",
        Cause::Malformed(_) => "MALFORMED_ANSWER",
        _ => return error.code().map(|code| format!("CODE_{code}")),
    };
    Some(name.to_owned())
}

/// What an account has to be allowed for a call (`facts/rocketmq.md` §5).
const fn missing_permission(call: RequestCode) -> &'static str {
    match call {
        RequestCode::QueryMessage | RequestCode::PullMessage => {
            "the account in ROCKETMQ_ACCESS_KEY needs SUB on the topic (ACL 1.0: topicPerms topic=SUB; ACL 2.0: SUB or GET \
             on Topic:NAME)"
        }
        RequestCode::GetConsumerConnectionList
        | RequestCode::GetConsumeStats
        | RequestCode::QueryConsumerOffset => {
            "the account in ROCKETMQ_ACCESS_KEY needs GET on the consumer groups (ACL 2.0: GET on Group:*); the right key is \
             enough for ACL 1.0"
        }
        RequestCode::ViewMessageById
        | RequestCode::QueryTopicConsumeByWho
        | RequestCode::GetMaxOffset
        | RequestCode::GetMinOffset
        | RequestCode::SearchOffsetByTimestamp
        | RequestCode::QueryConsumeQueue => {
            "the account in ROCKETMQ_ACCESS_KEY needs GET on the topic (ACL 2.0: GET on Topic:NAME); the right key is enough \
             for ACL 1.0"
        }
        _ => {
            "the cluster has ACL: set ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY to an account that may read its topics \
             (SUB, GET) and groups (GET)"
        }
    }
}
