//! The kept columns of all inputs, in the order in which the rows bring them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

/// Collects the columns of rows in any order; a run that was resumed must come to the same.
#[derive(Debug, Default)]
pub struct ColumnOrder {
    /// The first row that has a column, and its place there.
    first: HashMap<Box<str>, (u64, usize)>,
    /// Most rows have the columns of the row before.
    last: Option<(Arc<[Box<str>]>, u64)>,
    /// The same of rows that were read from a results file.
    last_names: Vec<Box<str>>,
}

impl ColumnOrder {
    /// A row as the input has it.
    pub(super) fn add_row(&mut self, row: u64, columns: &Arc<[Box<str>]>) {
        let is_known =
            |(last, since): &(Arc<[Box<str>]>, u64)| Arc::ptr_eq(last, columns) && *since <= row;
        if self.last.as_ref().is_some_and(is_known) {
            return;
        }
        self.add_names(row, columns.iter().map(|name| &**name));
        self.last = Some((columns.clone(), row));
    }

    /// A row as the results file has it.
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

    /// The next row of a results file.
    pub fn add_kept(&mut self, row: u64, kept: &[(Cow<'_, str>, &RawValue)]) {
        let names = || kept.iter().map(|(name, _)| &**name);
        if names().ne(self.last_names.iter().map(|name| &**name)) {
            self.add_names(row, names());
            self.last_names = names().map(Into::into).collect();
        }
    }

    /// Adds what was met behind this.
    pub fn append(&mut self, next: Self) {
        for (name, theirs) in next.first {
            let first = self.first.entry(name).or_insert(theirs);
            *first = (*first).min(theirs);
        }
    }

    /// All of them.
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
