//! The end of a listener.

use super::super::ending::Fault;
use super::*;

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_at_once() {
    let inside = Inside::new();
    let (mut fresh, mut warm, mut parked) = (inside.client(), inside.client(), inside.client());
    parked.get("/").await;
    parked.answer().await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    warm.get("/").await;
    warm.answer().await;
    let before = tokio::time::Instant::now();
    inside.house.stop.cancel();
    for client in [&mut fresh, &mut warm, &mut parked] {
        client.is_shown_out().await;
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(inside.log().await.len(), 2, "the two requests");
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_is_answered_and_told_that_it_was_the_last() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get("/slow").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    inside.house.stop.cancel();
    let (head, _) = client.whole_answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    client.is_shown_out().await;
    assert_eq!(client.ending().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_begun_to_arrive_is_in_flight_too() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.say("GET /?begun HTTP/1.1\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    inside.house.stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.say("host: ons\r\n\r\n").await;
    assert_eq!(client.answer().await, (200, "GET begun \n".to_owned()));
    client.is_shown_out().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_in_the_end_is_told() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get("/held").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    inside.house.stop.cancel();
    tokio::time::sleep(Duration::from_secs(10)).await;
    inside.house.kill.cancel();
    client.is_shown_out().await;
    let ending = client.ending().await.unwrap();
    assert_eq!(ending.fault, Fault::Shutdown);
    let log = inside.log().await;
    assert_eq!(log[0]["aborted"], "shutdown");
}
