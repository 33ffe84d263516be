//! Requests and answers of clients that mean well.

use super::*;

#[tokio::test(start_paused = true)]
async fn one_connection_serves_one_request_after_the_other() {
    let inside = Inside::new();
    let mut client = inside.client();
    for query in ["a=1", "b=2"] {
        client.get(&format!("/?{query}")).await;
        assert_eq!(client.answer().await, (200, format!("GET {query} \n")));
    }
    let form = "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 8\r\n\r\nTopic=a%";
    client.say(form).await;
    assert_eq!(client.answer().await, (200, "POST  Topic=a%\n".to_owned()));
    assert_eq!(client.ending().await, None);
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let inside = Inside::new();
    let mut client = inside.client();
    let requests: Vec<_> = (0..100)
        .map(|nth| format!("GET /?{nth} HTTP/1.1\r\nhost: ons\r\n\r\n"))
        .collect();
    client.say(requests.concat()).await;
    for nth in 0..100 {
        assert_eq!(client.answer().await, (200, format!("GET {nth} \n")));
    }
    assert_eq!(client.ending().await, None);
    assert_eq!(inside.log().await.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_says_becomes_headers() {
    let inside = Inside::new();
    let mut client = inside.client();
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
    let inside = Inside::new();
    let mut client = inside.client();
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
    client.say(post).await;
    assert_eq!(client.answer().await.0, 405);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_have_its_limit_and_no_byte_more() {
    let inside = Inside::new();
    let limit = inside.house.limits.body_bytes;
    let mut client = inside.client();
    let head = format!("POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: {limit}\r\n\r\n");
    client.say(head).await;
    client.say("x".repeat(limit)).await;
    assert_eq!(client.answer().await.0, 200);

    let head = format!(
        "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: {}\r\n\r\n",
        limit + 1
    );
    client.say(head).await;
    assert_eq!(
        client.answer().await,
        (413, "the body is too long\n".to_owned())
    );
    client.say("x".repeat(limit + 1)).await;
    client.is_shown_out().await;
    assert_eq!(client.ending().await, None, "the answer has told");

    let mut client = inside.client();
    client
        .say("POST / HTTP/1.1\r\nhost: ons\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    client
        .say(format!("{:x}\r\n{}\r\n", limit + 1, "x".repeat(limit + 1)))
        .await;
    assert_eq!(client.answer().await.0, 413);
    client.is_shown_out().await;
    assert_eq!(client.ending().await, None);
    let statuses: Vec<_> = inside
        .log()
        .await
        .iter()
        .map(|line| line["status"].clone())
        .collect();
    assert_eq!(statuses, [200, 413, 413]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_first_is_told_to_send_its_body() {
    let inside = Inside::new();
    let mut client = inside.client();
    client
        .say("POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        .await;
    let mut told = [0; 25];
    client.stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.say("ab").await;
    assert_eq!(client.answer().await, (200, "POST  ab\n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_drill_drops_the_connection_without_an_answer() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get("/dropped").await;
    client.is_shown_out().await;
    assert_eq!(client.ending().await, None);
    let log = inside.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["dropped"], true);
    assert_eq!(log[0].get("status"), None);
}
