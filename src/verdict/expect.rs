//! Expectations: which groups should have consumed a message.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ExpectationsError;
use crate::message::{BornClock, check_group, check_topic};

/// The topic name that stands for every topic.
pub(crate) const EVERY_TOPIC: &str = "*";

/// The groups that should have consumed each message. For a topic without expectations, the groups in the answer count
/// as expected.
///
/// A group that was never started appears in no answer (`docs/facts/users.md` point 0.7). Only an expectation can turn
/// its absence into a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expectations {
    /// Expectations for every topic.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    every_topic: BTreeSet<Expectation>,
    /// Further expectations for single topics.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    topics: BTreeMap<String, BTreeSet<Expectation>>,
    /// Whether an expected group passes if its subscription filters the message out.
    pub accept_filtered: bool,
    /// Whether a message in the dead-letter topic of an expected group is no break.
    #[serde(skip_serializing_if = "is_false")]
    pub accept_dead_lettered: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One line of the expectations: a group, and the messages that it is expected for. In the results file, a group
/// without conditions is written as its bare name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "ExpectationForm", into = "ExpectationForm")]
pub struct Expectation {
    /// The group that should consume the messages.
    pub group: String,
    /// If not empty, the expectation applies only to messages with one of these tags.
    pub tags: BTreeSet<String>,
    /// The expectation applies only to messages born at this moment or later.
    pub valid_from: Option<Timestamp>,
    /// The expectation applies only to messages born before this moment.
    pub valid_to: Option<Timestamp>,
}

/// The form of an expectation in the results file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ExpectationForm {
    Always(String),
    Bound {
        group: String,
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        tags: BTreeSet<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_from: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_to: Option<Timestamp>,
    },
}

/// Clocks of producers and brokers differ by less than this.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// The properties of a message that decide which groups are expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContext<'a> {
    /// The message's topic.
    pub topic: &'a str,
    /// The message's tag: empty if it has none, `None` if the tag is unknown.
    pub tag: Option<Cow<'a, str>>,
    /// When the message was born, as given in a column or by the source, or decoded from the ID.
    pub born: Option<Timestamp>,
    /// Whether `born` is decoded from the ID, which does not say its time zone.
    pub is_born_decoded: bool,
}

impl<'a> MessageContext<'a> {
    /// Returns a context of which only the topic is known.
    #[must_use]
    pub const fn of_topic(topic: &'a str) -> Self {
        Self {
            topic,
            tag: None,
            born: None,
            is_born_decoded: false,
        }
    }

    /// Returns the earliest time at which a broker can have stored a copy of the message, if its born time is known. Only
    /// from this time on does a copy that is not there mean something.
    ///
    /// The clocks of producers and brokers differ by less than five minutes. An ID does not say the time zone of its
    /// producer: if that is not the assumed one, the born time in the ID is wrong by up to 26 hours, the largest difference
    /// between two zones.
    #[must_use]
    pub fn earliest_copy(&self) -> Option<Timestamp> {
        let zones = if self.is_born_decoded {
            BornClock::MOST_WRONG
        } else {
            SignedDuration::ZERO
        };
        let earliest = self.born?.saturating_sub(CLOCKS + zones);
        Some(earliest.unwrap_or(Timestamp::MIN))
    }
}

/// The groups that are expected to have consumed one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedGroups<'e> {
    /// The groups, in name order.
    pub groups: BTreeSet<&'e str>,
    /// Whether a group is listed only because the message's tag or born time is unknown.
    pub assumed: bool,
}

/// Whether an expectation applies to a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Applicability {
    Yes,
    /// The expectation depends on a tag or born time that is unknown. It counts as applicable, so that no miss is
    /// hidden.
    Assumed,
    No,
}

