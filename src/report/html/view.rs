//! What the template shows.

use askama::Template;

use super::assets::{SCRIPT, STYLE, policy};
use super::bars::shares;
use super::drawing::Drawing;
use super::gathered::Gathered;
use super::list::List;
use super::origins::Origins;
use super::timeline::Lane;
use crate::humanize::count;
use crate::report::lang::{Edges, Language, Phrase, Voice, phrases};
use crate::report::story::{Fact, Story};
use crate::verdict::{GroupTally, MessageVerdict, Verdict};

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
            origins: is_broken.then(|| Origins::of(gathered, voice)),
            errors: errors
                .map(|(code, number)| (code.as_str(), count(*number)))
                .collect(),
            list: is_broken.then(|| List::of(gathered, columns, voice)),
            verdicts: verdicts(voice),
            caveats: story.caveats(),
            facts: story.facts(contract),
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
            svg: shares(Verdict::ALL.map(|verdict| group.count(verdict))),
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
