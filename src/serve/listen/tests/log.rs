//! What the access log contains, and what it never contains.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_request_is_one_object_in_one_line() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/traced?Action=OnsMessageTrace").await;
    client.answer().await;
    client.get("/throttled").await;
    client.answer().await;
    assert_eq!(client.close_reason().await, None);
    let log = fixture.log.clone();
    fixture.log().await;
    insta::assert_snapshot!(log.text(), @r#"
    {"time":"2026-11-22T12:00:00.123Z","peer":"127.0.0.1:4711","method":"GET","path":"/traced","status":200,"action":"OnsMessageTrace","request_id":"0A1B2C3D-0000-4000-8000-000000000001","key":"LTA***Key","topic":"orders","msg_id":"1E0578FE110F18B4AAC235C0C8460BA2","bytes":28,"duration_ms":0.0}
    {"time":"2026-11-22T12:00:00.123Z","peer":"127.0.0.1:4711","method":"GET","path":"/throttled","status":400,"action":"OnsMessageTrace","code":"Throttling.User","request_id":"0A1B2C3D-0000-4000-8000-000000000001","bytes":6,"duration_ms":0.0}
    "#);
}

#[tokio::test(start_paused = true)]
async fn no_part_of_a_signature_is_ever_written() {
    let secrets = ["TheKeyId", "TheToken", "TheSignature", "TheNonce"];
    let v1 = "GET /?AccessKeyId=TheKeyId&SecurityToken=TheToken&Signature=TheSignature&SignatureNonce=TheNonce&MsgId=A \
              HTTP/1.1\r\nhost: ons\r\n\r\n";
    let v1_form = "AccessKeyId=TheKeyId&SecurityToken=TheToken&Signature=TheSignature&SignatureNonce=TheNonce";
    let v1_form = format!(
        "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: {}\r\n\r\n{v1_form}",
        v1_form.len()
    );
    let v3 = "POST /?MsgId=A HTTP/1.1\r\nhost: ons\r\nx-acs-security-token: TheToken\r\nx-acs-signature-nonce: TheNonce\r\n\
              authorization: ACS3-HMAC-SHA256 Credential=TheKeyId,SignedHeaders=host,Signature=TheSignature\r\n\r\n";
    let fixture = Fixture::new();
    for request in [v1, &v1_form, v3] {
        let mut client = fixture.client();
        client.send(request).await;
        assert_eq!(client.answer().await.0, 200);
        // And as a request that breaks off, or is broken.
        for broken in [
            &request[..request.len() - 3],
            &request.replace("HTTP/1.1", "HTTP/7"),
        ] {
            let mut client = fixture.client();
            client.send(broken).await;
            tokio::task::yield_now().await;
            client.close_reason().await;
        }
    }
    let page = fixture.state.metrics.page();
    let log = fixture.log.clone();
    assert!(fixture.log().await.len() >= 8);
    for secret in secrets {
        assert!(!log.text().contains(secret), "{secret} in\n{}", log.text());
        assert!(!page.contains(secret), "{secret} in\n{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_of_a_client_are_cut() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get(&format!("/{}", "é".repeat(1000))).await;
    let _ = client.answer().await;
    client.get(&format!("/{}", "p".repeat(10_000))).await;
    let _ = client.answer().await;
    drop(client);
    let log = fixture.log().await;
    assert_eq!(log.len(), 2);
    for line in log {
        assert!(line.to_string().len() < 600, "{line}");
    }
}
