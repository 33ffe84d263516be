//! No bytes make the reader of requests panic, and no change to a signed request goes unnoticed.

use proptest::prelude::*;

use super::*;

fn call_of(method: &str, query: &str, authorization: &str, body: &[u8]) {
    let Ok(authorization) = HeaderValue::from_bytes(authorization.as_bytes()) else {
        return;
    };
    let mut headers = headers([
        ("host", "h"),
        ("x-acs-action", "OnsMessageTrace"),
        ("x-acs-version", VERSION),
        ("x-acs-date", NOW),
        ("x-acs-signature-nonce", "n"),
        ("x-acs-content-sha256", "e3b0"),
        ("content-type", "application/x-www-form-urlencoded"),
    ]);
    headers.insert("authorization", authorization);
    let incoming = Incoming {
        method,
        path: "/",
        query,
        headers: &headers,
        body,
    };
    let _ = incoming.format();
    if let Ok(call) = incoming.call() {
        let _ = call.action();
        if let Some(proof) = call.proof {
            let _ = proof.shown();
            assert!(!proof.holds(&Secret::new("secret")));
        }
    }
}

proptest! {
    #[test]
    fn no_request_is_too_odd(
        method in "GET|POST|PUT",
        query in "([A-Za-z]{0,3}|Signature|SignatureMethod|HMAC-SHA1|[=&%+\\PC]){0,12}",
        authorization in "(ACS3-HMAC-SHA256)?( ?(Credential|SignedHeaders|Signature|host|x-acs-date|[;,=\\PC])){0,12}",
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        call_of(&method, &query, &authorization, &body);
    }

    #[test]
    fn whatever_a_topic_is_called_it_is_read_as_it_was_signed(topic in "[ -~é中]{1,12}") {
        let topic: &'static str = topic.leak();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let gateway = gateway();
            for version in [Version::V1, Version::V3] {
                let mut client = Client::trace(version);
                client.set("Topic", Some(topic));
                let reply = client.ask(&gateway).await;
                assert_eq!(reply.note.code.as_deref(), Some("BIZ_TOPIC_NOT_FOUND"));
                assert_eq!(reply.note.topic.as_deref(), Some(topic));
            }
        });
    }
}
