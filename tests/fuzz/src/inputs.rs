//! Checks that hold for the rows of every input.

use ons_audit::input::{Entry, Inputs, Row};
use ons_audit::message::MessageId;

/// Reads all rows twice and checks them: there are as many as the surveys counted, they are numbered without a gap, each
/// has a query that can be asked or a reason, and both passes give the same. Returns the rows.
///
/// # Panics
///
/// If one of this does not hold.
pub fn checked_rows(inputs: &Inputs) -> Vec<Row> {
    let rows = read(inputs);
    let mut questions = vec![false];
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(row.row, number);
        check_entry(row, &questions);
        questions.push(matches!(row.entry, Entry::Query(_)));
        let kept = row.kept.json.as_deref().map(|json| {
            let kept: serde_json::Map<_, _> =
                serde_json::from_str(json).expect("what is kept is an object");
            kept.len()
        });
        assert_eq!(kept.unwrap_or_default(), row.kept.columns.len());
    }
    let surveyed: u64 = inputs.surveys().iter().map(|survey| survey.rows).sum();
    assert_eq!(surveyed, rows.len() as u64);
    let (again, notes) = (read(inputs), inputs.notes());
    assert_eq!(described(&rows), described(&again));
    assert_eq!(notes, inputs.notes());
    rows
}

fn read(inputs: &Inputs) -> Vec<Row> {
    inputs
        .rows()
        .map(|row| row.expect("the survey has read it"))
        .collect()
}

/// Returns each row as text, for comparisons.
#[must_use]
pub fn described(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

/// `questions` says of each row before whether it asks something; row 0 is none.
fn check_entry(row: &Row, questions: &[bool]) {
    match &row.entry {
        Entry::Query(query) => {
            assert_eq!(MessageId::check(&query.msg_id), Ok(()));
            assert!(!query.topic.is_empty());
            assert_ne!(query.instance_id.as_deref(), Some(""));
        }
        Entry::Duplicate { of } => assert!(questions[usize::try_from(*of).expect("rows are few")]),
        Entry::Rejected(reject) => {
            assert!(reject.line > 0 && !reject.reason.is_empty());
            assert!(reject.found.chars().count() <= 201);
        }
    }
}
