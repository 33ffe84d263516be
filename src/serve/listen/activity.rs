//! Where a connection stands between request and answer, for whoever watches the time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a connection is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a request has come.
    Waiting,
    /// A request's line and headers are to be read.
    Head,
    /// Its body is on its way.
    Body,
    /// It is being answered.
    Answering,
    /// The answer is on its way.
    Writing,
    /// Behind an answer, the next request's line and headers are on their way.
    Next,
}

const PHASES: [Phase; 6] = [
    Phase::Waiting,
    Phase::Head,
    Phase::Body,
    Phase::Answering,
    Phase::Writing,
    Phase::Next,
];

/// The phase, with a number that changes whenever a phase begins: a watcher that sees the number again knows that
/// nothing has moved, and nobody has to read a clock for each request.
///
/// All of it is written and read by the one task of its connection; the atomics only let it be shared.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// The number of the phase in the lowest three bits, the count of changes above them.
    now: AtomicU32,
    ended: AtomicBool,
    unread: AtomicBool,
}

impl Activity {
    /// A phase begins.
    pub(super) fn enter(&self, phase: Phase) {
        let count = self.now.load(Ordering::Relaxed) >> 3;
        let now = (count.wrapping_add(1) << 3) | phase as u32;
        self.now.store(now, Ordering::Relaxed);
    }

    /// The phase `to` begins, if this is the phase `from`. Does it?
    pub(super) fn advance(&self, from: Phase, to: Phase) -> bool {
        let begins = self.phase() == from;
        if begins {
            self.enter(to);
        }
        begins
    }

    /// The phase.
    pub(super) fn phase(&self) -> Phase {
        PHASES[(self.now.load(Ordering::Relaxed) & 7) as usize]
    }

    /// Changes whenever a phase begins.
    pub(super) fn mark(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    /// The client has sent its last byte.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Has the client sent its last byte?
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The rest of a request will not be read.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Is there something that will not be read?
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_that_begins_is_told_from_the_one_before() {
        let activity = Activity::default();
        assert_eq!(activity.phase(), Phase::Waiting);
        for phase in PHASES {
            let before = activity.mark();
            activity.enter(phase);
            assert_eq!(activity.phase(), phase);
            assert_ne!(activity.mark(), before);
        }
        let before = activity.mark();
        activity.enter(Phase::Writing);
        assert_ne!(activity.mark(), before, "even the same phase again");
    }

    #[test]
    fn a_phase_is_advanced_only_from_where_it_is() {
        let activity = Activity::default();
        assert!(!activity.advance(Phase::Writing, Phase::Waiting));
        assert_eq!(activity.mark(), 0);
        assert!(activity.advance(Phase::Waiting, Phase::Next));
        assert_eq!(activity.phase(), Phase::Next);
    }
}
