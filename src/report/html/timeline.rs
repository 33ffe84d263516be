//! The timeline: missed messages counted by group and born time, in bounded memory, and laid out in bars.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::report::locale::TimeFormat;

/// The finest resolution in milliseconds. IDs of some kinds have no finer one.
const RESOLUTION: i64 = 1000;

/// The most spans of time that are kept while the ends of the incident are unknown.
const MAX_SPANS: usize = 20_000;

/// The most bars side by side.
const BARS: i64 = 96;

/// The widths of a bar, in milliseconds.
const BAR_WIDTHS: [i64; 16] = [
    1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/// The most groups with a lane of their own.
const MAX_LANES: usize = 8;

/// How many messages each group missed, by born time.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// A span is [`RESOLUTION`] doubled so often. It doubles whenever there are too many spans.
    doublings: u32,
    groups: BTreeMap<String, MissedTimes>,
    spans: usize,
}

#[derive(Debug)]
struct MissedTimes {
    spans: BTreeMap<i64, u64>,
    /// The first and the last born time, in milliseconds since 1970.
    edges: (i64, i64),
}

impl Timeline {
    pub(super) fn add(&mut self, group: &str, born: i64) {
        if !self.groups.contains_key(group) {
            let missed = MissedTimes {
                spans: BTreeMap::new(),
                edges: (born, born),
            };
            self.groups.insert(group.to_owned(), missed);
        }
        if let Some(missed) = self.groups.get_mut(group) {
            let before = missed.spans.len();
            let span = born.div_euclid(RESOLUTION << self.doublings);
            *missed.spans.entry(span).or_default() += 1;
            self.spans += missed.spans.len() - before;
            let (first, last) = missed.edges;
            missed.edges = (first.min(born), last.max(born));
        }
        while self.spans > MAX_SPANS && self.doublings < 40 {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.doublings += 1;
        self.spans = 0;
        for missed in self.groups.values_mut() {
            let mut coarser = BTreeMap::new();
            for (span, count) in std::mem::take(&mut missed.spans) {
                *coarser.entry(span.div_euclid(2)).or_default() += count;
            }
            missed.spans = coarser;
            self.spans += missed.spans.len();
        }
    }

    const fn width(&self) -> i64 {
        RESOLUTION << self.doublings
    }

    /// Returns the bars, aligned to local time, or `None` if no message has a born time.
    pub(super) fn chart(&self, time_format: &TimeFormat) -> Option<Chart<'_>> {
        let (from, to) = self.window()?;
        let bar = BAR_WIDTHS
            .into_iter()
            .find(|nice| *nice >= self.width() && (to - from) / nice < BARS)
            .unwrap_or_else(|| (to - from) / BARS + 1);
        let ahead = Timestamp::from_millisecond(from).map_or(0, |time| time_format.ahead(time));
        let from = (from + ahead).div_euclid(bar) * bar - ahead;
        let bars = (to - 1 - from).div_euclid(bar) + 1;
        let mut chart = Chart {
            from,
            bar,
            bars,
            lanes: Vec::new(),
            outside: 0,
        };
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, missed)| std::cmp::Reverse(missed.spans.values().sum::<u64>()));
        let apart = if groups.len() > MAX_LANES {
            MAX_LANES - 1
        } else {
            groups.len()
        };
        let together = groups.split_off(apart);
        for (name, missed) in groups {
            chart.add(vec![name], &[missed], self.width());
        }
        if !together.is_empty() {
            let (names, all): (Vec<_>, Vec<_>) =
                together.into_iter().map(|(n, m)| (n.as_str(), m)).unzip();
            chart.add(names, &all, self.width());
        }
        Some(chart)
    }

    /// Returns the range of times to draw: all of them, unless a few distant messages would make a thin line of the
    /// rest.
    fn window(&self) -> Option<(i64, i64)> {
        let mut all: BTreeMap<i64, u64> = BTreeMap::new();
        for (span, count) in self.groups.values().flat_map(|missed| &missed.spans) {
            *all.entry(*span).or_default() += count;
        }
        let (first, last) = (*all.keys().next()?, *all.keys().next_back()?);
        let few = all.values().sum::<u64>() / 100;
        let edge = |mut spans: Box<dyn Iterator<Item = (&i64, &u64)> + '_>| {
            let mut passed = 0;
            let core = spans.find(|(_, count)| {
                passed += **count;
                passed > few
            });
            core.map(|(span, _)| *span)
        };
        let (low, high) = (
            edge(Box::new(all.iter()))?,
            edge(Box::new(all.iter().rev()))?,
        );
        let margin = ((high - low) / 10).max(1);
        let is_scattered = (high - low + 1).saturating_mul(8) < last - first + 1;
        let (low, high) = if is_scattered {
            ((low - margin).max(first), (high + margin).min(last))
        } else {
            (first, last)
        };
        Some((low * self.width(), (high + 1) * self.width()))
    }
}

