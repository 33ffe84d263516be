//! What each error code means for the run, one row a code (`facts/ons-api.md` §§4.2 and 5).
//!
//! The HTTP status of one code differs from page to page, so codes decide and the status counts only without one.

use FailureKind::{Fatal, NotFound, Refused, Server, Throttled};

use crate::source::FailureKind;

/// A code, or a family of them: `*` at one end stands for anything.
type Row = (&'static str, FailureKind, &'static str);

const NO_HINT: &str = "";
const KEY: &str =
    "check the access key ID in the environment or the profile: it must exist and be active";
const SECRET: &str =
    "check that the access key secret belongs to this key ID, and that no proxy rewrites requests";
const TOKEN: &str =
    "get new temporary credentials: key ID, secret and security token come and go together";
const CLOCK: &str = "set this machine's clock: the gateway accepts 15 minutes of difference";
const PERMISSION: &str = "grant the RAM user mq:QueryMessageTrace, and with it mq:OnsInstanceBaseInfo and \
     mq:QueryInstanceBaseInfo, on acs:mq:REGION:ACCOUNT:INSTANCE_ID%TOPIC";
const GATEWAY: &str = "check the source: this gateway does not serve OnsMessageTrace 2019-02-14";
const REGION: &str = "check the region of the source: OnsMessageTrace is not served there";
const SERVICE: &str = "activate ApsaraMQ for RocketMQ for this account in the console";
const INSTANCE: &str = "check the instance ID and that it lives in the source's region";
const MISSING: &str = "check topic and instance ID: it may be another's, or in another region";

/// First match wins, so a code stands before the family it belongs to.
const TABLE: &[Row] = &[
    // The answer to this query.
    ("BIZ_NO_MESSAGE", NotFound, NO_HINT),
    ("BIZ_TOPIC_NOT_FOUND", NotFound, MISSING),
    ("INSTANCE_NOT_FOUND", NotFound, INSTANCE),
    ("AUTH_RESOURCE_OWNER_ERROR", NotFound, MISSING),
    // Too many calls.
    ("Throttling*", Throttled, NO_HINT),
    ("ONS_SYSTEM_FLOW_CONTROL", Throttled, NO_HINT),
    // The gateway's own trouble.
    ("ServiceUnavailable*", Server, NO_HINT),
    ("InternalError*", Server, NO_HINT),
    ("UnknownError", Server, NO_HINT),
    ("ONS_SYSTEM_ERROR", Server, NO_HINT),
    ("ONS_INVOKE_ERROR", Server, NO_HINT),
    ("ApiCallFailed", Server, NO_HINT),
    ("*.QueryError", Server, NO_HINT),
    ("SignatureNonceUsed", Server, NO_HINT),
    // Every query would get these.
    ("InvalidAccessKeyId*", Fatal, KEY),
    ("Forbidden.AccessKeyDisabled", Fatal, KEY),
    ("SignatureDoesNotMatch*", Fatal, SECRET),
    ("IncompleteSignature*", Fatal, SECRET),
    (
        "InvalidSignatureMethod",
        Fatal,
        "try the other signature: --signature v3 or v1",
    ),
    ("AUTH_SIGNATURE_CHECK_ERROR", Fatal, SECRET),
    ("InvalidTimeStamp*", Fatal, CLOCK),
    ("IllegalTimestamp*", Fatal, CLOCK),
    ("InvalidSecurityToken*", Fatal, TOKEN),
    ("MissingSecurityToken", Fatal, TOKEN),
    ("Forbidden*", Fatal, PERMISSION),
    ("NoPermission*", Fatal, PERMISSION),
    ("AccessDenied*", Fatal, PERMISSION),
    ("AUTH_PERMISSION_CHECK_ERROR", Fatal, PERMISSION),
    ("AUTH_REQUEST_NOT_ALLOWED", Fatal, PERMISSION),
    ("AUTH_CSRF_CHECK_ERROR", Fatal, PERMISSION),
    ("Auth.AssumeRoleError", Fatal, PERMISSION),
    ("AUTH_SERVICE_CHECK_ERROR", Fatal, SERVICE),
    ("InvalidAction.NotFound", Fatal, GATEWAY),
    ("InvalidApi.NotFound", Fatal, GATEWAY),
    ("InvalidProduct.NotFound", Fatal, GATEWAY),
    ("NoSuchVersion", Fatal, GATEWAY),
    ("InvalidVersion", Fatal, GATEWAY),
    ("UnsupportedHTTPMethod", Fatal, GATEWAY),
    (
        "InvalidProtocol.NeedSsl",
        Fatal,
        "use https:// in the source",
    ),
    ("ONS_SERVICE_UNSUPPORTED", Fatal, REGION),
    // This query, for good.
    ("Missing*", Refused, NO_HINT),
    ("InvalidParameter*", Refused, NO_HINT),
    ("BIZ_REGION_NOT_FOUND", Refused, REGION),
    ("BIZ_*", Refused, NO_HINT),
];

