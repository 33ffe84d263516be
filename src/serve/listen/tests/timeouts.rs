//! Clients that take their time.

use tokio::time::{Instant, sleep};

use super::*;

/// Waits until the server closes; returns after how many seconds, and why.
async fn closed(client: Client, since: Instant) -> (u64, Option<CloseReason>) {
    let Client { stream, task } = client;
    let reason = task.await.unwrap();
    drop(stream);
    (since.elapsed().as_secs(), reason)
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_a_minute() {
    let fixture = Fixture::new();
    let fresh = fixture.client();
    let since = Instant::now();
    let expected = (60, Some(CloseReason::IdleTimeout));
    assert_eq!(closed(fresh, since).await, expected);

    let mut client = fixture.client();
    for pause in [1, 30, 59, 0] {
        sleep(Duration::from_secs(pause)).await;
        client.get("/?again").await;
        assert_eq!(client.answer().await, (200, "GET again \n".to_owned()));
    }
    assert_eq!(closed(client, Instant::now()).await, expected);
    let log = fixture.log().await;
    assert_eq!(log.len(), 6, "{log:?}");
    assert_eq!(log[0]["aborted"], "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_head_has_ten_seconds_from_its_first_byte() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for _ in 0..2 {
        sleep(Duration::from_secs(30)).await;
        client.get("/").await;
        client.answer().await;
    }
    sleep(Duration::from_secs(30)).await;
    let since = Instant::now();
    for byte in ["G", "E", "T", " "] {
        client.send(byte).await;
        sleep(Duration::from_secs(3)).await;
    }
    let expected = (12, Some(CloseReason::HeadTimeout));
    assert_eq!(closed(client, since).await, expected);
    let log = fixture.log().await;
    assert_eq!(log[2]["aborted"], "head_timeout");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_behind_a_request_may_be_completed() {
    let fixture = Fixture::new();
    let both = "GET /?1 HTTP/1.1\r\nhost: ons\r\n\r\nGET /?2 HT";
    let mut client = fixture.client();
    client.send(both).await;
    assert_eq!(client.answer().await.0, 200);
    sleep(Duration::from_secs(9)).await;
    client.send("TP/1.1\r\nhost: ons\r\n\r\n").await;
    assert_eq!(client.answer().await, (200, "GET 2 \n".to_owned()));

    let mut client = fixture.client();
    client.send(both).await;
    assert_eq!(client.answer().await.0, 200);
    let (seconds, reason) = closed(client, Instant::now()).await;
    assert!(seconds <= 60 && reason.is_some(), "{seconds} {reason:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_has_ten_seconds() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let since = Instant::now();
    client.post_of(100).await;
    for _ in 0..4 {
        client.send("x").await;
        sleep(Duration::from_secs(2)).await;
    }
    client.is_closed().await;
    let expected = (10, Some(CloseReason::BodyTimeout));
    assert_eq!(closed(client, since).await, expected);
    let log = fixture.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["aborted"], "body_timeout");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_as_long_as_the_source_needs() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/held").await;
    sleep(Duration::from_mins(10)).await;
    fixture.handler.released.cancel();
    assert_eq!(client.answer().await.0, 200);
    assert_eq!(client.close_reason().await, None);
    assert_eq!(fixture.log().await[0]["duration_ms"], 600_000.0);
}

#[tokio::test(start_paused = true)]
async fn a_client_has_thirty_seconds_to_take_an_answer() {
    let fixture = Fixture::new();
    let mut client = fixture.client_with_pipe(1024);
    client.get("/large").await;
    let since = Instant::now();
    for _ in 0..5 {
        client.stream.read_exact(&mut [0; 100]).await.unwrap();
        sleep(Duration::from_secs(5)).await;
    }
    let expected = (30, Some(CloseReason::WriteTimeout));
    assert_eq!(closed(client, since).await, expected);
}
