//! Remembers the last few values, for values that repeat from row to row.

/// Number of values that are remembered: enough for the brokers of a cluster, few enough to search one by one.
const ROOM: usize = 8;

/// Remembers the last few distinct values, so that rows share them. Memory stays small for any number of values.
#[derive(Debug)]
pub(super) struct Recent<T> {
    values: Vec<T>,
    oldest: usize,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            oldest: 0,
        }
    }
}

impl<T> Recent<T> {
    /// Returns the remembered value that matches, or else makes a new one. A value that could not be made is not
    /// remembered.
    pub(super) fn get<E>(
        &mut self,
        fits: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        let at = match self.values.iter().position(fits) {
            Some(at) => at,
            None => self.put(make()?),
        };
        Ok(&self.values[at])
    }

    fn put(&mut self, value: T) -> usize {
        if self.values.len() < ROOM {
            self.values.push(value);
            return self.values.len() - 1;
        }
        let at = self.oldest;
        self.values[at] = value;
        self.oldest = (at + 1) % ROOM;
        at
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn get(recent: &mut Recent<Arc<str>>, text: &str) -> Arc<str> {
        let make = || {
            if text.is_empty() {
                Err(())
            } else {
                Ok(Arc::from(text))
            }
        };
        recent
            .get(|value| **value == *text, make)
            .cloned()
            .unwrap_or_else(|()| "none".into())
    }

    #[test]
    fn values_are_shared_and_old_ones_leave() {
        let mut recent = Recent::default();
        let first = get(&mut recent, "a");
        assert!(Arc::ptr_eq(&first, &get(&mut recent, "a")));
        assert_eq!(&*get(&mut recent, ""), "none");
        for number in 0..100 {
            get(&mut recent, &number.to_string());
        }
        assert!(recent.values.len() <= ROOM);
        assert!(!Arc::ptr_eq(&first, &get(&mut recent, "a")));
    }
}
