//! A listener whose connections can be reset while a request is answered.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Serves on a free port, in a thread, until it is stopped.
pub(crate) struct ServerThread {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    pub(crate) fn start(router: Router) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serve = serve(listener, router, stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let thread = std::thread::spawn(move || runtime.block_on(serve));
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the thread. Returns how it ended.
    pub(crate) fn stop(&mut self) -> std::thread::Result<()> {
        self.stop.cancel();
        self.thread.take().unwrap().join()
    }
}

async fn serve(listener: std::net::TcpListener, router: Router, stop: CancellationToken) {
    let listener = Sockets(TcpListener::from_std(listener).unwrap());
    let service = router.into_make_service_with_connect_info::<Breaker>();
    tokio::select! {
        served = axum::serve(listener, service) => served.unwrap(),
        () = stop.cancelled() => {}
    }
}

struct Sockets(TcpListener);

/// A connection and its breaker.
pub(crate) struct Socket {
    stream: TcpStream,
    breaker: Breaker,
}

/// Breaks the connection of a request: the number of bytes that may still be written.
#[derive(Debug, Clone)]
pub(crate) struct Breaker(Arc<AtomicUsize>);

impl Default for Breaker {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }
}

impl Breaker {
    /// Resets the connection after so many more bytes.
    pub(crate) fn reset_after(&self, bytes: usize) {
        self.0.store(bytes, Ordering::SeqCst);
    }

    fn left(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Listener for Sockets {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        let breaker = Breaker::default();
        (Socket { stream, breaker }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Breaker {
    fn connect_info(incoming: IncomingStream<'_, Sockets>) -> Self {
        incoming.io().breaker.clone()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.breaker.left();
        if left == usize::MAX {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        if left == 0 {
            // Closed with linger zero, a connection ends with a reset.
            self.stream.set_zero_linger()?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(left)]);
        if let Poll::Ready(Ok(written)) = written {
            self.breaker.reset_after(left - written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.breaker.left() != usize::MAX {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
