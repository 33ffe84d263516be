//! The random sample of the messages whose answers follow, and what it shows.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::candidates::Asked;
use super::queue::{Anchor, TrackMeaning};
use super::{Ask, Disposition, Inference, MessageAnswer, contradiction, word_of};
use crate::input::Fingerprint;
use crate::offsets::TrackType;
use crate::results::OrderContradiction;
use crate::source::Track;

/// What a contradiction states for a message that does not exist.
const NOT_FOUND: &str = "not_found";

/// A message that is asked again.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// The place of the message in the candidates.
    candidate: usize,
    /// The groups that had not reached the message.
    groups: Vec<Arc<str>>,
    /// The message of the sample that these groups had passed.
    because: NonZeroU64,
}

impl Inference {
    /// Chooses the random sample among the messages whose answers follow.
    pub(super) fn pick_sample(&mut self) {
        for queue in 0..self.queues.len() {
            let (topic, range) = self.candidates.queues[queue].clone();
            let mut has_picked = false;
            for place in range {
                let one = self.candidates.all[place];
                let draw = Fingerprint::of_parts(&self.seed, "", &one.row().to_string());
                if one.asked == Asked::No
                    && draw.share() < self.recheck
                    && self.tracks(queue, topic as usize, place).is_some()
                {
                    self.candidates.all[place].asked = Asked::Picked;
                    has_picked = true;
                }
            }
            if has_picked {
                self.make_ready(queue);
            }
        }
    }

    /// Takes the answer about a message of the sample, for which `inferred` followed. `contradictions` are those that it has
    /// made already.
    pub(super) fn compare_sampled(
        &mut self,
        place: usize,
        inferred: &[(Track, Anchor)],
        (answer, contradictions): (MessageAnswer<'_>, Vec<OrderContradiction>),
    ) -> Disposition {
        let row = self.candidates.all[place].row();
        match answer {
            MessageAnswer::Tracks(tracks) => {
                self.section.rechecked += 1;
                self.compare(place, inferred, tracks, contradictions)
            }
            MessageAnswer::NotFound => {
                self.section.rechecked += 1;
                let (_, topic) = self.candidates.queue_of(place);
                let missed = inferred.iter().map(|(track, anchor)| {
                    contradiction(
                        &self.candidates.topics[topic],
                        (&track.group, row),
                        (track.track_type.as_str(), anchor.row),
                        NOT_FOUND,
                    )
                });
                let missed = missed.collect();
                self.disable(missed);
                Disposition::Keep
            }
            MessageAnswer::None => Disposition::Keep,
        }
    }

    /// Compares the answer about a message of the sample with what followed for it.
    fn compare(
        &mut self,
        place: usize,
        inferred: &[(Track, Anchor)],
        tracks: &[Track],
        mut contradictions: Vec<OrderContradiction>,
    ) -> Disposition {
        let (_, topic) = self.candidates.queue_of(place);
        let row = self.candidates.all[place].row();
        let mut checks: HashMap<NonZeroU64, Check> = HashMap::new();
        for (track, anchor) in inferred {
            let found = word_of(tracks, &track.group);
            let meaning = found.map_or(TrackMeaning::Useless, TrackMeaning::of);
            match TrackMeaning::of(&track.track_type) {
                TrackMeaning::Passed(_) if found != Some(&track.track_type) => {
                    let known = contradictions
                        .iter()
                        .any(|known| known.group == *track.group);
                    if !known {
                        contradictions.push(contradiction(
                            &self.candidates.topics[topic],
                            (&track.group, row),
                            (track.track_type.as_str(), anchor.row),
                            found.map_or("", TrackType::as_str),
                        ));
                    }
                }
                TrackMeaning::Open if matches!(meaning, TrackMeaning::Passed(_)) => {
                    self.section.moved += 1;
                    let check = checks.entry(anchor.row).or_insert_with(|| Check {
                        candidate: self.candidates.place_of(anchor.row).unwrap_or(place),
                        groups: Vec::new(),
                        because: row,
                    });
                    check.groups.push(track.group.clone());
                }
                _ => {}
            }
        }
        self.disable(contradictions);
        if checks.is_empty() {
            return Disposition::Keep;
        }
        self.checks.extend(checks.into_values());
        Disposition::KeepAfterChecks
    }

    /// Takes the second answer about a message from which `open` was inferred.
    pub(super) fn checked(&mut self, check: &Check, answer: MessageAnswer<'_>) -> Disposition {
        let (_, topic) = self.candidates.queue_of(check.candidate);
        let row = self.candidates.all[check.candidate].row();
        let is_open = |group: &&Arc<str>| {
            let word = match answer {
                MessageAnswer::Tracks(tracks) => word_of(tracks, group),
                MessageAnswer::NotFound | MessageAnswer::None => None,
            };
            word.map(TrackMeaning::of) == Some(TrackMeaning::Open)
        };
        let contradictions = check.groups.iter().filter(is_open).map(|group| {
            contradiction(
                &self.candidates.topics[topic],
                (group, check.because),
                (TrackType::NOT_CONSUME_YET.as_str(), row),
                TrackType::CONSUMED.as_str(),
            )
        });
        let contradictions = contradictions.collect();
        self.disable(contradictions);
        let waits = |other: &Check| other.because == check.because;
        let is_last = !self.checks.iter().any(waits) && !self.checking.values().any(waits);
        Disposition::Check(check.because, is_last)
    }

    /// Returns a message that is to be asked again. `None` if there is none, or if an answer of each one's queue is awaited.
    pub(super) fn next_check(&mut self) -> Option<Ask> {
        let is_free = |check: &Check| {
            let (queue, _) = self.candidates.queue_of(check.candidate);
            let row = self.candidates.all[check.candidate].row();
            !self.queues[queue].in_flight && !self.checking.contains_key(&row)
        };
        let nth = self.checks.iter().position(is_free)?;
        let check = self.checks.remove(nth)?;
        let (queue, _) = self.candidates.queue_of(check.candidate);
        self.queues[queue].in_flight = true;
        let one = self.candidates.all[check.candidate];
        self.checking.insert(one.row(), check);
        Some(Ask {
            row: one.row(),
            line: one.line,
        })
    }
}
