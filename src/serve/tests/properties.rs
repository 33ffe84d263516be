//! No bytes make the parser of requests panic, and topics of any spelling verify.

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
    let request = GatewayRequest {
        method,
        path: "/",
        query,
        headers: &headers,
        body,
    };
    let _ = request.format();
    if let Ok(call) = request.call() {
        let _ = call.action();
        if let Some(signature) = call.signature {
            let _ = signature.signed_text();
            assert!(!signature.verifies(&SigningSecret::new("secret")));
        }
    }
}

proptest! {
    #[test]
    fn no_request_panics(
        method in "GET|POST|PUT",
        query in "([A-Za-z]{0,3}|Signature|SignatureMethod|HMAC-SHA1|[=&%+\\PC]){0,12}",
        authorization in "(ACS3-HMAC-SHA256)?( ?(Credential|SignedHeaders|Signature|host|x-acs-date|[;,=\\PC])){0,12}",
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        call_of(&method, &query, &authorization, &body);
    }

    #[test]
    fn topics_of_any_spelling_verify(topic in "[ -~é中]{1,12}") {
        let topic: &'static str = topic.leak();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let gateway = gateway();
            for version in [Version::V1, Version::V3] {
                let mut client = Client::trace(version);
                client.set("Topic", Some(topic));
                let reply = client.send_to(&gateway).await;
                assert_eq!(reply.details.code.as_deref(), Some("BIZ_TOPIC_NOT_FOUND"));
                assert_eq!(reply.details.topic.as_deref(), Some(topic));
            }
        });
    }
}
