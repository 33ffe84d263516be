//! What to do about each error code of STS. Whether it may pass is the gateway's common rule ([`errors`]), but the
//! remedies are others: there they speak of messages and of the audit's rate.
//!
//! Codes: "How to handle the common errors when you access OSS by using STS" (help.aliyun.com, document 42775), those
//! of every gateway (`facts/ons-api.md` §4.2), and the operations' own pages.
//!
//! [`errors`]: super::super::errors

const ROLE: &str = "check the role's ARN, and that its trust policy names who assumes it";
const SECONDS: &str = "a role's key lasts 900 s or more, and no longer than the role's maximum session duration: correct \
     expired_seconds of the profile, or raise the role's maximum";
const POLICY: &str =
    "correct policy of the profile, or leave it out: the role's own permissions hold without it";
const SESSION: &str = "correct the session name, in the profile or in ALIBABA_CLOUD_ROLE_SESSION_NAME: letters, digits \
     and . @ - _ only";
const IDENTITY: &str = "check the OIDC provider's ARN, its audience, and that the token file is the cluster's current one";
const PARAMETER: &str =
    "check what the profile says of the role: ARN, session name, policy, external ID, duration";
const ALLOWED: &str =
    "allow sts:AssumeRole on the role's ARN, and name the user in the role's trust policy";
const KEY: &str = "check the access key ID that assumes the role: it must exist and be active";
const SECRET: &str = "check that the access key secret belongs to the key ID that assumes the role, and that no proxy \
     rewrites requests";
const TOKEN: &str = "get new temporary credentials for the key that assumes the role: key ID, secret and security token \
     come and go together";
const CLOCK: &str = "set this machine's clock: STS accepts 15 minutes of difference";
const PLACE: &str = "check the STS endpoint and region, in the profile or in ALIBABA_CLOUD_STS_REGION: it is not STS \
     that answers there";
const OFTEN: &str = "this account asks STS too often: run again in a few minutes";
const LATER: &str = "run again later; if it stays, ask Alibaba Cloud support about STS";

/// By how the code begins: the first that fits.
const HINTS: &[(&str, &str)] = &[
    ("EntityNotExist.Role", ROLE),
    ("EntityNotExist.", IDENTITY),
    ("AuthenticationFail.", IDENTITY),
    ("InvalidParameter.RoleArn", ROLE),
    ("InvalidParameter.DurationSeconds", SECONDS),
    ("InvalidParameter.Policy", POLICY),
    ("InvalidParameter.RoleSessionName", SESSION),
    ("InvalidParameter.OIDC", IDENTITY),
    ("InvalidParameter", PARAMETER),
    ("MissingSecurityToken", TOKEN),
    ("Missing", PARAMETER),
    ("Forbidden.AccessKeyDisabled", KEY),
    ("Forbidden", ALLOWED),
    ("NoPermission", ALLOWED),
    ("AccessDenied", ALLOWED),
    ("InvalidAccessKeyId", KEY),
    ("SignatureDoesNotMatch", SECRET),
    ("IncompleteSignature", SECRET),
    ("InvalidSecurityToken", TOKEN),
    ("InvalidTimeStamp", CLOCK),
    ("IllegalTimestamp", CLOCK),
    ("InvalidApi", PLACE),
    ("InvalidAction", PLACE),
    ("InvalidProduct", PLACE),
    ("InvalidVersion", PLACE),
    ("NoSuchVersion", PLACE),
    ("Throttling", OFTEN),
    ("ServiceUnavailable", LATER),
    ("InternalError", LATER),
    ("UnknownError", LATER),
];

/// What the person should do, where we know.
pub(super) fn hint(code: &str) -> Option<&'static str> {
    let row = HINTS.iter().find(|(begins, _)| code.starts_with(begins));
    row.map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_hides_behind_an_earlier_one() {
        for (at, (begins, _)) in HINTS.iter().enumerate() {
            let first = HINTS.iter().position(|(row, _)| begins.starts_with(row));
            assert_eq!(first, Some(at), "{begins}");
        }
    }

    #[test]
    fn each_speaks_of_the_role_and_none_of_the_audit() {
        for (code, word) in [
            ("InvalidParameter.DurationSeconds", "expired_seconds"),
            ("InvalidParameter.PolicyGrammar", "policy of the profile"),
            ("InvalidParameter.RoleSessionName", "session name"),
            ("InvalidParameter.OIDCToken", "OIDC"),
            ("AuthenticationFail.OIDCToken.Expired", "token file"),
            ("EntityNotExist.OIDCProvider", "OIDC"),
            ("MissingRoleArn", "ARN"),
            ("Throttling.User", "STS too often"),
            ("Forbidden.RAM", "sts:AssumeRole"),
            ("InvalidAccessKeyId.NotFound", "assumes the role"),
            ("InvalidAction.NotFound", "STS endpoint"),
        ] {
            assert!(hint(code).unwrap().contains(word), "{code}");
        }
        assert_eq!(hint("BIZ_NO_MESSAGE"), None);
        for (_, hint) in HINTS {
            for word in ["--rate", "row", "mq:", "OnsMessageTrace", "--signature"] {
                assert!(!hint.contains(word), "{hint}");
            }
        }
    }
}
