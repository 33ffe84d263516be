//! Which groups should have consumed a topic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::Advice;

/// The groups that should have consumed each topic; without any for a topic, the groups in the answer are taken.
///
/// A group that was never started appears in no answer (`facts/users.md` point 0.7): only an expectation can
/// turn its absence into a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expectations {
    /// Expected of every topic.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    every_topic: BTreeSet<String>,
    /// Expected of one topic, besides those of every topic.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    topics: BTreeMap<String, BTreeSet<String>>,
    /// An expected group whose subscription filters the message out is no break.
    pub accept_filtered: bool,
}

/// Why expectations can't be understood.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationsError {
    /// A value of `--expect` without any group in it.
    #[error("--expect `{found}`: expected GROUP,… or TOPIC=GROUP,…")]
    NoGroup {
        /// What was typed.
        found: String,
    },
    /// The file can't be read as CSV.
    #[error("can't read expectations from {}", path.display())]
    File {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What the reader said, with the line.
        source: csv::Error,
    },
    /// The file lacks a column.
    #[error("{}: no `{missing}` column; the header has: {}", path.display(), found.join(", "))]
    Column {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// `topic` or `group`.
        missing: &'static str,
        /// The names that are there.
        found: Vec<String>,
    },
    /// A line lacks a group.
    #[error("{}:{line}: the `group` cell is empty; expected a consumer group", path.display())]
    Empty {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
    },
}

impl Advice for ExpectationsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoGroup { .. } => "for example --expect orders=GID_billing,GID_shipping".to_owned(),
            _ => "an expectations file is CSV with the header `topic,group`, one expected group a line; \
                  leave `topic` empty for a group that every topic should have"
                .to_owned(),
        })
    }
}

impl Expectations {
    /// Nothing expected: the groups in each answer are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.every_topic.is_empty() && self.topics.is_empty()
    }

    /// The groups expected of `topic` in name order, or `None` where nothing is expected of it.
    #[must_use]
    pub fn of(&self, topic: &str) -> Option<BTreeSet<&str>> {
        let own = self.topics.get(topic);
        if own.is_none() && self.every_topic.is_empty() {
            return None;
        }
        Some(
            own.into_iter()
                .flatten()
                .chain(&self.every_topic)
                .map(String::as_str)
                .collect(),
        )
    }

    /// Every group named anywhere.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.topics
            .values()
            .flatten()
            .chain(&self.every_topic)
            .map(String::as_str)
    }

    /// Adds one value of `--expect`: `GROUP,…` for every topic, `TOPIC=GROUP,…` for one.
    pub fn add(&mut self, value: &str) -> Result<(), ExpectationsError> {
        let (topic, groups) = match value.split_once('=') {
            Some((topic, groups)) => (topic.trim(), groups),
            None => ("", value),
        };
        let mut groups = groups
            .split(',')
            .map(str::trim)
            .filter(|group| !group.is_empty())
            .peekable();
        if groups.peek().is_none() || (topic.is_empty() && value.contains('=')) {
            return Err(ExpectationsError::NoGroup {
                found: value.to_owned(),
            });
        }
        groups.for_each(|group| self.insert(topic, group));
        Ok(())
    }

    /// Adds a file of `--expect-file`: CSV with the columns `topic` and `group`.
    pub fn add_file(&mut self, path: &Path) -> Result<(), ExpectationsError> {
        let unreadable = |source| ExpectationsError::File {
            path: path.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.clone();
        let column = |missing: &'static str| {
            header
                .iter()
                .position(|name| {
                    name.trim_start_matches('\u{feff}')
                        .eq_ignore_ascii_case(missing)
                })
                .ok_or_else(|| ExpectationsError::Column {
                    path: path.to_owned(),
                    missing,
                    found: header.iter().map(str::to_owned).collect(),
                })
        };
        let (topic, group) = (column("topic")?, column("group")?);
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            match record.get(group) {
                None | Some("") => {
                    return Err(ExpectationsError::Empty {
                        path: path.to_owned(),
                        line,
                    });
                }
                Some(group) => self.insert(record.get(topic).unwrap_or(""), group),
            }
        }
        Ok(())
    }

    fn insert(&mut self, topic: &str, group: &str) {
        if topic.is_empty() || topic == "*" {
            self.every_topic.insert(group.to_owned());
        } else {
            self.topics
                .entry(topic.to_owned())
                .or_default()
                .insert(group.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::io::Write;

    fn of(expectations: &Expectations, topic: &str) -> Option<Vec<String>> {
        expectations
            .of(topic)
            .map(|groups| groups.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn groups_are_expected_of_every_topic_or_of_one() {
        let mut expectations = Expectations::default();
        assert!(expectations.is_empty() && expectations.of("orders").is_none());
        expectations.add("orders=GID_b, GID_a").unwrap();
        assert_eq!(of(&expectations, "orders").unwrap(), ["GID_a", "GID_b"]);
        assert_eq!(of(&expectations, "payments"), None);
        expectations.add("GID_all").unwrap();
        assert_eq!(
            of(&expectations, "orders").unwrap(),
            ["GID_a", "GID_all", "GID_b"]
        );
        assert_eq!(of(&expectations, "payments").unwrap(), ["GID_all"]);
    }

    #[test]
    fn an_expectation_without_a_group_is_refused() {
        for found in ["", ",", "orders=", "=GID_a", "orders= ,"] {
            assert!(Expectations::default().add(found).is_err(), "{found:?}");
        }
    }

    #[test]
    fn a_file_names_topic_and_group_and_errors_name_the_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(
            file,
            "\u{feff}Topic,Group,owner\r\norders,GID_a,li\n# a remark\n,GID_all,\npayments,,wang\n"
        )
        .unwrap();
        let error = Expectations::default()
            .add_file(file.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with(":5: the `group` cell is empty; expected a consumer group"),
            "{error}"
        );

        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "topic,consumer\norders,GID_a\n").unwrap();
        let error = Expectations::default()
            .add_file(file.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("no `group` column; the header has: topic, consumer"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn no_expectation_lacks_a_name_or_is_lost_in_the_record(
            values in prop::collection::vec("[a-c*=, ]{0,8}|.{0,8}", 0..4),
            file in "(topic|group|\u{feff}|[\",#\r\n])(group|topic|[ab,\"#\r\n*]){0,12}",
        ) {
            let mut csv = tempfile::NamedTempFile::new().unwrap();
            csv.write_all(file.as_bytes()).unwrap();
            let mut expectations = Expectations::default();
            for value in &values {
                let before = expectations.clone();
                if expectations.add(value).is_err() {
                    prop_assert_eq!(&expectations, &before);
                }
            }
            let _ = expectations.add_file(csv.path());
            prop_assert!(expectations.groups().all(|group| !group.is_empty() && group.trim() == group));
            prop_assert_eq!(expectations.is_empty(), expectations.groups().next().is_none());
            let json = serde_json::to_string(&expectations).unwrap();
            prop_assert_eq!(serde_json::from_str::<Expectations>(&json).unwrap(), expectations);
        }
    }
}
