//! Bare IDs, one a line → rows. Nothing travels: there is nothing else.

use super::question::{Asked, Bad, Questions};
use super::row::Kept;
use super::rows::Parsed;
use crate::delimited::Record;

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct IdRows {
    questions: Questions,
}

impl IdRows {
    pub(super) fn new(questions: Questions) -> Self {
        Self { questions }
    }

    pub(super) fn parse(&mut self, record: Record<'_>) -> Parsed {
        // Bytes that are not UTF-8 are no hex digits either, whatever stands for them.
        let text = record.text();
        let asked = Asked {
            msg_id: &text,
            ..Asked::default()
        };
        let asked = self.questions.ask(&asked).map_err(|fault| {
            let bad = Bad {
                column: "1".into(),
                found: fault.found,
                reason: fault.reason,
            };
            self.questions.reject(record.line, bad, &asked)
        });
        Parsed {
            kept: Kept::nothing(),
            asked,
        }
    }
}
