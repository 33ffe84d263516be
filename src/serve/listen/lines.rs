//! Lines for a reader that may be slow: written by a thread of their own, so that nobody else waits.
//!
//! Standard error is often a pipe, and who reads it may stop reading. The listener must not stop with it: what can't be
//! written is held up to a limit, then lost, and counted.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// How much is held for a reader that doesn't read, in bytes: some ten thousand lines.
const HELD: usize = 4 * 1024 * 1024;

/// How long the last lines are awaited.
const FAREWELL: Duration = Duration::from_secs(1);

/// Accepts lines and returns at once.
#[derive(Debug)]
pub(super) struct Lines {
    shared: Arc<Shared>,
    lost: Counter,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines that nobody has taken yet.
    held: Vec<u8>,
    closed: bool,
    /// The thread has written all, or can't write any more.
    done: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Lines to `sink`; `lost` counts those that don't get there.
    pub(super) fn to(sink: impl Write + Send + 'static, lost: Counter) -> io::Result<Self> {
        let lines = Self {
            shared: Arc::default(),
            lost,
        };
        let (shared, lost) = (lines.shared.clone(), lines.lost.clone());
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_on(&shared, sink, &lost))?;
        Ok(lines)
    }

    /// Takes the line that `compose` appends, with its end.
    pub(super) fn push(&self, compose: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.shared.state();
        if state.done || state.held.len() >= HELD {
            self.lost.inc();
            return;
        }
        let was_empty = state.held.is_empty();
        compose(&mut state.held);
        drop(state);
        if was_empty {
            self.shared.changed.notify_all();
        }
    }
}

/// The last lines are still written, if anybody reads them.
impl Drop for Lines {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        self.shared.changed.notify_all();
        let _ = self
            .shared
            .changed
            .wait_timeout_while(state, FAREWELL, |state| !state.done);
    }
}

/// Writes what is held until there will be no more. A disk may have room again later; a closed pipe stays closed.
fn write_on(shared: &Shared, mut sink: impl Write, lost: &Counter) {
    let mut taken = Vec::new();
    while take(shared, &mut taken) {
        let Err(error) = sink.write_all(&taken).and_then(|()| sink.flush()) else {
            continue;
        };
        lost.inc_by(memchr::memchr_iter(b'\n', &taken).count() as u64);
        if error.kind() == ErrorKind::BrokenPipe {
            break;
        }
    }
    let mut state = shared.state();
    state.done = true;
    state.held = Vec::new();
    shared.changed.notify_all();
}

/// Waits for lines and takes them all. False if there will be no more.
fn take(shared: &Shared, taken: &mut Vec<u8>) -> bool {
    let mut state = shared.state();
    while state.held.is_empty() && !state.closed {
        let woken = shared.changed.wait(state);
        state = woken.unwrap_or_else(PoisonError::into_inner);
    }
    taken.clear();
    std::mem::swap(taken, &mut state.held);
    !taken.is_empty()
}
