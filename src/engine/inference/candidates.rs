//! The messages whose answers may follow from others, by queue and offset. Memory: 28 bytes a message.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use crate::message::{Position, Tag};

/// The number of a tag. Where there are more tags than numbers, the others count as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TagId(u16);

impl TagId {
    pub(super) const UNKNOWN: Self = Self(0);
    const NONE: Self = Self(1);

    pub(super) const fn is_known(self) -> bool {
        self.0 != Self::UNKNOWN.0
    }
}

/// Whether a message is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// No: its answer follows, or it is not known yet whether it does.
    No,
    /// It is part of the random sample, and its turn has not come.
    Picked,
    /// It was asked, or is being asked.
    Yes,
}

/// A message whose answer may follow from others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) offset: u64,
    queue: u32,
    row: u32,
    /// The line of the scratch file that has the row. Lines are in the order of the rows.
    pub(super) line: u32,
    pub(super) tag: TagId,
    pub(super) asked: Asked,
}

impl Candidate {
    /// Returns the input row.
    pub(super) fn row(&self) -> NonZeroU64 {
        NonZeroU64::new(u64::from(self.row)).unwrap_or(NonZeroU64::MIN)
    }
}

/// A topic with its instance.
pub type InstanceTopic = (Option<Arc<str>>, Arc<str>);

/// Number of the topic, broker, and queue.
type PlaceKey = (u32, Arc<str>, u32);

/// Collects messages with their places.
#[derive(Debug, Default)]
pub struct CandidateSet {
    candidates: Vec<Candidate>,
    topics: HashMap<InstanceTopic, u32>,
    queues: HashMap<PlaceKey, u32>,
    tags: HashMap<Arc<str>, TagId>,
    last_queue: Option<(PlaceKey, u32)>,
}

/// The messages of all queues.
#[derive(Debug)]
pub(super) struct QueueCandidates {
    /// By queue and offset.
    pub(super) all: Vec<Candidate>,
    /// The topic of each queue, and where its messages are.
    pub(super) queues: Vec<(u32, Range<usize>)>,
    pub(super) topics: Vec<InstanceTopic>,
    /// The places in `all`, by row.
    by_row: Vec<u32>,
}

impl CandidateSet {
    /// Returns an empty set with memory for so many messages.
    #[must_use]
    pub fn with_capacity(messages: u64) -> Self {
        Self {
            candidates: Vec::with_capacity(usize::try_from(messages).unwrap_or_default()),
            ..Self::default()
        }
    }

    /// Adds the message of a row with its place. `line` is the line of the scratch file that has the row.
    pub fn add(&mut self, topic: &InstanceTopic, place: &Position, (row, line): (u64, u32)) {
        let Ok(row) = u32::try_from(row) else {
            return; // the duplicate check has refused such inputs
        };
        let topic = next_number(&mut self.topics, topic);
        let queue = match &self.last_queue {
            Some(((of, broker, id), number))
                if *of == topic && **broker == *place.broker && *id == place.queue_id =>
            {
                *number
            }
            _ => {
                let key = (topic, place.broker.clone(), place.queue_id);
                let number = next_number(&mut self.queues, &key);
                self.last_queue = Some((key, number));
                number
            }
        };
        let tag = match &place.tag {
            Tag::Unknown => TagId::UNKNOWN,
            Tag::None => TagId::NONE,
            Tag::Named(name) => {
                let next = u16::try_from(self.tags.len() + 2);
                let next = next.map_or(TagId::UNKNOWN, TagId);
                *self.tags.entry(name.clone()).or_insert(next)
            }
        };
        self.candidates.push(Candidate {
            offset: place.queue_offset,
            queue,
            row,
            line,
            tag,
            asked: Asked::No,
        });
    }

    /// Returns the topics of the messages.
    pub fn topics(&self) -> impl Iterator<Item = &InstanceTopic> {
        self.topics.keys()
    }

    /// Returns the number of messages in each queue, without those that share a place.
    #[must_use]
    pub fn queue_sizes(self) -> Vec<u64> {
        let arranged = self.arrange(&|_| false);
        let queues = arranged.queues.iter();
        queues.map(|(_, range)| range.len() as u64).collect()
    }

    /// Arranges the messages. Those of `unsuitable` topics, and those that share a place, are left out: they are asked.
    pub(super) fn arrange(self, unsuitable: &dyn Fn(&InstanceTopic) -> bool) -> QueueCandidates {
        let mut topics: Vec<_> = self.topics.into_iter().collect();
        topics.sort_by_key(|(_, number)| *number);
        let topics: Vec<InstanceTopic> = topics.into_iter().map(|(topic, _)| topic).collect();
        let mut topic_of = vec![0; self.queues.len()];
        for ((topic, ..), queue) in self.queues {
            topic_of[queue as usize] = topic;
        }
        let is_left_out: Vec<bool> = topics.iter().map(unsuitable).collect();
        let mut all = self.candidates;
        all.retain(|one| !is_left_out[topic_of[one.queue as usize] as usize]);
        all.sort_unstable_by_key(|one| (one.queue, one.offset));
        leave_out_shared_places(&mut all);
        let mut queues = Vec::new();
        let mut from = 0;
        for of_queue in all.chunk_by(|one, next| one.queue == next.queue) {
            let range = from..from + of_queue.len();
            from = range.end;
            queues.push((topic_of[of_queue[0].queue as usize], range));
        }
        let mut by_row: Vec<u32> = (0..u32::try_from(all.len()).unwrap_or(u32::MAX)).collect();
        by_row.sort_unstable_by_key(|place| all[*place as usize].row);
        QueueCandidates {
            all,
            queues,
            topics,
            by_row,
        }
    }
}

impl QueueCandidates {
    /// Returns the place of a row in `all`.
    pub(super) fn place_of(&self, row: NonZeroU64) -> Option<usize> {
        let row_at = |place: &u32| self.all[*place as usize].row();
        let found = self.by_row.binary_search_by_key(&row, row_at).ok()?;
        Some(self.by_row[found] as usize)
    }

    /// Returns the number of a candidate's queue, and that of its topic.
    pub(super) fn queue_of(&self, place: usize) -> (usize, usize) {
        let queue = self.queues.partition_point(|(_, range)| range.end <= place);
        (queue, self.queues[queue].0 as usize)
    }
}

/// Leaves out the messages that share queue and offset with another.
fn leave_out_shared_places(all: &mut Vec<Candidate>) {
    let place = |one: &Candidate| (one.queue, one.offset);
    let mut kept = 0;
    let mut from = 0;
    while from < all.len() {
        let here = place(&all[from]);
        let same = all[from..].iter().take_while(|one| place(one) == here);
        let count = same.count();
        if count == 1 {
            all[kept] = all[from];
            kept += 1;
        }
        from += count;
    }
    all.truncate(kept);
}

/// Returns the number of a key; a new one gets the next number.
fn next_number<K: Clone + Eq + std::hash::Hash>(numbers: &mut HashMap<K, u32>, key: &K) -> u32 {
    if let Some(number) = numbers.get(key) {
        return *number;
    }
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    numbers.insert(key.clone(), next);
    next
}
