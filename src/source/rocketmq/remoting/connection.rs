//! One connection: requests are sent without waiting for responses, which arrive in any order.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::frame::{self, FrameDecoder};
use super::pending::{ConnectionError, PendingCalls};
use super::{Request, Response};

/// Maximum number of requests per write.
const BATCH: usize = 64;

/// Bodies of more bytes are read by their callers one by one.
const LONG: usize = 64 * 1024;

/// Minimum capacity for the next read, in bytes.
const READ: usize = 16 * 1024;

/// A handle to a connection; a separate future drives the connection.
#[derive(Debug)]
pub(super) struct Connection {
    outbox: mpsc::Sender<Bytes>,
    waiting: Arc<PendingCalls>,
    dropped: CancellationToken,
}

impl Connection {
    /// Creates a connection over a stream, and the future that drives it. The future ends when the connection
    /// is lost or no handle is left.
    pub(super) fn over<S>(
        stream: S,
        decoder: FrameDecoder,
    ) -> (Self, impl Future<Output = ()> + Send + 'static)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (outbox, inbox) = mpsc::channel(BATCH);
        let waiting = Arc::new(PendingCalls::default());
        let dropped = CancellationToken::new();
        let connection = Self {
            outbox,
            waiting: waiting.clone(),
            dropped: dropped.clone(),
        };
        let driver = async move {
            let (input, output) = tokio::io::split(stream);
            let reason = tokio::select! {
                reason = read_all(input, decoder, &waiting) => reason,
                reason = write_all(output, inbox) => reason,
                () = dropped.cancelled() => ConnectionError::Lost("the server has been silent".to_owned()),
            };
            waiting.end(reason);
        };
        (connection, driver)
    }

    /// Sends a request and waits for the response. Dropping the future abandons the response.
    pub(super) async fn ask(&self, request: &Request) -> Result<Response, ConnectionError> {
        let mut call = self.waiting.register(request.code())?;
        let mut bytes = BytesMut::with_capacity(512);
        frame::write(request, call.opaque, &mut bytes);
        // If the connection has just ended, the pending call reports why.
        let _ = self.outbox.send(bytes.freeze()).await;
        call.answer().await
    }

    /// Returns whether the connection can be used.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting.has_ended()
    }

    /// Returns a counter that grows when bytes arrive.
    pub(super) fn activity(&self) -> u64 {
        self.waiting.activity()
    }

    /// Drops the connection; pending calls fail.
    pub(super) fn close(&self) {
        self.dropped.cancel();
    }
}

async fn read_all(
    mut input: impl AsyncRead + Unpin,
    mut decoder: FrameDecoder,
    waiting: &PendingCalls,
) -> ConnectionError {
    let mut bytes = BytesMut::new();
    loop {
        bytes.reserve(decoder.room(&bytes).max(READ));
        match input.read_buf(&mut bytes).await {
            Ok(0) => return ConnectionError::Lost("the server closed it".to_owned()),
            Ok(_) => waiting.record_activity(),
            Err(error) => return lost(&error),
        }
        loop {
            match decoder.next(&mut bytes, |header| waiting.request_of(header)) {
                Ok(Some(frame)) => {
                    let is_long = frame.body.len() > LONG;
                    waiting.deliver(frame);
                    if is_long {
                        // Without this, the buffer of the long frame would be used again and never be freed.
                        bytes = BytesMut::from(&*bytes);
                        // The caller reads it before the next one arrives, so that only one is in memory.
                        tokio::task::yield_now().await;
                    }
                }
                Ok(None) => break,
                Err(error) => return ConnectionError::Malformed(error.to_string()),
            }
        }
    }
}

async fn write_all(
    mut output: impl AsyncWrite + Unpin,
    mut inbox: mpsc::Receiver<Bytes>,
) -> ConnectionError {
    let mut requests = Vec::with_capacity(BATCH);
    let mut bytes = BytesMut::new();
    while inbox.recv_many(&mut requests, BATCH).await > 0 {
        for request in requests.drain(..) {
            bytes.extend_from_slice(&request);
        }
        let written = async {
            output.write_all_buf(&mut bytes).await?;
            output.flush().await
        };
        if let Err(error) = written.await {
            return lost(&error);
        }
    }
    ConnectionError::Lost("it is no longer used".to_owned())
}

fn lost(error: &io::Error) -> ConnectionError {
    ConnectionError::Lost(error.to_string())
}
