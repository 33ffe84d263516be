//! The table of error codes: what each one means for the run, and what the user can do (`docs/facts/ons-api.md`
//! §§4.2, 5, `docs/facts/ons5.md` §A.3).
//!
//! It holds for both services, since their gateway is the same. A hint for a code that both return is right for both.
//!
//! Documentation gives different HTTP statuses for one code, so the code decides. The status counts only without a code;
//! the exceptions are temporary errors ([`temporary`]).
//!
//! | class | what the engine does |
//! |---|---|
//! | `NotFound`, `Refused` | takes it as the answer to the query and does not ask again |
//! | `Server` | asks again after a pause |
//! | `Throttled` | slows the whole run down, then asks again |
//! | `Expired` | renews the credentials, then asks again; stops the run if they cannot be renewed |
//! | `Forbidden` | stops the run; if other topics were answered, takes it as the answer about this topic |
//! | `Fatal` | stops the run, because every query would fail the same way |

use FailureKind::{Expired, Fatal, Forbidden, NotFound, Refused, Server, Throttled};

use crate::source::FailureKind;

/// A code, its class, and what the user can do.
type ErrorRule = (&'static str, FailureKind, &'static str);

const KEY: &str =
    "check the access key ID in the environment or the profile: it must exist and be active";
const SECRET: &str =
    "check that the access key secret belongs to this key ID, and that no proxy rewrites requests";
const METHOD: &str = "try the other signature: --signature v3 or v1";
const TOKEN: &str =
    "get new temporary credentials: key ID, secret and security token come and go together";
const CLOCK: &str = "set this machine's clock: the gateway accepts 15 minutes of difference";
const PERMISSION: &str = "grant the RAM user mq:QueryMessageTrace (ons://) or rocketmq:GetTrace (rmq://) on the topic, or \
     leave that topic out";
const GATEWAY: &str = "check the source: the address does not serve this operation; ons:// asks the API of 2019-02-14, \
     rmq:// that of 2022-08-01";
const REGION: &str = "check the region of the source: the service is not there";
const SERVICE: &str = "activate ApsaraMQ for RocketMQ for this account in the console";
const HTTPS: &str = "use https:// in the source";
const INSTANCE: &str = "check the instance ID and that it lives in the source's region";
const MISSING: &str = "check topic and instance ID: it may be another's, or in another region";
const GONE: &str =
    "check ID, topic and instance; messages are kept about 3 days, so it may be gone";
const GONE_5: &str = "check ID, topic and instance; the instance may have deleted the message: it says how long it keeps them";
const NO_INSTANCE: &str = "name the instance: in the source (rmq://REGION/INSTANCE_ID, ons://REGION/INSTANCE_ID), with --instance or in a column instance_id";
const PARAMETER: &str = "check this row's topic, message ID and instance ID";
const QUOTA: &str = "lower --rate, or ask the account's other users to: all of them share one quota, at ons:// 10 calls a \
     second";
const LATER: &str = "run again later for what is unanswered; if it stays, give Alibaba Cloud support the request ID";
const NONCE: &str =
    "asked again with a new nonce; if it stays, look for a proxy that repeats requests";
const NETWORK: &str = "check the source, the network, and HTTPS_PROXY and NO_PROXY";
const STRANGER: &str =
    "read error_message: a proxy or a login page may answer in the gateway's place";
const ELSEWHERE: &str =
    "this error belongs to another operation: check that the source is the gateway itself";

