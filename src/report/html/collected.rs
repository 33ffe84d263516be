//! Counts the breaks for the page in bounded memory. What does not fit onto the page is in the numbers.

use std::collections::BTreeMap;

use super::rows::{BreakLine, PageLine, Producer, UnjudgedLine};
use super::timeline::Timeline;

/// The most rows on the page. The CSV has all rows.
pub(super) const MAX_ROWS: usize = 10_000;

/// The most rows of each kind of message without a verdict.
const MAX_UNJUDGED: usize = 1_000;

/// The most kinds of break that are listed separately.
const MAX_KINDS: usize = 64;

/// The most topics or producers that are counted separately.
const MAX_NAMES: usize = 10_000;

/// The breaks of a report.
#[derive(Debug, Default)]
pub(super) struct CollectedBreaks {
    kinds: BTreeMap<BreakKey, usize>,
    /// The sections by kind, in the order of their first breaks. The last one may hold all kinds beyond [`MAX_KINDS`].
    pub(super) sections: Vec<BreakSection>,
    kept: usize,
    pub(super) topics: CountsByName<String>,
    pub(super) producers: CountsByName<Producer>,
    /// Messages whose IDs name no producer.
    pub(super) without_producer: u64,
    pub(super) timeline: Timeline,
    /// Messages whose born time is unknown.
    pub(super) undated: u64,
    /// Messages without a verdict and bad rows, by message verdict: how many there are, and the first of them.
    pub(super) unjudged: BTreeMap<String, (u64, Vec<UnjudgedLine>)>,
}

/// A kind of break: the topic, and the groups at fault with their verdicts.
type BreakKey = (String, Vec<(String, String)>);

/// The breaks of one kind.
#[derive(Debug)]
pub(super) struct BreakSection {
    /// The kind, or `None` for the section of all other kinds.
    pub(super) kind: Option<BreakKey>,
    /// How many breaks there are.
    pub(super) count: u64,
    /// The first breaks.
    pub(super) rows: Vec<BreakLine>,
    /// Whether a row was removed to make room. Such a section takes no more rows, so that it has no gaps.
    is_full: bool,
}

impl CollectedBreaks {
    pub(super) fn add(&mut self, line: PageLine) {
        match line {
            PageLine::Break(found) => self.add_break(found),
            PageLine::Unjudged(found) => {
                let (count, rows) = self.unjudged.entry(found.verdict.clone()).or_default();
                *count += 1;
                if rows.len() < MAX_UNJUDGED {
                    rows.push(found);
                }
            }
        }
    }

    fn add_break(&mut self, found: BreakLine) {
        let born = found.born;
        self.topics.add(&found.topic, born);
        match &found.producer {
            Some(producer) => self.producers.add(producer, born),
            None => self.without_producer += 1,
        }
        match born {
            Some(born) => {
                for (group, _) in &found.groups {
                    self.timeline.add(group, born);
                }
            }
            None => self.undated += 1,
        }
        self.list(found);
    }

    fn list(&mut self, found: BreakLine) {
        let kind = (found.topic.clone(), found.groups.clone());
        let met = self.kinds.get(&kind).copied();
        let nth = met.unwrap_or_else(|| self.begin(kind));
        let section = &mut self.sections[nth];
        section.count += 1;
        if section.is_full {
            return;
        }
        section.rows.push(found);
        self.kept += 1;
        if self.kept > MAX_ROWS {
            self.make_room();
        }
    }

    fn begin(&mut self, kind: BreakKey) -> usize {
        let several = self.sections.len() > MAX_KINDS;
        if several {
            return MAX_KINDS;
        }
        let kind = (self.sections.len() < MAX_KINDS).then_some(kind);
        if let Some(kind) = &kind {
            self.kinds.insert(kind.clone(), self.sections.len());
        }
        self.sections.push(BreakSection {
            kind,
            count: 0,
            rows: Vec::new(),
            is_full: false,
        });
        self.sections.len() - 1
    }

    /// Removes the last row of the longest section: a few breaks of a rare kind say more than the last of very many.
    fn make_room(&mut self) {
        let longest = self
            .sections
            .iter_mut()
            .max_by_key(|section| section.rows.len());
        if let Some(section) = longest {
            section.rows.pop();
            section.is_full = true;
            self.kept -= 1;
        }
    }
}

/// How many breaks each name has, and their born times.
#[derive(Debug)]
pub(super) struct CountsByName<N> {
    names: BTreeMap<N, NameCount>,
    /// Breaks of names beyond the limit.
    others: u64,
}

/// The breaks of one name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NameCount {
    pub(super) count: u64,
    /// The first and the last born time, in milliseconds since 1970.
    pub(super) born: Option<(i64, i64)>,
}

impl<N> Default for CountsByName<N> {
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            others: 0,
        }
    }
}

impl<N: Ord + Clone> CountsByName<N> {
    fn add(&mut self, name: &N, born: Option<i64>) {
        if !self.names.contains_key(name) {
            if self.names.len() == MAX_NAMES {
                self.others += 1;
                return;
            }
            self.names.insert(name.clone(), NameCount::default());
        }
        if let Some(share) = self.names.get_mut(name) {
            share.count += 1;
            share.born = match (share.born, born) {
                (Some((first, last)), Some(born)) => Some((first.min(born), last.max(born))),
                (None, Some(born)) => Some((born, born)),
                (known, None) => known,
            };
        }
    }

    /// Returns the names with the most breaks, and how many other names and breaks there are.
    pub(super) fn top(&self, most: usize) -> (Vec<(&N, NameCount)>, (usize, u64)) {
        let names = self.names.iter().map(|(name, share)| (name, *share));
        let mut names: Vec<_> = names.collect();
        names.sort_by_key(|(_, share)| std::cmp::Reverse(share.count));
        let rest = names.split_off(names.len().min(most));
        let breaks = rest.iter().map(|(_, share)| share.count).sum::<u64>();
        (names, (rest.len(), breaks + self.others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: u64, topic: &str) -> BreakLine {
        BreakLine {
            row,
            msg_id: String::new(),
            topic: topic.to_owned(),
            born: Some(row.cast_signed() * 1000),
            producer: None,
            groups: vec![("g".to_owned(), "open".to_owned())],
            kept: Vec::new(),
        }
    }

    #[test]
    fn a_rare_kind_keeps_its_rows_beside_a_frequent_one() {
        let mut collected = CollectedBreaks::default();
        for row in 0..12_000 {
            collected.add_break(found(row, "orders"));
        }
        for row in 12_000..12_007 {
            collected.add_break(found(row, "payments"));
        }
        collected.add_break(found(12_007, "orders"));
        let listed = |section: &BreakSection| (section.count, section.rows.len());
        let sections: Vec<_> = collected.sections.iter().map(listed).collect();
        assert_eq!(sections, [(12_001, 9_993), (7, 7)]);
        let rows = collected.sections[0].rows.iter().map(|found| found.row);
        assert!(rows.eq(0..9_993), "the first of them, without gaps");
        assert_eq!(collected.topics.top(1).1, (1, 7));
    }

    #[test]
    fn kinds_beyond_the_limit_share_a_section() {
        let mut collected = CollectedBreaks::default();
        for row in 0..100 {
            collected.add_break(found(row, &format!("topic-{row}")));
        }
        assert_eq!(collected.sections.len(), MAX_KINDS + 1);
        let last = &collected.sections[MAX_KINDS];
        assert!(last.kind.is_none() && last.count == 36 && last.rows.len() == 36);
    }
}
