//! The breaks, counted: what does not fit onto a page is in the numbers.

use std::collections::BTreeMap;

use super::rows::Break;
use super::timeline::Timeline;

/// The page has no more rows; the CSV has them all.
pub(super) const ROWS_MOST: usize = 10_000;

/// More producers than this are counted together: memory must not grow with what IDs say.
const PRODUCERS_MOST: usize = 10_000;

/// All breaks of a report.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The first of them.
    pub(super) rows: Vec<Break>,
    /// All of them.
    pub(super) count: u64,
    pub(super) by_topic: BTreeMap<String, u64>,
    by_producer: BTreeMap<String, u64>,
    /// Of producers that are not named.
    other_producers: u64,
    pub(super) timeline: Timeline,
    /// Messages whose born time nobody knows.
    pub(super) undated: u64,
}

impl Gathered {
    pub(super) fn add(&mut self, found: Break) {
        self.count += 1;
        add(&mut self.by_topic, &found.topic);
        match &found.producer {
            Some(producer)
                if self.by_producer.len() < PRODUCERS_MOST
                    || self.by_producer.contains_key(producer) =>
            {
                add(&mut self.by_producer, producer);
            }
            _ => self.other_producers += 1,
        }
        match found.born {
            Some(born) => {
                for (group, _) in &found.groups {
                    self.timeline.add(group, born);
                }
            }
            None => self.undated += 1,
        }
        if self.rows.len() < ROWS_MOST {
            self.rows.push(found);
        }
    }

    /// The producers with the most breaks, and how many breaks are of none of them.
    pub(super) fn producers(&self, most: usize) -> (Vec<(&str, u64)>, u64) {
        let mut producers: Vec<_> = self
            .by_producer
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        producers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest = producers
            .iter()
            .skip(most)
            .map(|(_, count)| count)
            .sum::<u64>();
        producers.truncate(most);
        (producers, rest + self.other_producers)
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => _ = counts.insert(name.to_owned(), 1),
    }
}
