//! The calls that wait for an answer on one connection.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Answer;
use super::frame::Frame;

/// Why a connection is no longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// Closed, reset, or silent.
    Lost(String),
    /// What came is no frame.
    Malformed(String),
}

/// Answers find their calls here.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    table: Mutex<Table>,
    /// How often bytes came, a piece of a long frame included.
    heard: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    calls: HashMap<i32, oneshot::Sender<Result<Answer, Broken>>>,
    last: i32,
    ended: Option<Broken>,
}

impl Waiting {
    /// A place to wait in, with a number that no other call has.
    pub(super) fn join(self: &Arc<Self>) -> Result<Place, Broken> {
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
                return Ok(Place {
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
        let answer = Answer {
            code: header.code,
            remark: header.remark,
            fields: header.fields,
            body,
        };
        // Whoever has gone meanwhile wants nothing any more.
        let _ = call.send(Ok(answer));
    }

    /// Tells every call, now and later, that no answer will come. The first reason counts.
    pub(super) fn end(&self, broken: Broken) {
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

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place. Given up when it is dropped, so that nothing is kept for calls that nobody waits for.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) opaque: i32,
    answer: oneshot::Receiver<Result<Answer, Broken>>,
    waiting: Arc<Waiting>,
}

impl Place {
    /// The answer, or why there is none.
    pub(super) async fn answer(&mut self) -> Result<Answer, Broken> {
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| Err(Broken::Lost("the connection has gone".to_owned())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.table().calls.remove(&self.opaque);
    }
}
