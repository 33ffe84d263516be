//! Infers the answers about messages from those about others of the same queue, by the order of the queue, and decides
//! which messages must be asked for that.
//!
//! - `candidates`: the messages with their places
//! - `queue`: what the answers about one queue say about a group
//!
//! [`Inference`] asks the highest message of each queue first. Then it halves, for each group, the messages between the
//! highest that the group has passed and the lowest that it has not reached. One message of a queue is asked at a time, so
//! that later answers are newer. At last it asks a random sample of the messages whose answers follow. Answers that
//! contradict the order of the queue end the inference for that group and topic.

mod candidates;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::Timestamp;

use crate::input::Fingerprint;
use crate::offsets::TrackType;
use crate::results::{InferenceSection, OrderContradiction};
use crate::source::Track;

pub use candidates::{CandidateSet, InstanceTopic};

use candidates::{Asked, QueueCandidates};
use queue::{Anchor, QueueGroup, Said, TagsOfGroup};

/// After so many messages of a queue without an answer, all of them are asked.
const MOST_UNANSWERED: u32 = 8;

/// After so many answers without a group, all messages of the queue are asked.
const MOST_EMPTY: u32 = 2;

/// Infers answers. Rows are named by their input row.
#[derive(Debug)]
pub struct Inference {
    candidates: QueueCandidates,
    queues: Vec<Queue>,
    topics: Vec<TopicGroups>,
    /// Queues that may have something to ask.
    ready: VecDeque<usize>,
    in_flight: usize,
    /// The share of the random sample.
    recheck: f64,
    /// Seed of the random choice. A resumed run chooses the same messages.
    seed: String,
    has_sampled: bool,
    /// Messages of the sample: what followed for them when they were asked.
    sampled: HashMap<NonZeroU64, Vec<(Track, Anchor)>>,
    /// Messages that are asked again: those from which `open` was inferred for a message of the sample that the group had
    /// passed when it was asked.
    checks: VecDeque<Check>,
    checking: HashMap<NonZeroU64, Check>,
    section: InferenceSection,
}

/// A message to be asked, by its input row and the line of the scratch file that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The input row.
    pub row: NonZeroU64,
    /// The line of the scratch file.
    pub line: u32,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is the answer of its row.
    Keep,
    /// It is the answer of its row; other messages are asked again because of it.
    KeepAfterChecks,
    /// Its row has an answer already. This one was asked for because of the answer of the other row. The second field is
    /// whether that other row waits for no further answer.
    Check(NonZeroU64, bool),
}

/// An answer that was inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferredAnswer {
    /// The groups of the topic, each with the row that it follows from.
    pub tracks: Vec<Track>,
    /// The oldest of the times of the answers that it follows from.
    pub observed_at: Timestamp,
}

/// A message that is asked again.
#[derive(Debug, Clone)]
struct Check {
    /// The place of the message in the candidates.
    candidate: usize,
    /// The groups that had not reached the message.
    groups: Vec<Arc<str>>,
    /// The message of the sample that these groups had passed.
    because: NonZeroU64,
}

#[derive(Debug, Default)]
struct Queue {
    groups: Vec<QueueGroup>,
    in_flight: bool,
    is_ready: bool,
    /// Whether all messages are asked.
    asks_all: bool,
    /// Number of messages, from the highest, that were walked through to ask all of them.
    walked: usize,
    /// Number of messages without an answer.
    unanswered: u32,
    /// Number of answers without a group.
    empty: u32,
}

/// What is known of the groups of a topic.
#[derive(Debug, Default)]
struct TopicGroups {
    /// What the groups do with tags.
    tags: HashMap<Arc<str>, TagsOfGroup>,
    /// Groups for which nothing is inferred.
    disabled: HashSet<Arc<str>>,
}

impl Inference {
    /// Infers answers about `candidates`, but for topics that `is_unsuitable` names. The share `recheck` of the messages
    /// whose answers follow is asked nevertheless, chosen by `seed`.
    #[must_use]
    pub fn new(
        candidates: CandidateSet,
        is_unsuitable: &dyn Fn(&InstanceTopic) -> bool,
        (recheck, seed): (f64, &str),
    ) -> Self {
        let candidates = candidates.arrange(is_unsuitable);
        let count = candidates.queues.len();
        let queue = || Queue {
            is_ready: true,
            ..Queue::default()
        };
        Self {
            queues: std::iter::repeat_with(queue).take(count).collect(),
            topics: std::iter::repeat_with(TopicGroups::default)
                .take(candidates.topics.len())
                .collect(),
            ready: (0..count).collect(),
            candidates,
            in_flight: 0,
            recheck,
            seed: seed.to_owned(),
            has_sampled: false,
            sampled: HashMap::new(),
            checks: VecDeque::new(),
            checking: HashMap::new(),
            section: InferenceSection::default(),
        }
    }

