//! What the answers about one queue say about its other messages.
//!
//! In one queue a group that has passed an offset has passed all lower ones, and a group that has not reached an offset
//! has reached none above it. Words about the group itself hold for the whole queue.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::Timestamp;

use super::candidates::{Candidate, TagId};
use crate::offsets::TrackType;
use crate::source::Track;

/// After so many answers that say nothing about a group, all messages of the queue are asked.
const MOST_USELESS: u32 = 2;

/// An answer that others follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) offset: u64,
    pub(super) row: NonZeroU64,
    pub(super) at: Timestamp,
}

/// What is known about one group in one queue.
#[derive(Debug)]
pub(super) struct QueueGroup {
    pub(super) name: Arc<str>,
    /// For each tag, the highest message with it that the group has passed, and whether it was filtered out.
    passed: Vec<(TagId, Anchor, bool)>,
    /// Messages that the group had not reached, above all that it has passed, lowest first.
    open: Vec<Anchor>,
    /// The word about the group itself.
    word: Option<(TrackType, Anchor)>,
    /// Whether other words were said, too.
    is_mixed: bool,
    useless: u32,
}

/// What a group does with the tags of a topic, as far as answers have shown it.
#[derive(Debug, Default)]
pub(super) struct TagsOfGroup {
    /// Whether it has filtered any message: then whether another is filtered follows only from one with the same tag.
    pub(super) filters: bool,
    /// Tags of messages that it has passed and not filtered.
    pub(super) delivered: HashSet<TagId>,
    /// Tags of messages that it has filtered.
    filtered: HashSet<TagId>,
    /// Whether it has filtered one message and not another with the same tag: then tags do not tell what it filters.
    ignores_tags: bool,
}

impl TagsOfGroup {
    /// Takes what became of a message with this tag. Returns whether it is the first that was filtered.
    pub(super) fn note(&mut self, filtered: bool, tag: TagId) -> bool {
        let (same, other) = if filtered {
            (&mut self.filtered, &self.delivered)
        } else {
            (&mut self.delivered, &self.filtered)
        };
        same.insert(tag);
        self.ignores_tags |= tag.is_known() && other.contains(&tag);
        filtered && !std::mem::replace(&mut self.filters, true)
    }

    /// Returns whether this tag tells if a message is filtered, as far as answers have shown.
    pub(super) const fn tag_decides(&self, tag: TagId) -> bool {
        !self.filters || (tag.is_known() && !self.ignores_tags)
    }
}

/// What one answer says about one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrackMeaning {
    /// The group has passed the message; whether it was filtered out.
    Passed(bool),
    /// The group has not reached the message.
    Open,
    /// A word about the group itself.
    OfGroup,
    /// Nothing that holds for another message.
    Useless,
}

impl TrackMeaning {
    pub(super) fn of(word: &TrackType) -> Self {
        let is = |other: TrackType| *word == other;
        if is(TrackType::CONSUMED) {
            Self::Passed(false)
        } else if is(TrackType::CONSUMED_BUT_FILTERED) {
            Self::Passed(true)
        } else if is(TrackType::NOT_CONSUME_YET) {
            Self::Open
        } else if is(TrackType::NOT_ONLINE)
            || is(TrackType::PULL)
            || is(TrackType::CONSUME_BROADCASTING)
        {
            Self::OfGroup
        } else {
            Self::Useless
        }
    }
}

impl QueueGroup {
    pub(super) const fn new(name: Arc<str>) -> Self {
        Self {
            name,
            passed: Vec::new(),
            open: Vec::new(),
            word: None,
            is_mixed: false,
            useless: 0,
        }
    }

    /// Takes what an answer says about this group; `None` if it does not name the group. Returns the anchor that it
    /// contradicts: the group had passed that message, and has not reached this one, which is not above it.
    pub(super) fn take(
        &mut self,
        word: Option<&TrackType>,
        (anchor, tag): (Anchor, TagId),
    ) -> Option<Anchor> {
        let meaning = word.map_or(TrackMeaning::Useless, TrackMeaning::of);
        match meaning {
            TrackMeaning::Passed(filtered) => {
                self.open.retain(|open| open.offset > anchor.offset);
                match self.passed.iter_mut().find(|(known, ..)| *known == tag) {
                    Some((_, highest, _)) if highest.offset > anchor.offset => {}
                    Some(highest) => *highest = (tag, anchor, filtered),
                    None => self.passed.push((tag, anchor, filtered)),
                }
                None
            }
            TrackMeaning::Open => {
                if let Some(passed) = self
                    .highest_passed()
                    .filter(|passed| passed.offset >= anchor.offset)
                {
                    return Some(passed);
                }
                let at = self
                    .open
                    .partition_point(|open| open.offset < anchor.offset);
                self.open.insert(at, anchor);
                None
            }
            TrackMeaning::OfGroup => {
                let word = word.expect("only a word is about the group");
                match &self.word {
                    Some((known, _)) if known != word => self.is_mixed = true,
                    _ => self.word = Some((word.clone(), anchor)),
                }
                if !self.passed.is_empty() || !self.open.is_empty() {
                    self.useless += 1;
                }
                None
            }
            TrackMeaning::Useless => {
                self.useless += 1;
                None
            }
        }
    }

    /// Returns whether asking single messages does not tell how far the group is.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.useless >= MOST_USELESS
    }

    /// Returns the highest message that the group has passed.
    pub(super) fn highest_passed(&self) -> Option<Anchor> {
        let passed = self.passed.iter().map(|(_, anchor, _)| *anchor);
        passed.max_by_key(|anchor| anchor.offset)
    }

    /// Returns what follows for a message, and from which answer. `topic` is what the group does with tags on the topic.
    pub(super) fn infer(
        &self,
        message: &Candidate,
        topic: Option<&TagsOfGroup>,
    ) -> Option<(TrackType, Anchor)> {
        let reaches = |anchor: &Anchor| anchor.offset >= message.offset;
        if let Some(highest) = self.highest_passed().filter(reaches) {
            if topic.is_some_and(|tags| !tags.filters && tags.delivered.contains(&message.tag)) {
                return Some((TrackType::CONSUMED, highest));
            }
            if !topic.is_some_and(|tags| tags.tag_decides(message.tag)) {
                return None;
            }
            let same_tag = self
                .passed
                .iter()
                .find(|(tag, anchor, _)| *tag == message.tag && tag.is_known() && reaches(anchor));
            return same_tag.map(|(_, anchor, filtered)| {
                let word = if *filtered {
                    TrackType::CONSUMED_BUT_FILTERED
                } else {
                    TrackType::CONSUMED
                };
                (word, *anchor)
            });
        }
        let below = self
            .open
            .partition_point(|open| open.offset <= message.offset);
        if let Some(nearest) = below.checked_sub(1) {
            return Some((TrackType::NOT_CONSUME_YET, self.open[nearest]));
        }
        match &self.word {
            Some((word, anchor))
                if !self.is_mixed && self.passed.is_empty() && self.open.is_empty() =>
            {
                Some((word.clone(), *anchor))
            }
            _ => None,
        }
    }

    /// Returns what follows for a message as the track of an inferred answer.
    pub(super) fn track(
        &self,
        message: &Candidate,
        topic: Option<&TagsOfGroup>,
    ) -> Option<(Track, Anchor)> {
        let (word, anchor) = self.infer(message, topic)?;
        let track = Track {
            inferred_from: Some(anchor.row),
            ..Track::new(self.name.clone(), word)
        };
        Some((track, anchor))
    }
}