/// Bars of equal width, with a lane for each group.
#[derive(Debug)]
pub(super) struct Chart<'t> {
    /// The left edge, in milliseconds since 1970.
    pub(super) from: i64,
    /// The width of a bar in milliseconds.
    pub(super) bar: i64,
    pub(super) bars: i64,
    /// The lanes, those that missed most first.
    pub(super) lanes: Vec<Lane<'t>>,
    /// Missed messages before or after the drawn range.
    pub(super) outside: u64,
}

/// One group, or all groups without a lane of their own.
#[derive(Debug)]
pub(super) struct Lane<'t> {
    pub(super) names: Vec<&'t str>,
    pub(super) bars: BTreeMap<i64, u64>,
    pub(super) count: u64,
    /// The first and the last born time, in milliseconds since 1970.
    pub(super) edges: (i64, i64),
}

impl<'t> Chart<'t> {
    fn add(&mut self, names: Vec<&'t str>, missed: &[&MissedTimes], width: i64) {
        let mut lane = Lane {
            names,
            bars: BTreeMap::new(),
            count: 0,
            edges: (i64::MAX, i64::MIN),
        };
        for missed in missed {
            lane.edges.0 = lane.edges.0.min(missed.edges.0);
            lane.edges.1 = lane.edges.1.max(missed.edges.1);
            for (span, count) in &missed.spans {
                lane.count += count;
                let bar = (span * width - self.from).div_euclid(self.bar);
                if (0..self.bars).contains(&bar) {
                    *lane.bars.entry(bar).or_default() += count;
                } else {
                    self.outside += count;
                }
            }
        }
        self.lanes.push(lane);
    }

    /// Returns the height of the tallest bar.
    pub(super) fn peak(&self) -> u64 {
        let bars = self.lanes.iter().flat_map(|lane| lane.bars.values());
        bars.copied().max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bars_have_round_widths_and_begin_at_round_times() {
        let mut timeline = Timeline::default();
        for second in 7..600 {
            timeline.add("GID_a", 1_763_618_400_000 + second * 1000);
        }
        timeline.add("GID_b", 1_763_618_407_000);
        let chart = timeline.chart(&TimeFormat::default()).unwrap();
        assert_eq!((chart.bar, chart.from), (10_000, 1_763_618_400_000));
        assert_eq!((chart.bars, chart.outside, chart.peak()), (60, 0, 10));
        let lanes: Vec<_> = chart.lanes.iter().map(|l| (l.names[0], l.count)).collect();
        assert_eq!(lanes, [("GID_a", 593), ("GID_b", 1)]);
        assert_eq!(chart.lanes[0].bars[&0], 3);
    }

    #[test]
    fn distant_messages_do_not_shrink_the_incident() {
        let mut timeline = Timeline::default();
        for second in 0..1000 {
            timeline.add("g", 1_763_618_400_000 + second * 1000);
        }
        timeline.add("g", 1_763_618_400_000 - 7 * 86_400_000);
        let chart = timeline.chart(&TimeFormat::default()).unwrap();
        assert_eq!((chart.bar, chart.outside), (15_000, 1));
        assert_eq!(chart.lanes[0].count, 1001, "it is counted nevertheless");
    }

    #[test]
    fn many_groups_share_the_last_lane() {
        let mut timeline = Timeline::default();
        for group in 0..20_i64 {
            for _ in 0..=group {
                timeline.add(&format!("g{group}"), group * 1000);
            }
        }
        let chart = timeline.chart(&TimeFormat::default()).unwrap();
        let lanes: Vec<_> = chart
            .lanes
            .iter()
            .map(|l| (l.names.len(), l.count))
            .collect();
        assert_eq!(lanes[0], (1, 20));
        assert_eq!(lanes[MAX_LANES - 1], (13, 91));
    }

    proptest! {
        #[test]
        fn no_message_is_lost_and_memory_is_bounded(born in proptest::collection::vec(any::<i64>(), 1..300)) {
            let mut timeline = Timeline::default();
            let count = born.len() as u64;
            for born in born {
                timeline.add("g", born / 4);
            }
            let chart = timeline.chart(&TimeFormat::default()).unwrap();
            let shown: u64 = chart.lanes[0].bars.values().sum();
            prop_assert_eq!(shown + chart.outside, count);
            prop_assert!(chart.bars <= BARS + 2);
        }
    }
}
