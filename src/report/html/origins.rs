//! The topics and the producers with the most breaks.

use super::bars::meter;
use super::collected::{CollectedBreaks, NameCount};
use super::drawing::date;
use crate::humanize::count;
use crate::report::locale::{Language, Locale, RangePrecision, phrases};

/// How many topics and producers are named.
const NAMED: usize = 20;

/// The topics and the producers with the most breaks.
pub(super) struct Origins {
    pub(super) topics: TopNames,
    pub(super) producers: TopNames,
}

impl Origins {
    pub(super) fn of(collected: &CollectedBreaks, locale: &Locale) -> Self {
        Self {
            topics: topics(collected, locale),
            producers: producers(collected, locale),
        }
    }
}

/// Names with their numbers of breaks.
pub(super) struct TopNames {
    /// Name cells, number, bar, time range.
    pub(super) rows: Vec<(Vec<String>, String, String, String)>,
    pub(super) rest: Vec<(String, String)>,
}

fn topics(collected: &CollectedBreaks, locale: &Locale) -> TopNames {
    let (named, rest) = collected.topics.top(NAMED);
    let named = named
        .into_iter()
        .map(|(topic, share)| (vec![topic.clone()], share));
    TopNames::of(named.collect(), rest, locale)
}

fn producers(collected: &CollectedBreaks, locale: &Locale) -> TopNames {
    let (named, rest) = collected.producers.top(NAMED);
    let named = named.into_iter().map(|(producer, share)| {
        (
            vec![producer.address.clone(), producer.pid.to_string()],
            share,
        )
    });
    let mut top = TopNames::of(named.collect(), rest, locale);
    if collected.without_producer > 0 {
        let name = locale.text(phrases::NOT_IN_ID).to_owned();
        top.rest.push((name, count(collected.without_producer)));
    }
    top
}

impl TopNames {
    fn of(
        shown: Vec<(Vec<String>, NameCount)>,
        (others, rest): (usize, u64),
        locale: &Locale,
    ) -> Self {
        let most = shown
            .iter()
            .map(|(_, share)| share.count)
            .max()
            .unwrap_or(1);
        let when = |share: NameCount| {
            let (first, last) = share.born?;
            let edges = (date(first)?, date(last)?);
            Some(locale.time_range(edges, RangePrecision::Exact))
        };
        let rows = shown.into_iter().map(|(cells, share)| {
            let when = when(share).unwrap_or_default();
            (cells, count(share.count), meter(share.count, most), when)
        });
        let others = match locale.language {
            _ if others == 0 => locale.text(phrases::OTHERS).to_owned(),
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
