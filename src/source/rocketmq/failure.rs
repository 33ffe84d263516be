//! Converts failed calls into failures.

use super::remoting::{CallError, Cause, RequestCode};
use crate::humanize::without_os_codes;
use crate::source::{Failure, FailureKind};

/// Returns the failure for a failed call.
pub(super) fn failure(error: &CallError) -> Failure {
    let last = error.last();
    let kind = match last.cause {
        Cause::Busy(_) => FailureKind::Throttled,
        Cause::Connect(_) | Cause::OutOfFiles(_) | Cause::Lost(_) | Cause::TimedOut(_) => {
            FailureKind::Transport
        }
        Cause::Denied(_) | Cause::Certificate(_) => FailureKind::Fatal,
        Cause::NotFound(_) => FailureKind::NotFound,
        _ => FailureKind::Server,
    };
    let hint = match last.cause {
        Cause::Denied(ref refusal) if is_unknown_key(&refusal.remark) => Some(WRONG_KEY.to_owned()),
        Cause::Denied(_) => Some(missing_permission(last.call).to_owned()),
        _ => error.hint().map(str::to_owned),
    };
    Failure {
        hint,
        out_of_files: matches!(last.cause, Cause::OutOfFiles(_)),
        ..Failure::new(kind, code(last), without_os_codes(&error.to_string()))
    }
}

/// Returns the code of a failure, which reports count by.
fn code(error: &CallError) -> Option<String> {
    let name = match &error.cause {
        Cause::Connect(_) | Cause::OutOfFiles(_) => "BROKER_UNREACHABLE",
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

const WRONG_KEY: &str = "check ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY: the cluster has ACL and refuses calls \
     without a key, with an unknown key, or with a wrong secret";

/// Returns whether the key itself is wrong, rather than a permission missing. Both have the same code, so the
/// remark decides: brokers of 4.9 and 5.5 send these for a missing key, an unknown key, or a wrong secret.
fn is_unknown_key(remark: &str) -> bool {
    let remark = remark.to_ascii_lowercase();
    let says = |text| remark.contains(text);
    says("check signature failed")
        || says("username cannot be null")
        || says("no accesskey is configured")
        || says("no acl config for")
        || (says("user:") && says("is not found"))
}

/// Returns the permission that an account needs for a call (`docs/facts/rocketmq.md` §5, `processing.md` §M.2).
const fn missing_permission(call: RequestCode) -> &'static str {
    match call {
        RequestCode::PullMessage => {
            "the account in ROCKETMQ_ACCESS_KEY needs SUB on the topic and on the group TOOLS_CONSUMER (ACL 1.0: \
             topicPerms topic=SUB, groupPerms TOOLS_CONSUMER=SUB; ACL 2.0: SUB on Topic:NAME and Group:TOOLS_CONSUMER)"
        }
        RequestCode::QueryMessage => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_from_a_missing_permission() {
        for remark in [
            "check signature failed.",
            "User:*** is not found.",
            "username cannot be null.",
            "org.apache.rocketmq.acl.common.AclException: No acl config for ***",
            "org.apache.rocketmq.acl.common.AclException: No accessKey is configured",
            "org.apache.rocketmq.acl.common.AclException: Check signature failed for accessKey=***",
        ] {
            assert!(is_unknown_key(remark), "{remark}");
        }
        for remark in [
            "User:auditor has no permission to access Topic:orders from 10.0.0.1",
            "org.apache.rocketmq.acl.common.AclException: No default permission for orders",
            "",
        ] {
            assert!(!is_unknown_key(remark), "{remark}");
        }
    }
}
