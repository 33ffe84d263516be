//! The topics of the judged messages: they show where a contract and the messages do not meet.
//!
//! A topic misspelt in a contract would silently expect nothing of anybody, so both sides are named: topics of the contract
//! that no message has, and topics of messages that the contract does not mention.

use std::collections::BTreeMap;

use super::Expectations;

/// More topics than this are not told apart; an account has hundreds.
const MAX_TOPICS: usize = 10_000;

/// How many distinct messages each topic has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicCounts {
    messages: BTreeMap<String, u64>,
    /// There are more than [`MOST`], and some are missing here.
    is_cut: bool,
}

/// Where contract and messages do not meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Topics that the contract names and no message has.
    pub without_messages: Vec<String>,
    /// Topics that messages have and the contract does not mention, with their number of distinct messages.
    pub without_expectations: Vec<(String, u64)>,
    /// There is a contract and there are messages, and it mentions the topic of none of them.
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
    /// Where they and messages of these topics do not meet; nothing where nothing is expected.
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
    fn of_very_many_topics_none_is_called_unmet() {
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
