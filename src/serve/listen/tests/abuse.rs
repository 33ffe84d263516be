//! Clients that send what no client should.

use super::super::ending::Fault;
use super::*;

/// What a client that sends `bytes` gets to hear, and the one line that the log has of it.
async fn sent(bytes: impl AsRef<[u8]>) -> (String, Value) {
    let inside = Inside::new();
    let Client { stream, visit } = inside.client_with_pipe(4096);
    let (mut from, mut to) = tokio::io::split(stream);
    let bytes = bytes.as_ref().to_owned();
    let mut heard = Vec::new();
    // Both at once, as a client does that doesn't listen before it has said all.
    let ((), read) = tokio::join!(
        async {
            let _ = to.write_all(&bytes).await;
        },
        from.read_to_end(&mut heard)
    );
    read.unwrap();
    visit.await.unwrap();
    let page = inside.house.metrics.page();
    let mut log = inside.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let line = log.remove(0);
    if let Some(reason) = line["aborted"].as_str() {
        let counted = format!("connections_aborted_total{{reason=\"{reason}\"}} 1");
        assert!(page.contains(&counted), "{counted} in\n{page}");
    }
    (String::from_utf8(heard).unwrap(), line)
}

#[tokio::test(start_paused = true)]
async fn garbage_is_refused_with_one_line_that_does_not_repeat_it() {
    let garbage: [&[u8]; 6] = [
        b"\x00\x01\x02\x03 secret garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello with a secret",
        b"GET /secret HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nsecret header\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: secret\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\nsecret",
    ];
    for bytes in garbage {
        let (heard, line) = sent(bytes).await;
        assert!(heard.starts_with("HTTP/1.1 400 "), "{heard}");
        assert_eq!(line["aborted"], "bad_request");
        assert_eq!(line["peer"], PEER.to_string());
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_of_a_megabyte_is_refused_and_the_client_hears_it() {
    let query = "Secret=".to_owned() + &"x".repeat(1 << 20);
    let (heard, line) = sent(format!("GET /?{query} HTTP/1.1\r\nhost: ons\r\n\r\n")).await;
    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
    assert_eq!(line["aborted"], "bad_request");
    assert!(line.to_string().len() < 300, "{line}");
}

#[tokio::test(start_paused = true)]
async fn headers_without_end_are_refused() {
    let header = format!("x-filler: {}\r\n", "x".repeat(1000));
    let (heard, _) = sent(format!("GET / HTTP/1.1\r\n{}", header.repeat(1000))).await;
    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
    let (heard, _) = sent(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000))).await;
    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_body_is_refused() {
    let chunked = "POST / HTTP/1.1\r\nhost: ons\r\ntransfer-encoding: chunked\r\n\r\n";
    let (heard, line) = sent(format!("{chunked}secret\r\n")).await;
    assert!(heard.starts_with("HTTP/1.1 400 "), "{heard}");
    assert_eq!(line["status"], 400);
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_told_from_one_that_is_done() {
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
    for (said, detail) in cases {
        let inside = Inside::new();
        let mut client = inside.client();
        client.say(said).await;
        tokio::task::yield_now().await;
        let ending = client.ending().await;
        assert_eq!(
            ending.as_ref().map(|ending| &*ending.detail),
            detail,
            "{said}"
        );
        assert!(ending.is_none_or(|ending| ending.fault == Fault::Left));
        assert_eq!(
            inside.log().await.len(),
            usize::from(detail.is_some()),
            "{said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn large_requests_together_have_a_limit_that_small_ones_do_not_feel() {
    let limits = Limits {
        large_bytes: 100_000,
        ..Limits::default()
    };
    let inside = Inside::with(limits);
    let head = "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 60000\r\n\r\n";
    let (mut first, mut second, mut third) = (inside.client(), inside.client(), inside.client());
    first.say(head).await;
    first.say("x".repeat(59_999)).await;
    tokio::task::yield_now().await;

    second.say(head).await;
    second.say("x".repeat(60_000)).await;
    assert_eq!(second.answer().await.0, 503);
    third.say(format!("GET /?{}", "x".repeat(60_000))).await;
    third.is_shown_out().await;
    let ending = third.ending().await.unwrap();
    assert_eq!(ending.fault, Fault::Crowded);
    let mut small = inside.client();
    small.get("/").await;
    assert_eq!(small.answer().await.0, 200);

    first.say("x").await;
    assert_eq!(first.answer().await.0, 200);
    small.say(head).await;
    small.say("x".repeat(60_000)).await;
    assert_eq!(small.answer().await.0, 200, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_do_not_come_leave_room_for_those_that_do() {
    let limits = Limits {
        large_bytes: 100_000,
        ..Limits::default()
    };
    let inside = Inside::with(limits);
    let head = "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 4\r\n\r\n";
    let mut slow: Vec<_> = (0..10).map(|_| inside.client()).collect();
    for client in &mut slow {
        client.say(head).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for client in &mut slow[3..] {
        assert_eq!(client.answer().await.0, 503, "no more than three may wait");
    }
    let mut quick = inside.client();
    quick.say(format!("{head}body")).await;
    assert_eq!(quick.answer().await, (200, "POST  body\n".to_owned()));
    slow[0].say("late").await;
    assert_eq!(slow[0].answer().await.0, 200);
}
