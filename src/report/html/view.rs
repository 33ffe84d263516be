//! What the template shows.

use askama::Template;
use jiff::Timestamp;

use super::drawing::{Drawing, meter, shares};
use super::facts::{Fact, facts};
use super::gathered::{Gathered, Section, Share};
use super::page::{SCRIPT, STYLE, policy};
use super::rows::{Break, COLUMNS_MOST};
use super::timeline::Lane;
use crate::report::Story;
use crate::report::lang::{Edges, Language, Phrase, Voice, phrases};
use crate::verdict::{GroupTally, MessageVerdict, Verdict};
use crate::words::count;

/// Topics and producers that are named.
const NAMED: usize = 20;

#[derive(Template)]
#[template(path = "page.html", config = "src/report/askama.toml")]
pub(super) struct View<'v> {
    voice: &'v Voice,
    policy: String,
    style: &'static str,
    script: &'static str,
    headline: String,
    complete: bool,
    totals: [String; 2],
    provenance: String,
    notes: Vec<String>,
    messages: Vec<(String, String, String)>,
    groups: Vec<Bar<'v>>,
    chart: Option<ChartView>,
    origins: Option<Origins>,
    errors: Vec<(&'v str, String)>,
    list: Option<List<'v>>,
    /// Of groups and of messages: code, name, meaning.
    verdicts: [Vec<[&'static str; 3]>; 2],
    caveats: Vec<&'static str>,
    facts: Vec<Fact>,
}

/// A group's share of each verdict.
struct Bar<'v> {
    name: &'v str,
    remark: String,
    svg: String,
    parts: Vec<(&'static str, String, String)>,
}

/// The timeline.
struct ChartView {
    scale: String,
    peak: String,
    /// Name, remark, drawing.
    lanes: Vec<(String, String, String)>,
    axis: String,
    left_out: Vec<String>,
}

/// Where the breaks come from.
struct Origins {
    topics: Top,
    producers: Top,
}

/// Names with their numbers.
struct Top {
    /// Cells that name, number, drawing, when.
    rows: Vec<(Vec<String>, String, String, String)>,
    rest: Vec<(String, String)>,
}

/// The table of breaks.
struct List<'v> {
    caption: String,
    produced: String,
    columns: &'v [String],
    across: usize,
    sections: Vec<SectionView<'v>>,
}

struct SectionView<'v> {
    heading: String,
    number: String,
    rows: Vec<(&'v Break, String, String)>,
    more: Option<String>,
}

impl<'v> View<'v> {
    pub(super) fn of(
        story: &'v Story<'v>,
        gathered: &'v Gathered,
        columns: &'v [String],
        contract: &str,
    ) -> Self {
        let (voice, tally) = (story.voice, &story.summary.tally);
        let mut groups: Vec<_> = tally.groups.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.missed)); // the others stay in name order
        let errors = tally.errors.iter();
        let is_broken = tally.messages(MessageVerdict::Break) > 0;
        Self {
            voice,
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            headline: story.headline(),
            complete: story.summary.is_complete(),
            totals: story.totals(),
            provenance: story.provenance(),
            notes: notes(story),
            messages: messages(story),
            groups: groups
                .into_iter()
                .map(|(name, group)| Bar::of(name, group, voice))
                .collect(),
            chart: ChartView::of(gathered, voice),
            origins: is_broken.then(|| Origins {
                topics: topics(gathered, voice),
                producers: producers(gathered, voice),
            }),
            errors: errors
                .map(|(code, number)| (code.as_str(), count(*number)))
                .collect(),
            list: is_broken.then(|| List::of(gathered, columns, voice)),
            verdicts: verdicts(voice),
            caveats: story.caveats(),
            facts: facts(story, contract.to_owned()),
        }
    }

    /// A fixed text, for the template.
    const fn say(&self, phrase: Phrase) -> &'static str {
        self.voice.say(phrase)
    }

    /// Is a verdict known by another word than its code?
    const fn has_codes(&self) -> bool {
        !matches!(self.voice.language, Language::English)
    }
}

