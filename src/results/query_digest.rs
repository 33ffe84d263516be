//! A digest of what rows ask. It compares the lines that earlier runs wrote with the input, without keeping either in
//! memory.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::Line;
use crate::input::{Entry, Row};

/// A sum over rows, which does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryDigest(u128);

impl QueryDigest {
    /// Adds a row of the input.
    pub fn add_row(&mut self, row: &Row) {
        match &row.entry {
            Entry::Query(query) => {
                let instance_id = query.instance_id.as_deref().unwrap_or_default();
                self.add(row.row, [instance_id, &query.topic, &query.msg_id]);
            }
            Entry::Duplicate { of } => self.add(row.row, ["", "same as", &of.to_string()]),
            Entry::Rejected(_) => self.add(row.row, ["", "rejected", ""]),
        }
    }

    /// Adds a line that settles its row.
    pub(super) fn add_line(&mut self, line: &Line<'_>) {
        match line.same_as {
            Some(of) => self.add(line.row, ["", "same as", &of.to_string()]),
            None if line.rejected.is_some() => self.add(line.row, ["", "rejected", ""]),
            None => self.add(line.row, [&line.instance_id, &line.topic, &line.msg_id]),
        }
    }

    fn add(&mut self, row: u64, parts: [&str; 3]) {
        let mut hasher = SipHasher13::new();
        hasher.write_u64(row);
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write_u8(b'\n'); // occurs in neither names nor IDs
        }
        self.0 = self.0.wrapping_add(hasher.finish128().as_u128());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::KeptCells;
    use crate::message::Query;

    fn row(row: u64, entry: Entry) -> Row {
        Row {
            row,
            kept: KeptCells::nothing(),
            entry,
        }
    }

    fn query(msg_id: &str) -> Entry {
        Entry::Query(Query {
            instance_id: Some("MQ".into()),
            topic: "t".into(),
            msg_id: msg_id.into(),
            position: None,
            born_after: None,
            send_result: None,
        })
    }

    fn of_lines(lines: &[&str]) -> QueryDigest {
        let mut asked = QueryDigest::default();
        for line in lines {
            asked.add_line(&serde_json::from_str(line).unwrap());
        }
        asked
    }

    #[test]
    fn lines_in_any_order_ask_what_their_rows_ask_and_nothing_else() {
        let mut asked = QueryDigest::default();
        for row in [
            row(1, query("AA")),
            row(2, query("BB")),
            row(3, Entry::Duplicate { of: 1 }),
        ] {
            asked.add_row(&row);
        }
        let [one, two, three] = [
            r#"{"row":1,"msg_id":"AA","topic":"t","instance_id":"MQ","tracks":[]}"#,
            r#"{"row":2,"msg_id":"BB","topic":"t","instance_id":"MQ","tracks":[]}"#,
            r#"{"row":3,"same_as":1}"#,
        ];
        assert_eq!(of_lines(&[three, one, two]), asked);
        let (swapped_one, swapped_two) = (one.replace("AA", "BB"), two.replace("BB", "AA"));
        let other_topic = two.replace("\"t\"", "\"u\"");
        for other in [
            [&*swapped_one, &*swapped_two, three],
            [one, &*other_topic, three],
            [one, two, r#"{"row":3,"same_as":2}"#],
            [
                one,
                two,
                r#"{"row":3,"rejected":{"file":"f","line":4,"column":"c","found":"","reason":"r"}}"#,
            ],
        ] {
            assert_ne!(of_lines(&other), asked, "{other:?}");
        }
    }
}
