//! Who answered for which topic, over whole results files: the draft of an expectations file.

use std::collections::BTreeMap;

use super::{Line, ReadError, ResultsFile};
use crate::verdict::Verdict;

/// What the answers about one topic showed of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupSeen {
    /// Answers that name the group.
    pub answers: u64,
    /// Of them, those by which it had passed or filtered the message.
    pub passed: u64,
}

/// What answers showed, by topic.
#[derive(Debug, Default)]
pub struct ObservedGroups {
    /// Each topic with the number of its answers and the groups in them.
    pub topics: BTreeMap<String, (u64, BTreeMap<String, GroupSeen>)>,
}

impl ObservedGroups {
    /// Reads a whole results file and checks its seal on the way.
    pub fn add(&mut self, results_file: &ResultsFile) -> Result<(), ReadError> {
        let mut blocks = results_file.blocks(true);
        while let Some(block) = blocks.next_block()? {
            for line in results_file.parsed(&block) {
                self.add_line(&line?);
            }
        }
        Ok(())
    }

    /// A line without an answer shows nothing, and a duplicate's answer is counted where it stands.
    fn add_line(&mut self, line: &Line<'_>) {
        let Some(tracks) = &line.tracks else { return };
        if !self.topics.contains_key(&*line.topic) {
            self.topics
                .insert(line.topic.to_string(), Default::default());
        }
        let Some((answers, groups)) = self.topics.get_mut(&*line.topic) else {
            return;
        };
        *answers += 1;
        for track in tracks.iter() {
            if !groups.contains_key(&*track.group) {
                groups.insert(track.group.to_string(), GroupSeen::default());
            }
            if let Some(seen) = groups.get_mut(&*track.group) {
                seen.answers += 1;
                let verdict = Verdict::of(&track.track_type);
                seen.passed += u64::from(matches!(verdict, Verdict::Passed | Verdict::Filtered));
            }
        }
    }
}
