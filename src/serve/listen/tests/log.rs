//! What the access log says, what it never says, and what becomes of it when nobody reads.

use std::sync::mpsc::{Receiver, Sender, channel};

use prometheus_client::metrics::counter::Counter;

use super::super::lines::Lines;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_request_is_one_object_in_one_line() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get("/traced?Action=OnsMessageTrace").await;
    client.answer().await;
    client.get("/throttled").await;
    client.answer().await;
    assert_eq!(client.ending().await, None);
    let log = inside.log.clone();
    inside.log().await;
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
    let inside = Inside::new();
    for request in [v1, &v1_form, v3] {
        let mut client = inside.client();
        client.say(request).await;
        assert_eq!(client.answer().await.0, 200);
        // And as a request that breaks off, or is broken.
        for broken in [
            &request[..request.len() - 3],
            &request.replace("HTTP/1.1", "HTTP/7"),
        ] {
            let mut client = inside.client();
            client.say(broken).await;
            tokio::task::yield_now().await;
            client.ending().await;
        }
    }
    let page = inside.house.metrics.page();
    let log = inside.log.clone();
    assert!(inside.log().await.len() >= 8);
    for secret in secrets {
        assert!(!log.text().contains(secret), "{secret} in\n{}", log.text());
        assert!(!page.contains(secret), "{secret} in\n{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_chose_is_shown_in_its_beginning_only() {
    let inside = Inside::new();
    let mut client = inside.client();
    client.get(&format!("/{}", "é".repeat(1000))).await;
    let _ = client.answer().await;
    client.get(&format!("/{}", "p".repeat(10_000))).await;
    let _ = client.answer().await;
    drop(client);
    let log = inside.log().await;
    assert_eq!(log.len(), 2);
    for line in log {
        assert!(line.to_string().len() < 600, "{line}");
    }
}

/// Takes a line when it is told to.
struct Slow {
    go: Receiver<()>,
    written: Sender<String>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        let _ = self
            .written
            .send(String::from_utf8(bytes.to_owned()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(text: &str) -> impl FnOnce(&mut Vec<u8>) {
    move |into| {
        into.extend_from_slice(text.as_bytes());
        into.push(b'\n');
    }
}

#[test]
fn nobody_waits_for_a_reader_that_does_not_read() {
    let (go, gone) = channel();
    let (written, lines) = channel();
    let lost = Counter::default();
    let log = Lines::to(Slow { go: gone, written }, lost.clone()).unwrap();
    let text = "x".repeat(1 << 20);
    for _ in 0..20 {
        log.push(line(&text));
    }
    assert!((10..=16).contains(&lost.get()), "{} lost", lost.get());
    for _ in 0..20 {
        let _ = go.send(());
    }
    drop(log);
    let kept: usize = lines.iter().map(|text| text.lines().count()).sum();
    assert_eq!(kept as u64 + lost.get(), 20);
}

#[test]
fn a_log_that_nobody_can_read_any_more_is_given_up() {
    let (go, gone) = channel();
    drop(go);
    let lost = Counter::default();
    let log = Lines::to(
        Slow {
            go: gone,
            written: channel().0,
        },
        lost.clone(),
    )
    .unwrap();
    for _ in 0..5 {
        log.push(line("nobody reads this"));
    }
    drop(log);
    assert_eq!(lost.get(), 5);
}
