//! The groups that answers name for each topic, over complete results files: the draft of an expectations file.

use std::collections::BTreeMap;

use super::{Line, ReadError, ResultsFile};
use crate::verdict::Verdict;

/// What the answers about one topic show of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupSeen {
    /// Number of answers that name the group.
    pub answers: u64,
    /// Number of answers by which the group had passed or filtered the message.
    pub passed: u64,
}

/// What the answers show, by topic.
#[derive(Debug, Default)]
pub struct ObservedGroups {
    /// Each topic with the number of its answers and the groups in them.
    pub topics: BTreeMap<String, (u64, BTreeMap<String, GroupSeen>)>,
}

impl ObservedGroups {
    /// Adds all answers of a results file. Checks its seal on the way.
    ///
    /// # Errors
    ///
    /// If the results file cannot be read or its seal does not hold.
    pub fn add(&mut self, results_file: &ResultsFile) -> Result<(), ReadError> {
        let mut blocks = results_file.blocks(true);
        while let Some(block) = blocks.next_block()? {
            for line in results_file.parsed(&block) {
                self.add_line(&line?);
            }
        }
        Ok(())
    }

    /// Adds a line. Lines without an answer are skipped. The answer of a duplicate is counted in the line that holds
    /// it.
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
