//! Every error, with both signatures.

use super::client::{Client, NOW, Version, gateway, gateway_started_at, text, twice};
use super::*;

type Spoil = fn(&mut Client);

/// What is wrong with a request, and its error: code, status and a part of the message.
const CASES: &[(Spoil, &str, u16, &str)] = &[
    (|c| c.action = None, "MissingParameter", 400, "\"Action\""),
    (
        |c| c.action = Some("OnsTopicCreate"),
        "InvalidAction.NotFound",
        404,
        "api is not found",
    ),
    (
        |c| c.path = "/x",
        "InvalidAction.NotFound",
        404,
        "api is not found",
    ),
    (
        |c| c.method = "DELETE",
        "UnsupportedHTTPMethod",
        405,
        "method",
    ),
    (
        |c| c.api = Some("2018-01-01"),
        "NoSuchVersion",
        400,
        "\"2018-01-01\"",
    ),
    (
        |c| c.set("MsgId", None),
        "MissingMsgId",
        400,
        "MsgId is mandatory",
    ),
    (
        |c| c.set("MsgId", Some("")),
        "MissingMsgId",
        400,
        "MsgId is mandatory",
    ),
    (
        |c| c.set("Topic", None),
        "MissingTopic",
        400,
        "Topic is mandatory",
    ),
    (
        |c| c.parameters.push(("Topic", "payments")),
        "InvalidParameter",
        400,
        "\"Topic\" is given more than once",
    ),
    (
        |c| c.key_id = "LTAI_nobody_knows",
        "InvalidAccessKeyId.NotFound",
        404,
        "not found",
    ),
    (
        |c| c.key_id = "gone",
        "InvalidAccessKeyId.Inactive",
        400,
        "disabled",
    ),
    (
        |c| c.secret = "Secret",
        "SignatureDoesNotMatch",
        400,
        "server string to sign is:",
    ),
    (
        |c| c.date = "2025-11-20T02:44:59Z",
        "InvalidTimeStamp.Expired",
        400,
        "expired",
    ),
    (
        |c| c.date = "2025-11-20T03:15:01Z",
        "InvalidTimeStamp.Expired",
        400,
        "expired",
    ),
    (
        |c| c.date = "yesterday",
        "InvalidTimeStamp.Format",
        400,
        "well formatted",
    ),
    (
        |c| c.key_id = "temporary",
        "MissingSecurityToken",
        400,
        "mandatory",
    ),
    (
        |c| (c.key_id, c.token) = ("temporary", Some("other")),
        "InvalidSecurityToken.MismatchWithAccessKey",
        400,
        "token",
    ),
    (
        |c| c.token = Some("tok+en/="),
        "InvalidSecurityToken.MismatchWithAccessKey",
        400,
        "token",
    ),
    (|c| c.key_id = "narrow", "NoPermission", 403, "topic orders"),
    (
        |c| c.key_id = "elsewhere",
        "NoPermission",
        403,
        "instance MQ_1",
    ),
    (
        |c| c.set("Topic", Some("nothing")),
        "BIZ_TOPIC_NOT_FOUND",
        404,
        "no topic nothing",
    ),
    (
        |c| c.set("InstanceId", Some("MQ_9")),
        "INSTANCE_NOT_FOUND",
        404,
        "MQ_9",
    ),
    (
        |c| c.set("MsgId", Some("FF")),
        "BIZ_NO_MESSAGE",
        404,
        "no message with this ID",
    ),
];

#[tokio::test]
async fn every_error_has_its_code_status_and_message() {
    let gateway = gateway();
    for (spoil, code, status, says) in CASES {
        for version in [Version::V3, Version::V1] {
            let mut client = Client::trace(version);
            client.set("Format", Some("JSON"));
            spoil(&mut client);
            let reply = client.send_to(&gateway).await;
            let body: serde_json::Value = serde_json::from_str(&text(&reply)).unwrap();
            assert_eq!(
                (&body["Code"], reply.status),
                (&(*code).into(), *status),
                "{body}"
            );
            assert_eq!(reply.details.code.as_deref(), Some(*code));
            assert!(body["Message"].as_str().unwrap().contains(says), "{body}");
            assert_eq!(body["RequestId"], "ID");
            assert!(body["HostId"].is_string());
        }
    }
}

#[tokio::test]
async fn both_edges_of_the_window_are_accepted() {
    let gateway = gateway();
    for date in [NOW, "2025-11-20T02:45:00Z", "2025-11-20T03:15:00Z"] {
        let mut client = Client::trace(Version::V3);
        client.date = date;
        assert_eq!(client.send_to(&gateway).await.status, 200, "{date}");
    }
}

#[tokio::test]
async fn requests_from_before_the_start_are_refused() {
    let gateway = gateway_started_at("2025-11-20T02:50:00.999Z");
    for (date, code) in [
        ("2025-11-20T02:49:59Z", Some("InvalidTimeStamp.Expired")),
        ("2025-11-20T02:50:00Z", None),
    ] {
        let mut client = Client::trace(Version::V3);
        client.date = date;
        let reply = client.send_to(&gateway).await;
        assert_eq!(reply.details.code.as_deref(), code, "{date}");
    }
}

