//! The kept columns of all inputs, in the order in which they first occur in the rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

/// Collects the columns of rows. Rows may come in any order: a resumed run must get the same result.
#[derive(Debug, Default)]
pub struct ColumnOrder {
    /// For each column the first row that has it, and its index in that row.
    first: HashMap<Box<str>, (u64, usize)>,
    /// The columns of the previous row of an input. Most rows have the same.
    last: Option<(Arc<[Box<str>]>, u64)>,
    /// The columns of the previous row of a results file.
    last_names: Vec<Box<str>>,
}

impl ColumnOrder {
    /// Adds the columns of a row of an input.
    pub(super) fn add_row(&mut self, row: u64, columns: &Arc<[Box<str>]>) {
        let is_known =
            |(last, since): &(Arc<[Box<str>]>, u64)| Arc::ptr_eq(last, columns) && *since <= row;
        if self.last.as_ref().is_some_and(is_known) {
            return;
        }
        self.add_names(row, columns.iter().map(|name| &**name));
        self.last = Some((columns.clone(), row));
    }

    /// Adds the columns of a row of a results file. Rows may come in any order.
    pub(super) fn add_names<'n>(&mut self, row: u64, names: impl Iterator<Item = &'n str>) {
        for (nth, name) in names.enumerate() {
            match self.first.get_mut(name) {
                Some(first) => *first = (*first).min((row, nth)),
                None => {
                    self.first.insert(name.into(), (row, nth));
                }
            }
        }
    }

    /// Adds the kept columns of the next line of a results file.
    pub fn add_kept(&mut self, row: u64, kept: &[(Cow<'_, str>, &RawValue)]) {
        let names = || kept.iter().map(|(name, _)| &**name);
        if names().ne(self.last_names.iter().map(|name| &**name)) {
            self.add_names(row, names());
            self.last_names = names().map(Into::into).collect();
        }
    }

    /// Adds the columns of rows that follow these.
    pub fn append(&mut self, next: Self) {
        for (name, theirs) in next.first {
            let first = self.first.entry(name).or_insert(theirs);
            *first = (*first).min(theirs);
        }
    }

    /// Returns all columns in the order of their first row.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.first.iter().collect();
        names.sort_by_key(|(_, first)| **first);
        names
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_of_answers_is_not_the_order_of_columns(rows in Just((0..6_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let shapes: [Arc<[Box<str>]>; 3] = [
                ["b".into(), "a".into()].into(),
                ["a".into(), "c".into()].into(),
                ["d".into()].into(),
            ];
            let mut columns = ColumnOrder::default();
            for row in rows {
                columns.add_row(row, &shapes[usize::try_from(row).unwrap() % 3]);
            }
            prop_assert_eq!(columns.names(), ["b", "a", "c", "d"]);
        }
    }
}
