//! The tracks of an answer as a line of the results file has them, and the groups that were met in all answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::text::{push_field, push_text};
use crate::source::Track;

/// Writes tracks. Most messages were consumed by the groups that consumed the message before: then what was written of
/// that one is written again.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    groups: BTreeSet<Arc<str>>,
    last: Vec<Track>,
    text: Vec<u8>,
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
        let is_last = tracks.len() == self.last.len()
            && tracks.iter().zip(&self.last).all(|(a, b)| is_same(a, b));
        if self.text.is_empty() || !is_last {
            self.groups
                .extend(tracks.iter().map(|track| track.group.clone()));
            tracks.clone_into(&mut self.last);
            self.text.clear();
            write_in_order(&mut self.text, tracks);
        }
        block.extend_from_slice(&self.text);
    }
}

/// A snapshot names its groups by the same texts in every answer, which need no look.
fn is_same(a: &Track, b: &Track) -> bool {
    let Track {
        group,
        track_type,
        marks,
        mqadmin,
    } = a;
    (Arc::ptr_eq(group, &b.group) || *group == b.group)
        && *track_type == b.track_type
        && *marks == b.marks
        && *mqadmin == b.mqadmin
}

fn write_in_order(text: &mut Vec<u8>, tracks: &[Track]) {
    if tracks.is_sorted_by_key(key) {
        write(text, tracks);
    } else {
        let mut sorted = tracks.to_vec();
        sorted.sort_by(|a, b| key(a).cmp(&key(b)));
        write(text, &sorted);
    }
}

fn write(text: &mut Vec<u8>, tracks: &[Track]) {
    text.push(b'[');
    for (nth, track) in tracks.iter().enumerate() {
        text.extend_from_slice(if nth > 0 {
            b",{\"group\":"
        } else {
            b"{\"group\":"
        });
        push_text(text, &track.group);
        push_field(text, "track_type", track.track_type.as_str());
        if !track.marks.is_empty() {
            text.extend_from_slice(b",\"mark\":\"");
            for (nth, word) in track.marks.words().enumerate() {
                text.extend_from_slice(if nth > 0 { b" " } else { b"" });
                text.extend_from_slice(word.as_bytes());
            }
            text.push(b'"');
        }
        if let Some(word) = &track.mqadmin {
            push_field(text, "mqadmin_track_type", word.as_str());
        }
        text.push(b'}');
    }
    text.push(b']');
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