#[tokio::test]
async fn a_request_is_accepted_once() {
    let gateway = gateway();
    for version in [Version::V3, Version::V1] {
        let client = Client::trace(version);
        assert_eq!(client.send_to(&gateway).await.status, 200);
        let again = client.send_to(&gateway).await;
        assert_eq!(again.details.code.as_deref(), Some("SignatureNonceUsed"));
    }
}

#[tokio::test]
async fn a_forger_cannot_use_up_a_nonce() {
    let gateway = gateway();
    let client = Client::trace(Version::V3);
    let forged = Client {
        secret: "guess",
        ..client.clone()
    };
    assert_eq!(
        forged.send_to(&gateway).await.details.code.as_deref(),
        Some("SignatureDoesNotMatch")
    );
    assert_eq!(client.send_to(&gateway).await.status, 200);
}

#[tokio::test]
async fn an_incomplete_signature_is_refused() {
    let gateway = gateway();
    for (lost, version, code) in [
        ("x-acs-date", Version::V3, "IncompleteSignature"),
        ("x-acs-signature-nonce", Version::V3, "IncompleteSignature"),
        ("x-acs-content-sha256", Version::V3, "IncompleteSignature"),
        ("host", Version::V3, "IncompleteSignature"),
        ("x-acs-version", Version::V3, "IncompleteSignature"), // it was signed, as all below
        ("user-agent", Version::V3, "IncompleteSignature"),
        ("authorization", Version::V3, "MissingParameter"),
        ("Signature", Version::V1, "MissingParameter"),
        ("AccessKeyId", Version::V1, "MissingParameter"),
        ("Timestamp", Version::V1, "MissingParameter"),
        ("SignatureNonce", Version::V1, "MissingParameter"),
        ("SignatureMethod", Version::V1, "MissingParameter"),
    ] {
        let mut client = Client::trace(version);
        client.lost.push(lost);
        client.set("Format", Some("JSON"));
        if lost == "authorization" {
            client.set("Action", Some("OnsMessageTrace"));
            client.set("Version", Some(VERSION));
        }
        let reply = client.send_to(&gateway).await;
        assert_eq!(reply.details.code.as_deref(), Some(code), "without {lost}");
    }
}

#[tokio::test]
async fn the_string_to_sign_hides_the_token() {
    let gateway = gateway();
    let token = "tok+en/=";
    for version in [Version::V3, Version::V1] {
        let mut client = Client::trace(version);
        (client.key_id, client.token, client.secret) = ("temporary", Some(token), "wrong");
        client.set("Format", Some("JSON"));
        let reply = client.send_to(&gateway).await;
        let body = text(&reply);
        assert!(
            body.contains("SignatureDoesNotMatch") && body.contains("***"),
            "{body}"
        );
        for secret in [token, &twice(token), "secret\""] {
            assert!(!body.contains(secret), "{secret} is in {body}");
        }
        let start = if version == Version::V1 {
            "POST&%2F&"
        } else {
            "ACS3-HMAC-SHA256\\n"
        };
        assert!(
            body.contains(&format!("server string to sign is:{start}")),
            "{body}"
        );

        client.secret = "secret";
        client.nonce.push('2');
        assert_eq!(client.send_to(&gateway).await.status, 200, "the right one");
    }
}

/// Message 0A is of topic orders, 0B of topic lonely.
#[tokio::test]
async fn errors_reveal_nothing_of_topics_without_a_right() {
    let gateway = gateway();
    let send = async |key_id, action, topic, msg_id| {
        let mut client = Client::of(Version::V3, action, &[("Topic", topic), ("MsgId", msg_id)]);
        client.key_id = key_id;
        text(&client.send_to(&gateway).await)
    };
    for action in ["OnsMessageTrace", "OnsMessageGetByMsgId"] {
        let other = send("narrower", action, "lonely", "0A").await;
        let nobodys = send("narrower", action, "lonely", "FF").await;
        assert!(
            other.contains("BIZ_NO_MESSAGE") && !other.contains("orders"),
            "{other}"
        );
        assert_eq!(other, nobodys, "nor does it learn that there is one");
        for (key_id, topic, msg_id, says) in [
            ("reader", "lonely", "0A", "has it under topic orders"),
            ("reader", "lonely", "FF", "under any topic"),
            ("both", "lonely", "0A", "has it under topic orders"),
        ] {
            let said = send(key_id, action, topic, msg_id).await;
            assert!(said.contains(says), "{key_id}: {said}");
        }
    }
    for (key_id, topics, groups) in [("reader", 2, 2), ("narrower", 1, 0), ("narrow", 0, 0)] {
        let mut client = Client::of(Version::V3, "OnsInstanceInServiceList", &[]);
        client.key_id = key_id;
        let said = text(&client.send_to(&gateway).await);
        let counts = format!("\"TopicCount\":{topics},\"GroupCount\":{groups}");
        assert!(said.contains(&counts), "{key_id}: {said}");
    }
}

#[tokio::test]
async fn an_instance_without_a_right_is_not_listed() {
    let gateway = gateway();
    let mut client = Client::of(Version::V3, "OnsInstanceInServiceList", &[]);
    client.key_id = "elsewhere";
    assert_eq!(
        text(&client.send_to(&gateway).await),
        r#"{"RequestId":"ID","Data":{"InstanceVO":[]}}"#
    );
}