    /// Takes an answer that an earlier part of the run has got. They must be in the order of their times. `tracks` is `None`
    /// for a row without an answer.
    pub fn take_earlier(&mut self, row: NonZeroU64, tracks: Option<&[Track]>, at: Timestamp) {
        if let Some(place) = self.candidates.place_of(row) {
            self.candidates.all[place].asked = Asked::Yes;
            let contradictions = self.take(place, tracks, at);
            self.disable(contradictions);
        }
    }

    /// Returns a message to be asked now. `None` if there is none until another answer has come, or at all
    /// ([`is_waiting`](Self::is_waiting)).
    pub fn next_ask(&mut self) -> Option<Ask> {
        loop {
            if let Some(ask) = self.next_check().or_else(|| self.next_of_ready()) {
                self.in_flight += 1;
                return Some(ask);
            }
            if self.in_flight > 0 || self.has_sampled {
                return None;
            }
            self.has_sampled = true;
            self.pick_sample();
        }
    }

    /// Returns whether an answer is awaited.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.in_flight > 0
    }

    /// Returns whether the row was asked here.
    #[must_use]
    pub fn was_asked(&self, row: NonZeroU64) -> bool {
        let place = self.candidates.place_of(row);
        place.is_some_and(|place| self.candidates.all[place].asked == Asked::Yes)
    }

    /// Takes the answer about a row that [`next_ask`](Self::next_ask) has returned. `tracks` is `None` if there is no answer.
    pub fn answered(
        &mut self,
        row: NonZeroU64,
        tracks: Option<&[Track]>,
        at: Timestamp,
    ) -> Disposition {
        let Some(place) = self.candidates.place_of(row) else {
            return Disposition::Keep;
        };
        self.in_flight -= 1;
        let (queue, _) = self.candidates.queue_of(place);
        self.queues[queue].in_flight = false;
        self.make_ready(queue);
        if let Some(check) = self.checking.remove(&row) {
            return self.checked(&check, tracks, at);
        }
        let inferred = self.sampled.remove(&row);
        let contradicted = self.take(place, tracks, at);
        let (Some(inferred), Some(tracks)) = (inferred, tracks) else {
            self.disable(contradicted);
            return Disposition::Keep;
        };
        self.section.rechecked += 1;
        self.compare(place, &inferred, tracks, contradicted)
    }

    /// Returns the answer about a row that was not asked. `None` if it does not follow.
    #[must_use]
    pub fn inferred(&self, row: NonZeroU64) -> Option<InferredAnswer> {
        let place = self.candidates.place_of(row)?;
        let (queue, topic) = self.candidates.queue_of(place);
        let tracks = self.tracks(queue, topic, place)?;
        let observed_at = tracks.iter().map(|(_, anchor)| anchor.at).min()?;
        Some(InferredAnswer {
            tracks: tracks.into_iter().map(|(track, _)| track).collect(),
            observed_at,
        })
    }

    /// Returns what the random sample has shown so far. The number of messages is not filled in.
    #[must_use]
    pub fn section(&self) -> InferenceSection {
        self.section.clone()
    }

    fn next_check(&mut self) -> Option<Ask> {
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

    fn next_of_ready(&mut self) -> Option<Ask> {
        while let Some(queue) = self.ready.pop_front() {
            self.queues[queue].is_ready = false;
            if self.queues[queue].in_flight && !self.queues[queue].asks_all {
                continue; // its answer makes it ready again
            }
            let Some(place) = self.choose(queue) else {
                continue;
            };
            let topic = self.candidates.queues[queue].0 as usize;
            let one = self.candidates.all[place];
            if one.asked == Asked::Picked {
                let follows = self.tracks(queue, topic, place);
                self.sampled
                    .extend(follows.map(|follows| (one.row(), follows)));
            }
            self.candidates.all[place].asked = Asked::Yes;
            self.queues[queue].in_flight = true;
            if self.queues[queue].asks_all {
                self.make_ready(queue);
            }
            return Some(Ask {
                row: one.row(),
                line: one.line,
            });
        }
        None
    }

    /// Chooses the message of a queue that tells most. `None` if the answers about all others follow.
    fn choose(&mut self, queue: usize) -> Option<usize> {
        if self.queues[queue].asks_all {
            return self.next_unasked(queue);
        }
        let (topic, range) = &self.candidates.queues[queue];
        let topic = &self.topics[*topic as usize];
        let state = &self.queues[queue];
        let unasked = || {
            let all = range.clone().rev();
            all.filter(|place| self.candidates.all[*place].asked == Asked::No)
        };
        if state.groups.is_empty() {
            return unasked().next();
        }
        let mut widest: Vec<usize> = Vec::new();
        for group in &state.groups {
            let tags = topic.tags.get(&group.name);
            let highest = group.highest_passed();
            let follows = |place: &usize| group.infer(&self.candidates.all[*place], tags).is_some();
            let undecided: Vec<usize> = unasked().filter(|place| !follows(place)).collect();
            let is_below = |place: &usize| {
                highest.is_some_and(|h| self.candidates.all[*place].offset <= h.offset)
            };
            // Whether a message below is filtered follows only from one with the same tag, best from the highest.
            if let Some(highest_below) = undecided.iter().copied().find(|place| is_below(place))
                && undecided.len() > widest.len()
            {
                let above: Vec<usize> = undecided
                    .iter()
                    .copied()
                    .filter(|place| !is_below(place))
                    .collect();
                widest = if above.is_empty() {
                    vec![highest_below]
                } else {
                    above
                };
            } else if undecided.len() > widest.len() {
                widest = undecided;
            }
        }
        if widest.is_empty() {
            return self.candidates.all[range.clone()]
                .iter()
                .position(|one| one.asked == Asked::Picked)
                .map(|nth| range.start + nth);
        }
        Some(widest[widest.len() / 2])
    }

    /// Returns the highest message that is not asked yet of a queue of which all are asked.
    fn next_unasked(&mut self, queue: usize) -> Option<usize> {
        let range = self.candidates.queues[queue].1.clone();
        let state = &mut self.queues[queue];
        while state.walked < range.len() {
            state.walked += 1;
            let place = range.end - state.walked;
            if self.candidates.all[place].asked != Asked::Yes {
                return Some(place);
            }
        }
        None
    }

    /// Returns the tracks that follow for a message, each with the answer that it follows from. `None` if not all do.
    fn tracks(&self, queue: usize, topic: usize, place: usize) -> Option<Vec<(Track, Anchor)>> {
        let state = &self.queues[queue];
        if state.asks_all || state.groups.is_empty() {
            return None;
        }
        let one = &self.candidates.all[place];
        let tags = &self.topics[topic].tags;
        let tracks = state
            .groups
            .iter()
            .map(|group| group.track(one, tags.get(&group.name)));
        tracks.collect()
    }

    /// Takes an answer. Returns the contradiction that it makes.
    fn take(
        &mut self,
        place: usize,
        tracks: Option<&[Track]>,
        at: Timestamp,
    ) -> Vec<OrderContradiction> {
        let (queue, topic) = self.candidates.queue_of(place);
        let one = self.candidates.all[place];
        let state = &mut self.queues[queue];
        let Some(tracks) = tracks else {
            state.unanswered += 1;
            state.asks_all |= state.unanswered >= MOST_UNANSWERED;
            return Vec::new();
        };
        if state.asks_all {
            return Vec::new(); // nothing follows any more
        }
        state.empty += u32::from(tracks.is_empty());
        state.asks_all |= state.empty >= MOST_EMPTY;
        for track in tracks {
            if !state.groups.iter().any(|group| group.name == track.group) {
                state.groups.push(QueueGroup::new(track.group.clone()));
            }
        }
        let anchor = Anchor {
            offset: one.offset,
            row: one.row(),
            at,
        };
        let mut contradictions = Vec::new();
        let mut new_filters = false;
        for group in &mut state.groups {
            let word = word_of(tracks, &group.name);
            if let Some(Said::Passed(filtered)) = word.map(Said::by) {
                let tags = self.topics[topic].tags.entry(group.name.clone());
                let tags = tags.or_default();
                if filtered {
                    new_filters |= !tags.filters;
                    tags.filters = true;
                } else {
                    tags.delivered.insert(one.tag);
                }
            }
            if let Some(passed) = group.take(word, (anchor, one.tag)) {
                let found = word.map_or("", TrackType::as_str);
                contradictions.push(contradiction(
                    &self.candidates.topics[topic],
                    (&group.name, one.row()),
                    (TrackType::CONSUMED.as_str(), passed.row),
                    found,
                ));
            }
            state.asks_all |= group.is_hopeless();
            state.asks_all |= self.topics[topic].disabled.contains(&group.name);
        }
        if new_filters {
            self.make_topic_ready(topic);
        }
        contradictions
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
            let said = found.map_or(Said::Useless, Said::by);
            match Said::by(&track.track_type) {
                Said::Passed(_) if found != Some(&track.track_type) => {
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
                Said::Open if matches!(said, Said::Passed(_)) => {
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
    fn checked(&mut self, check: &Check, tracks: Option<&[Track]>, _at: Timestamp) -> Disposition {
        let (_, topic) = self.candidates.queue_of(check.candidate);
        let row = self.candidates.all[check.candidate].row();
        let is_open = |group: &&Arc<str>| {
            let word = tracks.and_then(|tracks| word_of(tracks, group));
            word.map(Said::by) == Some(Said::Open)
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

    /// Ends the inference for the groups and topics of contradictions: all messages of these topics are asked whose queues
    /// have such a group.
    fn disable(&mut self, contradictions: Vec<OrderContradiction>) {
        for contradiction in contradictions {
            let is_it = |(instance, topic): &InstanceTopic| {
                **topic == *contradiction.topic
                    && instance.as_deref().unwrap_or_default() == contradiction.instance_id
            };
            let Some(topic) = self.candidates.topics.iter().position(is_it) else {
                continue;
            };
            let group: Arc<str> = contradiction.group.as_str().into();
            if !self.topics[topic].disabled.insert(group.clone()) {
                continue;
            }
            tracing::warn!(
                "inference failed for {} on topic {}: {} followed for row {} from row {}, but its answer is {}; all messages \
                 are asked in the queues of this topic that have the group",
                contradiction.group,
                contradiction.topic,
                contradiction.inferred,
                contradiction.row,
                contradiction.inferred_from,
                match &*contradiction.found {
                    "" => "without it",
                    found => found,
                },
            );
            self.section.contradictions.push(contradiction);
            for queue in 0..self.queues.len() {
                let is_of_topic = self.candidates.queues[queue].0 as usize == topic;
                let state = &mut self.queues[queue];
                if is_of_topic && state.groups.iter().any(|known| known.name == group) {
                    state.asks_all = true;
                    self.make_ready(queue);
                }
            }
        }
    }

    /// Chooses the random sample among the messages whose answers follow.
    fn pick_sample(&mut self) {
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

    fn make_ready(&mut self, queue: usize) {
        if !self.queues[queue].is_ready {
            self.queues[queue].is_ready = true;
            self.ready.push_back(queue);
        }
    }

    fn make_topic_ready(&mut self, topic: usize) {
        for queue in 0..self.queues.len() {
            if self.candidates.queues[queue].0 as usize == topic {
                self.make_ready(queue);
            }
        }
    }
}

/// Returns the word of an answer about a group. `None` if it names the group not at all, or with two words.
fn word_of<'t>(tracks: &'t [Track], group: &str) -> Option<&'t TrackType> {
    let mut of_group = tracks.iter().filter(|track| *track.group == *group);
    let only = of_group.next()?;
    of_group.next().is_none().then_some(&only.track_type)
}

fn contradiction(
    (instance, topic): &InstanceTopic,
    (group, row): (&str, NonZeroU64),
    (inferred, inferred_from): (&str, NonZeroU64),
    found: &str,
) -> OrderContradiction {
    OrderContradiction {
        instance_id: instance.as_deref().unwrap_or_default().to_owned(),
        topic: topic.to_string(),
        group: group.to_owned(),
        row: row.get(),
        inferred: inferred.to_owned(),
        found: found.to_owned(),
        inferred_from: inferred_from.get(),
    }
}
