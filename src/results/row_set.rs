//! The set of settled rows, with one bit for each row.

/// A set of row numbers, dense from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    len: u64,
}

impl RowSet {
    /// Returns the number of rows in the set.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether the set has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether the row is in the set.
    #[must_use]
    pub fn contains(&self, row: u64) -> bool {
        let (word, bit) = place(row);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Adds a row. Returns false if it was in the set already.
    pub fn insert(&mut self, row: u64) -> bool {
        let (word, bit) = place(row);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.len += u64::from(is_new);
        is_new
    }
}

fn place(row: u64) -> (usize, u64) {
    let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
    (word, 1 << (row % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(rows in prop::collection::vec(1..500_u64, 0..200)) {
            let (mut set, mut plain) = (RowSet::default(), BTreeSet::new());
            for row in rows {
                prop_assert_eq!(set.insert(row), plain.insert(row));
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert_eq!(set.is_empty(), plain.is_empty());
            prop_assert!((0..600).all(|row| set.contains(row) == plain.contains(&row)));
            prop_assert!(!set.contains(u64::MAX));
        }
    }
}
