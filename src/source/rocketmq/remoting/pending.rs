//! The calls that wait for an answer on one connection.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Response;
use super::frame::Frame;

/// Why a connection is no longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionError {
    /// Closed, reset, or silent.
    Lost(String),
    /// What came is no frame.
    Malformed(String),
}

/// Answers find their calls here.
#[derive(Debug, Default)]
pub(super) struct PendingCalls {
    table: Mutex<PendingTable>,
    /// How often bytes came, a piece of a long frame included.
    heard: AtomicU64,
}

#[derive(Debug, Default)]
struct PendingTable {
    calls: HashMap<i32, oneshot::Sender<Result<Response, ConnectionError>>>,
    last: i32,
    ended: Option<ConnectionError>,
}

impl PendingCalls {
    /// A place to wait in, with a number that no other call has.
    pub(super) fn join(self: &Arc<Self>) -> Result<PendingCall, ConnectionError> {
        let mut table = self.table();
        if let Some(broken) = &table.ended {
            return Err(broken.clone());
        }
        loop {
            table.last = table.last.wrapping_add(1);
            let opaque = table.last;
            if let Entry::Vacant(vacant) = table.calls.entry(opaque) {
                let (sender, answer) = oneshot::channel();
                vacant.insert(sender);
                return Ok(PendingCall {
                    opaque,
                    answer,
                    waiting: self.clone(),
                });
            }
        }
    }

    /// Hands an answer to its call. What nobody waits for (a push of the server's, an answer that comes too late or
    /// twice) is dropped.
    pub(super) fn deliver(&self, Frame { header, body }: Frame) {
        if !header.is_answer() {
            return;
        }
        let Some(call) = self.table().calls.remove(&header.opaque) else {
            return;
        };
        let answer = Response {
            code: header.code,
            remark: header.remark,
            fields: header.fields,
            body,
        };
        // Whoever has gone meanwhile wants nothing any more.
        let _ = call.send(Ok(answer));
    }

    /// Tells every call, now and later, that no answer will come. The first reason counts.
    pub(super) fn end(&self, broken: ConnectionError) {
        let mut table = self.table();
        for (_, call) in table.calls.drain() {
            let _ = call.send(Err(broken.clone()));
        }
        table.ended.get_or_insert(broken);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.table().ended.is_some()
    }

    /// Notes that the server is there.
    pub(super) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// Grows whenever bytes come.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, PendingTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place. Given up when it is dropped, so that nothing is kept for calls that nobody waits for.
#[derive(Debug)]
pub(super) struct PendingCall {
    pub(super) opaque: i32,
    answer: oneshot::Receiver<Result<Response, ConnectionError>>,
    waiting: Arc<PendingCalls>,
}

impl PendingCall {
    /// The answer, or why there is none.
    pub(super) async fn answer(&mut self) -> Result<Response, ConnectionError> {
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| Err(ConnectionError::Lost("the connection has gone".to_owned())))
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.waiting.table().calls.remove(&self.opaque);
    }
}