/// One row per code.
const CODES: &[ErrorRule] = &[
    // Answers to this query.
    ("BIZ_NO_MESSAGE", NotFound, GONE),
    ("BIZ_TOPIC_NOT_FOUND", NotFound, MISSING),
    ("INSTANCE_NOT_FOUND", NotFound, INSTANCE),
    ("AUTH_RESOURCE_OWNER_ERROR", NotFound, MISSING),
    ("Message.NotFound", NotFound, GONE_5),
    ("Topic.NotFound", NotFound, MISSING),
    // Permanent for this query.
    ("MissingParameter", Refused, PARAMETER),
    ("MissingTopic", Refused, PARAMETER),
    ("MissingMsgId", Refused, PARAMETER),
    ("InvalidParameter", Refused, PARAMETER),
    ("InvalidParameter.Format", Refused, PARAMETER),
    ("BIZ_FIELD_CHECK_INVALID", Refused, PARAMETER),
    ("BIZ_SUBSCRIPTION_NOT_FOUND", Refused, PARAMETER),
    ("BIZ_CONSUMER_NOT_ONLINE", Refused, PARAMETER),
    ("BIZ_REGION_NOT_FOUND", Refused, REGION),
    ("BIZ_INSTANCE_NOT_FOUND", Refused, INSTANCE),
    ("BIZ_TOPIC_EXISTED", Refused, ELSEWHERE),
    ("BIZ_PUBLISHER_EXISTED", Refused, ELSEWHERE),
    ("BIZ_SUBSCRIPTION_EXISTED", Refused, ELSEWHERE),
    ("BIZ_PUBLISH_INFO_NOT_FOUND", Refused, ELSEWHERE),
    ("BIZ_PRODUCER_ID_BELONG_TO_OTHER_USER", Refused, ELSEWHERE),
    ("BIZ_CONSUMER_ID_BELONG_TO_OTHER_USER", Refused, ELSEWHERE),
    ("EMPOWER_EXIST_ERROR", Refused, ELSEWHERE),
    ("EMPOWER_OWNER_CHECK_ERROR", Refused, ELSEWHERE),
    ("INSTANCE_NOT_EMPTY", Refused, ELSEWHERE),
    ("ArmsDashboard.NotFound", Refused, ELSEWHERE),
    ("MissingInstanceId", Refused, NO_INSTANCE),
    ("MissingPageNumber", Refused, PARAMETER),
    ("InvalidConsumerGroupId", Refused, PARAMETER),
    // Too many calls.
    ("Throttling", Throttled, QUOTA),
    ("Throttling.User", Throttled, QUOTA),
    ("Throttling.Api", Throttled, QUOTA),
    ("ONS_SYSTEM_FLOW_CONTROL", Throttled, QUOTA),
    // Failures of the gateway.
    ("ServiceUnavailable", Server, LATER),
    ("InternalError", Server, LATER),
    ("UnknownError", Server, LATER),
    ("ONS_SYSTEM_ERROR", Server, LATER),
    ("ONS_INVOKE_ERROR", Server, LATER),
    ("ApiCallFailed", Server, LATER),
    ("Accumulation.QueryError", Server, LATER),
    ("SignatureNonceUsed", Server, NONCE),
    // New credentials may help.
    ("InvalidSecurityToken.Expired", Expired, TOKEN),
    // Every query about the topic fails; every other query too if the key is allowed for no topic.
    ("Forbidden", Forbidden, PERMISSION),
    ("Forbidden.RAM", Forbidden, PERMISSION),
    ("NoPermission", Forbidden, PERMISSION),
    ("AccessDenied", Forbidden, PERMISSION),
    ("AUTH_PERMISSION_CHECK_ERROR", Forbidden, PERMISSION),
    // Every query fails.
    ("InvalidAccessKeyId.NotFound", Fatal, KEY),
    ("InvalidAccessKeyId.Inactive", Fatal, KEY),
    ("Forbidden.AccessKeyDisabled", Fatal, KEY),
    ("SignatureDoesNotMatch", Fatal, SECRET),
    ("IncompleteSignature", Fatal, SECRET),
    ("AUTH_SIGNATURE_CHECK_ERROR", Fatal, SECRET),
    ("InvalidSignatureMethod", Fatal, METHOD),
    ("InvalidTimeStamp.Format", Fatal, CLOCK),
    ("InvalidTimeStamp.Expired", Fatal, CLOCK),
    ("IllegalTimestamp", Fatal, CLOCK),
    ("InvalidSecurityToken.Malformed", Fatal, TOKEN),
    ("InvalidSecurityToken.MismatchWithAccessKey", Fatal, TOKEN),
    ("MissingSecurityToken", Fatal, TOKEN),
    ("AUTH_REQUEST_NOT_ALLOWED", Fatal, PERMISSION),
    ("AUTH_CSRF_CHECK_ERROR", Fatal, PERMISSION),
    ("Auth.AssumeRoleError", Fatal, PERMISSION),
    ("AUTH_SERVICE_CHECK_ERROR", Fatal, SERVICE),
    ("InvalidApi.NotFound", Fatal, GATEWAY),
    ("InvalidAction.NotFound", Fatal, GATEWAY),
    ("InvalidProduct.NotFound", Fatal, GATEWAY),
    ("NoSuchVersion", Fatal, GATEWAY),
    ("InvalidVersion", Fatal, GATEWAY),
    ("UnsupportedHTTPMethod", Fatal, GATEWAY),
    ("InvalidProtocol.NeedSsl", Fatal, HTTPS),
    ("Instance.NotFound", Fatal, INSTANCE),
    ("ONS_SERVICE_UNSUPPORTED", Fatal, REGION),
];

