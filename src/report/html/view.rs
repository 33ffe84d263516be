//! The values that the page's template shows.

use askama::Template;
use askama::filters::Escaper as _;

use super::assets::{SCRIPT, STYLE, policy};
use super::bars::shares;
use super::collected::CollectedBreaks;
use super::drawing::ChartDrawing;
use super::escaper::PageEscaper;
use super::list::BreakList;
use super::origins::Origins;
use super::rows::UnjudgedLine;
use super::timeline::Lane;
use crate::humanize::count;
use crate::report::locale::{Language, Locale, Phrase, RangePrecision, phrases};
use crate::report::text::{RunFact, StepPlaces, SummaryText};
use crate::verdict::{GroupTally, MessageVerdict, Verdict};

#[derive(Template)]
#[template(path = "page.html", config = "src/report/askama.toml")]
pub(super) struct PageView<'v> {
    locale: &'v Locale,
    policy: String,
    style: &'static str,
    script: &'static str,
    headline: String,
    title: String,
    details: Vec<String>,
    complete: bool,
    totals: [String; 2],
    provenance: String,
    notes: Vec<String>,
    /// Code, name, number and meaning of each verdict about messages.
    messages: Vec<(String, String, String, &'static str)>,
    /// Code and meaning of the verdicts about groups that occur.
    legend: Vec<[&'static str; 3]>,
    steps: Vec<String>,
    unjudged: Vec<UnjudgedView<'v>>,
    groups: Vec<GroupBar<'v>>,
    chart: Option<ChartView>,
    origins: Option<Origins>,
    errors: Vec<(&'v str, String)>,
    list: Option<BreakList<'v>>,
    /// The verdicts about groups and about messages: code, name, meaning.
    verdicts: [(&'static str, Vec<[&'static str; 3]>); 2],
    caveats: Vec<&'static str>,
    facts: Vec<RunFact>,
    /// Topic, group, tags, and the times between which messages must be born.
    expectations: Vec<[String; 5]>,
    judged: &'static str,
}

/// Messages without a verdict, or bad rows.
struct UnjudgedView<'v> {
    name: String,
    number: String,
    /// What to do about them.
    step: String,
    heads: [&'static str; 4],
    rows: &'v [UnjudgedLine],
    more: Option<String>,
}

/// A group's bar with its numbers.
struct GroupBar<'v> {
    name: &'v str,
    remark: String,
    svg: String,
    parts: Vec<(&'static str, String, String)>,
}

/// The timeline.
struct ChartView {
    scale: String,
    peak: String,
    /// Name, remark and drawing of each lane.
    lanes: Vec<(String, String, String)>,
    axis: String,
    left_out: Vec<String>,
}

impl<'v> PageView<'v> {
    pub(super) fn of(
        text: &'v SummaryText<'v>,
        collected: &'v CollectedBreaks,
        columns: &'v [String],
    ) -> Self {
        let (locale, tally) = (text.locale, &text.summary.tally);
        let mut groups: Vec<_> = tally.groups.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.missed)); // equal ones stay in name order
        let errors = tally.errors.iter();
        let (title, details) = text.headline_parts();
        let is_broken = tally.messages(MessageVerdict::Break) > 0;
        Self {
            locale,
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            headline: text.headline(),
            title,
            details,
            complete: text.summary.is_complete(),
            totals: text.totals(),
            provenance: text.provenance(),
            notes: notes(text),
            messages: messages(text),
            legend: legend(text),
            steps: text.steps(&places(locale)),
            unjudged: unjudged(text, collected),
            groups: groups
                .into_iter()
                .map(|(name, group)| GroupBar::of(name, group, text))
                .collect(),
            chart: ChartView::of(collected, locale),
            origins: is_broken.then(|| Origins::of(collected, locale)),
            errors: errors
                .map(|(code, number)| (code.as_str(), count(*number)))
                .collect(),
            list: is_broken.then(|| BreakList::of(collected, columns, locale)),
            verdicts: verdicts(text),
            caveats: text.caveats(),
            facts: text.facts(),
            expectations: text.expectation_rows(),
            judged: locale.text(text.how_judged()),
        }
    }

    /// Returns a fixed text, for the template.
    const fn text(&self, phrase: Phrase) -> &'static str {
        self.locale.text(phrase)
    }

    /// Returns whether verdicts have names that differ from their codes.
    const fn has_codes(&self) -> bool {
        !matches!(self.locale.language, Language::English)
    }
}

