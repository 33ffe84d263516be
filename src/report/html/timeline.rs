//! When the missed messages were made: a row of bars for each group, all by one clock.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use crate::words::count;

/// Bars side by side.
const BARS: i64 = 96;

/// Finer than this nobody looks, and IDs of some kinds know no more.
const FINEST: i64 = 1000;

/// Spans of time that are kept apart while the ends of the incident are not known.
const SPANS_MOST: usize = 20_000;

/// Widths of a bar that a person can say, in milliseconds.
const NICE: [i64; 14] = [
    1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 21_600_000, 86_400_000,
];

/// In the units of the drawing, which scales.
const WIDTH: i64 = 960;
const LEFT: i64 = 190;
const LANE: i64 = 46;
const BAR_HEIGHT: i64 = 30;

/// How many messages each group missed, by when they were made.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Width of a span in [`FINEST`]s; doubled whenever there are too many.
    doublings: u32,
    groups: BTreeMap<String, BTreeMap<i64, u64>>,
    spans: usize,
}

impl Timeline {
    pub(super) fn add(&mut self, group: &str, born: i64) {
        let span = born.div_euclid(FINEST << self.doublings);
        if !self.groups.contains_key(group) {
            self.groups.insert(group.to_owned(), BTreeMap::new());
        }
        if let Some(spans) = self.groups.get_mut(group) {
            let before = spans.len();
            *spans.entry(span).or_default() += 1;
            self.spans += spans.len() - before;
        }
        while self.spans > SPANS_MOST && self.doublings < 40 {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.doublings += 1;
        self.spans = 0;
        for spans in self.groups.values_mut() {
            let mut coarser = BTreeMap::new();
            for (span, count) in std::mem::take(spans) {
                *coarser.entry(span.div_euclid(2)).or_default() += count;
            }
            *spans = coarser;
            self.spans += spans.len();
        }
    }

    /// The drawing, with axes; nothing where no message has a date.
    pub(super) fn svg(&self) -> Option<String> {
        let width = FINEST << self.doublings;
        let starts = || self.groups.values().flat_map(BTreeMap::keys);
        let (first, last) = (starts().min()? * width, (starts().max()? + 1) * width);
        let bar = NICE
            .into_iter()
            .find(|nice| *nice >= width && (last - first) / nice < BARS)
            .unwrap_or_else(|| (last - first) / BARS + 1);
        let (from, bars) = (
            first.div_euclid(bar),
            last.div_euclid(bar) - first.div_euclid(bar) + 1,
        );
        let lanes: Vec<(&str, BTreeMap<i64, u64>)> = self
            .groups
            .iter()
            .map(|(group, spans)| {
                let mut lane = BTreeMap::new();
                for (span, count) in spans {
                    *lane
                        .entry((span * width).div_euclid(bar) - from)
                        .or_default() += count;
                }
                (group.as_str(), lane)
            })
            .collect();
        Some(
            Drawing {
                lanes,
                from: from * bar,
                bar,
                bars,
            }
            .svg(),
        )
    }
}

struct Drawing<'t> {
    lanes: Vec<(&'t str, BTreeMap<i64, u64>)>,
    /// Milliseconds since 1970 at the left edge.
    from: i64,
    /// Milliseconds of a bar.
    bar: i64,
    bars: i64,
}

impl Drawing<'_> {
    fn svg(&self) -> String {
        let height = i64::try_from(self.lanes.len()).unwrap_or(0) * LANE + 44;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"tl\"><title id=\"tl\">Missed messages by the time \
             they were made, {} each bar, UTC</title>",
            span_words(self.bar)
        );
        for (nth, (group, lane)) in self.lanes.iter().enumerate() {
            self.lane(&mut svg, nth, group, lane);
        }
        self.axis(&mut svg, height);
        svg + "</svg>"
    }

    fn lane(&self, svg: &mut String, nth: usize, group: &str, lane: &BTreeMap<i64, u64>) {
        let fit = "memory takes all text";
        let top = i64::try_from(nth).unwrap_or(0) * LANE;
        let most = lane.values().max().copied().unwrap_or(1).max(1);
        let base = top + BAR_HEIGHT + 8;
        let (name, total) = (escaped(&shortened(group)), count(lane.values().sum()));
        write!(
            svg,
            "<text x=\"0\" y=\"{}\" class=\"name\">{name}</text><text x=\"0\" y=\"{}\" class=\"axis\">{total} missed, at most {} a bar</text>\
             <line x1=\"{LEFT}\" y1=\"{base}\" x2=\"{WIDTH}\" y2=\"{base}\"/>",
            top + 20,
            top + 36,
            count(most)
        )
        .expect(fit);
        for (bar, missed) in lane {
            let (left, right) = (self.x(*bar), self.x(bar + 1));
            let tall = (i64::try_from(*missed * 30 / most).unwrap_or(30)).max(1);
            let from = self.clock(self.from + bar * self.bar);
            write!(
                svg,
                "<rect x=\"{left}\" y=\"{}\" width=\"{}\" height=\"{tall}\"><title>{from}: {}</title></rect>",
                base - tall,
                (right - left - 1).max(2),
                count(*missed)
            )
            .expect(fit);
        }
    }

    /// Both edges of the incident are named, and the day.
    fn axis(&self, svg: &mut String, height: i64) {
        let every = (self.bars / 6).max(1);
        let ticks = (0..=self.bars).step_by(usize::try_from(every).unwrap_or(1));
        for tick in ticks {
            let x = self.x(tick);
            let anchor = if tick == 0 {
                "start"
            } else if x > WIDTH - 40 {
                "end"
            } else {
                "middle"
            };
            write!(
                svg,
                "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/><text x=\"{x}\" y=\"{}\" class=\"axis\" text-anchor=\"{anchor}\">{}</text>",
                height - 38,
                height - 32,
                height - 18,
                self.clock(self.from + tick * self.bar)
            )
            .expect("memory takes all text");
        }
        write!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" class=\"axis\">made, UTC; from {}; a bar is {}</text>",
            height - 3,
            date(self.from).map_or_else(String::new, |time| time.strftime("%F").to_string()),
            span_words(self.bar)
        )
        .expect("memory takes all text");
    }

    const fn x(&self, bar: i64) -> i64 {
        LEFT + (WIDTH - LEFT) * bar / self.bars
    }

    fn clock(&self, millis: i64) -> String {
        let form = match self.bar.saturating_mul(self.bars) {
            span if span < 300_000 => "%T",
            span if span < 172_800_000 => "%H:%M",
            _ => "%m-%d %H:%M",
        };
        date(millis).map_or_else(String::new, |time| time.strftime(form).to_string())
    }
}

