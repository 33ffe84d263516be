//! The accept loop: seats for connections, and the handshakes of those that speak TLS.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::connection::attend;
use super::ending::{Ending, Fault};
use super::house::House;
use super::limits::raise_open_files;

/// How long the loop rests when the system has nothing left to accept with.
const REST: Duration = Duration::from_millis(200);

/// The same trouble is told once in this time.
const QUIET: Duration = Duration::from_mins(1);

/// Where clients come from: a listening socket, or what a test puts in its place.
pub(super) trait Queue {
    fn next(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Queue for TcpListener {
    fn next(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

/// Lets clients in, as long as there are seats.
pub(super) struct Acceptor {
    house: Arc<House>,
    /// The connections there are.
    pub(super) visitors: TaskTracker,
}

impl Acceptor {
    pub(super) fn new(house: Arc<House>) -> Self {
        Self {
            house,
            visitors: TaskTracker::new(),
        }
    }

    /// Lets clients in until it is dropped.
    pub(super) async fn accept(&self, mut queue: impl Queue) {
        let seats = self.house.limits.seats(raise_open_files());
        let free = Arc::new(Semaphore::new(seats));
        let (mut full, mut failing) = (Trouble::default(), Trouble::default());
        loop {
            if free.available_permits() == 0 && full.is_news() {
                warn!("all {seats} connections are taken: new ones wait");
            }
            let Ok(seat) = free.clone().acquire_owned().await else {
                return;
            };
            match queue.next().await {
                Ok((stream, peer)) => self.admit(stream, peer, seat),
                Err(error) if is_of_one_connection(error.kind()) => {}
                Err(error) => {
                    if failing.is_news() {
                        warn!("can't accept connections for the time being: {error}");
                    }
                    sleep(REST).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, seat: OwnedSemaphorePermit) {
        let house = self.house.clone();
        let seat = Seat::take(&house, seat);
        // Answers are written in one piece; none should wait for the last one's acknowledgement.
        let _ = stream.set_nodelay(true);
        let tls = house.tls.as_ref();
        let acceptor = tls.map(|tls| TlsAcceptor::from(tls.current()));
        self.visitors.spawn(async move {
            let ending = match acceptor {
                None => attend(stream, peer, &house).await,
                Some(acceptor) => attend_tls(acceptor, stream, peer, &house).await,
            };
            if let Some(ending) = ending {
                house.metrics.aborted(ending.fault);
                house.log.connection(peer, &ending);
            }
            drop(seat);
        });
    }
}

/// A connection that begins with a TLS handshake.
async fn attend_tls(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    house: &Arc<House>,
) -> Option<Ending> {
    // Whoever only looks whether the port is open says nothing, and goes. On the heap, so that an idle connection
    // doesn't carry the room that a handshake once took.
    let handshake = Box::pin(async {
        let spoken = stream.peek(&mut [0]).await;
        match spoken {
            Ok(1) => Some(timeout(house.limits.handshake, acceptor.accept(stream)).await),
            _ => None,
        }
    });
    let shaken = tokio::select! {
        biased;
        shaken = timeout(house.limits.idle, handshake) => shaken.ok()??,
        () = house.stop.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => attend(Box::new(stream), peer, house).await,
        Ok(Err(error)) => Some(Ending::new(Fault::Handshake, error.to_string())),
        Err(_) => {
            let detail = "the TLS handshake took too long";
            Some(Ending::new(Fault::SlowHandshake, detail))
        }
    }
}

/// A connection's place, counted while it is taken.
struct Seat {
    house: Arc<House>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(house: &Arc<House>, permit: OwnedSemaphorePermit) -> Self {
        house.metrics.accepted.inc();
        house.metrics.open.inc();
        Self {
            house: house.clone(),
            _permit: permit,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.house.metrics.open.dec();
    }
}

/// Is the error that of a client that is gone already, and not of this machine?
fn is_of_one_connection(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Something that goes wrong again and again and should be told now and then.
#[derive(Debug, Default)]
struct Trouble {
    told: Option<Instant>,
}

impl Trouble {
    fn is_news(&mut self) -> bool {
        let is_news = self.told.is_none_or(|told| told.elapsed() >= QUIET);
        if is_news {
            self.told = Some(Instant::now());
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_a_minute() {
        let mut trouble = Trouble::default();
        let mut told = Vec::new();
        for _ in 0..6 {
            told.push(trouble.is_news());
            sleep(Duration::from_secs(25)).await;
        }
        assert_eq!(told, [true, false, false, true, false, false]);
    }
}