/// Families of undocumented codes: `*` at one end matches anything; the first match wins.
const FAMILIES: &[ErrorRule] = &[
    ("BIZ_*", Refused, PARAMETER),
    ("Missing*", Refused, PARAMETER),
    ("InvalidParameter*", Refused, PARAMETER),
    ("Alarm.*", Refused, ELSEWHERE),
    ("ArmsDashboard.*", Refused, ELSEWHERE),
    ("Throttling*", Throttled, QUOTA),
    ("SystemBusy*", Throttled, QUOTA),
    ("FlowControl*", Throttled, QUOTA),
    ("*LimitExceeded", Throttled, QUOTA),
    ("ServiceUnavailable*", Server, LATER),
    ("InternalError*", Server, LATER),
    ("*.QueryError", Server, LATER),
    ("InvalidAccessKeyId*", Fatal, KEY),
    ("SignatureDoesNotMatch*", Fatal, SECRET),
    ("IncompleteSignature*", Fatal, SECRET),
    ("InvalidTimeStamp*", Fatal, CLOCK),
    ("IllegalTimestamp*", Fatal, CLOCK),
    ("InvalidSecurityToken*", Fatal, TOKEN),
    ("Forbidden*", Forbidden, PERMISSION),
    ("NoPermission*", Forbidden, PERMISSION),
    ("AccessDenied*", Forbidden, PERMISSION),
];

/// Returns the class of a code and what the user can do. An unknown code is permanent for its query.
#[must_use]
pub fn classify(code: &str) -> (FailureKind, Option<&'static str>) {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    known
        .or_else(|| FAMILIES.iter().find(|(pattern, ..)| matches(pattern, code)))
        .map_or((Refused, None), |(_, kind, hint)| (*kind, Some(*hint)))
}

/// Returns the class of a response without a code: another server answered, or the gateway is failing.
#[must_use]
pub const fn classify_status(status: u16) -> (FailureKind, Option<&'static str>) {
    match status {
        429 => (Throttled, Some(QUOTA)),
        407 => (
            Fatal,
            Some("give the proxy's user and password in HTTPS_PROXY"),
        ),
        _ => (Server, None),
    }
}

/// Returns the class that the HTTP response gives to an error whatever its code says. `None` if the code decides. Like
/// the official SDKs, 429 and every error that states a wait are throttling. A bare 503 is a failure of the gateway.
///
/// An expired key stays what it is: it must be renewed before the query is asked again.
#[must_use]
pub fn temporary(
    by_code: FailureKind,
    status: Option<u16>,
    states_wait: bool,
) -> Option<(FailureKind, &'static str)> {
    match (by_code, status) {
        (Expired, _) => None,
        _ if states_wait || status == Some(429) => Some((Throttled, QUOTA)),
        (Throttled, _) => None,
        (_, Some(503)) => Some((Server, LATER)),
        _ => None,
    }
}

/// Returns what the user can do about an error as reports name it: by its code, or by its kind if it has none.
#[must_use]
pub fn advice(name: &str) -> Option<&'static str> {
    match FailureKind::named(name) {
        Some(FailureKind::Transport) => Some(NETWORK),
        Some(Server) => Some(STRANGER),
        Some(Throttled) => Some(QUOTA),
        Some(_) => None,
        None => classify(name).1,
    }
}

/// Returns whether the code is about the time stamp of the request.
#[must_use]
pub fn is_clock(code: &str) -> bool {
    classify(code).1 == Some(CLOCK)
}

/// Returns whether the code is about a missing permission.
#[must_use]
pub fn is_permission(code: &str) -> bool {
    classify(code).1 == Some(PERMISSION)
}

/// Returns whether the code says that the gateway does not serve the operation.
#[must_use]
pub fn is_gateway(code: &str) -> bool {
    classify(code).1 == Some(GATEWAY)
}

/// Returns whether the messages of this code quote the string that was signed, with key ID and token. Among the
/// codes about signatures, only this one means that the gateway computed a different signature.
#[must_use]
pub fn quotes_request(code: &str) -> bool {
    code.starts_with("SignatureDoesNotMatch")
}