fn verdicts(voice: &Voice) -> [Vec<[&'static str; 3]>; 2] {
    let told = |code, name, meaning| [code, voice.say(name), voice.say(meaning)];
    let of_group = |verdict: Verdict| {
        let (name, meaning) = (phrases::verdict(verdict), phrases::meaning(verdict));
        told(verdict.as_str(), name, meaning)
    };
    let of_message = |verdict: MessageVerdict| {
        let name = phrases::message_verdict(verdict);
        told(verdict.as_str(), name, phrases::message_meaning(verdict))
    };
    [
        Verdict::ALL.map(of_group).into(),
        MessageVerdict::ALL.map(of_message).into(),
    ]
}

fn notes(story: &Story<'_>) -> Vec<String> {
    let notes = story.resets().into_iter().chain(story.carried());
    notes
        .chain(story.contract())
        .chain(story.damaged())
        .collect()
}

/// Code, name, number.
fn messages(story: &Story<'_>) -> Vec<(String, String, String)> {
    let tally = &story.summary.tally;
    MessageVerdict::ALL
        .iter()
        .filter(|&&verdict| {
            let always = matches!(verdict, MessageVerdict::Reconciled | MessageVerdict::Break);
            always || tally.messages(verdict) > 0
        })
        .map(|&verdict| {
            let name = story.voice.say(phrases::message_verdict(verdict));
            let number = count(tally.messages(verdict));
            (verdict.as_str().to_owned(), name.replace('_', " "), number)
        })
        .collect()
}

impl<'v> Bar<'v> {
    fn of(name: &'v str, group: &GroupTally, voice: &Voice) -> Self {
        let parts = Verdict::ALL.map(|verdict| {
            let number = count(group.count(verdict));
            let name = voice.say(phrases::verdict(verdict));
            (verdict.as_str(), name.to_owned(), number)
        });
        let expected = count(group.expected);
        let expected = match (voice.language, group.expected, group.unexpected) {
            (_, 0, 0) => voice.say(phrases::NOT_EXPECTED).to_owned(),
            (_, 0, _) => voice.say(phrases::UNEXPECTED).to_owned(),
            (Language::English, 1, _) => "expected of 1 message".to_owned(),
            (Language::English, ..) => format!("expected of {expected} messages"),
            (Language::Chinese, ..) => format!("应消费 {expected} 条"),
        };
        let missed = group.missed_born.map(|born| {
            let (stretch, zone) = (voice.stretch(born, Edges::Exact), voice.clock.name());
            match voice.language {
                Language::English => format!("missed messages were produced {stretch} {zone}"),
                Language::Chinese => format!("漏消费消息产生于 {stretch} {zone}"),
            }
        });
        let remarks = std::iter::once(expected).chain(missed);
        Self {
            name,
            remark: remarks.collect::<Vec<_>>().join(" · "),
            svg: shares(group),
            parts: parts.into(),
        }
    }
}

impl ChartView {
    fn of(gathered: &Gathered, voice: &Voice) -> Option<Self> {
        let chart = gathered.timeline.chart(&voice.clock)?;
        let drawing = Drawing {
            chart: &chart,
            voice,
        };
        let name = |lane: &Lane<'_>| match (&lane.names[..], voice.language) {
            ([name], _) => (*name).to_owned(),
            (names, Language::English) => format!("{} more groups", names.len()),
            (names, Language::Chinese) => format!("另有 {} 个消费组", names.len()),
        };
        let lanes = chart
            .lanes
            .iter()
            .map(|lane| (name(lane), drawing.remark(lane), drawing.lane(lane)));
        let number = count(chart.outside);
        let outside = (chart.outside > 0).then(|| match voice.language {
            Language::English => {
                format!(
                    "{number} more lie far before or after, and would make a thin line of the rest."
                )
            }
            Language::Chinese => format!("另有 {number} 条远早于或远晚于图中时段，未画出。"),
        });
        let number = count(gathered.undated);
        let undated = (gathered.undated > 0).then(|| match voice.language {
            Language::English => {
                format!("{number} missed messages are not in it: their IDs do not tell when they were produced.")
            }
            Language::Chinese => format!("{number} 条漏消费消息未计入：消息 ID 不含产生时间。"),
        });
        Some(Self {
            scale: drawing.scale(),
            peak: count(chart.peak()),
            lanes: lanes.collect(),
            axis: drawing.axis(),
            left_out: outside.into_iter().chain(undated).collect(),
        })
    }
}

fn topics(gathered: &Gathered, voice: &Voice) -> Top {
    let (named, rest) = gathered.topics.top(NAMED);
    let named = named
        .into_iter()
        .map(|(topic, share)| (vec![topic.clone()], share));
    Top::of(named.collect(), rest, voice)
}

fn producers(gathered: &Gathered, voice: &Voice) -> Top {
    let (named, rest) = gathered.producers.top(NAMED);
    let named = named.into_iter().map(|(producer, share)| {
        (
            vec![producer.address.clone(), producer.pid.to_string()],
            share,
        )
    });
    let mut top = Top::of(named.collect(), rest, voice);
    if gathered.without_producer > 0 {
        let name = voice.say(phrases::NOT_TOLD).to_owned();
        top.rest.push((name, count(gathered.without_producer)));
    }
    top
}

