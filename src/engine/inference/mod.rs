//! Infers the answers about messages from those about others of the same queue, by the order of the queue, and decides
//! which messages must be asked for that.
//!
//! - `candidates`: the messages with their places
//! - `queue`: what the answers about one queue say about a group
//! - `search`: which message of a queue to ask next
//! - `sample`: the random sample, and what it shows
//!
//! [`Inference`] asks the highest message of each queue first, and the lowest: the oldest messages are deleted first, so if it
//! still exists, all do. Then it halves, for each group, the messages between the highest that the group has passed and the
//! lowest that it has not reached. One message of a queue is asked at a time, so that later answers are newer. At last it asks
//! a random sample of the messages whose answers follow. Answers that contradict the order of the queue end the inference for
//! that group and topic. Messages whose answers do not follow at the end are left to be asked like all others.

mod candidates;
mod queue;
mod sample;
mod search;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::Timestamp;

use crate::offsets::TrackType;
use crate::results::{InferenceSection, OrderContradiction};
use crate::source::Track;

pub use candidates::{CandidateSet, InstanceTopic};

use candidates::{Asked, QueueCandidates, TagId};
use queue::{Anchor, QueueGroup, TagsOfGroup, TrackMeaning};
use sample::Check;

/// After so many messages of a queue without an answer, nothing is inferred in it.
const MOST_UNANSWERED: u32 = 8;

/// After so many answers without a group, nothing is inferred in the queue.
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

/// What came of a query.
#[derive(Debug, Clone, Copy)]
pub enum MessageAnswer<'t> {
    /// The source has answered about these groups.
    Tracks(&'t [Track]),
    /// The source does not have the message.
    NotFound,
    /// There is no answer.
    None,
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

#[derive(Debug, Default)]
struct Queue {
    groups: Vec<QueueGroup>,
    in_flight: bool,
    is_ready: bool,
    /// Whether nothing is inferred, so that all messages are asked.
    asks_all: bool,
    /// Number of messages that were asked to find boundaries, without those of the sample.
    searched: u32,
    /// Number of messages without an answer.
    unanswered: u32,
    /// Number of answers without a group.
    empty: u32,
    /// The lowest offset of a message that was found.
    found: Option<u64>,
    /// The highest offset of a message that was not found. Whether those below exist is unknown.
    missing: Option<u64>,
}

impl Queue {
    /// Returns whether a message at this offset is known to exist.
    fn has(&self, offset: u64) -> bool {
        let is_above = |missing| offset > missing;
        self.found.is_some_and(|found| offset >= found) && self.missing.is_none_or(is_above)
    }
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

    /// Takes an answer that an earlier part of the run has got. Such answers may have been in flight together, so their order
    /// is not known, and none of them contradicts another.
    pub fn take_earlier(&mut self, row: NonZeroU64, answer: MessageAnswer<'_>, at: Timestamp) {
        if let Some(place) = self.candidates.place_of(row) {
            self.candidates.all[place].asked = Asked::Yes;
            self.take(place, answer, at);
        }
    }

    /// Learns from an answer about a message that is no candidate which groups filter messages of its topic.
    pub fn learn(&mut self, topic: &InstanceTopic, tracks: &[Track]) {
        let Some(topic) = self
            .candidates
            .topics
            .iter()
            .position(|known| known == topic)
        else {
            return;
        };
        let filtering = tracks
            .iter()
            .filter(|track| TrackMeaning::of(&track.track_type) == TrackMeaning::Passed(true));
        let mut is_new = false;
        for track in filtering {
            let tags = self.topics[topic].tags.entry(track.group.clone());
            is_new |= tags.or_default().note(true, TagId::UNKNOWN);
        }
        if is_new {
            self.make_topic_ready(topic);
        }
    }

    /// Returns whether the answer about the row may follow from others, or others from it.
    #[must_use]
    pub fn is_candidate(&self, row: NonZeroU64) -> bool {
        self.candidates.place_of(row).is_some()
    }

    /// Returns whether the row is a candidate whose tag is unknown.
    #[must_use]
    pub fn has_unknown_tag(&self, row: NonZeroU64) -> bool {
        let place = self.candidates.place_of(row);
        place.is_some_and(|place| !self.candidates.all[place].tag.is_known())
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

    /// Takes the answer about a row that [`next_ask`](Self::next_ask) has returned.
    pub fn answered(
        &mut self,
        row: NonZeroU64,
        answer: MessageAnswer<'_>,
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
            return self.checked(&check, answer);
        }
        let inferred = self.sampled.remove(&row);
        let contradicted = self.take(place, answer, at);
        if let Some(inferred) = inferred {
            return self.compare_sampled(place, &inferred, (answer, contradicted));
        }
        self.disable(contradicted);
        Disposition::Keep
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

    fn next_of_ready(&mut self) -> Option<Ask> {
        while let Some(queue) = self.ready.pop_front() {
            self.queues[queue].is_ready = false;
            if self.queues[queue].in_flight {
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
            self.queues[queue].searched += u32::from(one.asked != Asked::Picked);
            return Some(Ask {
                row: one.row(),
                line: one.line,
            });
        }
        None
    }

    /// Returns the tracks that follow for a message, each with the answer that it follows from. `None` if not all do.
    fn tracks(&self, queue: usize, topic: usize, place: usize) -> Option<Vec<(Track, Anchor)>> {
        let state = &self.queues[queue];
        let one = &self.candidates.all[place];
        if state.asks_all || state.groups.is_empty() || !state.has(one.offset) {
            return None;
        }
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
        answer: MessageAnswer<'_>,
        at: Timestamp,
    ) -> Vec<OrderContradiction> {
        let (queue, _) = self.candidates.queue_of(place);
        let one = self.candidates.all[place];
        let state = &mut self.queues[queue];
        let tracks = match answer {
            MessageAnswer::Tracks(tracks) => tracks,
            MessageAnswer::NotFound => {
                state.missing = state.missing.max(Some(one.offset));
                return Vec::new();
            }
            MessageAnswer::None => {
                state.unanswered += 1;
                state.asks_all |= state.unanswered >= MOST_UNANSWERED;
                return Vec::new();
            }
        };
        state.found = Some(
            state
                .found
                .map_or(one.offset, |found| found.min(one.offset)),
        );
        if state.asks_all {
            return Vec::new(); // nothing follows any more
        }
        state.empty += u32::from(tracks.is_empty());
        state.asks_all |= state.empty >= MOST_EMPTY;
        self.take_tracks(place, tracks, at)
    }

    /// Takes what an answer says about each group. Returns the contradictions that it makes.
    fn take_tracks(
        &mut self,
        place: usize,
        tracks: &[Track],
        at: Timestamp,
    ) -> Vec<OrderContradiction> {
        let (queue, topic) = self.candidates.queue_of(place);
        let one = self.candidates.all[place];
        let state = &mut self.queues[queue];
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
            if let Some(TrackMeaning::Passed(filtered)) = word.map(TrackMeaning::of) {
                let tags = self.topics[topic].tags.entry(group.name.clone());
                new_filters |= tags.or_default().note(filtered, one.tag);
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
                "{contradiction}; all messages are asked in the queues of this topic that have the group"
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
