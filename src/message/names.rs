//! Names that `RocketMQ` accepts for topics, groups and instances (`docs/facts/rocketmq.md` §6).

/// Maximum length of a topic, in bytes.
const TOPIC: usize = 127;
/// Maximum length of a retry or dead-letter topic, whose name contains a group's.
const DERIVED_TOPIC: usize = 255;
/// Maximum length of a group, in bytes. Current brokers accept 120; earlier ones accept any group whose derived
/// topics are short enough.
const GROUP: usize = 255;

/// The reason why a text cannot be a topic, group or instance; the message continues "the topic …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text contains a character that no name has.
    #[error(
        "has {found:?} as character {position}, expected letters, digits, `_`, `-`, `%` and `|` only"
    )]
    Alphabet {
        /// The first such character.
        found: char,
        /// Its position, from 1.
        position: usize,
    },
    /// The text is too long.
    #[error("has {found} bytes, expected at most {most}")]
    Length {
        /// Its length in bytes.
        found: usize,
        /// The maximum length.
        most: usize,
    },
}

/// Checks the name of a topic. The empty text must be handled by the caller.
///
/// A retry topic of POP consumers is `%RETRY%group_topic` or, since `RocketMQ` 5.2, `%RETRY%group+topic`.
pub(crate) fn check_topic(name: &str) -> Result<(), BadName> {
    let is_retry = name.starts_with("%RETRY%");
    match name.split_once('+') {
        Some((front, back)) if is_retry => {
            check_alphabet(front, 1)?;
            check_alphabet(back, front.len() + 2)?;
        }
        _ => check_alphabet(name, 1)?,
    }
    let is_derived = is_retry || name.starts_with("%DLQ%");
    let most = if is_derived { DERIVED_TOPIC } else { TOPIC };
    check_length(name, most)
}

/// Checks the name of a consumer group. The empty text must be handled by the caller.
pub(crate) fn check_group(name: &str) -> Result<(), BadName> {
    check_alphabet(name, 1)?;
    check_length(name, GROUP)
}

/// Checks the name of an instance. No documentation gives a maximum length.
pub(crate) fn check_instance(name: &str) -> Result<(), BadName> {
    check_alphabet(name, 1)
}

fn check_length(name: &str, most: usize) -> Result<(), BadName> {
    match name.len() {
        found if found > most => Err(BadName::Length { found, most }),
        _ => Ok(()),
    }
}

/// Checks the characters of a name or a part of one; `first` is the position of its first character.
fn check_alphabet(name: &str, first: usize) -> Result<(), BadName> {
    let stranger = |(_, c): &(usize, char)| !c.is_ascii_alphanumeric() && !"_-%|".contains(*c);
    match (first..).zip(name.chars()).find(stranger) {
        Some((position, found)) => Err(BadName::Alphabet { found, position }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_follow_the_broker_s_rule() {
        let long = "t".repeat(127);
        for name in [
            "orders",
            "MQ_INST_1_BX%orders-2|x",
            "%RETRY%GID_a",
            "%RETRY%GID_a_orders",
            "%RETRY%GID_a+orders",
            "%RETRY%MQ_INST_1%GID_a+MQ_INST_1%orders",
            &long,
        ] {
            assert_eq!(check_topic(name), Ok(()), "{name}");
        }
        let dead = format!("%DLQ%{}", "g".repeat(250));
        assert_eq!(check_topic(&dead), Ok(()));
        let length = |found, most| Err(BadName::Length { found, most });
        assert_eq!(check_topic(&format!("{long}t")), length(128, 127));
        assert_eq!(check_topic(&format!("{dead}g")), length(256, 255));
    }

    #[test]
    fn a_plus_is_legal_once_and_in_retry_topics_only() {
        for (name, found, position) in [
            ("GID_a+orders", '+', 6),
            ("%DLQ%GID_a+orders", '+', 11),
            ("%RETRY%GID_a+orders+x", '+', 20),
            ("%RETRY%GID.a+orders", '.', 11),
            ("%RETRY%GID_a+or.ders", '.', 16),
        ] {
            let fault = Err(BadName::Alphabet { found, position });
            assert_eq!(check_topic(name), fault, "{name}");
        }
        let name = "%RETRY%GID_a+orders";
        assert!(check_group(name).is_err() && check_instance(name).is_err());
    }

    #[test]
    fn the_first_stranger_is_named() {
        for (name, found, position) in [
            (" orders", ' ', 1),
            ("or.ders", '.', 3),
            ("büro", 'ü', 2),
            ("a\n", '\n', 2),
        ] {
            assert_eq!(
                check_topic(name),
                Err(BadName::Alphabet { found, position })
            );
            assert_eq!(
                check_instance(name),
                Err(BadName::Alphabet { found, position })
            );
        }
    }
}
