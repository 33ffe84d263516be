//! The tracks of an answer as a line of the record has them, and the groups that were met in all answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::text::{push_field, push_text};
use crate::source::Track;

/// Writes tracks. Most answers have the groups of the answer before (a snapshot's are even the same texts, which need
/// no look): then what stands before each word is written as it was.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    groups: BTreeSet<Arc<str>>,
    last: Vec<Group>,
    /// Does a group stand twice in the last answer? Then its words have an order, too.
    repeats: bool,
}

#[derive(Debug)]
struct Group {
    name: Arc<str>,
    /// `{"group":"NAME","track_type":`
    before_word: Vec<u8>,
}

impl Tracks {
    /// Every group met, in name order.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| &**group)
    }

    /// Groups that an earlier run met.
    pub(super) fn meet_names<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            if !self.groups.contains(name) {
                self.groups.insert(name.into());
            }
        }
    }

    /// Appends `[…]` in group order: the source's order means nothing, and a second run must write the same bytes.
    pub(super) fn push(&mut self, block: &mut Vec<u8>, tracks: &[Track]) {
        let as_last = |(track, last): (&Track, &Group)| {
            Arc::ptr_eq(&track.group, &last.name) || track.group == last.name
        };
        if !self.repeats
            && tracks.len() == self.last.len()
            && tracks.iter().zip(&self.last).all(as_last)
        {
            self.write(block, tracks);
        } else if tracks.is_sorted_by_key(key) {
            self.meet(tracks);
            self.write(block, tracks);
        } else {
            let mut sorted = tracks.to_vec();
            sorted.sort_by(|a, b| key(a).cmp(&key(b)));
            self.meet(&sorted);
            self.write(block, &sorted);
        }
    }

    fn meet(&mut self, tracks: &[Track]) {
        self.groups
            .extend(tracks.iter().map(|track| track.group.clone()));
        self.repeats = !tracks.is_sorted_by(|a, b| a.group < b.group);
        self.last.clear();
        self.last.extend(tracks.iter().map(|track| {
            let mut before_word = b"{\"group\":".to_vec();
            push_text(&mut before_word, &track.group);
            before_word.extend_from_slice(b",\"track_type\":");
            Group {
                name: track.group.clone(),
                before_word,
            }
        }));
    }

    /// `tracks` have the groups of `last`, in their order.
    fn write(&self, block: &mut Vec<u8>, tracks: &[Track]) {
        block.push(b'[');
        for (nth, (track, group)) in tracks.iter().zip(&self.last).enumerate() {
            if nth > 0 {
                block.push(b',');
            }
            block.extend_from_slice(&group.before_word);
            push_text(block, track.track_type.as_str());
            if !track.marks.is_empty() {
                block.extend_from_slice(b",\"mark\":\"");
                for (nth, word) in track.marks.words().enumerate() {
                    block.extend_from_slice(if nth > 0 { b" " } else { b"" });
                    block.extend_from_slice(word.as_bytes());
                }
                block.push(b'"');
            }
            if let Some(word) = &track.mqadmin {
                push_field(block, "mqadmin_track_type", word.as_str());
            }
            block.push(b'}');
        }
        block.push(b']');
    }
}

fn key(track: &Track) -> (&str, &str) {
    (&track.group, track.track_type.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_came_before_each_answer_is_written_whole_and_in_order() {
        let names: [Arc<str>; 3] = ["a", "b\"", "c"].map(Into::into);
        let track = |nth: usize, word: &str| Track::new(names[nth].clone(), word.into());
        let mut tracks = Tracks::default();
        let mut text = |answer: &[Track]| {
            let mut block = Vec::new();
            tracks.push(&mut block, answer);
            String::from_utf8(block).unwrap()
        };
        let both = r#"[{"group":"a","track_type":"X"},{"group":"b\"","track_type":"Y"}]"#;
        assert_eq!(text(&[track(1, "Y"), track(0, "X")]), both);
        assert_eq!(text(&[track(0, "X"), track(1, "Y")]), both);
        assert_eq!(
            text(&[track(2, "X")]),
            r#"[{"group":"c","track_type":"X"}]"#
        );
        assert_eq!(text(&[]), "[]");
        let twice = [track(0, "Y"), track(0, "X")];
        text(&twice);
        assert_eq!(
            text(&twice),
            r#"[{"group":"a","track_type":"X"},{"group":"a","track_type":"Y"}]"#
        );
        assert_eq!(tracks.groups().collect::<Vec<_>>(), ["a", "b\"", "c"]);
    }
}