/// What a code means, and what to do about it. A code we don't know is permanent for its query.
#[must_use]
pub fn classify(code: &str) -> (FailureKind, Option<&'static str>) {
    TABLE
        .iter()
        .find(|(pattern, ..)| matches(pattern, code))
        .map_or((Refused, None), |(_, kind, hint)| {
            (*kind, (!hint.is_empty()).then_some(*hint))
        })
}

/// What an answer without a code means: something other than the gateway spoke, or the gateway is in trouble.
#[must_use]
pub const fn classify_status(status: u16) -> (FailureKind, Option<&'static str>) {
    match status {
        429 => (Throttled, None),
        407 => (
            Fatal,
            Some("give the proxy's user and password in HTTPS_PROXY"),
        ),
        _ => (Server, None),
    }
}

/// Does the gateway disagree about the time?
#[must_use]
pub fn is_clock(code: &str) -> bool {
    classify(code).1 == Some(CLOCK)
}

/// Has the key's time run out? Then a new one may do.
#[must_use]
pub fn is_expired_key(code: &str) -> bool {
    code == "InvalidSecurityToken.Expired"
}

/// Do this code's messages quote the string that was signed, with key ID and token in it?
#[must_use]
pub fn quotes_request(code: &str) -> bool {
    classify(code).1 == Some(SECRET)
}

fn matches(pattern: &str, code: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix('*') {
        code.starts_with(prefix)
    } else if let Some(suffix) = pattern.strip_prefix('*') {
        code.ends_with(suffix)
    } else {
        code == pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        for (kind, codes) in [
            (
                NotFound,
                "BIZ_NO_MESSAGE BIZ_TOPIC_NOT_FOUND INSTANCE_NOT_FOUND AUTH_RESOURCE_OWNER_ERROR",
            ),
            (
                Throttled,
                "Throttling Throttling.User Throttling.Api ONS_SYSTEM_FLOW_CONTROL",
            ),
            (
                Server,
                "ServiceUnavailable InternalError UnknownError ONS_SYSTEM_ERROR ONS_INVOKE_ERROR ApiCallFailed \
                 Accumulation.QueryError SignatureNonceUsed",
            ),
            (
                Fatal,
                "InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive Forbidden.AccessKeyDisabled \
                 SignatureDoesNotMatch IncompleteSignature InvalidSignatureMethod InvalidTimeStamp.Format \
                 InvalidTimeStamp.Expired IllegalTimestamp InvalidApi.NotFound InvalidAction.NotFound \
                 InvalidProduct.NotFound NoSuchVersion InvalidVersion UnsupportedHTTPMethod \
                 InvalidProtocol.NeedSsl Forbidden.RAM NoPermission Forbidden AccessDenied \
                 InvalidSecurityToken.Expired InvalidSecurityToken.Malformed \
                 InvalidSecurityToken.MismatchWithAccessKey MissingSecurityToken ONS_SERVICE_UNSUPPORTED \
                 AUTH_PERMISSION_CHECK_ERROR AUTH_SERVICE_CHECK_ERROR AUTH_REQUEST_NOT_ALLOWED \
                 AUTH_SIGNATURE_CHECK_ERROR AUTH_CSRF_CHECK_ERROR Auth.AssumeRoleError",
            ),
            (
                Refused,
                "MissingParameter MissingTopic MissingMsgId InvalidParameter InvalidParameter.Format \
                 BIZ_FIELD_CHECK_INVALID BIZ_SUBSCRIPTION_NOT_FOUND BIZ_CONSUMER_NOT_ONLINE BIZ_REGION_NOT_FOUND \
                 BIZ_INSTANCE_NOT_FOUND INSTANCE_NOT_EMPTY Alarm.NotFound NeverHeardOf",
            ),
        ] {
            for code in codes.split_whitespace() {
                assert_eq!(classify(code).0, kind, "{code}");
            }
        }
    }

    #[test]
    fn hints_name_the_remedy() {
        assert!(
            classify("Forbidden.RAM")
                .1
                .unwrap()
                .contains("mq:QueryMessageTrace")
        );
        assert!(
            classify("InvalidTimeStamp.Expired")
                .1
                .unwrap()
                .contains("clock")
        );
        assert!(
            classify("Forbidden.AccessKeyDisabled")
                .1
                .unwrap()
                .contains("key")
        );
        assert_eq!(classify("BIZ_NO_MESSAGE").1, None);
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for (status, kind) in [
            (429, Throttled),
            (407, Fatal),
            (408, Server),
            (502, Server),
            (403, Server),
        ] {
            assert_eq!(classify_status(status).0, kind);
        }
    }

    #[test]
    fn no_row_hides_behind_an_earlier_family() {
        for (at, (pattern, ..)) in TABLE.iter().enumerate() {
            let first = TABLE
                .iter()
                .position(|(earlier, ..)| matches(earlier, pattern));
            assert_eq!(first, Some(at), "{pattern}");
        }
    }
}