impl Top {
    fn of(shown: Vec<(Vec<String>, Share)>, (others, rest): (usize, u64), voice: &Voice) -> Self {
        let most = shown
            .iter()
            .map(|(_, share)| share.count)
            .max()
            .unwrap_or(1);
        let when = |share: Share| {
            let (first, last) = share.born?;
            let edges = (date(first)?, date(last)?);
            Some(voice.stretch(edges, Edges::Exact))
        };
        let rows = shown.into_iter().map(|(cells, share)| {
            let when = when(share).unwrap_or_default();
            (cells, count(share.count), meter(share.count, most), when)
        });
        let others = match voice.language {
            _ if others == 0 => voice.say(phrases::OTHERS).to_owned(),
            Language::English if others == 1 => "1 other".to_owned(),
            Language::English => format!("{} others", count(others as u64)),
            Language::Chinese => format!("其他 {} 个", count(others as u64)),
        };
        Self {
            rows: rows.collect(),
            rest: (rest > 0)
                .then(|| (others, count(rest)))
                .into_iter()
                .collect(),
        }
    }
}

impl<'v> List<'v> {
    fn of(gathered: &'v Gathered, columns: &'v [String], voice: &Voice) -> Self {
        let shown = &columns[..columns.len().min(COLUMNS_MOST)];
        let day = one_day(gathered, voice);
        let zone = voice.clock.label();
        let produced = match &day {
            Some(day) => format!("{day}, {zone}"),
            None => zone.to_owned(),
        };
        let produced = voice.say(phrases::PRODUCED).to_owned() + &voice.in_brackets(&produced);
        let mut sections: Vec<_> = gathered.sections.iter().collect();
        sections.sort_by_key(|section| std::cmp::Reverse((section.kind.is_some(), section.count)));
        let sections: Vec<_> = sections
            .into_iter()
            .map(|section| SectionView::of(section, day.is_some(), voice))
            .collect();
        let (listed, all) = gathered
            .sections
            .iter()
            .fold((0, 0), |(listed, all), section| {
                (listed + section.rows.len() as u64, all + section.count)
            });
        let left_out = columns.len() - shown.len();
        Self {
            caption: caption(voice, listed, all, left_out),
            produced,
            columns: shown,
            across: 3 + shown.len(),
            sections,
        }
    }
}

fn caption(voice: &Voice, listed: u64, all: u64, columns: usize) -> String {
    let [listed_told, all_told, more] = [listed, all, all - listed].map(count);
    let mut parts = vec![match (voice.language, listed == all) {
        (Language::English, true) => format!("All {all_told}, each message once."),
        (Language::English, false) => {
            format!("{listed_told} of {all_told}, each message once, and {more} more in the CSV.")
        }
        (Language::Chinese, true) => format!("共 {all_told} 条，重复消息只列一次。"),
        (Language::Chinese, false) => {
            format!(
                "列出 {all_told} 条中的 {listed_told} 条，重复消息只列一次；其余 {more} 条见 CSV。"
            )
        }
    }];
    if columns > 0 {
        parts.push(match voice.language {
            Language::English => format!("{columns} more columns are in the CSV."),
            Language::Chinese => format!("另有 {columns} 列见 CSV。"),
        });
    }
    parts.join(" ")
}

impl<'v> SectionView<'v> {
    fn of(section: &'v Section, is_one_day: bool, voice: &Voice) -> Self {
        let told = |topic: &str, groups: &[(String, String)]| {
            let groups: Vec<_> = groups
                .iter()
                .map(|(group, verdict)| format!("{group} {verdict}"))
                .collect();
            format!(
                "{topic}{}{}",
                voice.say(phrases::COLON),
                voice.listed(&groups)
            )
        };
        let rows = section.rows.iter().map(|found| {
            let born = found.born.and_then(date).map_or_else(String::new, |born| {
                let local = voice.clock.time(born);
                if is_one_day {
                    local[11..].to_owned()
                } else {
                    local
                }
            });
            let kind = match section.kind {
                Some(_) => String::new(),
                None => told(&found.topic, &found.groups),
            };
            (found, born, kind)
        });
        let left_out = section.count - section.rows.len() as u64;
        let number = count(left_out);
        Self {
            heading: match &section.kind {
                Some((topic, groups)) => told(topic, groups),
                None => voice.say(phrases::OTHER_KINDS_TOGETHER).to_owned(),
            },
            number: count(section.count),
            rows: rows.collect(),
            more: (left_out > 0).then(|| match voice.language {
                Language::English => format!("and {number} more in the CSV"),
                Language::Chinese => format!("其余 {number} 条见 CSV"),
            }),
        }
    }
}

/// The local day on which all listed messages were made, if it is one: it need not stand in every row then.
fn one_day(gathered: &Gathered, voice: &Voice) -> Option<String> {
    let rows = gathered.sections.iter().flat_map(|section| &section.rows);
    let mut days = rows.filter_map(|found| {
        let born = date(found.born?)?;
        Some(voice.clock.zoned(born).date())
    });
    let day = days.next()?;
    days.all(|other| other == day).then(|| day.to_string())
}

fn date(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}
