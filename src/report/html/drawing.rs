//! Draws charts as inline SVG. Horizontal lengths are in percent of the width, vertical ones in pixels. So a chart is
//! as wide as its page, and its text has the size of all other text.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::bars::percent;
use super::timeline::{Chart, Lane};
use crate::humanize::count;
use crate::report::locale::{Language, Locale, TimeFormat};

/// The height of a lane: room for the labels of its edges, then the bars.
const EDGE_HEIGHT: u64 = 17;
const BAR_HEIGHT: u64 = 44;

/// The most ticks of the axis. A phone shows every other one.
const MAX_TICKS: i64 = 7;

/// The steps between ticks, in milliseconds.
const STEPS: [i64; 19] = [
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
];

/// Draws a chart and its texts.
pub(super) struct ChartDrawing<'v> {
    pub(super) chart: &'v Chart<'v>,
    pub(super) locale: &'v Locale,
}

impl ChartDrawing<'_> {
    const fn time_format(&self) -> &TimeFormat {
        &self.locale.time_format
    }

    /// Returns the explanation of the bars.
    pub(super) fn scale(&self) -> String {
        let bar = self
            .locale
            .duration(Duration::from_millis(self.chart.bar.unsigned_abs()));
        let zone = self.time_format().label();
        let peak = count(self.chart.peak());
        let day = self
            .one_day()
            .map_or_else(String::new, |day| format!("{day}, "));
        match self.locale.language {
            Language::English => format!(
                "Across: when the messages were produced ({day}{zone}), {bar} a bar. Up: missed messages, from 0 to {peak} in each lane."
            ),
            Language::Chinese => format!(
                "横轴：消息产生时间（{day}{zone}），每柱 {bar}；纵轴：漏消费消息数，各行均为 0 至 {peak} 条。"
            ),
        }
    }

    /// Returns the remark about a lane.
    pub(super) fn remark(&self, lane: &Lane<'_>) -> String {
        let [first, last] = [lane.edges.0, lane.edges.1].map(date);
        let time_range = first.zip(last).map_or_else(String::new, |edges| {
            self.locale
                .time_range(edges, crate::report::locale::RangePrecision::Exact)
        });
        let (number, peak) = (count(lane.count), lane.bars.values().copied().max());
        let peak = count(peak.unwrap_or(0));
        match self.locale.language {
            Language::English => {
                format!("{number} missed, produced {time_range}; at most {peak} a bar")
            }
            Language::Chinese => {
                format!("漏消费 {number} 条，产生于 {time_range}；每柱最多 {peak} 条")
            }
        }
    }

    /// Returns the bars of a lane, with labelled edges.
    pub(super) fn lane(&self, lane: &Lane<'_>) -> String {
        let height = EDGE_HEIGHT + BAR_HEIGHT;
        let mut svg = format!(
            "<svg class=lane width=\"100%\" height={} aria-hidden=true>",
            height + 1
        );
        let fit = "writing to memory cannot fail";
        for (x, ..) in self.ticks() {
            write!(
                svg,
                "<line class=grid x1=\"{x}\" y1={EDGE_HEIGHT} x2=\"{x}\" y2={height} />"
            )
            .expect(fit);
        }
        write!(
            svg,
            "<line class=base y1={height} x2=\"100%\" y2={height} />"
        )
        .expect(fit);
        for (&bar, &missed) in &lane.bars {
            let tall = (missed * BAR_HEIGHT)
                .div_ceil(self.chart.peak().max(1))
                .max(2);
            let (x, width) = (
                self.place(bar * 100),
                percent(86, 100 * self.chart.bars.unsigned_abs()),
            );
            let from = date(self.chart.from + bar * self.chart.bar);
            let from = from.map_or_else(String::new, |time| self.time_format().time(time));
            write!(
                svg,
                "<rect x=\"{x}\" y={} width=\"{width}\" height={tall}><title>{from}: {}</title></rect>",
                height - tall,
                count(missed)
            )
            .expect(fit);
        }
        self.edges(&mut svg, lane);
        svg + "</svg>"
    }

    /// Adds a line and a time where the lane begins and ends.
    fn edges(&self, svg: &mut String, lane: &Lane<'_>) {
        let (first, last) = lane.edges;
        let whole = self.chart.bars * 100;
        let [left, right] = [first, last].map(|edge| self.hundredths(edge));
        // Labels stand outside the range where there is room.
        let begins = EdgeMark {
            at: left,
            anchor: if left * 4 > whole { "end" } else { "start" },
            name: self.edge(first),
        };
        let ends = EdgeMark {
            at: right,
            anchor: if right * 4 < whole * 3 {
                "start"
            } else {
                "end"
            },
            name: self.edge(last),
        };
        let name = format!("{} – {}", begins.name, ends.name);
        let edges = match (begins.anchor, ends.anchor) {
            _ if first == last => vec![begins],
            ("end", "end") if (right - left) * 5 < whole => {
                vec![EdgeMark { name, ..begins }, ends.bare()]
            }
            ("start", "start") if (right - left) * 5 < whole => {
                vec![begins.bare(), EdgeMark { name, ..ends }]
            }
            _ => vec![begins, ends],
        };
        let shown = edges
            .into_iter()
            .filter(|edge| (0..=whole).contains(&edge.at));
        for EdgeMark { at, anchor, name } in shown {
            let (x, down) = (self.place(at), EDGE_HEIGHT + BAR_HEIGHT);
            let dx = if anchor == "start" { 4 } else { -4 };
            write!(
                svg,
                "<line class=edge x1=\"{x}\" y1=3 x2=\"{x}\" y2={down} /><text class=edge x=\"{x}\" dx={dx} y=12 text-anchor={anchor}>{name}</text>"
            )
            .expect("writing to memory cannot fail");
        }
    }

    fn edge(&self, millis: i64) -> String {
        let form = if self.one_day().is_some() {
            "%T"
        } else {
            "%m-%d %T"
        };
        self.formatted(millis, form)
    }

    /// Returns the axis below all lanes.
    pub(super) fn axis(&self) -> String {
        let mut svg = String::from("<svg class=axis width=\"100%\" height=22 aria-hidden=true>");
        for (nth, (x, share, text)) in self.ticks().into_iter().enumerate() {
            let anchor = match share {
                0..=5 => "start",
                95.. => "end",
                _ => "middle",
            };
            let class = if nth % 2 == 1 { " class=odd" } else { "" };
            write!(
                svg,
                "<g{class}><line x1=\"{x}\" x2=\"{x}\" y2=5 /><text x=\"{x}\" y=18 text-anchor={anchor}>{text}</text></g>"
            )
            .expect("writing to memory cannot fail");
        }
        svg + "</svg>"
    }

    /// Returns the ticks: position, position in whole percent, label.
    fn ticks(&self) -> Vec<(String, i64, String)> {
        let Chart {
            from, bar, bars, ..
        } = *self.chart;
        let width = bar.saturating_mul(bars);
        let step = STEPS.into_iter().find(|step| width / step < MAX_TICKS);
        let step = step.unwrap_or_else(|| width / MAX_TICKS + 1);
        let ahead = date(from).map_or(0, |time| self.time_format().ahead(time));
        let first = (from + ahead + step - 1).div_euclid(step) * step - ahead;
        let form = match (self.one_day(), step) {
            (Some(_), ..60_000) => "%T",
            (Some(_), _) => "%H:%M",
            (None, ..60_000) => "%m-%d %T",
            (None, ..86_400_000) => "%m-%d %H:%M",
            (None, _) => "%F",
        };
        let ticks = (0..=MAX_TICKS).map(|nth| first + nth * step);
        let ticks = ticks.take_while(|tick| *tick <= from + width);
        ticks
            .map(|tick| {
                let at = self.hundredths(tick);
                (self.place(at), at / bars.max(1), self.formatted(tick, form))
            })
            .collect()
    }

    /// Returns the local day, if the whole chart is within one day.
    fn one_day(&self) -> Option<String> {
        let Chart {
            from, bar, bars, ..
        } = *self.chart;
        let last = from.saturating_add(bar.saturating_mul(bars)) - 1;
        let [first, last] = [from, last].map(|millis| self.formatted(millis, "%F"));
        (first == last).then_some(first)
    }

    fn formatted(&self, millis: i64, form: &str) -> String {
        date(millis).map_or_else(String::new, |time| {
            self.time_format().zoned(time).strftime(form).to_string()
        })
    }

    /// Returns the position of a time, in hundredths of a bar.
    fn hundredths(&self, millis: i64) -> i64 {
        let hundredths = i128::from(millis - self.chart.from) * 100 / i128::from(self.chart.bar);
        i64::try_from(hundredths).unwrap_or(i64::MAX)
    }

    fn place(&self, hundredths: i64) -> String {
        let whole = self.chart.bars.unsigned_abs() * 100;
        percent(hundredths.max(0).unsigned_abs(), whole)
    }
}

