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

/// Heights of the bars, in the units of a drawing that is stretched to the width of the page.
const TALL: u64 = 30;

/// Labels below the bars, besides the one at the end.
const TICKS: i64 = 6;

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

    /// The drawing, with its axis; nothing where no message has a date.
    pub(super) fn html(&self) -> Option<String> {
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
            .html(),
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
    /// Text is text and only bars are drawn, so that it can be read however narrow the page is.
    fn html(&self) -> String {
        let mut html = String::new();
        for (group, lane) in &self.lanes {
            self.lane(&mut html, group, lane);
        }
        self.axis(&mut html);
        html
    }

    fn lane(&self, html: &mut String, group: &str, lane: &BTreeMap<i64, u64>) {
        let fit = "memory takes all text";
        let most = lane.values().max().copied().unwrap_or(1).max(1);
        let (name, total) = (escaped(group), count(lane.values().sum()));
        let edges = [lane.keys().next(), lane.keys().next_back()]
            .map(|bar| self.start(bar.copied().unwrap_or(0)));
        write!(
            html,
            "<p class=\"lane\"><b dir=\"auto\">{name}</b> <span class=\"quiet\">{total} missed, {} to {}, at most {} a bar</span></p>\
             <svg viewBox=\"0 0 {} {TALL}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
            edges[0],
            edges[1],
            count(most),
            self.bars * 10
        )
        .expect(fit);
        for (bar, missed) in lane {
            let tall = (missed * TALL / most).max(1);
            write!(
                html,
                "<rect x=\"{}\" y=\"{}\" width=\"9\" height=\"{tall}\"><title>{}: {}</title></rect>",
                bar * 10,
                TALL - tall,
                self.start(*bar),
                count(*missed)
            )
            .expect(fit);
        }
        html.push_str("</svg>");
    }

    /// Labels where they belong; every other one is left out on a phone.
    fn axis(&self, html: &mut String) {
        let fit = "memory takes all text";
        html.push_str("<div class=\"ticks\" aria-hidden=\"true\">");
        let every = (self.bars / TICKS).max(1);
        let ticks = (0..self.bars).step_by(usize::try_from(every).unwrap_or(1));
        // One that would stand in the last label's way is left out.
        for (nth, tick) in ticks.filter(|tick| tick * 10 <= self.bars * 9).enumerate() {
            let (left, minor) = (
                tick * 1000 / self.bars,
                if nth % 2 == 1 { " class=\"minor\"" } else { "" },
            );
            write!(
                html,
                "<span{minor} style=\"left:{}.{}%\">{}</span>",
                left / 10,
                left % 10,
                self.start(tick)
            )
            .expect(fit);
        }
        let day = date(self.from).map_or_else(String::new, |time| time.strftime("%F").to_string());
        write!(
            html,
            "<span class=\"last\">{}</span></div><p class=\"quiet\">Time of production in UTC, from {day} on; a bar is {}.</p>",
            self.start(self.bars),
            span_words(self.bar)
        )
        .expect(fit);
    }

    /// When a bar begins.
    fn start(&self, bar: i64) -> String {
        let form = match self.bar.saturating_mul(self.bars) {
            span if span < 300_000 => "%T",
            span if span < 172_800_000 => "%H:%M",
            _ => "%m-%d %H:%M",
        };
        let start = self.bar.saturating_mul(bar).saturating_add(self.from);
        date(start).map_or_else(String::new, |time| time.strftime(form).to_string())
    }
}

fn date(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

fn span_words(millis: i64) -> String {
    crate::words::duration(std::time::Duration::from_millis(millis.unsigned_abs()))
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
        let html = timeline.html().unwrap();
        for part in [
            "a bar is 10 s",
            "600 missed, 06:00 to 06:09",
            "GID_&lt;b&gt;",
            "06:00",
            "06:10",
            "from 2025-11-20 on",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(Timeline::default().html(), None);
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
            prop_assert!(timeline.html().is_some());
        }
    }
}
