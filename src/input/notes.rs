//! What was noticed about the inputs besides their rows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cleaning::Cleaned;
use crate::humanize;

/// What was noticed while the inputs were read: what was skipped or cleaned, and what a person should look at.
///
/// The trailer of a results file has these fields if they are not zero. Rows are counted by all inputs together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputNotes {
    /// Rows whose ID, topic or instance had blanks around it, which were removed.
    #[serde(skip_serializing_if = "is_zero")]
    pub blanks_removed: u64,
    /// Rows whose ID had quotes around it, which were removed.
    #[serde(skip_serializing_if = "is_zero")]
    pub quotes_removed: u64,
    /// Rows whose ID began with the text mark of spreadsheets (`'`), which was removed.
    #[serde(skip_serializing_if = "is_zero")]
    pub text_marks_removed: u64,
    /// Title and comment lines that were skipped.
    #[serde(skip_serializing_if = "Noticed::is_nothing")]
    pub skipped_lines: Noticed,
    /// Lines of logs without a message.
    #[serde(skip_serializing_if = "is_zero")]
    pub lines_without_message: u64,
    /// Lines of logs that contain a message ID, with a letter in upper case, that is not in a send result. It is not asked
    /// about.
    #[serde(skip_serializing_if = "Noticed::is_nothing")]
    pub lines_with_ids: Noticed,
    /// Logs without any message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files_without_message: Vec<String>,
    /// Messages of logs whose send status is not `SEND_OK`, by status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub send_status: BTreeMap<String, u64>,
    /// Quoted cells of several lines that contain a message ID. Such an ID is not asked about: a stray quote may have
    /// swallowed its row.
    #[serde(skip_serializing_if = "Noticed::is_nothing")]
    pub cells_with_ids: Noticed,
    /// Rows with the replacement character U+FFFD: their text was damaged, here or earlier.
    #[serde(skip_serializing_if = "Noticed::is_nothing")]
    pub replaced_characters: Noticed,
}

/// A count and the first place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// How often it was noticed.
    pub count: u64,
    /// File and line of the first time, `orders.csv:17`.
    pub first: String,
    /// The text found there, cut to 80 characters; empty if the place says enough.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Noticed {
    const fn is_nothing(&self) -> bool {
        self.count == 0
    }

    /// Returns the first place for people: `orders.csv:17`, `standard input:17`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.first.rsplit_once(':') {
            Some((file, line)) => format!("{}:{line}", humanize::input(Path::new(file))),
            None => self.first.clone(),
        }
    }

    /// Counts one more. Remembers the place if it is the first.
    pub(super) fn add(&mut self, file: &str, line: u64, text: &str) {
        if self.count == 0 {
            self.first = format!("{file}:{line}");
            self.text = text.chars().take(80).collect();
        }
        self.count += 1;
    }

    fn append(&mut self, later: Self) {
        if self.count == 0 {
            *self = later;
        } else {
            add(&mut self.count, later.count);
        }
    }
}

/// Adds to a count. An edited results file may state any number.
const fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

impl InputNotes {
    /// Adds the notes of a later input.
    pub fn append(&mut self, later: Self) {
        add(&mut self.blanks_removed, later.blanks_removed);
        add(&mut self.quotes_removed, later.quotes_removed);
        add(&mut self.text_marks_removed, later.text_marks_removed);
        add(&mut self.lines_without_message, later.lines_without_message);
        self.files_without_message
            .extend(later.files_without_message);
        for (status, count) in later.send_status {
            add(self.send_status.entry(status).or_default(), count);
        }
        self.skipped_lines.append(later.skipped_lines);
        self.cells_with_ids.append(later.cells_with_ids);
        self.lines_with_ids.append(later.lines_with_ids);
        self.replaced_characters.append(later.replaced_characters);
    }

    /// Counts what was removed around the cells of a row.
    pub(super) fn add_cleaned(&mut self, cleaned: Cleaned) {
        self.blanks_removed += u64::from(cleaned.blanks);
        self.quotes_removed += u64::from(cleaned.quotes);
        self.text_marks_removed += u64::from(cleaned.text_mark);
    }

    /// Counts a message of a log whose status is not that of a stored message.
    pub(super) fn add_send_status(&mut self, status: &str) {
        *self.send_status.entry(status.to_owned()).or_default() += 1;
    }

    /// Returns whether nothing was noticed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a person should look at something although no row was rejected.
    #[must_use]
    pub const fn needs_attention(&self) -> bool {
        self.cells_with_ids.count > 0 || self.lines_with_ids.count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_several_inputs_add_up_and_the_first_place_stays() {
        let of = |file: &str| {
            let mut notes = InputNotes {
                blanks_removed: 1,
                files_without_message: vec![file.to_owned()],
                ..InputNotes::default()
            };
            notes.add_send_status("SLAVE_NOT_AVAILABLE");
            notes.cells_with_ids.add(file, 7, "");
            notes.skipped_lines.add(file, 1, "title");
            notes
        };
        let mut all = InputNotes::default();
        assert!(all.is_nothing() && !all.needs_attention());
        all.append(of("a.csv"));
        all.append(of("b.csv"));
        assert!(!all.is_nothing() && all.needs_attention());
        assert_eq!(all.blanks_removed, 2);
        assert_eq!(all.files_without_message, ["a.csv", "b.csv"]);
        assert_eq!(all.send_status["SLAVE_NOT_AVAILABLE"], 2);
        assert_eq!(all.cells_with_ids.count, 2);
        assert_eq!(all.cells_with_ids.place(), "a.csv:7");
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<InputNotes>(&text).unwrap(), all);
    }

    #[test]
    fn counts_of_an_edited_file_do_not_overflow() {
        let most: InputNotes =
            serde_json::from_str(&format!(r#"{{"blanks_removed":{}}}"#, u64::MAX)).unwrap();
        let mut sum = most.clone();
        sum.append(most);
        assert_eq!(sum.blanks_removed, u64::MAX);
    }
}
