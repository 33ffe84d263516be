//! Where the breaks come from: the topics and producers with the most of them.

use super::bars::meter;
use super::drawing::date;
use super::gathered::{Gathered, Share};
use crate::humanize::count;
use crate::report::lang::{Edges, Language, Voice, phrases};

/// How many of them are named.
const NAMED: usize = 20;

/// Where the breaks come from.
pub(super) struct Origins {
    pub(super) topics: Top,
    pub(super) producers: Top,
}

impl Origins {
    pub(super) fn of(gathered: &Gathered, voice: &Voice) -> Self {
        Self {
            topics: topics(gathered, voice),
            producers: producers(gathered, voice),
        }
    }
}

/// Names with their numbers.
pub(super) struct Top {
    /// Cells that name, number, drawing, when.
    pub(super) rows: Vec<(Vec<String>, String, String, String)>,
    pub(super) rest: Vec<(String, String)>,
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
