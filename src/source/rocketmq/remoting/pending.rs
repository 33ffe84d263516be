//! The calls on one connection that wait for a response.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::frame::Frame;
use super::header::CommandHeader;
use super::{RequestCode, Response};

/// The reason why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionError {
    /// Closed, reset, or silent.
    Lost(String),
    /// The received bytes are not a frame.
    Malformed(String),
}

type Answer = oneshot::Sender<Result<Response, ConnectionError>>;

/// Assigns responses to calls.
#[derive(Debug, Default)]
pub(super) struct PendingCalls {
    table: Mutex<PendingTable>,
    /// Number of reads that returned bytes, including parts of a frame.
    activity: AtomicU64,
}

#[derive(Debug, Default)]
struct PendingTable {
    calls: HashMap<i32, (RequestCode, Answer)>,
    last: i32,
    ended: Option<ConnectionError>,
}

impl PendingCalls {
    /// Registers a call under a unique number.
    pub(super) fn register(
        self: &Arc<Self>,
        request: RequestCode,
    ) -> Result<PendingCall, ConnectionError> {
        let mut table = self.table();
        if let Some(reason) = &table.ended {
            return Err(reason.clone());
        }
        loop {
            table.last = table.last.wrapping_add(1);
            let opaque = table.last;
            if let Entry::Vacant(vacant) = table.calls.entry(opaque) {
                let (sender, answer) = oneshot::channel();
                vacant.insert((request, sender));
                return Ok(PendingCall {
                    opaque,
                    answer,
                    waiting: self.clone(),
                });
            }
        }
    }

    /// Returns the request that waits for the response with this header.
    pub(super) fn request_of(&self, header: &CommandHeader) -> Option<RequestCode> {
        let table = self.table();
        let call = table.calls.get(&header.opaque);
        call.filter(|_| header.is_answer())
            .map(|(request, _)| *request)
    }

    /// Delivers a response to its call. A frame without a waiting call is dropped: a push of the server, or a
    /// late or duplicate response.
    pub(super) fn deliver(&self, Frame { header, body }: Frame) {
        if !header.is_answer() {
            return;
        }
        let Some((_, call)) = self.table().calls.remove(&header.opaque) else {
            return;
        };
        let answer = Response {
            code: header.code,
            remark: header.remark,
            fields: header.fields,
            body,
        };
        // The call may have been dropped meanwhile.
        let _ = call.send(Ok(answer));
    }

    /// Fails all calls, now and later. The first reason is kept.
    pub(super) fn end(&self, reason: ConnectionError) {
        let mut table = self.table();
        for (_, (_, call)) in table.calls.drain() {
            let _ = call.send(Err(reason.clone()));
        }
        table.ended.get_or_insert(reason);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.table().ended.is_some()
    }

    /// Records that bytes have arrived.
    pub(super) fn record_activity(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns a counter that grows when bytes arrive.
    pub(super) fn activity(&self) -> u64 {
        self.activity.load(Ordering::Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, PendingTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered call. Dropping it removes the registration.
#[derive(Debug)]
pub(super) struct PendingCall {
    pub(super) opaque: i32,
    answer: oneshot::Receiver<Result<Response, ConnectionError>>,
    waiting: Arc<PendingCalls>,
}

impl PendingCall {
    /// Waits for the response.
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
