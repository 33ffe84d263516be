//! Clients that take their time.

use tokio::time::{Instant, sleep};

use super::super::ending::Fault;
use super::*;

/// The fault that ended the connection.
async fn fault(client: Client) -> Option<Fault> {
    client.ending().await.map(|ending| ending.fault)
}

/// How long until the server closes, in seconds.
async fn until_shown_out(client: &mut Client, since: Instant) -> u64 {
    client.is_shown_out().await;
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_without_a_word() {
    let inside = Inside::new();
    let mut client = inside.client();
    assert_eq!(until_shown_out(&mut client, Instant::now()).await, 60);
    assert_eq!(fault(client).await, None);
    assert_eq!(inside.log().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_the_next_request_parked_or_not() {
    let inside = Inside::new();
    let mut client = inside.client();
    for pause in [1, 9, 11, 30, 59, 0] {
        sleep(Duration::from_secs(pause)).await;
        client.get("/?again").await;
        assert_eq!(
            client.answer().await,
            (200, "GET again \n".to_owned()),
            "{pause} s"
        );
    }
    assert_eq!(until_shown_out(&mut client, Instant::now()).await, 60);
    assert_eq!(fault(client).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_head_must_be_there_in_time_however_its_bytes_trickle() {
    let inside = Inside::new();
    let mut client = inside.client();
    sleep(Duration::from_secs(30)).await;
    let since = Instant::now();
    client.say("G").await;
    for byte in ["E", "T", " "] {
        sleep(Duration::from_secs(3)).await;
        client.say(byte).await;
    }
    assert_eq!(until_shown_out(&mut client, since).await, 10);
    assert_eq!(fault(client).await, Some(Fault::SlowHead));

    let mut client = inside.client();
    client.get("/").await;
    client.answer().await;
    sleep(Duration::from_secs(5)).await;
    let since = Instant::now();
    client.say("GET / HTTP/1.1\r\n").await;
    assert_eq!(
        until_shown_out(&mut client, since).await,
        10,
        "nor the second"
    );
    assert_eq!(fault(client).await, Some(Fault::SlowHead));
    let log = inside.log().await;
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[0]["aborted"], "head_timeout");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_behind_a_request_must_be_completed_too() {
    let inside = Inside::new();
    let mut client = inside.client();
    client
        .say("GET /?1 HTTP/1.1\r\nhost: ons\r\n\r\nGET /?2 HT")
        .await;
    assert_eq!(client.answer().await.0, 200);
    assert_eq!(until_shown_out(&mut client, Instant::now()).await, 10);
    assert_eq!(fault(client).await, Some(Fault::SlowHead));

    let mut client = inside.client();
    client
        .say("GET /?1 HTTP/1.1\r\nhost: ons\r\n\r\nGET /?2 HT")
        .await;
    assert_eq!(client.answer().await.0, 200);
    sleep(Duration::from_secs(9)).await;
    client.say("TP/1.1\r\nhost: ons\r\n\r\n").await;
    assert_eq!(client.answer().await, (200, "GET 2 \n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_body_must_be_there_in_time() {
    let inside = Inside::new();
    let mut client = inside.client();
    client
        .say("POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 100\r\n\r\n")
        .await;
    let since = Instant::now();
    for _ in 0..4 {
        client.say("x").await;
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(until_shown_out(&mut client, since).await, 10);
    assert_eq!(fault(client).await, Some(Fault::SlowBody));
    let log = inside.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["aborted"], "body_timeout");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_as_long_as_the_source_needs() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get("/held").await;
    sleep(Duration::from_mins(10)).await;
    inside.clerk.released.cancel();
    assert_eq!(client.answer().await.0, 200);
    assert_eq!(fault(client).await, None);
    assert_eq!(inside.log().await[0]["duration_ms"], 600_000.0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_is_given_up() {
    let inside = Inside::new();
    let mut client = inside.client_with_pipe(1024);
    client.get("/large").await;
    let since = Instant::now();
    let mut first = [0; 100];
    client.stream.read_exact(&mut first).await.unwrap();
    let ending = client.visit.await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 30);
    assert_eq!(ending.map(|ending| ending.fault), Some(Fault::SlowReader));
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_wait_for_their_turn() {
    let limits = Limits {
        requests: 2,
        ..Limits::default()
    };
    let inside = Inside::with(limits);
    let mut held = inside.client();
    held.get("/held").await;
    sleep(Duration::from_secs(1)).await;
    // These take turns, though all of them keep their connections.
    let mut others: Vec<_> = (0..5).map(|_| inside.client()).collect();
    for _ in 0..3 {
        for client in &mut others {
            client.get("/").await;
        }
        for client in &mut others {
            assert_eq!(client.answer().await.0, 200);
        }
    }
    let mut second = inside.client();
    second.get("/held").await;
    sleep(Duration::from_secs(1)).await;
    others[0].get("/").await;
    sleep(Duration::from_secs(100)).await;
    let since = Instant::now();
    inside.clerk.released.cancel();
    for client in [&mut held, &mut second, &mut others[0]] {
        assert_eq!(client.answer().await.0, 200);
    }
    assert_eq!(since.elapsed(), Duration::ZERO);
}