impl Expectations {
    /// Returns whether there is no expectation at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.every_topic.is_empty() && self.topics.is_empty()
    }

    /// Returns whether any expectation depends on a message's tag.
    #[must_use]
    pub fn depend_on_tags(&self) -> bool {
        self.all().any(|expected| !expected.tags.is_empty())
    }

    /// Returns the groups expected for a message, or `None` if there is no expectation for its topic.
    #[must_use]
    pub fn groups_for(&self, subject: &MessageContext<'_>) -> Option<ExpectedGroups<'_>> {
        if !self.cover_topic(subject.topic) {
            return None;
        }
        let own = self.topics.get(subject.topic);
        let mut expected_groups = ExpectedGroups {
            groups: BTreeSet::new(),
            assumed: false,
        };
        for expected in own.into_iter().flatten().chain(&self.every_topic) {
            match expected.applies(subject) {
                Applicability::No => continue,
                Applicability::Assumed => expected_groups.assumed = true,
                Applicability::Yes => {}
            }
            expected_groups.groups.insert(&expected.group);
        }
        Some(expected_groups)
    }

    /// Returns whether the expectations name this group for a topic, under any condition.
    #[must_use]
    pub fn names_group(&self, topic: &str, group: &str) -> bool {
        let own = self.topics.get(topic).into_iter().flatten();
        own.chain(&self.every_topic)
            .any(|expected| expected.group == group)
    }

    /// Returns whether there is an expectation for a topic, under any condition.
    pub(super) fn cover_topic(&self, topic: &str) -> bool {
        !self.every_topic.is_empty() || self.topics.contains_key(topic)
    }

    /// Returns the topics that are named.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// Returns the expectations by topic; `*` stands for every topic.
    #[must_use]
    pub fn by_topic(&self) -> BTreeMap<&str, &BTreeSet<Expectation>> {
        let every_topic =
            (!self.every_topic.is_empty()).then_some((EVERY_TOPIC, &self.every_topic));
        let topics = self.topics.iter();
        topics
            .map(|(topic, expected)| (topic.as_str(), expected))
            .chain(every_topic)
            .collect()
    }

    /// Returns the groups named anywhere.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.all().map(|expected| expected.group.as_str())
    }

    fn all(&self) -> impl Iterator<Item = &Expectation> {
        self.topics.values().flatten().chain(&self.every_topic)
    }

    /// Adds one value of `--expect`: `GROUP,…` for every topic, `TOPIC=GROUP,…` for one.
    ///
    /// # Errors
    ///
    /// The value names no group, or a name contains characters that no topic or group may have.
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
        let groups: Vec<_> = groups.collect();
        let bad = |what, name: &str, problem| ExpectationsError::BadName {
            found: value.to_owned(),
            what,
            name: name.to_owned(),
            problem,
        };
        if topic != EVERY_TOPIC {
            check_topic(topic).map_err(|problem| bad("topic", topic, problem))?;
        }
        for group in &groups {
            check_group(group).map_err(|problem| bad("group", group, problem))?;
        }
        for group in groups {
            let always = Expectation {
                group: group.to_owned(),
                ..Expectation::default()
            };
            self.insert(topic, always);
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, topic: &str, expected: Expectation) {
        if topic.is_empty() || topic == EVERY_TOPIC {
            self.every_topic.insert(expected);
        } else {
            self.topics
                .entry(topic.to_owned())
                .or_default()
                .insert(expected);
        }
    }
}

impl Expectation {
    fn applies(&self, subject: &MessageContext<'_>) -> Applicability {
        let by_tag = match &subject.tag {
            _ if self.tags.is_empty() => Applicability::Yes,
            None => Applicability::Assumed,
            Some(tag) if self.tags.contains(&**tag) => Applicability::Yes,
            Some(_) => Applicability::No,
        };
        let by_birth = match subject.born {
            _ if self.valid_from.is_none() && self.valid_to.is_none() => Applicability::Yes,
            None => Applicability::Assumed,
            Some(born)
                if self.valid_from.is_none_or(|from| from <= born)
                    && self.valid_to.is_none_or(|to| born < to) =>
            {
                Applicability::Yes
            }
            Some(_) => Applicability::No,
        };
        match (by_tag, by_birth) {
            (Applicability::No, _) | (_, Applicability::No) => Applicability::No,
            (Applicability::Yes, Applicability::Yes) => Applicability::Yes,
            _ => Applicability::Assumed,
        }
    }
}

impl From<Expectation> for ExpectationForm {
    fn from(expected: Expectation) -> Self {
        let Expectation {
            group,
            tags,
            valid_from,
            valid_to,
        } = expected;
        if tags.is_empty() && valid_from.is_none() && valid_to.is_none() {
            return Self::Always(group);
        }
        Self::Bound {
            group,
            tags,
            valid_from,
            valid_to,
        }
    }
}

