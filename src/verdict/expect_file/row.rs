//! Reads one line of an expectations file.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ExpectationsError;
use super::columns::ExpectationColumns;
use crate::delimited::RecordCells;
use crate::message::{BadName, check_group, check_topic};
use crate::verdict::expect::{EVERY_TOPIC, Expectation};

/// One line of an expectations file.
pub(super) struct ExpectationRow<'a> {
    pub(super) path: &'a Path,
    pub(super) line: u64,
    pub(super) cells: &'a RecordCells,
}

impl<'a> ExpectationRow<'a> {
    fn text(&self, column: Option<usize>) -> &'a str {
        let cell = column.and_then(|column| self.cells.get(column));
        cell.unwrap_or_default().trim()
    }

    /// Returns the topic; empty or `*` stands for every topic.
    pub(super) fn topic(&self, places: &ExpectationColumns) -> Result<&'a str, ExpectationsError> {
        let topic = self.text(Some(places.topic));
        match check_topic(topic) {
            Err(problem) if topic != EVERY_TOPIC => {
                Err(self.bad("topic", with_problem(topic, problem)))
            }
            _ => Ok(topic),
        }
    }

    pub(super) fn expected(
        &self,
        places: &ExpectationColumns,
        zone: &TimeZone,
    ) -> Result<Expectation, ExpectationsError> {
        let group = self.text(Some(places.group));
        if group.is_empty() {
            let problem = "is empty, expected a consumer group".to_owned();
            return Err(self.bad("group", problem));
        }
        check_group(group).map_err(|problem| self.bad("group", with_problem(group, problem)))?;
        let tags = tags(self.text(places.tags)).map_err(|problem| self.bad("tags", problem))?;
        let [valid_from, valid_to] = [
            (places.valid_from, "valid_from", DayBoundary::First),
            (places.valid_to, "valid_to", DayBoundary::Last),
        ]
        .map(|(column, name, edge)| {
            moment(self.text(column), edge, zone).map_err(|problem| self.bad(name, problem))
        });
        let expected = Expectation {
            group: group.to_owned(),
            tags,
            valid_from: valid_from?,
            valid_to: valid_to?,
        };
        match (expected.valid_from, expected.valid_to) {
            (Some(from), Some(to)) if to <= from => Err(self.bad(
                "valid_to",
                format!(
                    "`{}` is not after valid_from `{}`: no message could be born between them",
                    self.text(places.valid_to),
                    self.text(places.valid_from)
                ),
            )),
            _ => Ok(expected),
        }
    }

    fn bad(&self, column: &'static str, problem: String) -> ExpectationsError {
        ExpectationsError::Cell {
            path: self.path.to_owned(),
            line: self.line,
            column,
            problem,
        }
    }
}

fn with_problem(name: &str, problem: BadName) -> String {
    format!("`{name}` {problem}")
}

/// Parses tags in RocketMQ's notation, `paid || created`. An empty cell or `*` means every tag. Commas are refused:
/// `a,b` would be one tag that no message has, and no miss would show.
fn tags(cell: &str) -> Result<BTreeSet<String>, String> {
    if cell.is_empty() || cell == "*" {
        return Ok(BTreeSet::new());
    }
    let tags = cell.split("||").map(str::trim);
    tags.map(|tag| {
        let joins = |c: char| c.is_whitespace() || matches!(c, '|' | ',' | ';');
        if tag.is_empty() || tag == "*" || tag.contains(joins) {
            Err(format!(
                "found `{cell}`, expected tags set apart by ||, such as paid || created"
            ))
        } else {
            Ok(tag.to_owned())
        }
    })
    .collect()
}

/// The end of the day that a date stands for.
#[derive(Clone, Copy)]
enum DayBoundary {
    First,
    Last,
}

/// Parses a moment (RFC 3339) or a day in `zone`. A day begins at its first moment and ends at the first moment of the
/// next day.
fn moment(cell: &str, edge: DayBoundary, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    if let Ok(moment) = cell.parse::<Timestamp>() {
        return Ok(Some(moment));
    }
    let day = if cell.len() == "2026-11-20".len() {
        cell.parse::<Date>().ok()
    } else {
        None // a time without a zone would be read as its day
    };
    let day = match edge {
        DayBoundary::First => day,
        DayBoundary::Last => day.and_then(|day| day.tomorrow().ok()),
    };
    let start = day.and_then(|day| day.to_zoned(zone.clone()).ok());
    start.map(|start| Some(start.timestamp())).ok_or_else(|| {
        format!(
            "found `{cell}`, expected a moment with its zone such as 2026-11-20T14:00:00+08:00, or a day such as 2026-11-20"
        )
    })
}
