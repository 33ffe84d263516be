//! The bytes of a connection on their way to hyper and back, watched for what they say of its phase.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::{Activity, Phase};
use super::room::Share;

/// A stream, and what was read of it while hyper was not there.
#[derive(Debug)]
pub(super) struct Wire<S> {
    pub(super) stream: S,
    pub(super) read: Vec<u8>,
    pub(super) activity: Arc<Activity>,
    pub(super) share: Share,
}

/// Reads once and shows what came, nothing at the end: into a buffer that is there only while there is something to
/// read, since ten thousand wait at the same time.
pub(super) async fn read_once<T>(
    stream: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]) -> T,
) -> io::Result<T> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut into = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(take(into.filled())))
    })
    .await
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read.is_empty() {
            let known = self.read.len().min(into.remaining());
            into.put_slice(&self.read[..known]);
            self.read.drain(..known);
            if self.read.is_empty() {
                self.read = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let more = into.filled().len() - before;
        if more > 0 {
            self.activity.advance(Phase::Waiting, Phase::Next);
            if !self.share.add(more) {
                return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
            }
        } else if into.remaining() > 0 {
            self.activity.end();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes when it has written all it had.
        if self.activity.advance(Phase::Writing, Phase::Waiting) {
            self.share.release();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
