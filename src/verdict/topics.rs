//! Compares the topics of the messages with the topics of the expectations.
//!
//! A misspelt topic in the expectations would silently expect nothing. So reports name both sides: topics with
//! expectations that no message has, and topics of messages without expectations.

use std::collections::BTreeMap;

use super::Expectations;

/// The most topics that are counted separately. An account has hundreds.
const MAX_TOPICS: usize = 10_000;

/// How many distinct messages each topic has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicCounts {
    messages: BTreeMap<String, u64>,
    /// Whether there are more than [`MAX_TOPICS`] topics, so that some are missing here.
    is_cut: bool,
}

/// Where the expectations and the messages do not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Topics that the expectations name and no message has.
    pub without_messages: Vec<String>,
    /// Topics of messages without expectations, with their number of distinct messages.
    pub without_expectations: Vec<(String, u64)>,
    /// Whether there are expectations and messages, but no message has a topic with expectations.
    pub covers_none: bool,
}

impl TopicCounts {
    pub(super) fn add(&mut self, topic: &str) {
        match self.messages.get_mut(topic) {
            Some(messages) => *messages += 1,
            None => self.add_many(topic.to_owned(), 1),
        }
    }

    pub(super) fn append(&mut self, next: Self) {
        self.is_cut |= next.is_cut;
        for (topic, messages) in next.messages {
            self.add_many(topic, messages);
        }
    }

    fn add_many(&mut self, topic: String, messages: u64) {
        if self.messages.len() < MAX_TOPICS || self.messages.contains_key(&topic) {
            *self.messages.entry(topic).or_default() += messages;
        } else {
            self.is_cut = true;
        }
    }
}

impl Expectations {
    /// Returns where the expectations and the topics of the messages do not match. Empty if there are no expectations.
    #[must_use]
    pub fn coverage(&self, topics: &TopicCounts) -> Coverage {
        let without_messages = self
            .topics()
            .filter(|topic| !topics.is_cut && !topics.messages.contains_key(*topic));
        let without_expectations = topics
            .messages
            .iter()
            .filter(|(topic, _)| !self.is_empty() && !self.cover_topic(topic));
        let without_expectations: Vec<_> = without_expectations
            .map(|(topic, messages)| (topic.clone(), *messages))
            .collect();
        Coverage {
            without_messages: without_messages.map(str::to_owned).collect(),
            covers_none: !without_expectations.is_empty()
                && without_expectations.len() == topics.messages.len(),
            without_expectations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(of_messages: &[&str]) -> TopicCounts {
        let mut topics = TopicCounts::default();
        for topic in of_messages {
            topics.add(topic);
        }
        topics
    }

    fn coverage(
        expected: &[&str],
        of_messages: &[&str],
    ) -> (Vec<String>, Vec<(String, u64)>, bool) {
        let mut expectations = Expectations::default();
        for value in expected {
            expectations.add(value).unwrap();
        }
        let coverage = expectations.coverage(&topics(of_messages));
        (
            coverage.without_messages,
            coverage.without_expectations,
            coverage.covers_none,
        )
    }

    #[test]
    fn a_misspelt_topic_shows_on_both_sides() {
        let named = |topic: &str, messages| (topic.to_owned(), messages);
        for (expected, messages, without_messages, without_expectations, covers_none) in [
            (&[][..], &["a"][..], &[][..], vec![], false),
            (&["G"], &["a"], &[], vec![], false),
            (&["a=G"], &["a", "a"], &[], vec![], false),
            (&["b=G"], &["a", "a"], &["b"], vec![named("a", 2)], true),
            (
                &["a=G", "b=G"],
                &["a", "c"],
                &["b"],
                vec![named("c", 1)],
                false,
            ),
            (&["a=G", "H"], &["c"], &["a"], vec![], false),
            (&["a=G"], &[], &["a"], vec![], false),
        ] {
            let without_messages: Vec<_> = without_messages
                .iter()
                .map(|&topic| topic.to_owned())
                .collect();
            let found = coverage(expected, messages);
            assert_eq!(
                found,
                (without_messages, without_expectations, covers_none),
                "{expected:?} {messages:?}"
            );
        }
    }

    #[test]
    fn too_many_topics_suppress_missing_topics() {
        let names: Vec<_> = (0..=MAX_TOPICS).map(|nth| nth.to_string()).collect();
        let (first, second) = names.split_at(MAX_TOPICS / 2);
        let part = |names: &[String]| topics(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut all = part(first);
        all.append(part(second));
        assert_eq!((all.messages.len(), all.is_cut), (MAX_TOPICS, true));
        let mut expectations = Expectations::default();
        expectations.add("misspelt=G").unwrap();
        assert_eq!(
            expectations.coverage(&all).without_messages,
            Vec::<String>::new()
        );
    }
}
