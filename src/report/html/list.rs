//! The list of breaks as the template shows it: sections of messages that the same groups missed.

use super::drawing::date;
use super::gathered::{Gathered, Section};
use super::rows::{Break, COLUMNS_MOST};
use crate::humanize::count;
use crate::report::lang::{Language, Voice, phrases};

/// The table of breaks.
pub(super) struct List<'v> {
    pub(super) caption: String,
    pub(super) produced: String,
    pub(super) columns: &'v [String],
    pub(super) across: usize,
    pub(super) sections: Vec<SectionView<'v>>,
}

pub(super) struct SectionView<'v> {
    pub(super) heading: String,
    pub(super) number: String,
    pub(super) rows: Vec<(&'v Break, String, String)>,
    pub(super) more: Option<String>,
}

impl<'v> List<'v> {
    pub(super) fn of(gathered: &'v Gathered, columns: &'v [String], voice: &Voice) -> Self {
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