impl From<ExpectationForm> for Expectation {
    fn from(written: ExpectationForm) -> Self {
        match written {
            ExpectationForm::Always(group) => Self {
                group,
                ..Self::default()
            },
            ExpectationForm::Bound {
                group,
                tags,
                valid_from,
                valid_to,
            } => Self {
                group,
                tags,
                valid_from,
                valid_to,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expectations: &Expectations, topic: &str) -> Option<Vec<String>> {
        let expected_groups = expectations.groups_for(&MessageContext::of_topic(topic))?;
        Some(
            expected_groups
                .groups
                .into_iter()
                .map(str::to_owned)
                .collect(),
        )
    }

    #[test]
    fn groups_are_expected_of_every_topic_or_of_one() {
        let mut expectations = Expectations::default();
        assert!(expectations.is_empty() && of(&expectations, "orders").is_none());
        expectations.add("orders=GID_b, GID_a").unwrap();
        assert_eq!(of(&expectations, "orders").unwrap(), ["GID_a", "GID_b"]);
        assert_eq!(of(&expectations, "payments"), None);
        expectations.add("GID_all").unwrap();
        assert_eq!(
            of(&expectations, "orders").unwrap(),
            ["GID_a", "GID_all", "GID_b"]
        );
        assert_eq!(of(&expectations, "payments").unwrap(), ["GID_all"]);
        assert!(
            expectations.names_group("orders", "GID_b")
                && !expectations.names_group("payments", "GID_b")
        );
    }

    #[test]
    fn an_expectation_without_a_group_is_refused() {
        for found in [
            "",
            ",",
            "orders=",
            "=GID_a",
            "orders= ,",
            "GID_a,orders=GID_b",
            "ord*=GID_a",
            "GID a",
        ] {
            assert!(Expectations::default().add(found).is_err(), "{found:?}");
        }
    }

    #[test]
    fn unknown_tags_and_times_count_as_expected() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut expectations = Expectations::default();
        expectations.insert(
            "orders",
            Expectation {
                group: "GID_a".to_owned(),
                tags: ["paid".to_owned(), "created".to_owned()].into(),
                valid_from: Some(moment("2026-11-20T00:00:00Z")),
                valid_to: Some(moment("2026-11-21T00:00:00Z")),
            },
        );
        let (during, before) = ("2026-11-20T00:00:00Z", "2026-11-19T23:59:59.999Z");
        let at_its_end = "2026-11-21T00:00:00Z";
        for (tag, born, expected, assumed) in [
            (Some("paid"), Some(during), true, false),
            (Some("created"), Some(during), true, false),
            (Some("cancelled"), Some(during), false, false),
            (Some("PAID"), Some(during), false, false),
            (Some(""), Some(during), false, false),
            (Some("paid"), Some(before), false, false),
            (Some("paid"), Some(at_its_end), false, false),
            (None, Some(during), true, true),
            (Some("paid"), None, true, true),
            (None, None, true, true),
            (None, Some(before), false, false),
            (Some("cancelled"), None, false, false),
        ] {
            let subject = MessageContext {
                topic: "orders",
                tag: tag.map(Cow::Borrowed),
                born: born.map(moment),
                is_born_decoded: false,
            };
            let expected_groups = expectations.groups_for(&subject).unwrap();
            let found = (
                expected_groups.groups.contains("GID_a"),
                expected_groups.assumed,
            );
            assert_eq!(found, (expected, assumed), "{tag:?} {born:?}");
        }
        assert!(expectations.depend_on_tags());
    }

    #[test]
    fn a_copy_may_be_older_than_a_born_time_whose_zone_is_assumed() {
        let table = [
            (
                Some("2026-11-20T12:00:00Z"),
                false,
                Some("2026-11-20T11:55:00Z"),
            ),
            (
                Some("2026-11-20T12:00:00Z"),
                true,
                Some("2026-11-19T09:55:00Z"),
            ),
            (None, false, None),
        ];
        for (born, is_born_decoded, earliest) in table {
            let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            let message = MessageContext {
                born: time(born),
                is_born_decoded,
                ..MessageContext::of_topic("orders")
            };
            assert_eq!(
                message.earliest_copy(),
                time(earliest),
                "{born:?} {is_born_decoded}"
            );
        }
    }

    #[test]
    fn a_group_without_conditions_is_written_as_bare_name() {
        let mut expectations = Expectations::default();
        expectations.add("orders=GID_a").unwrap();
        let bound = Expectation {
            group: "GID_b".to_owned(),
            tags: ["paid".to_owned()].into(),
            valid_from: Some("2026-11-20T00:00:00Z".parse().unwrap()),
            valid_to: None,
        };
        expectations.insert("orders", bound);
        let json = serde_json::to_string(&expectations).unwrap();
        assert_eq!(
            json,
            r#"{"topics":{"orders":["GID_a",{"group":"GID_b","tags":["paid"],"valid_from":"2026-11-20T00:00:00Z"}]},"accept_filtered":false}"#
        );
        assert_eq!(
            serde_json::from_str::<Expectations>(&json).unwrap(),
            expectations
        );
    }
}
