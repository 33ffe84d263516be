//! The end of a listener.

use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_at_once() {
    let fixture = Fixture::new();
    let (mut fresh, mut used) = (fixture.client(), fixture.client());
    used.get("/").await;
    used.answer().await;
    sleep(Duration::from_secs(15)).await;
    let before = Instant::now();
    fixture.state.stop.cancel();
    fresh.is_closed().await;
    used.is_closed().await;
    assert_eq!(fresh.close_reason().await, None);
    assert_eq!(used.close_reason().await, None);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(fixture.log().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_is_answered_and_is_the_last() {
    let fixture = Fixture::new();
    let (mut client, mut begun) = (fixture.client(), fixture.client());
    client.get("/slow").await;
    begun.send("GET /?begun HTTP/1.1\r\n").await;
    sleep(Duration::from_secs(1)).await;
    fixture.state.stop.cancel();
    let (head, _) = client.whole_answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    client.is_closed().await;
    assert_eq!(client.close_reason().await, None);

    begun.send("host: ons\r\n\r\n").await;
    assert_eq!(begun.answer().await, (200, "GET begun \n".to_owned()));
    begun.is_closed().await;
    assert_eq!(begun.close_reason().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_logged() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.get("/held").await;
    sleep(Duration::from_secs(1)).await;
    fixture.state.stop.cancel();
    sleep(Duration::from_secs(10)).await;
    fixture.state.kill.cancel();
    client.is_closed().await;
    let reason = client.close_reason().await;
    assert_eq!(reason, Some(CloseReason::Shutdown));
    assert_eq!(fixture.log().await[0]["aborted"], "shutdown");
}
