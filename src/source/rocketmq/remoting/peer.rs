//! One server address: connects on demand, reconnects after a loss, and limits the concurrent calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::frame::FrameDecoder;
use super::pending::ConnectionError;
use super::tls::{self, Dialer};
use super::{Cause, Request, Response, response};

/// Limit for establishing a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A server and its connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: Arc<str>,
    /// Limits the concurrent calls.
    permits: Semaphore,
    slot: Mutex<ConnectionSlot>,
}

#[derive(Debug, Default)]
struct ConnectionSlot {
    connection: Option<Arc<Connection>>,
    /// The last failed attempt to connect, and its time.
    failed: Option<(Instant, Cause)>,
}

/// Creates connections and runs their tasks.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) dialer: Dialer,
    pub(super) decoder: FrameDecoder,
    /// One task per connection. It ends with the connection, or when no handle is left.
    pub(super) drivers: TaskTracker,
}

impl Peer {
    pub(super) fn new(address: Arc<str>, in_flight: usize) -> Self {
        Self {
            address,
            permits: Semaphore::new(in_flight),
            slot: Mutex::default(),
        }
    }

    /// Makes a call when the limit permits; `within` counts from then on. If the server is shutting down,
    /// repeats the call once on a new connection.
    pub(super) async fn ask(
        &self,
        request: &Request,
        within: Duration,
        connector: &Connector,
    ) -> Result<Response, Cause> {
        let _permit = self.permits.acquire().await;
        let answer = self.ask_once(request, within, connector).await?;
        if answer.code != response::GO_AWAY {
            return Ok(answer);
        }
        self.ask_once(request, within, connector).await
    }

    async fn ask_once(
        &self,
        request: &Request,
        within: Duration,
        connector: &Connector,
    ) -> Result<Response, Cause> {
        let connection = self.connection(connector).await?;
        let activity = connection.activity();
        let Ok(answer) = timeout(within, connection.ask(request)).await else {
            if connection.activity() == activity {
                // No byte has arrived for any call in that time: the server may be gone without closing the
                // connection.
                connection.close();
                self.discard(&connection).await;
            }
            return Err(Cause::TimedOut(within));
        };
        match answer {
            Ok(answer) => {
                if answer.code == response::GO_AWAY {
                    self.discard(&connection).await;
                }
                Ok(answer)
            }
            Err(ConnectionError::Lost(why)) => Err(Cause::Lost(why)),
            Err(ConnectionError::Malformed(what)) => Err(Cause::Malformed(what)),
        }
    }

    /// Returns the current connection, or a new one. Concurrent callers share one attempt and its error.
    async fn connection(&self, connector: &Connector) -> Result<Arc<Connection>, Cause> {
        let came = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(connection) = slot.connection.as_ref().filter(|known| known.is_open()) {
            return Ok(connection.clone());
        }
        if let Some((failed, cause)) = &slot.failed
            && *failed > came
        {
            return Err(cause.clone());
        }
        let connected = timeout(CONNECT, connector.dialer.dial(&self.address)).await;
        let stream = connected.unwrap_or_else(|_| {
            let why = format!("no connection in {CONNECT:?}");
            Err(Cause::Connect(why))
        });
        match stream {
            Ok(stream) => {
                let connection = Arc::new(connector.drive(stream));
                slot.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(cause) => {
                slot.failed = Some((Instant::now(), cause.clone()));
                Err(cause)
            }
        }
    }

    /// Makes later calls use another connection; calls in flight still get their responses.
    async fn discard(&self, discarded: &Arc<Connection>) {
        let mut slot = self.slot.lock().await;
        if slot
            .connection
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, discarded))
        {
            slot.connection = None;
        }
    }
}

impl Connector {
    fn drive(&self, stream: tls::BrokerStream) -> Connection {
        match stream {
            tls::BrokerStream::Plain(stream) => {
                let (connection, driver) = Connection::over(stream, self.decoder.clone());
                self.drivers.spawn(driver);
                connection
            }
            tls::BrokerStream::Tls(stream) => {
                let (connection, driver) = Connection::over(stream, self.decoder.clone());
                self.drivers.spawn(driver);
                connection
            }
        }
    }
}
