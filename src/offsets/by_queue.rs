//! What is known of each queue of one topic.

use std::sync::Arc;

/// A value for each queue of a topic, by broker **name** (addresses change on failover) and queue number.
///
/// Sorted by number, then broker: a topic has a few dozen queues, and numbers are compared faster than names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByQueue<V>(Vec<(u32, Arc<str>, V)>);

impl<V> ByQueue<V> {
    /// The value of a queue, if it has one.
    #[must_use]
    pub fn get(&self, broker: &str, queue_id: u32) -> Option<&V> {
        let at = self.search(broker, queue_id).ok()?;
        Some(&self.0[at].2)
    }

    /// Sets the value of a queue and returns the one it had.
    pub fn insert(&mut self, broker: Arc<str>, queue_id: u32, value: V) -> Option<V> {
        match self.search(&broker, queue_id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].2, value)),
            Err(at) => {
                self.0.insert(at, (queue_id, broker, value));
                None
            }
        }
    }

    /// Every queue that has a value: its broker, its number, the value.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, u32, &V)> {
        self.0
            .iter()
            .map(|(queue_id, broker, value)| (broker, *queue_id, value))
    }

    /// Is nothing known of any queue?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn search(&self, broker: &str, queue_id: u32) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(id, name, _)| id.cmp(&queue_id).then_with(|| (**name).cmp(broker)))
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
        fn it_is_a_map(entries in prop::collection::vec(("[a-c]", 0..4_u32, 0..100_u64), 0..30)) {
            let (mut queues, mut map) = (ByQueue::default(), BTreeMap::new());
            prop_assert!(queues.is_empty());
            for (broker, queue_id, value) in entries {
                let before = queues.insert(Arc::from(&*broker), queue_id, value);
                prop_assert_eq!(before, map.insert((broker, queue_id), value));
            }
            for broker in ["a", "b", "c", "d"] {
                for queue_id in 0..5 {
                    let expected = map.get(&(broker.to_owned(), queue_id));
                    prop_assert_eq!(queues.get(broker, queue_id), expected);
                }
            }
        }
    }
}
