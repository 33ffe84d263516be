//! A search in progress: its targets, its results, and whether it is still worthwhile.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::cluster::RoutedTopic;
use super::super::found::{is_older, located};
use super::super::remoting::StoredMessage;
use super::MessageKey;
use crate::source::LocatedMessage;

/// A search in progress, shared by the queues that are read concurrently.
#[derive(Debug)]
pub(super) struct Search {
    keys: HashSet<MessageKey>,
    found: RefCell<HashMap<MessageKey, LocatedMessage>>,
    remaining: RefCell<RemainingWork>,
}

impl Search {
    /// Creates a search for `keys` in `messages` messages; looking all of them up would take `lookups` calls.
    pub(super) fn new(keys: Vec<MessageKey>, lookups: usize, messages: u64) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            found: RefCell::default(),
            remaining: RefCell::new(RemainingWork {
                lookups,
                messages,
                pulled: 0,
                pulls: 0,
            }),
        }
    }

    /// Returns whether reading on costs less than looking up the rest.
    pub(super) fn is_worth_it(&self) -> bool {
        self.remaining.borrow().is_worth_it()
    }

    /// Records the result of one pull from a queue of `broker`.
    pub(super) fn pulled(
        &self,
        topic: &RoutedTopic,
        broker: &Arc<str>,
        messages: &[StoredMessage],
    ) {
        for message in messages {
            self.check(topic, broker, message);
        }
        self.remaining.borrow_mut().pulled(messages.len());
    }

    /// Returns the messages that were found.
    pub(super) fn into_found(self) -> HashMap<MessageKey, LocatedMessage> {
        self.found.into_inner()
    }

    fn check(&self, topic: &RoutedTopic, broker: &Arc<str>, message: &StoredMessage) {
        if *message.topic != *topic.wire {
            return;
        }
        let unique = message
            .unique_key()
            .map(|key| MessageKey::Unique(key.into()));
        let offset = u64::try_from(message.physical_offset).unwrap_or(u64::MAX);
        let by_offset = MessageKey::StoredAt(message.store_host, offset);
        for key in unique.into_iter().chain([by_offset]) {
            if !self.keys.contains(&key) {
                continue;
            }
            let msg_id = match &key {
                MessageKey::Unique(id) => id,
                MessageKey::StoredAt(..) => "",
            };
            let Some(copy) = located(broker, message, msg_id) else {
                continue;
            };
            let mut found = self.found.borrow_mut();
            if found.get(&key).is_none_or(|known| is_older(&copy, known)) {
                found.insert(key, copy);
            }
        }
    }
}

/// Compares the cost of the two ways. A broker that reads from disk returns fewer messages per pull.
#[derive(Debug)]
struct RemainingWork {
    /// Calls that looking up all messages would take.
    lookups: usize,
    /// Number of messages to read.
    messages: u64,
    pulled: u64,
    pulls: u64,
}

impl RemainingWork {
    fn pulled(&mut self, messages: usize) {
        self.pulled += messages as u64;
        self.pulls += 1;
    }

    const fn is_worth_it(&self) -> bool {
        if self.pulls < 16 {
            return true;
        }
        let each = if self.pulled < self.pulls {
            1
        } else {
            self.pulled / self.pulls
        };
        self.messages.saturating_sub(self.pulled) / each <= self.lookups as u64
    }
}
