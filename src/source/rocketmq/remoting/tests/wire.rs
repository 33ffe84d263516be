//! One connection in memory, on a paused clock: what a server may do to it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::super::connection::Connection;
use super::super::frame::FrameDecoder;
use super::super::pending::ConnectionError;
use super::super::{Request, RequestCode, Response};
use super::broker::frame;

const SECOND: Duration = Duration::from_secs(1);

/// The other end: reads requests and writes what the test needs.
struct Server(DuplexStream);

impl Server {
    /// Returns the opaque number of the next request.
    async fn asked(&mut self) -> i64 {
        let mut lengths = [0; 8];
        self.0.read_exact(&mut lengths).await.unwrap();
        let length = u32::from_be_bytes(lengths[..4].try_into().unwrap()) as usize;
        let mut frame = vec![0; length - 4];
        self.0.read_exact(&mut frame).await.unwrap();
        let head: serde_json::Value = serde_json::from_slice(&frame).unwrap();
        head["opaque"].as_i64().unwrap()
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }
}

fn answer(opaque: i64, body: &str) -> Vec<u8> {
    frame(
        &json!({"code": 0, "flag": 1, "opaque": opaque}),
        body.as_bytes(),
    )
}

fn connected() -> (Arc<Connection>, Server, JoinHandle<()>) {
    let (ours, theirs) = duplex(1 << 16);
    let (connection, driver) = Connection::over(ours, FrameDecoder::up_to(1 << 20));
    let driver = TaskTracker::new().spawn(driver);
    (Arc::new(connection), Server(theirs), driver)
}

fn request() -> Request {
    Request::new(RequestCode::GetMaxOffset)
}

fn body(answer: Result<Response, ConnectionError>) -> String {
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_find_their_calls_in_whatever_order() {
    let (connection, mut server, _driver) = connected();
    let request = request();
    let asks = join_all((0..50).map(|_| connection.ask(&request)));
    let serve = async {
        let mut opaques = Vec::new();
        for _ in 0..50 {
            opaques.push(server.asked().await);
        }
        for opaque in opaques.iter().rev() {
            server.says(&answer(*opaque, &opaque.to_string())).await;
        }
        opaques
    };
    let (answers, opaques) = tokio::join!(asks, serve);
    let bodies: Vec<_> = answers.into_iter().map(body).collect();
    let expected: Vec<_> = opaques.iter().map(ToString::to_string).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_is_skipped() {
    let (connection, mut server, _driver) = connected();
    let request = request();
    let serve = async {
        let opaque = server.asked().await;
        // A request of the server with the number of ours; a one-way request; a response without a call.
        server
            .says(&frame(
                &json!({"code": 40, "flag": 0, "opaque": opaque}),
                b"push",
            ))
            .await;
        server
            .says(&frame(
                &json!({"code": 40, "flag": 2, "opaque": opaque}),
                b"push",
            ))
            .await;
        server.says(&answer(opaque + 7, "nobody's")).await;
        server.says(&answer(opaque, "first")).await;
        server.says(&answer(opaque, "again")).await;
        let opaque = server.asked().await;
        server.says(&answer(opaque, "second")).await;
    };
    let asks = async {
        let first = body(connection.ask(&request).await);
        [first, body(connection.ask(&request).await)]
    };
    let (bodies, ()) = tokio::join!(asks, serve);
    assert_eq!(bodies, ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_frame_may_come_byte_by_byte() {
    let (connection, mut server, _driver) = connected();
    let request = request();
    let serve = async {
        let opaque = server.asked().await;
        for byte in answer(opaque, "slow") {
            server.says(&[byte]).await;
            sleep(SECOND).await;
        }
    };
    let (answer, ()) = tokio::join!(connection.ask(&request), serve);
    assert_eq!(body(answer), "slow");
    // Parts of a long frame count as activity: the connection is not silent.
    assert!(connection.activity() > 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_is_nobodys() {
    let (connection, mut server, _driver) = connected();
    let request = request();
    let asks = async {
        assert!(timeout(SECOND, connection.ask(&request)).await.is_err());
        body(connection.ask(&request).await)
    };
    let serve = async {
        let first = server.asked().await;
        let second = server.asked().await;
        assert_ne!(
            first, second,
            "a number is not given again while its answer may come"
        );
        server.says(&answer(first, "late")).await;
        server.says(&answer(second, "in time")).await;
    };
    let (answered, ()) = tokio::join!(asks, serve);
    assert_eq!(answered, "in time");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_fails_what_waits_and_what_comes() {
    let (connection, mut server, driver) = connected();
    let request = request();
    let serve = async {
        let opaque = server.asked().await;
        let _ = server.asked().await;
        // Half a frame, then the end.
        let whole = answer(opaque, "whole");
        server.says(&whole[..whole.len() - 1]).await;
        drop(server);
    };
    let asks = join_all((0..2).map(|_| connection.ask(&request)));
    let (answers, ()) = tokio::join!(asks, serve);
    for answer in answers {
        assert!(
            matches!(answer, Err(ConnectionError::Lost(_))),
            "{answer:?}"
        );
    }
    assert!(matches!(
        connection.ask(&request).await,
        Err(ConnectionError::Lost(_))
    ));
    assert!(!connection.is_open());
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_the_connection_and_says_so() {
    let huge = [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2, b'{', b'}'];
    let head_longer_than_frame = [0, 0, 0, 6, 0, 0, 0, 9, b'{', b'}'];
    let no_json = [0, 0, 0, 6, 0, 0, 0, 2, b'{', b'x'];
    let no_opaque = frame(&json!({"code": 0, "flag": 1}), b"");
    let unknown_form = [0, 0, 0, 6, 7, 0, 0, 2, b'{', b'}'];
    let too_short = [0, 0, 0, 3, 0, 0, 0];
    let negative = [0xFF; 12];
    let cases: [&[u8]; 8] = [
        &huge,
        &head_longer_than_frame,
        &no_json,
        &no_opaque,
        &unknown_form,
        &too_short,
        &negative,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ];
    for bytes in cases {
        let (connection, mut server, driver) = connected();
        let request = request();
        let serve = async {
            server.asked().await;
            server.says(bytes).await;
        };
        let (answer, ()) = tokio::join!(connection.ask(&request), serve);
        assert!(
            matches!(answer, Err(ConnectionError::Malformed(_))),
            "{bytes:?}: {answer:?}"
        );
        driver.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_holds_up_nobody_for_ever() {
    let (connection, server, _driver) = connected();
    let request = request().with("topic", "t".repeat(1000));
    // Far more than the buffers hold: most requests cannot even be written.
    let asks = (0..500).map(|_| timeout(SECOND, connection.ask(&request)));
    let answers = join_all(asks).await;
    assert!(answers.iter().all(Result::is_err));
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn the_driver_ends_with_the_last_handle() {
    let (connection, mut server, driver) = connected();
    drop(connection);
    driver.await.unwrap();
    assert_eq!(server.0.read(&mut [0]).await.unwrap(), 0);
}