/// Returns the missing permission of `OnsMessageTrace` with the resource of the query. The source may not name its region,
/// and no response names the account, so the user fills these in.
#[must_use]
pub fn permission(region: Option<&str>, instance: Option<&str>, topic: &str) -> String {
    let region = region.unwrap_or("REGION");
    let place = instance.map_or_else(
        || topic.to_owned(),
        |instance| format!("{instance}%{topic}"),
    );
    format!(
        "grant the RAM user mq:QueryMessageTrace, and with it mq:OnsInstanceBaseInfo and mq:QueryInstanceBaseInfo, on \
         acs:mq:{region}:ACCOUNT:{place}, or leave that topic out"
    )
}

/// Returns the missing permission of an operation of 5.x about a topic, as above.
#[must_use]
pub fn topic_permission(
    operation: &str,
    (region, instance, topic): (Option<&str>, &str, &str),
) -> String {
    let region = region.unwrap_or("REGION");
    format!(
        "grant the RAM user rocketmq:{operation} on acs:rocketmq:{region}:ACCOUNT:instance/{instance}/topic/{topic}, or \
         leave that topic out"
    )
}

/// Returns whether the table has the code or a family of it.
#[must_use]
pub fn is_known(code: &str) -> bool {
    classify(code).1.is_some()
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

    /// Every code of `docs/facts/ons-api.md` §§4.2, 5, and of `docs/facts/ons5.md` §A.3, by class.
    const DOCUMENTED: [(FailureKind, &str); 7] = [
        (
            NotFound,
            "BIZ_NO_MESSAGE BIZ_TOPIC_NOT_FOUND INSTANCE_NOT_FOUND AUTH_RESOURCE_OWNER_ERROR Message.NotFound \
             Topic.NotFound",
        ),
        (
            Refused,
            "MissingParameter MissingTopic MissingMsgId InvalidParameter InvalidParameter.Format \
             BIZ_FIELD_CHECK_INVALID BIZ_SUBSCRIPTION_NOT_FOUND BIZ_CONSUMER_NOT_ONLINE BIZ_REGION_NOT_FOUND \
             BIZ_TOPIC_EXISTED BIZ_PUBLISHER_EXISTED BIZ_SUBSCRIPTION_EXISTED BIZ_PUBLISH_INFO_NOT_FOUND \
             BIZ_PRODUCER_ID_BELONG_TO_OTHER_USER BIZ_CONSUMER_ID_BELONG_TO_OTHER_USER EMPOWER_EXIST_ERROR \
             EMPOWER_OWNER_CHECK_ERROR BIZ_INSTANCE_NOT_FOUND INSTANCE_NOT_EMPTY ArmsDashboard.NotFound \
             MissingInstanceId MissingPageNumber InvalidConsumerGroupId",
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
        (Expired, "InvalidSecurityToken.Expired"),
        (
            Forbidden,
            "Forbidden.RAM NoPermission Forbidden AccessDenied AUTH_PERMISSION_CHECK_ERROR",
        ),
        (
            Fatal,
            "InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive Forbidden.AccessKeyDisabled \
             SignatureDoesNotMatch IncompleteSignature InvalidSignatureMethod InvalidTimeStamp.Format \
             InvalidTimeStamp.Expired IllegalTimestamp InvalidApi.NotFound InvalidAction.NotFound \
             InvalidProduct.NotFound NoSuchVersion InvalidVersion UnsupportedHTTPMethod InvalidProtocol.NeedSsl \
             InvalidSecurityToken.Malformed InvalidSecurityToken.MismatchWithAccessKey MissingSecurityToken \
             ONS_SERVICE_UNSUPPORTED AUTH_SERVICE_CHECK_ERROR AUTH_REQUEST_NOT_ALLOWED \
             AUTH_SIGNATURE_CHECK_ERROR AUTH_CSRF_CHECK_ERROR Auth.AssumeRoleError Instance.NotFound",
        ),
    ];

    #[test]
    fn every_documented_code_has_one_row_and_its_hint() {
        let mut documented = 0;
        for (kind, codes) in DOCUMENTED {
            for code in codes.split_whitespace() {
                documented += 1;
                let rows = CODES.iter().filter(|(known, ..)| *known == code).count();
                assert_eq!(rows, 1, "{code}");
                let (found, hint) = classify(code);
                assert_eq!(found, kind, "{code}");
                assert!(hint.is_some_and(|hint| hint.len() > 20), "{code}");
            }
        }
        assert_eq!(CODES.len(), documented, "no row without a source");
    }

    #[test]
    fn relatives_of_a_code_mean_what_it_means() {
        for (code, kind) in [
            ("BIZ_NEW", Refused),
            ("MissingTopicName", Refused),
            ("Alarm.NotFound", Refused),
            ("Throttling.User.Minute", Throttled),
            ("SystemBusy", Throttled),
            ("QpsLimitExceeded", Throttled),
            ("RequestLimitExceeded", Throttled),
            ("FlowControl.User", Throttled),
            ("BIZ_LimitExceeded", Refused),
            ("InternalError.Rpc", Server),
            ("Topic.QueryError", Server),
            ("InvalidSecurityToken.New", Fatal),
            ("Forbidden.SubUser", Forbidden),
            ("NeverHeardOf", Refused),
            ("", Refused),
        ] {
            assert_eq!(classify(code).0, kind, "{code}");
        }
    }

    #[test]
    fn no_family_hides_behind_an_earlier_one_or_contradicts_a_code() {
        for (at, (pattern, ..)) in FAMILIES.iter().enumerate() {
            let first = FAMILIES
                .iter()
                .position(|(earlier, ..)| matches(earlier, pattern));
            assert_eq!(first, Some(at), "{pattern}");
        }
        let stops = |kind: FailureKind| kind.ends_run();
        for (code, kind, _) in CODES {
            let family = FAMILIES.iter().find(|(pattern, ..)| matches(pattern, code));
            // `Missing*` is about parameters; a missing token is a different problem.
            let family = family.filter(|_| *code != "MissingSecurityToken");
            if let Some((pattern, of_family, _)) = family {
                assert_eq!(stops(*kind), stops(*of_family), "{code} and {pattern}");
            }
        }
    }

    #[test]
    fn hints_name_the_remedy() {
        for (code, word) in [
            ("Forbidden.RAM", "mq:QueryMessageTrace"),
            ("InvalidTimeStamp.Expired", "clock"),
            ("Forbidden.AccessKeyDisabled", "key"),
            ("Throttling.User", "--rate"),
            ("BIZ_NO_MESSAGE", "3 days"),
            ("Message.NotFound", "how long it keeps"),
            ("MissingInstanceId", "rmq://REGION/INSTANCE_ID"),
            ("NoPermission", "rocketmq:GetTrace (rmq://)"),
        ] {
            assert!(classify(code).1.unwrap().contains(word), "{code}");
        }
        assert!(is_permission("NoPermission") && !is_permission("Forbidden.AccessKeyDisabled"));
        assert!(
            permission(Some("cn-hangzhou"), Some("MQ_INST_1_B"), "orders")
                .contains("on acs:mq:cn-hangzhou:ACCOUNT:MQ_INST_1_B%orders, or")
        );
        for (name, word) in [
            ("INSTANCE_NOT_FOUND", "region"),
            ("transport", "NO_PROXY"),
            ("server", "login page"),
        ] {
            assert!(advice(name).unwrap().contains(word), "{name}");
        }
        assert_eq!((advice("refused"), advice("NeverHeardOf")), (None, None));
        assert!(permission(None, None, "orders").contains("on acs:mq:REGION:ACCOUNT:orders, or"));
        let place = (Some("cn-hangzhou"), "rmq-cn-1", "orders");
        assert!(topic_permission("GetTrace", place).contains(
            "rocketmq:GetTrace on acs:rocketmq:cn-hangzhou:ACCOUNT:instance/rmq-cn-1/topic/orders, or"
        ));
    }

    /// Checks the hints of codes that 5.x returns, too: they say nothing that holds for 4.x only.
    #[test]
    fn hints_for_both_services_name_both() {
        let of_4 = ["OnsMessageTrace", " mq:", "10 calls", "2019-02-14", "days"];
        let is_of_4 = |code: &str| {
            let mut words = code.split('_').filter(|word| !word.is_empty());
            words.clone().count() > 1 && words.all(|word| word == word.to_uppercase())
        };
        for (code, _, hint) in CODES.iter().filter(|(code, ..)| !is_of_4(code)) {
            if of_4.iter().any(|words| hint.contains(words)) {
                assert!(hint.contains("ons://"), "{code}: {hint}");
            }
        }
        assert!(is_known("Throttling.User.Minute") && !is_known("NeverHeardOf.NotFound"));
    }

    #[test]
    fn a_status_without_a_code_ends_the_run_only_for_a_proxy() {
        for status in 100..=599 {
            let expected = match status {
                429 => Throttled,
                407 => Fatal,
                _ => Server,
            };
            assert_eq!(classify_status(status).0, expected, "{status}");
        }
    }
}
