//! Room for large requests, shared by all connections: however many clients send however much, memory is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request as clients send it is smaller, and always has room (`facts/ons-api.md` §3.5).
const SMALL: usize = 4 * 1024;

/// The room that is left, in bytes.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    /// Takes room until the guard is dropped; `None` if there is not so much.
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let mut share = Share::of(self);
        share.add(SMALL + bytes).then_some(share)
    }

    fn take(&self, bytes: usize) -> bool {
        let (order, keep) = (Ordering::Relaxed, |left: usize| left.checked_sub(bytes));
        self.0.fetch_update(order, order, keep).is_ok()
    }
}

/// What one connection has of it, for the request that it is busy with.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    read: usize,
    taken: usize,
}

impl Share {
    pub(super) fn of(room: &Arc<Room>) -> Self {
        Self {
            room: room.clone(),
            read: 0,
            taken: 0,
        }
    }

    /// So many more bytes of a request have been read. Is there room for them?
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        self.read += bytes;
        let more = self.read.saturating_sub(SMALL + self.taken);
        let has_room = more == 0 || self.room.take(more);
        if has_room {
            self.taken += more;
        }
        has_room
    }

    /// The request is done.
    pub(super) fn release(&mut self) {
        if self.taken > 0 {
            self.room.0.fetch_add(self.taken, Ordering::Relaxed);
        }
        (self.read, self.taken) = (0, 0);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_requests_always_have_room_and_large_ones_as_long_as_there_is_some() {
        let room = Room::new(1000);
        let (mut small, mut large, mut late) =
            (Share::of(&room), Share::of(&room), Share::of(&room));
        assert!(large.add(SMALL + 400) && large.add(500));
        assert!(late.add(SMALL) && late.add(100), "the last of it");
        assert!(!late.add(1));
        assert!(small.add(SMALL), "a small one takes none");
        drop(large);
        assert!(late.add(899));
        assert!(!late.add(1), "what was refused counts as read");
        late.release();
        assert!(small.add(1000));
        assert!(!late.add(SMALL + 1));
    }
}
