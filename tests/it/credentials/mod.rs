//! The key that an audit uses. No output contains its secret.

mod echoed;
mod issued;
mod proxies;
pub(crate) mod small;

use super::gateway::{Call, Fault, Gateway, KEY_ID, SECRET, TOKEN};
use super::tool::{Said, Tool};

/// One recent message.
const LIST: &str = "msg_id,topic\nAC10323E00002A9F0000000000983278,orders\n";

fn tool() -> Tool {
    let tool = Tool::new();
    tool.write("in.csv", LIST);
    tool
}

fn knowing() -> super::gateway::Setup {
    Gateway::setup().knows("orders", "AC10323E00002A9F0000000000983278", "GID_a")
}

fn audit<'t>(tool: &'t Tool, gateway: &Gateway) -> super::tool::Call<'t> {
    tool.call("audit in.csv -o out.csv --source")
        .arg(&gateway.url())
}

/// Checks that neither the streams nor any written file contain the secret, the token, or the full key ID.
#[track_caller]
fn tells_nothing(tool: &Tool, said: &Said) {
    let files = tool.names();
    let files = files.iter().filter(|name| tool.path(name).is_file());
    let texts = files
        .map(|name| tool.read(name))
        .chain([said.stdout.clone(), said.stderr.clone()]);
    let encoded = ons_audit::source::ons::percent::encode(TOKEN);
    for text in texts {
        for secret in [SECRET, TOKEN, &encoded, KEY_ID] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn from_the_environment() {
    let (tool, gateway) = (tool(), knowing().start());
    let said = audit(&tool, &gateway).key().ends(0);
    assert!(
        said.stderr
            .contains("with access key LTA***Key from environment"),
        "{}",
        said.stderr
    );
    tells_nothing(&tool, &said);

    let gateway = knowing().token(TOKEN).start();
    let said = audit(&tool, &gateway)
        .key()
        .env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN)
        .ends(0);
    tells_nothing(&tool, &said);
}

#[test]
fn from_the_file_of_the_command_line_tool() {
    let tool = tool();
    let config = serde_json::json!({"current": "day", "profiles": [
        {"name": "day", "mode": "AK", "access_key_id": KEY_ID, "access_key_secret": SECRET},
        {"name": "hour", "mode": "StsToken", "access_key_id": KEY_ID, "access_key_secret": SECRET, "sts_token": TOKEN},
        {"name": "sso", "mode": "CloudSSO", "access_key_id": KEY_ID, "access_key_secret": SECRET},
    ]});
    tool.write(".aliyun/config.json", config.to_string());
    let log = |profile: &str| format!("from profile {profile} of ~/.aliyun/config.json");

    let said = audit(&tool, &knowing().start()).ends(0);
    assert!(said.stderr.contains(&log("day")), "{}", said.stderr);
    // A profile given by a flag wins over the environment.
    let gateway = knowing().token(TOKEN).start();
    let wrong = |call: super::tool::Call<'_>| {
        let call = call.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tSomebodyElse");
        call.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x").ends(0)
    };
    let said = wrong(audit(&tool, &gateway).args("--profile hour"));
    assert!(said.stderr.contains(&log("hour")), "{}", said.stderr);
    let said = audit(&tool, &gateway)
        .env("ALIBABA_CLOUD_PROFILE", "hour")
        .ends(0);
    assert!(said.stderr.contains(&log("hour")), "{}", said.stderr);

    let said = audit(&tool, &gateway).args("--profile sso").ends(2);
    assert!(
        said.stderr
            .contains("profile sso of ~/.aliyun/config.json is of mode CloudSSO")
    );
    let said = audit(&tool, &gateway).args("--profile night").ends(2);
    assert!(
        said.stderr
            .contains("no profile night (it has day, hour, sso)"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("hint: run `aliyun configure --profile night`"),
        "{}",
        said.stderr
    );
}

#[test]
fn from_the_file_of_the_sdks() {
    let section =
        |name: &str| format!("[{name}]\naccess_key_id = {KEY_ID}\naccess_key_secret = {SECRET}\n");
    for file in [".alibabacloud/credentials", ".alibabacloud/credentials.ini"] {
        let tool = tool();
        tool.write(file, section("default") + &section("other"));
        let said = audit(&tool, &knowing().start()).ends(0);
        assert!(
            said.stderr
                .contains(&format!("from profile default of ~/{file}")),
            "{}",
            said.stderr
        );
        assert!(
            said.stderr.contains("other users can read it: chmod 600"),
            "{}",
            said.stderr
        );
        let said = audit(&tool, &knowing().start())
            .args("--profile other")
            .ends(0);
        assert!(
            said.stderr
                .contains(&format!("from profile other of ~/{file}")),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn from_nowhere() {
    let (tool, gateway) = (tool(), Gateway::setup().start());
    let call = audit(&tool, &gateway).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    let said = call.ends(2);
    for place in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID is not set",
        "OIDC: ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN not set",
        "ECS role: switched off by ALIBABA_CLOUD_ECS_METADATA_DISABLED",
        "ALIBABA_CLOUD_CREDENTIALS_URI is not set",
        "~/.aliyun/config.json: no such file",
        "~/.alibabacloud/credentials.ini: no such file",
        "~/.alibabacloud/credentials: no such file",
        "\nhint: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    ] {
        assert!(said.stderr.contains(place), "{place}: {}", said.stderr);
    }
    assert_eq!(gateway.calls(), 0);
    assert_eq!(tool.names(), ["in.csv"]);
}

/// Half a key in the environment, and the key of another account in the file.
#[test]
fn from_no_other_account() {
    let (tool, gateway) = (tool(), knowing().start());
    let config = serde_json::json!({"current": "other", "profiles": [
        {"name": "other", "mode": "AK", "access_key_id": KEY_ID, "access_key_secret": SECRET}]});
    tool.write(".aliyun/config.json", config.to_string());
    let call = audit(&tool, &gateway).key();
    let said = call.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "").ends(2);
    for says in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID is set and gives no key: ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set",
        "hint: set what is missing, or unset ALIBABA_CLOUD_ACCESS_KEY_ID: no other account's key",
    ] {
        assert!(said.stderr.contains(says), "{}", said.stderr);
    }
    assert_eq!(gateway.calls(), 0);
    tells_nothing(&tool, &said);
}

/// A thousand rows, but the first responses show that every row would fail.
#[test]
fn a_key_that_is_refused_ends_the_run_at_once() {
    let refusals = [
        (
            Gateway::setup().secret("another"),
            KEY_ID,
            "SignatureDoesNotMatch",
            "access key secret belongs",
        ),
        (
            Gateway::setup(),
            "LTAI5tNobodyKnowsIt",
            "InvalidAccessKeyId.NotFound",
            "check the access key ID",
        ),
        (
            Gateway::setup().plan(|_: Call<'_>| Some(Fault::Forbidden)),
            KEY_ID,
            "Forbidden.RAM",
            "mq:QueryMessageTrace, and with it mq:OnsInstanceBaseInfo and mq:QueryInstanceBaseInfo, \
             on acs:mq:REGION:ACCOUNT:MQ_INST_1234567890123456_BXdemo%",
        ),
        (
            Gateway::setup().plan(|_: Call<'_>| Some(Fault::Expired)),
            KEY_ID,
            "InvalidTimeStamp.Expired",
            "it is 16m ",
        ),
    ];
    for (setup, key_id, code, hint) in refusals {
        let (tool, gateway) = (Tool::new(), setup.token(TOKEN).start());
        for signature in ["v3", "v1"] {
            let call = tool
                .call("audit samples/incident.csv -o out.csv --rate max --concurrency 4 --source")
                .arg(&gateway.url());
            let call = call.args("--signature").arg(signature).key();
            let call = call
                .env("ALIBABA_CLOUD_ACCESS_KEY_ID", key_id)
                .env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN);
            let said = call.ends(2);
            assert!(said.stderr.contains(code), "{}", said.stderr);
            let hints = said.stderr.split("\nhint: ").nth(1).unwrap();
            assert!(hints.contains(hint), "{}", said.stderr);
            assert!(!said.stderr.contains(key_id), "{}", said.stderr);
            tells_nothing(&tool, &said);
            assert_eq!(
                tool.names(),
                [""; 0],
                "a results file without answers would only stand in the way"
            );
        }
        assert_eq!(
            gateway.calls(),
            2,
            "one call in each of two runs, four at once or not"
        );
    }
}
