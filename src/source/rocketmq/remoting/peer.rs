//! One address: a connection when it is needed, a new one when it is lost, and so many calls at once.

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

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// A server, and how it is reached.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: Arc<str>,
    /// Who comes when it is full waits.
    room: Semaphore,
    line: Mutex<ConnectionSlot>,
}

#[derive(Debug, Default)]
struct ConnectionSlot {
    connection: Option<Arc<Connection>>,
    /// The last try to connect that failed, and when.
    failed: Option<(Instant, Cause)>,
}

/// What connects, and keeps connections going.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) dialer: Dialer,
    pub(super) decoder: FrameDecoder,
    /// One task a connection. It ends with the connection, or when no handle to it is left.
    pub(super) drivers: TaskTracker,
}

impl Peer {
    pub(super) fn new(address: Arc<str>, in_flight: usize) -> Self {
        Self {
            address,
            room: Semaphore::new(in_flight),
            line: Mutex::default(),
        }
    }

    /// Asks once there is room; `within` counts from then on. A server that is about to stop is asked again, once, on
    /// a new connection.
    pub(super) async fn ask(
        &self,
        request: &Request,
        within: Duration,
        connector: &Connector,
    ) -> Result<Response, Cause> {
        let _seat = self.room.acquire().await;
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
        let heard = connection.heard();
        let Ok(answer) = timeout(within, connection.ask(request)).await else {
            if connection.heard() == heard {
                // Not a byte to anybody in all that time: it may be gone without having said so.
                connection.drop_it();
                self.leave(&connection).await;
            }
            return Err(Cause::TimedOut(within));
        };
        match answer {
            Ok(answer) => {
                if answer.code == response::GO_AWAY {
                    self.leave(&connection).await;
                }
                Ok(answer)
            }
            Err(ConnectionError::Lost(why)) => Err(Cause::Lost(why)),
            Err(ConnectionError::Malformed(what)) => Err(Cause::Malformed(what)),
        }
    }

    /// The connection there is, or a new one. Those who wait while one of them connects share what comes of it.
    async fn connection(&self, connector: &Connector) -> Result<Arc<Connection>, Cause> {
        let came = Instant::now();
        let mut line = self.line.lock().await;
        if let Some(connection) = line.connection.as_ref().filter(|known| known.is_open()) {
            return Ok(connection.clone());
        }
        if let Some((failed, cause)) = &line.failed
            && *failed > came
        {
            return Err(cause.clone());
        }
        let dialled = timeout(CONNECT, connector.dialer.dial(&self.address)).await;
        let stream = dialled.unwrap_or_else(|_| {
            let why = format!("no connection in {CONNECT:?}");
            Err(Cause::Connect(why))
        });
        match stream {
            Ok(stream) => {
                let connection = Arc::new(connector.drive(stream));
                line.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(cause) => {
                line.failed = Some((Instant::now(), cause.clone()));
                Err(cause)
            }
        }
    }

    /// Calls to come use another connection; those in flight on this one still get their answers.
    async fn leave(&self, left: &Arc<Connection>) {
        let mut line = self.line.lock().await;
        if line
            .connection
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, left))
        {
            line.connection = None;
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