/// The mark where missed messages begin or end.
struct EdgeMark {
    /// The position in hundredths of a bar.
    at: i64,
    anchor: &'static str,
    name: String,
}

impl EdgeMark {
    /// Removes the label, because another mark has both.
    fn bare(self) -> Self {
        Self {
            name: String::new(),
            ..self
        }
    }
}

pub(super) fn date(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::timeline::Timeline;

    #[test]
    fn an_incident_is_drawn_with_labelled_edges_and_zone() {
        let mut timeline = Timeline::default();
        for second in 0..600 {
            timeline.add("g", 1_763_618_409_000 + second * 1000);
        }
        let locale = Locale {
            language: Language::English,
            time_format: "Asia/Shanghai".parse().unwrap(),
        };
        let chart = timeline.chart(&locale.time_format).unwrap();
        let drawing = ChartDrawing {
            chart: &chart,
            locale: &locale,
        };
        assert_eq!(
            drawing.scale(),
            "Across: when the messages were produced (2025-11-20, Asia/Shanghai, UTC+08:00), 10 s a bar. \
             Up: missed messages, from 0 to 10 in each lane."
        );
        let lane = &chart.lanes[0];
        assert_eq!(
            drawing.remark(lane),
            "600 missed, produced 2025-11-20 14:00:09 to 14:10:08; at most 10 a bar"
        );
        let svg = drawing.lane(lane);
        for part in [
            "text-anchor=start>14:00:09</text>",
            "text-anchor=end>14:10:08</text>",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(svg.matches("<rect").count(), 61);
        let axis = drawing.axis();
        assert!(
            axis.contains(">14:02</text>") && axis.contains(">14:10</text>"),
            "{axis}"
        );
    }
}
