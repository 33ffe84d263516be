//! A map from the queues of one topic to values.

use std::sync::Arc;

/// A value for each queue of a topic, by broker **name** (addresses change on failover) and queue number.
///
/// Sorted by number, then broker name. A topic has a few dozen queues and each message is looked up in every
/// group's map, so look-ups must be fast. Numbers are compared faster than names, and most names differ within
/// eight bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByQueue<V>(Vec<(QueueKey, Arc<str>, V)>);

/// Queue number, followed by the first bytes of the broker's name; sorts like queue and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct QueueKey(u128);

impl QueueKey {
    fn new(broker: &str, queue_id: u32) -> Self {
        let begins = match broker.as_bytes().first_chunk() {
            Some(begins) => *begins,
            None => std::array::from_fn(|at| broker.as_bytes().get(at).copied().unwrap_or(0)),
        };
        Self(u128::from(queue_id) << 64 | u128::from(u64::from_be_bytes(begins)))
    }

    #[expect(clippy::cast_possible_truncation, reason = "it was put there")]
    const fn queue_id(self) -> u32 {
        (self.0 >> 64) as u32
    }
}

impl<V> ByQueue<V> {
    /// Returns the value of a queue.
    #[must_use]
    pub fn get(&self, broker: &str, queue_id: u32) -> Option<&V> {
        let at = self.search(broker, queue_id).ok()?;
        Some(&self.0[at].2)
    }

    /// Sets the value of a queue and returns the previous one.
    pub fn insert(&mut self, broker: Arc<str>, queue_id: u32, value: V) -> Option<V> {
        match self.search(&broker, queue_id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].2, value)),
            Err(at) => {
                let key = QueueKey::new(&broker, queue_id);
                self.0.insert(at, (key, broker, value));
                None
            }
        }
    }

    /// Returns every entry: broker, queue number, value.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, u32, &V)> {
        self.0
            .iter()
            .map(|(key, broker, value)| (broker, key.queue_id(), value))
    }

    /// Returns whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn search(&self, broker: &str, queue_id: u32) -> Result<usize, usize> {
        let sought = QueueKey::new(broker, queue_id);
        let first = self.0.partition_point(|(key, ..)| *key < sought);
        let rest = &self.0[first..];
        let is_it = |(key, name, _): &(QueueKey, Arc<str>, V)| *key == sought && **name == *broker;
        if rest.first().is_some_and(is_it) {
            return Ok(first);
        }
        // Several brokers share these first bytes, or the queue is missing.
        rest.binary_search_by(|(key, name, _)| key.cmp(&sought).then_with(|| (**name).cmp(broker)))
            .map(|at| first + at)
            .map_err(|at| first + at)
    }
}

impl<V> Default for ByQueue<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(entries in prop::collection::vec(("(broker-)?[\\x00a-c]{0,2}", 0..4_u32, 0..100_u64), 0..30)) {
            let (mut queues, mut map) = (ByQueue::default(), BTreeMap::new());
            prop_assert!(queues.is_empty());
            for (broker, queue_id, value) in entries {
                let before = queues.insert(Arc::from(&*broker), queue_id, value);
                prop_assert_eq!(before, map.insert((broker, queue_id), value));
            }
            for ((broker, queue_id), value) in &map {
                prop_assert_eq!(queues.get(broker, *queue_id), Some(value));
                prop_assert_eq!(queues.get(broker, 4), None);
            }
            for broker in ["", "a", "broker-a", "broker-ab", "d"] {
                for queue_id in 0..5 {
                    let expected = map.get(&(broker.to_owned(), queue_id));
                    prop_assert_eq!(queues.get(broker, queue_id), expected);
                }
            }
            let in_order = queues.iter().map(|(broker, queue_id, _)| (queue_id, broker.clone()));
            prop_assert!(in_order.is_sorted());
        }
    }
}
