//! The list of breaks: sections of messages that the same groups missed.

use super::collected::{BreakSection, CollectedBreaks};
use super::drawing::date;
use super::rows::{BreakLine, MAX_COLUMNS};
use crate::humanize::count;
use crate::report::locale::{Language, Locale, phrases};

/// The table of breaks.
pub(super) struct BreakList<'v> {
    pub(super) caption: String,
    pub(super) produced: String,
    pub(super) columns: &'v [String],
    pub(super) across: usize,
    pub(super) sections: Vec<SectionView<'v>>,
}

pub(super) struct SectionView<'v> {
    pub(super) heading: String,
    pub(super) number: String,
    pub(super) rows: Vec<(&'v BreakLine, String, String)>,
    pub(super) more: Option<String>,
}

impl<'v> BreakList<'v> {
    pub(super) fn of(
        collected: &'v CollectedBreaks,
        columns: &'v [String],
        locale: &Locale,
    ) -> Self {
        let shown = &columns[..columns.len().min(MAX_COLUMNS)];
        let day = one_day(collected, locale);
        let zone = locale.time_format.label();
        let produced = match &day {
            Some(day) => format!("{day}, {zone}"),
            None => zone.to_owned(),
        };
        let produced = locale.text(phrases::PRODUCED).to_owned() + &locale.in_brackets(&produced);
        let mut sections: Vec<_> = collected.sections.iter().collect();
        sections.sort_by_key(|section| std::cmp::Reverse((section.kind.is_some(), section.count)));
        let sections: Vec<_> = sections
            .into_iter()
            .map(|section| SectionView::of(section, day.is_some(), locale))
            .collect();
        let (listed, all) = collected
            .sections
            .iter()
            .fold((0, 0), |(listed, all), section| {
                (listed + section.rows.len() as u64, all + section.count)
            });
        let left_out = columns.len() - shown.len();
        Self {
            caption: caption(locale, listed, all, left_out),
            produced,
            columns: shown,
            across: 3 + shown.len(),
            sections,
        }
    }
}

fn caption(locale: &Locale, listed: u64, all: u64, columns: usize) -> String {
    let [listed_text, all_text, more] = [listed, all, all - listed].map(count);
    let mut parts = vec![match (locale.language, listed == all) {
        (Language::English, true) => format!("All {all_text}, each message once."),
        (Language::English, false) => {
            format!("{listed_text} of {all_text}, each message once, and {more} more in the CSV.")
        }
        (Language::Chinese, true) => format!("共 {all_text} 条，重复消息只列一次。"),
        (Language::Chinese, false) => {
            format!(
                "列出 {all_text} 条中的 {listed_text} 条，重复消息只列一次；其余 {more} 条见 CSV。"
            )
        }
    }];
    if columns > 0 {
        parts.push(match locale.language {
            Language::English => format!("{columns} more columns are in the CSV."),
            Language::Chinese => format!("另有 {columns} 列见 CSV。"),
        });
    }
    parts.join(" ")
}

impl<'v> SectionView<'v> {
    fn of(section: &'v BreakSection, is_one_day: bool, locale: &Locale) -> Self {
        let described = |topic: &str, groups: &[(String, String)]| {
            let groups: Vec<_> = groups
                .iter()
                .map(|(group, verdict)| format!("{group} {verdict}"))
                .collect();
            format!(
                "{topic}{}{}",
                locale.text(phrases::COLON),
                locale.listed(&groups)
            )
        };
        let rows = section.rows.iter().map(|found| {
            let born = found.born.and_then(date).map_or_else(String::new, |born| {
                let local = locale.time_format.time(born);
                if is_one_day {
                    local[11..].to_owned()
                } else {
                    local
                }
            });
            let kind = match section.kind {
                Some(_) => String::new(),
                None => described(&found.topic, &found.groups),
            };
            (found, born, kind)
        });
        let left_out = section.count - section.rows.len() as u64;
        Self {
            heading: match &section.kind {
                Some((topic, groups)) => described(topic, groups),
                None => locale.text(phrases::OTHER_KINDS_TOGETHER).to_owned(),
            },
            number: count(section.count),
            rows: rows.collect(),
            more: (left_out > 0).then(|| locale.more_in_csv(left_out)),
        }
    }
}

/// Returns the local day on which all listed messages were produced, if it is a single day. Then the rows need not
/// repeat it.
fn one_day(collected: &CollectedBreaks, locale: &Locale) -> Option<String> {
    let rows = collected.sections.iter().flat_map(|section| &section.rows);
    let mut days = rows.filter_map(|found| {
        let born = date(found.born?)?;
        Some(locale.time_format.zoned(born).date())
    });
    let day = days.next()?;
    days.all(|other| other == day).then(|| day.to_string())
}
