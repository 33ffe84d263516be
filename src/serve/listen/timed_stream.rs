//! A stream that fails when the client is too slow: to send a request's head, or to take an answer.
//!
//! hyper has one timeout for heads, and it also runs while a connection is idle. Ours tells the two apart: an idle
//! connection may wait longer than a head that has begun. Bodies have a timeout where they are read.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::Limits;
use super::close_reason::{CloseReason, Phase};

/// The phase of a connection, and the timeout that ended it. Stream and service share it; both run in one task.
#[derive(Debug, Default)]
pub(super) struct ConnectionPhase(Mutex<(Phase, Option<CloseReason>)>);

impl ConnectionPhase {
    pub(super) fn get(&self) -> Phase {
        self.lock().0
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.lock().0 = phase;
    }

    /// Enters `to` if the phase is `from`; returns whether it was.
    fn advance(&self, from: Phase, to: Phase) -> bool {
        let mut now = self.lock();
        let advances = now.0 == from;
        if advances {
            now.0 = to;
        }
        advances
    }

    pub(super) fn expired(&self) -> Option<CloseReason> {
        self.lock().1.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (Phase, Option<CloseReason>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct TimedStream<S> {
    inner: S,
    phase: Arc<ConnectionPhase>,
    limits: Limits,
    timer: Pin<Box<Sleep>>,
    /// The timeout that the timer counts at the moment.
    running: Option<CloseReason>,
}

impl<S> TimedStream<S> {
    pub(super) fn new(inner: S, phase: Arc<ConnectionPhase>, limits: Limits) -> Self {
        Self {
            inner,
            phase,
            limits,
            timer: Box::pin(sleep(limits.idle)),
            running: None,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.inner
    }

    /// Starts the timer unless it runs already for this reason. Ready when the time is over.
    fn poll_timeout(&mut self, reason: CloseReason, cx: &mut Context<'_>) -> Poll<()> {
        if self.running.as_ref() != Some(&reason) {
            let limit = match reason {
                CloseReason::IdleTimeout => self.limits.idle,
                CloseReason::HeadTimeout => self.limits.head,
                _ => self.limits.write,
            };
            self.timer.as_mut().reset(Instant::now() + limit);
            self.running = Some(reason.clone());
        }
        ready!(self.timer.as_mut().poll(cx));
        self.phase.lock().1 = Some(reason);
        Poll::Ready(())
    }

    /// Passes on what a write returned, or fails if it has been pending for too long.
    fn timed_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() {
            ready!(self.poll_timeout(CloseReason::WriteTimeout, cx));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, into) {
            if into.filled().len() > before && self.phase.advance(Phase::Idle, Phase::Head) {
                self.running = None;
            }
            return Poll::Ready(read);
        }
        match self.phase.get() {
            // As if the client had closed: hyper then ends without an error.
            Phase::Idle => self.poll_timeout(CloseReason::IdleTimeout, cx).map(Ok),
            Phase::Head => self
                .poll_timeout(CloseReason::HeadTimeout, cx)
                .map(|()| Err(ErrorKind::TimedOut.into())),
            Phase::Answering | Phase::Writing => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.timed_write(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.timed_write(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has written all it had, so the end of a flush is the end of an answer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready() {
            if self.running == Some(CloseReason::WriteTimeout) {
                self.running = None;
            }
            if self.phase.advance(Phase::Writing, Phase::Idle) {
                self.running = None;
                // hyper may have polled for the next request already, so the timer must wake it.
                let _ = self.poll_timeout(CloseReason::IdleTimeout, cx);
            }
        }
        self.timed_write(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.timed_write(closed, cx)
    }
}