/// Returns a text as HTML, with options such as `--resume` marked as code. They are not broken between two lines.
fn marked(text: &str) -> String {
    let mut html = String::new();
    let mut push = |before: &str, text: &str, behind: &str| {
        html.push_str(before);
        PageEscaper
            .write_escaped_str(&mut html, text)
            .expect("writing to a String cannot fail");
        html.push_str(behind);
    };
    let mut rest = text;
    while let Some(start) = rest.find("--") {
        let (before, option) = rest.split_at(start);
        let is_named = |c: char| c == '-' || c.is_ascii_lowercase();
        let end = option.find(|c| !is_named(c)).unwrap_or(option.len());
        let (option, behind) = option.split_at(end);
        push("", before, "");
        if before.ends_with(|c: char| c.is_ascii_alphanumeric()) || end == 2 {
            push("", option, "");
        } else {
            push("<code class=\"option\">", option, "</code>");
        }
        rest = behind;
    }
    push("", rest, "");
    html
}

fn verdicts(text: &SummaryText<'_>) -> [(&'static str, Vec<[&'static str; 3]>); 2] {
    let locale = text.locale;
    let described = |code, name, meaning| [code, locale.text(name), locale.text(meaning)];
    let of_group = |verdict: Verdict| {
        let (name, meaning) = (phrases::verdict(verdict), text.group_meaning(verdict));
        described(verdict.as_str(), name, meaning)
    };
    let of_message = |verdict: MessageVerdict| {
        let name = phrases::message_verdict(verdict);
        described(verdict.as_str(), name, text.message_meaning(verdict))
    };
    [
        (
            locale.text(phrases::ABOUT_GROUP),
            text.summary
                .group_verdicts()
                .iter()
                .copied()
                .map(of_group)
                .collect(),
        ),
        (
            locale.text(phrases::ABOUT_MESSAGE),
            MessageVerdict::ALL.map(of_message).into(),
        ),
    ]
}

fn notes(text: &SummaryText<'_>) -> Vec<String> {
    let notes = text.unasked_brokers().into_iter();
    notes
        .chain(text.inference_notes())
        .chain(text.examination_notes())
        .chain(text.input_notes())
        .chain(text.resets())
        .chain(text.carried())
        .chain(text.labelled_expectation_notes())
        .chain(text.born_decoded())
        .chain(text.damaged())
        .collect()
}

/// Returns the places on the page that the next steps name.
fn places(locale: &Locale) -> StepPlaces {
    let text = |phrase| locale.text(phrase).to_owned();
    StepPlaces {
        unanswered: Some(text(phrases::SEE_REASONS)),
        breaks: text(phrases::SEE_MISSED),
        rejected: text(phrases::LIST_BELOW),
    }
}

/// Returns code, name and meaning of the verdicts about groups that occur.
fn legend(text: &SummaryText<'_>) -> Vec<[&'static str; 3]> {
    let locale = text.locale;
    let occurs = |verdict: &Verdict| {
        let mut groups = text.summary.tally.groups.values();
        groups.any(|group| group.count(*verdict) > 0)
    };
    let occurring = Verdict::ALL.into_iter().filter(occurs);
    let described = |verdict: Verdict| {
        let (name, meaning) = (phrases::verdict(verdict), text.group_meaning(verdict));
        [verdict.as_str(), locale.text(name), locale.text(meaning)]
    };
    occurring.map(described).collect()
}

/// Returns the messages that were not found, those without an answer, and the bad rows, with what to do about them.
fn unjudged<'v>(text: &SummaryText<'_>, collected: &'v CollectedBreaks) -> Vec<UnjudgedView<'v>> {
    use MessageVerdict::{NotFound, Rejected, Unanswered};
    let locale = text.locale;
    let views = [Unanswered, NotFound, Rejected]
        .into_iter()
        .filter_map(|verdict| {
            let (count_of_all, rows) = collected.unjudged.get(verdict.as_str())?;
            let step = match verdict {
                Unanswered => text.unanswered_step(&StepPlaces {
                    unanswered: None,
                    ..places(locale)
                }),
                Rejected => Some(locale.text(phrases::FIX_REJECTED).to_owned()),
                _ => Some(locale.text(phrases::NOT_FOUND_CAVEAT).to_owned()),
            };
            let heads = match verdict {
                Rejected => [
                    phrases::PLACE,
                    phrases::FOUND,
                    phrases::COLUMN,
                    phrases::REASON,
                ],
                _ => [
                    phrases::MESSAGE_ID,
                    phrases::TOPIC,
                    phrases::ERROR_CODE,
                    phrases::REASON,
                ],
            };
            let name = locale
                .text(phrases::message_verdict(verdict))
                .replace('_', " ");
            let left_out = count_of_all - rows.len() as u64;
            Some(UnjudgedView {
                name,
                number: count(*count_of_all),
                step: step.unwrap_or_default(),
                heads: heads.map(|phrase| locale.text(phrase)),
                rows,
                more: (left_out > 0).then(|| locale.more_in_csv(left_out)),
            })
        });
    views.collect()
}

/// Returns code, name, number and meaning of each verdict about messages.
fn messages(text: &SummaryText<'_>) -> Vec<(String, String, String, &'static str)> {
    let tally = &text.summary.tally;
    MessageVerdict::ALL
        .iter()
        .filter(|&&verdict| {
            let always = matches!(verdict, MessageVerdict::Reconciled | MessageVerdict::Break);
            always || tally.messages(verdict) > 0
        })
        .map(|&verdict| {
            let name = text.locale.text(phrases::message_verdict(verdict));
            let number = count(tally.messages(verdict));
            let meaning = text.locale.text(text.message_meaning(verdict));
            let code = verdict.as_str().to_owned();
            (code, name.replace('_', " "), number, meaning)
        })
        .collect()
}

impl<'v> GroupBar<'v> {
    fn of(name: &'v str, group: &GroupTally, text: &SummaryText<'_>) -> Self {
        let locale = text.locale;
        let parts = text.summary.group_verdicts().iter().map(|&verdict| {
            let number = count(group.count(verdict));
            let name = locale.text(phrases::verdict(verdict));
            (verdict.as_str(), name.to_owned(), number)
        });
        let expected = count(group.expected);
        let expected = match (locale.language, group.expected, group.unexpected) {
            (_, 0, 0) => locale.text(phrases::NOT_EXPECTED).to_owned(),
            (_, 0, _) => locale.text(phrases::UNEXPECTED).to_owned(),
            (Language::English, 1, _) => "expected of 1 message".to_owned(),
            (Language::English, ..) => format!("expected of {expected} messages"),
            (Language::Chinese, ..) => format!("应消费 {expected} 条"),
        };
        let missed = group.missed_born.map(|born| {
            let (time_range, zone) = (
                locale.time_range(born, RangePrecision::Exact),
                locale.time_format.name(),
            );
            match locale.language {
                Language::English => format!("missed messages were produced {time_range} {zone}"),
                Language::Chinese => format!("漏消费消息产生于 {time_range} {zone}"),
            }
        });
        let remarks = std::iter::once(expected)
            .chain(missed)
            .chain(text.evidence_of(group));
        Self {
            name,
            remark: remarks.collect::<Vec<_>>().join(" · "),
            svg: shares(Verdict::ALL.map(|verdict| group.count(verdict))),
            parts: parts.collect(),
        }
    }
}

impl ChartView {
    fn of(collected: &CollectedBreaks, locale: &Locale) -> Option<Self> {
        let chart = collected.timeline.chart(&locale.time_format)?;
        let drawing = ChartDrawing {
            chart: &chart,
            locale,
        };
        let name = |lane: &Lane<'_>| match (&lane.names[..], locale.language) {
            ([name], _) => (*name).to_owned(),
            (names, Language::English) => format!("{} more groups", names.len()),
            (names, Language::Chinese) => format!("另有 {} 个消费组", names.len()),
        };
        let lanes = chart
            .lanes
            .iter()
            .map(|lane| (name(lane), drawing.remark(lane), drawing.lane(lane)));
        let number = count(chart.outside);
        let outside = (chart.outside > 0).then(|| match locale.language {
            Language::English => {
                format!(
                    "{number} more lie far before or after, and would make a thin line of the rest."
                )
            }
            Language::Chinese => format!("另有 {number} 条远早于或远晚于图中时段，未画出。"),
        });
        let number = count(collected.undated);
        let undated = (collected.undated > 0).then(|| match locale.language {
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

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn options_in_sentences_are_code_and_the_rest_is_escaped() {
        for (text, html) in [
            (
                "a <b>; use --expect or --expect-file",
                "a &#60;b&#62;; use <code class=\"option\">--expect</code> or <code class=\"option\">--expect-file</code>",
            ),
            (
                "加 --resume；再查",
                "加 <code class=\"option\">--resume</code>；再查",
            ),
            ("GID_a--b, -- and -", "GID_a--b, -- and -"),
        ] {
            assert_eq!(marked(text), html);
        }
    }
}
