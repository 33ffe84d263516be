//! The listener: from the first connection to the last answer.
//!
//! Bytes come in at the bottom and go up, the answer comes down:
//!
//! ```text
//! routes      which path leads where; Reply → HTTP
//! exchange    one request: its body, the routes, access log, metrics
//! connection  one connection: wait for a head, let hyper serve, wait again; time-outs
//! accept      the loop: seats, TLS handshakes
//! ```
//!
//! [`hyper`] reads and writes HTTP/1; what it has no word for is here: a time for each phase of a connection
//! (`activity`, `wire`), connections that cost next to nothing while they are idle or slow (`head`), room for large
//! requests that all clients share (`room`), and one line in the log for whatever ends badly (`ending`).

mod accept;
mod access_log;
mod activity;
mod connection;
mod ending;
mod exchange;
mod head;
mod house;
mod limits;
mod lines;
mod metrics;
mod room;
mod routes;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

pub use limits::Limits;
pub use routes::Answer;
pub use tls::{Tls, TlsError};

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use accept::Acceptor;
use house::House;

/// Connections that wait to be accepted: as many as systems allow, where the standard library asks for 128.
const QUEUE: i32 = 4096;

/// What a listener needs to know.
pub struct Server<A> {
    /// Answers the requests.
    pub gateway: Arc<A>,
    /// Speaks TLS, and nothing else, if there is one.
    pub tls: Option<Arc<Tls>>,
    /// What one client may take.
    pub limits: Limits,
    /// Where the access log goes.
    pub log: Option<Box<dyn Write + Send>>,
    /// Tells the time of the access log.
    pub clock: Clock,
}

impl<A> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .field("is_logged", &self.log.is_some())
            .finish_non_exhaustive()
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections whose answers were not there in time.
    pub unfinished: usize,
}

/// Serves until `stop`: then nothing new is accepted, idle connections are closed, and requests in flight have the
/// grace of [`Limits`] to be answered.
///
/// Raises this process's limit of open files to what the system allows, and the listener's queue.
pub async fn run<A: Answer>(
    listener: TcpListener,
    server: Server<A>,
    stop: CancellationToken,
) -> io::Result<Ended> {
    let house = Arc::new(House::new(server, stop)?);
    let acceptor = Acceptor::new(house.clone());
    // The shorter queue does as well, for fewer clients at once.
    let _ = rustix::net::listen(&listener, QUEUE);
    tokio::select! {
        () = acceptor.accept(listener) => {}
        () = house.stop.cancelled() => {}
    }
    let visitors = acceptor.visitors;
    visitors.close();
    let all_gone = timeout(house.limits.grace, visitors.wait()).await;
    let unfinished = visitors.len();
    if all_gone.is_err() {
        house.kill.cancel();
        visitors.wait().await;
    }
    Ok(Ended { unfinished })
}
