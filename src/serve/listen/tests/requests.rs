//! Requests of well-behaved clients, and bytes that no client should send.

use super::*;

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_requests() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for query in ["a=1", "b=2"] {
        client.get(&format!("/?{query}")).await;
        assert_eq!(client.answer().await, (200, format!("GET {query} \n")));
    }
    client.post_of(8).await;
    client.send("Topic=a%").await;
    assert_eq!(client.answer().await, (200, "POST  Topic=a%\n".to_owned()));
    let pipelined: Vec<_> = (0..100)
        .map(|nth| format!("GET /?{nth} HTTP/1.1\r\nhost: ons\r\n\r\n"))
        .collect();
    client.send(pipelined.concat()).await;
    for nth in 0..100 {
        assert_eq!(client.answer().await, (200, format!("GET {nth} \n")));
    }
    assert_eq!(client.close_reason().await, None);
    assert_eq!(fixture.log().await.len(), 103);
}

#[tokio::test(start_paused = true)]
async fn a_reply_becomes_status_and_headers() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/throttled").await;
    let (head, _) = client.whole_answer().await;
    for line in [
        "HTTP/1.1 400 Bad Request",
        "content-type: application/json;charset=utf-8",
        "x-acs-request-id: 0A1B2C3D-0000-4000-8000-000000000001",
        "x-acs-retry-after: 1500",
    ] {
        assert!(head.lines().any(|found| found == line), "{line} in\n{head}");
    }
    assert!(head.contains("\r\ndate: "), "{head}");
}

#[tokio::test(start_paused = true)]
async fn health_and_metrics_need_no_gateway() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/healthz").await;
    assert_eq!(client.answer().await, (200, "ok\n".to_owned()));
    client.get("/throttled").await;
    client.answer().await;
    client.get("/metrics").await;
    let (head, page) = client.whole_answer().await;
    assert!(head.contains("application/openmetrics-text"), "{head}");
    for line in [
        r#"ons_audit_serve_requests_total{action="healthz",status="200",code=""} 1"#,
        r#"ons_audit_serve_requests_total{action="OnsMessageTrace",status="400",code="Throttling.User"} 1"#,
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    let post = "POST /healthz HTTP/1.1\r\nhost: ons\r\ncontent-length: 0\r\n\r\n";
    client.send(post).await;
    assert_eq!(client.answer().await.0, 405);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_have_its_limit_and_no_byte_more() {
    let fixture = Fixture::new();
    let limit = fixture.state.limits.body_bytes;
    let mut client = fixture.client();
    client.post_of(limit).await;
    client.send("x".repeat(limit)).await;
    assert_eq!(client.answer().await.0, 200);
    client.post_of(limit + 1).await;
    assert_eq!(client.answer().await.0, 413);
    client.send("x".repeat(limit + 1)).await;
    client.is_closed().await;
    assert_eq!(client.close_reason().await, None);

    let mut client = fixture.client();
    let chunked = "POST / HTTP/1.1\r\nhost: ons\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", limit + 1, "x".repeat(limit + 1));
    client.send(format!("{chunked}{chunk}")).await;
    let too_long = (413, "length limit exceeded".to_owned());
    assert_eq!(client.answer().await, too_long);
    client.is_closed().await;
    assert_eq!(client.close_reason().await, None);
    let log = fixture.log().await;
    let statuses: Vec<_> = log.iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [200, 413, 413]);
}

#[tokio::test(start_paused = true)]
async fn expect_continue_is_answered() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let head = "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    client.send(head).await;
    let mut received = [0; 25];
    client.stream.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ab").await;
    assert_eq!(client.answer().await, (200, "POST  ab\n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_gets_no_answer() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/dropped").await;
    client.is_closed().await;
    assert_eq!(client.close_reason().await, None);
    let log = fixture.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["dropped"], true);
    assert_eq!(log[0].get("status"), None);
}

/// Sends bytes on a connection of their own; returns what comes back, and the only line of the log.
async fn sent(bytes: impl AsRef<[u8]>) -> (String, Value) {
    let fixture = Fixture::new();
    let Client { stream, task } = fixture.client_with_pipe(4096);
    let (mut from, mut to) = tokio::io::split(stream);
    let mut received = Vec::new();
    let (_, read) = tokio::join!(
        to.write_all(bytes.as_ref()),
        from.read_to_end(&mut received)
    );
    read.unwrap();
    task.await.unwrap();
    let page = fixture.state.metrics.page();
    let mut log = fixture.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let line = log.remove(0);
    if let Some(reason) = line["aborted"].as_str() {
        let counted = format!("connections_aborted_total{{reason=\"{reason}\"}} 1");
        assert!(page.contains(&counted), "{counted} in\n{page}");
    }
    (String::from_utf8(received).unwrap(), line)
}

#[tokio::test(start_paused = true)]
async fn bad_bytes_are_refused_and_not_repeated_in_the_log() {
    let megabyte = "secret".repeat(1 << 17);
    let many_lines = "a: secret\r\n".repeat(1000);
    let cases: [(&[u8], &str); 9] = [
        (b"\x00\x01\x02\x03 secret garbage\r\n\r\n", "400"),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello, secret",
            "400",
        ),
        (b"GET /secret HTTP/9.9\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nsecret header\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\ncontent-length: secret\r\n\r\n", "400"),
        (
            b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\nsecret",
            "400",
        ),
        (
            &format!("GET /?{megabyte} HTTP/1.1\r\n\r\n").into_bytes(),
            "431",
        ),
        (
            &format!("GET / HTTP/1.1\r\na: {megabyte}\r\n\r\n").into_bytes(),
            "431",
        ),
        (
            &format!("GET / HTTP/1.1\r\n{many_lines}\r\n").into_bytes(),
            "431",
        ),
    ];
    for (bytes, status) in cases {
        let (received, line) = sent(bytes).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(received.starts_with(&expected), "{received}");
        assert_eq!(line["aborted"], "bad_request");
        assert_eq!(line["peer"], PEER.to_string());
        let line = line.to_string();
        assert!(!line.contains("secret") && line.len() < 300, "{line}");
    }
    let chunked = "POST / HTTP/1.1\r\nhost: ons\r\ntransfer-encoding: chunked\r\n\r\nsecret\r\n";
    let (received, line) = sent(chunked).await;
    assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
    assert_eq!(line["status"], 400);
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_early_is_logged() {
    let cases = [
        ("", None),
        ("GET / HT", Some("left in the midst of a request's head")),
        (
            "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 9\r\n\r\nhalf",
            Some("left in the midst of a body"),
        ),
        (
            "GET /held HTTP/1.1\r\nhost: ons\r\n\r\n",
            Some("left before its answer"),
        ),
    ];
    for (request, detail) in cases {
        let fixture = Fixture::new();
        let mut client = fixture.client();
        client.send(request).await;
        tokio::task::yield_now().await;
        let reason = client.close_reason().await;
        assert_eq!(reason, detail.map(CloseReason::ClientLeft));
        let lines = usize::from(detail.is_some());
        assert_eq!(fixture.log().await.len(), lines, "{request}");
    }
}
