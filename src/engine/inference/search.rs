//! Which message of a queue to ask next.

use super::Inference;
use super::candidates::Asked;

/// After so many messages of a queue that were asked to find boundaries, the search ends.
const MOST_SEARCHED: u32 = 512;

impl Inference {
    /// Chooses the message of a queue that tells most. `None` if asking others tells nothing more.
    pub(super) fn choose(&self, queue: usize) -> Option<usize> {
        let (topic, range) = &self.candidates.queues[queue];
        let topic = &self.topics[*topic as usize];
        let state = &self.queues[queue];
        if state.asks_all {
            return None;
        }
        let sampled = self.candidates.all[range.clone()]
            .iter()
            .position(|one| one.asked == Asked::Picked)
            .map(|nth| range.start + nth);
        if state.searched >= MOST_SEARCHED {
            return sampled;
        }
        let one = |place: &usize| &self.candidates.all[*place];
        let unasked = || {
            let all = range.clone().rev();
            all.filter(|place| one(place).asked == Asked::No)
        };
        if state.groups.is_empty() {
            let may_exist = |place: &usize| {
                state
                    .missing
                    .is_none_or(|missing| one(place).offset > missing)
            };
            return unasked().find(may_exist);
        }
        if let Some(oldest) = self.choose_oldest(queue) {
            return Some(oldest);
        }
        let mut widest: Vec<usize> = Vec::new();
        for group in &state.groups {
            let tags = topic.tags.get(&group.name);
            let highest = group.highest_passed();
            let is_below =
                |place: &usize| highest.is_some_and(|highest| one(place).offset <= highest.offset);
            // Nothing tells whether such a message is filtered.
            let is_hopeless = |place: &usize| {
                is_below(place) && tags.is_some_and(|tags| !tags.tag_decides(one(place).tag))
            };
            let follows = |place: &usize| group.infer(one(place), tags).is_some();
            let undecided: Vec<usize> = unasked()
                .filter(|place| state.has(one(place).offset))
                .filter(|place| !is_hopeless(place) && !follows(place))
                .collect();
            if undecided.len() <= widest.len() {
                continue;
            }
            // Whether a message below is filtered follows only from one with the same tag, best from the highest.
            let (below, above): (Vec<usize>, Vec<usize>) =
                undecided.into_iter().partition(|place| is_below(place));
            widest = if above.is_empty() {
                below.into_iter().take(1).collect()
            } else {
                above
            };
        }
        if widest.is_empty() {
            return sampled;
        }
        Some(widest[widest.len() / 2])
    }

    /// Chooses a message that tells which of the oldest messages of a queue exist: the lowest one, or else one between those
    /// that exist and those that do not. `None` if that is known.
    fn choose_oldest(&self, queue: usize) -> Option<usize> {
        let state = &self.queues[queue];
        let range = self.candidates.queues[queue].1.clone();
        let is_unknown = |place: &usize| {
            let offset = self.candidates.all[*place].offset;
            let is_low = state.found.is_none_or(|found| offset < found);
            is_low && state.missing.is_none_or(|missing| offset > missing)
        };
        let unknown = range.filter(|place| self.candidates.all[*place].asked == Asked::No);
        let unknown: Vec<usize> = unknown.filter(is_unknown).collect();
        match state.missing {
            None => unknown.first().copied(),
            Some(_) => unknown.get(unknown.len() / 2).copied(),
        }
    }
}
