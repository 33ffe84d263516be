//! Keys that a service issues for a limited time.

use serde_json::json;

use super::small::{CERTIFICATE, Small};
use super::{audit, knowing, tells_nothing, tool};
use crate::gateway::{Call, Fault, KEY_ID, SECRET, TOKEN};

const NO_ECS: (&str, &str) = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");

fn key() -> serde_json::Value {
    json!({"Code": "Success", "AccessKeyId": KEY_ID, "AccessKeySecret": SECRET, "SecurityToken": TOKEN,
        "Expiration": "2999-01-01T00:00:00Z"})
}

fn role_key() -> String {
    json!({"RequestId": "r", "Credentials": key()}).to_string()
}

#[test]
fn an_address_gives_the_key_and_the_next_one_after_expiry() {
    let tool = tool();
    let address = Small::plain(|_| (200, key().to_string()));
    let expired = |call: Call<'_>| (call.number == 1).then_some(Fault::KeyExpired);
    let gateway = knowing().token(TOKEN).plan(expired).start();
    let uri = format!("http://{}/s3cret-path", address.address);
    let call = audit(&tool, &gateway).env(NO_ECS.0, NO_ECS.1);
    let said = call.env("ALIBABA_CLOUD_CREDENTIALS_URI", &uri).ends(0);
    let host = format!(
        "access key LTA***Key from credentials URI http://{}",
        address.address
    );
    for says in [&format!("with {host}"), &format!("going on with {host}")] {
        assert!(said.stderr.contains(&**says), "{}", said.stderr);
    }
    assert!(!said.stderr.contains("s3cret-path"), "{}", said.stderr);
    tells_nothing(&tool, &said);
    assert_eq!((address.asked().len(), gateway.calls()), (2, 2));
    let report = crate::tool::table(&tool.read("out.csv"));
    assert_eq!(
        (&*report[0]["attempts"], &*report[0]["verdict"]),
        ("2", "passed")
    );
}

#[test]
fn a_key_that_expires_again_at_once_ends_the_run() {
    let tool = tool();
    let address = Small::plain(|_| (200, key().to_string()));
    let gateway = knowing()
        .token(TOKEN)
        .plan(|_: Call<'_>| Some(Fault::KeyExpired))
        .start();
    let uri = format!("http://{}/", address.address);
    let call = audit(&tool, &gateway).env(NO_ECS.0, NO_ECS.1);
    let said = call.env("ALIBABA_CLOUD_CREDENTIALS_URI", &uri).ends(2);
    assert!(
        said.stderr.contains("InvalidSecurityToken.Expired"),
        "{}",
        said.stderr
    );
    assert_eq!((address.asked().len(), gateway.calls()), (2, 2));
    tells_nothing(&tool, &said);
}

#[test]
fn a_profile_assumes_a_role_at_an_sts_that_is_trusted() {
    let tool = tool();
    tool.write("ca.pem", CERTIFICATE);
    let sts = Small::tls(|_| (200, role_key()));
    let host = sts.address.to_string();
    let config = json!({"current": "role", "profiles": [{"name": "role", "mode": "RamRoleArn", "access_key_id": "LTAI5tBase",
        "access_key_secret": SECRET, "ram_role_arn": "acs:ram::1:role/audit", "sts_endpoint": host}]});
    tool.write(".aliyun/config.json", config.to_string());
    let gateway = knowing().token(TOKEN).start();
    let said = audit(&tool, &gateway).args("--ca-cert ca.pem").ends(0);
    let from = "with access key LTA***Key from profile role of ~/.aliyun/config.json (RamRoleArn)";
    assert!(said.stderr.contains(from), "{}", said.stderr);
    tells_nothing(&tool, &said);
    let [asked] = &*sts.asked() else { panic!() };
    assert!(
        asked.starts_with("POST /?DurationSeconds=3600&RoleArn=acs%3Aram%3A%3A1%3Arole%2Faudit&"),
        "{asked}"
    );
    assert!(
        asked.contains("Credential=LTAI5tBase,SignedHeaders=host;x-acs-action;"),
        "{asked}"
    );

    // Verification cannot be turned off: an untrusted STS gets no signature.
    let said = audit(&tool, &gateway).ends(2);
    assert!(
        said.stderr.contains("certificate is not trusted"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("no key from profile role"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("--ca-cert FILE"), "{}", said.stderr);
    assert_eq!((sts.asked().len(), gateway.calls()), (1, 1));
}

#[test]
fn what_sts_refuses_ends_the_run_before_it_begins() {
    let tool = tool();
    tool.write("ca.pem", CERTIFICATE);
    let sts = Small::tls(|_| {
        (
            403,
            json!({"Code": "NoPermission", "Message": "LTAI5tBase may not"}).to_string(),
        )
    });
    let config = json!({"current": "role", "profiles": [{"name": "role", "mode": "RamRoleArn", "access_key_id": "LTAI5tBase",
        "access_key_secret": SECRET, "ram_role_arn": "acs:ram::1:role/audit", "sts_endpoint": sts.address.to_string()}]});
    tool.write(".aliyun/config.json", config.to_string());
    let gateway = knowing().start();
    let said = audit(&tool, &gateway).args("--ca-cert ca.pem").ends(2);
    assert!(
        said.stderr.contains("NoPermission: *** may not"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("\nhint: allow sts:AssumeRole"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 0);
    assert_eq!(tool.names(), [".aliyun", "ca.pem", "in.csv"]);
}

#[test]
fn a_command_runs_only_when_it_is_allowed() {
    let tool = tool();
    let key = json!({"mode": "StsToken", "access_key_id": KEY_ID, "access_key_secret": SECRET, "sts_token": TOKEN});
    tool.write("keys/my key.json", key.to_string());
    let config = json!({"current": "tool", "profiles": [
        {"name": "tool", "mode": "External", "process_command": "cat 'keys/my key.json'"},
        {"name": "broken", "mode": "External", "process_command": "cat nowhere.json"}]});
    tool.write(".aliyun/config.json", config.to_string());
    let gateway = knowing().token(TOKEN).start();
    let said = audit(&tool, &gateway).ends(2);
    assert!(
        said.stderr
            .contains("mode External runs a command, which is not allowed unasked"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("add --allow-external-credentials"),
        "{}",
        said.stderr
    );
    let said = audit(&tool, &gateway)
        .args("--allow-external-credentials")
        .ends(0);
    assert!(
        said.stderr
            .contains("profile tool of ~/.aliyun/config.json (External)"),
        "{}",
        said.stderr
    );
    tells_nothing(&tool, &said);
    let broken = audit(&tool, &gateway).args("--allow-external-credentials --profile broken");
    let said = broken.ends(2);
    assert!(
        said.stderr
            .contains("the command of the profile ended with exit status: 1"),
        "{}",
        said.stderr
    );
    assert!(
        !said.stderr.contains("nowhere.json"),
        "its own words may hold secrets: {}",
        said.stderr
    );
}
