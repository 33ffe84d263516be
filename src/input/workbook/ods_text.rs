//! The text of a cell of an `.ods`.

use super::WorkbookError;
use super::row::{MAX_LENGTH, too_long};

/// The text of a cell. White space is collapsed as ODF defines it (part 3, §6.1.2): spaces that count are elements.
#[derive(Debug, Default)]
pub(super) struct Paragraphs {
    text: String,
    count: usize,
    /// Whether the text ends in white space of the file, or a paragraph begins.
    after_space: bool,
    /// Where the paragraph begins.
    from: usize,
}

impl Paragraphs {
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Begins a paragraph.
    pub(super) fn begin(&mut self) {
        if self.count > 0 {
            self.text.push('\n');
        }
        self.count += 1;
        self.after_space = true;
        self.from = self.text.len();
    }

    /// Ends a paragraph. White space at its end does not count.
    pub(super) fn end(&mut self) {
        if self.after_space && self.text.len() > self.from {
            self.text.pop();
        }
    }

    /// Appends a text `count` times as it is.
    pub(super) fn push(&mut self, text: &str, count: u64) -> Result<(), WorkbookError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let length = text.len().saturating_mul(count);
        if self.text.len().saturating_add(length) > MAX_LENGTH {
            return Err(too_long());
        }
        self.text.push_str(&text.repeat(count));
        self.after_space = false;
        Ok(())
    }

    /// Appends characters of the file.
    pub(super) fn push_collapsed(&mut self, text: &str) -> Result<(), WorkbookError> {
        for c in text.chars() {
            let is_space = matches!(c, ' ' | '\t' | '\r' | '\n');
            if !is_space {
                self.text.push(c);
            } else if !self.after_space {
                self.text.push(' ');
            }
            self.after_space = is_space;
        }
        if self.text.len() > MAX_LENGTH {
            return Err(too_long());
        }
        Ok(())
    }
}