fn date(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

fn span_words(millis: i64) -> String {
    crate::words::duration(std::time::Duration::from_millis(millis.unsigned_abs()))
}

/// Names may be as long as they like, lanes not.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 24 {
        return name.to_owned();
    }
    name.chars().take(23).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_incident_is_drawn_by_a_clock_that_people_read() {
        let mut timeline = Timeline::default();
        for second in 0..600 {
            timeline.add("GID_a", 1_763_618_400_000 + second * 1000);
        }
        timeline.add("GID_<b>", 1_763_618_400_000);
        let svg = timeline.svg().unwrap();
        for part in [
            "a bar is 10 s",
            "600 missed",
            "GID_&lt;b&gt;",
            "06:00",
            "06:10",
            "from 2025-11-20",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(Timeline::default().svg(), None);
    }

    proptest! {
        #[test]
        fn whatever_ids_say_nothing_is_lost_and_memory_is_bounded(born in proptest::collection::vec(any::<i64>(), 1..300)) {
            let mut timeline = Timeline::default();
            let count = born.len() as u64;
            for born in born {
                timeline.add("g", born / 4);
            }
            let kept: u64 = timeline.groups["g"].values().sum();
            prop_assert_eq!(kept, count);
            prop_assert!(timeline.svg().is_some());
        }
    }
}
