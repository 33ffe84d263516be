//! The messages that are looked for, in eight bytes each.

use std::hash::{BuildHasher, RandomState};

/// A set of message keys that keeps only a hash of each. It may contain a key that was never added, with a probability of
/// about one in 10^14 for a million keys; who needs certainty compares the keys themselves afterwards.
#[derive(Debug)]
pub struct MessageKeys {
    hasher: RandomState,
    hashes: Vec<u64>,
    is_sorted: bool,
}

impl Default for MessageKeys {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            hashes: Vec::new(),
            is_sorted: true,
        }
    }
}

impl MessageKeys {
    /// Adds a key. Call [`sort`](Self::sort) after the last one.
    pub fn add(&mut self, key: &str) {
        self.hashes.push(self.hasher.hash_one(key));
        self.is_sorted = false;
    }

    /// Prepares the set for look-ups.
    pub fn sort(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.shrink_to_fit();
        self.is_sorted = true;
    }

    /// Returns whether the key was added.
    ///
    /// # Panics
    ///
    /// If keys were added since the last [`sort`](Self::sort).
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        assert!(
            self.is_sorted,
            "the keys are sorted before they are looked up"
        );
        let hash = self.hasher.hash_one(key);
        self.hashes.binary_search(&hash).is_ok()
    }

    /// Returns the number of different keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns whether no key was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

impl<'k> FromIterator<&'k str> for MessageKeys {
    fn from_iter<I: IntoIterator<Item = &'k str>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.add(key);
        }
        set.sort();
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_set_has_the_keys_that_were_added(added in proptest::collection::btree_set("[A-Z0-9]{1,6}", 0..40), other in "[a-z]{1,6}") {
            let keys: MessageKeys = added.iter().map(String::as_str).collect();
            prop_assert_eq!(keys.len(), added.len());
            prop_assert!(added.iter().all(|key| keys.contains(key)));
            prop_assert!(!keys.contains(&other));
        }
    }
}
