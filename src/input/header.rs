//! Matches the names in a header, or the keys of an object, with the roles of columns.

use std::collections::HashSet;

use super::column_ref::ColumnRef;

/// The role of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The message ID.
    MsgId,
    /// The topic.
    Topic,
    /// The instance.
    Instance,
    /// The name of the broker that stores the message.
    Broker,
    /// The queue of the topic on that broker.
    QueueId,
    /// The offset in that queue.
    QueueOffset,
    /// The tag of the message.
    Tag,
    /// The status of the send that stored the message.
    SendStatus,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::MsgId,
        Self::Topic,
        Self::Instance,
        Self::Broker,
        Self::QueueId,
        Self::QueueOffset,
        Self::Tag,
        Self::SendStatus,
    ];

    /// Returns the default name of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MsgId => "msg_id",
            Self::Topic => "topic",
            Self::Instance => "instance_id",
            Self::Broker => "broker",
            Self::QueueId => "queue_id",
            Self::QueueOffset => "queue_offset",
            Self::Tag => "tag",
            Self::SendStatus => "send_status",
        }
    }

    /// Returns the flag that names a column of this role.
    pub(super) const fn flag(self) -> &'static str {
        match self {
            Self::Topic => "--topic-column",
            Self::Instance => "--instance-column",
            // The columns of a position are never required.
            Self::MsgId
            | Self::Broker
            | Self::QueueId
            | Self::QueueOffset
            | Self::Tag
            | Self::SendStatus => "--msg-id-column",
        }
    }

    /// Returns what a column of this role holds, in words.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::MsgId => "message ID",
            Self::Topic => "topic",
            Self::Instance => "instance",
            Self::Broker => "broker",
            Self::QueueId => "queue",
            Self::QueueOffset => "queue offset",
            Self::Tag => "tag",
            Self::SendStatus => "send status",
        }
    }

    /// Returns the names of a column of this role, as [`fold`] writes them: canonical ones, and aliases that count only
    /// if no column has a canonical name.
    ///
    /// An alias must mean the role in nearly every table. `keys` and `order_id` are the business's keys, `tags` are
    /// often the customer's, and `instance` and `namespace` a server's, so they are no aliases.
    const fn names(self) -> [&'static [&'static str]; 2] {
        match self {
            Self::MsgId => [
                &["msgid", "messageid"],
                &[
                    "mqmsgid",
                    "mqmessageid",
                    "uniqkey",
                    "uniquekey",
                    "消息id",
                    "消息编号",
                    "消息标识",
                ],
            ],
            Self::Topic => [
                &["topic"],
                &[
                    "topicname",
                    "mqtopic",
                    "主题",
                    "消息主题",
                    "主题名",
                    "主题名称",
                ],
            ],
            Self::Instance => [&["instanceid"], &["mqinstanceid", "实例id"]],
            Self::Broker => [&["broker"], &["brokername"]],
            Self::QueueId => [&["queueid"], &["queue", "队列", "队列id"]],
            Self::QueueOffset => [&["queueoffset"], &["offset", "位点", "队列位点"]],
            Self::Tag => [&["tag"], &["标签", "消息标签"]],
            Self::SendStatus => [&["sendstatus"], &[]],
        }
    }

    /// Returns whether a header names the role so, by a canonical name or an alias.
    #[cfg(test)]
    fn is_called(self, name: &str) -> bool {
        self.names().iter().any(|names| is_one_of(name, names))
    }

    /// Returns whether a header names the role by an alias.
    pub(super) fn is_alias(self, name: &str) -> bool {
        let [_, aliases] = self.names();
        is_one_of(name, aliases)
    }
}

fn is_one_of(name: &str, folded: &[&str]) -> bool {
    folded.iter().any(|folded| is_folded(name, folded))
}

/// Columns cannot be mapped to roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// No column has the role.
    #[error("no column is named `{}`", .0.as_str())]
    Missing(Role),
    /// A flag names a column that is missing.
    #[error("{flag} is {wanted}, but there is no such column")]
    Unknown {
        /// The role of that column.
        role: Role,
        /// The column as the flag names it.
        wanted: ColumnRef,
        /// The flag.
        flag: &'static str,
    },
    /// Two columns have the name, so either could be meant.
    #[error("the columns `{first}` and `{second}` could both be the {}", .role.as_str())]
    Ambiguous {
        /// The role of both columns.
        role: Role,
        /// The first of them.
        first: String,
        /// The second of them.
        second: String,
    },
    /// `--keep` names a column that is missing.
    #[error("there is no column `{0}` to keep")]
    Keep(String),
}

/// Finds the column of a role: the one that a flag names, or else the one with a name of the role.
pub(super) fn find(
    names: &[&str],
    role: Role,
    wanted: Option<&ColumnRef>,
) -> Result<Option<usize>, Unmapped> {
    let found = match wanted {
        None => column_of(names.iter().copied(), role),
        Some(ColumnRef::Number(number)) => {
            Ok(Some(number.get() - 1).filter(|&column| column < names.len()))
        }
        Some(ColumnRef::Name(name)) => {
            let only = |is_it: &dyn Fn(&str) -> bool| only(names.iter().copied(), is_it);
            match only(&|it| it == name) {
                Ok(None) => only(&|it| fold(it) == fold(name)),
                found => found,
            }
        }
    };
    found.map_err(|[first, second]| Unmapped::Ambiguous {
        role,
        first: names[first].to_owned(),
        second: names[second].to_owned(),
    })
}

/// Finds the column with the canonical name of a role, or else the one with an alias. The error has two columns with
/// names of the same rank.
pub(crate) fn column_of<'n>(
    names: impl Iterator<Item = &'n str> + Clone,
    role: Role,
) -> Result<Option<usize>, [usize; 2]> {
    let [canonical, aliases] = role.names();
    match only(names.clone(), |name| is_one_of(name, canonical)) {
        Ok(None) => only(names, |name| is_one_of(name, aliases)),
        found => found,
    }
}

fn only<'n>(
    names: impl Iterator<Item = &'n str>,
    is_it: impl Fn(&str) -> bool,
) -> Result<Option<usize>, [usize; 2]> {
    let mut found = names
        .enumerate()
        .filter_map(|(column, name)| is_it(name).then_some(column));
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => Err([first, second]),
        (first, _) => Ok(first),
    }
}

/// Returns the column whose name is likeliest a misspelt name of a role.
pub(super) fn near_miss(names: &[String], role: Role) -> Option<&str> {
    let distance = |name: &String| {
        let name = fold(name);
        let accepted = role.names().into_iter().flatten();
        let distances = accepted.filter_map(|accepted| {
            // Short names are close to many words, and `messages` to `messageid`.
            let [given, length] = [&*name, *accepted].map(|name| name.chars().count());
            let most = match length {
                0..4 => 0,
                8.. if given == length => 2,
                _ => 1,
            };
            Some(strsim::osa_distance(&name, accepted)).filter(|distance| *distance <= most)
        });
        distances.min()
    };
    let near = names
        .iter()
        .filter_map(|name| Some((distance(name)?, name)));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.as_str())
}

/// Returns whether `wanted` means this column. `unique` is its name without repeats.
pub(super) fn is_same(wanted: &str, name: &str, unique: &str) -> bool {
    wanted == unique || (!name.is_empty() && fold(wanted) == fold(name))
}

/// Returns a name without case, width, blanks, `_` and `-`.
pub(crate) fn fold(name: &str) -> String {
    counting(name).collect()
}

/// Returns whether `folded` is the folded form of a name. Allocates nothing, because every row needs it.
pub(crate) fn is_folded(name: &str, folded: &str) -> bool {
    counting(name).eq(folded.chars())
}

fn counting(name: &str) -> impl Iterator<Item = char> {
    let counts = |c: &char| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}' | '\u{200b}');
    name.chars()
        .map(half_width)
        .filter(counts)
        .flat_map(char::to_lowercase)
}

/// Returns the ASCII character of a full-width one, which Chinese input methods write.
fn half_width(c: char) -> char {
    const FULL_WIDTH: u32 = '！' as u32;
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - FULL_WIDTH + u32::from('!')).unwrap_or(c),
        _ => c,
    }
}

/// Makes names unique: a second `name` becomes `name_2`, and a column without a name becomes `column_N`.
pub(super) fn unique_names(names: &[&str]) -> Vec<Box<str>> {
    let mut reserved = HashSet::with_capacity(names.len());
    let unique = (1..).zip(names).map(|(number, name)| {
        let plain = if name.is_empty() {
            format!("column_{number}")
        } else {
            (*name).to_owned()
        };
        let mut name = plain.clone();
        let mut count = 1;
        while !reserved.insert(name.clone()) {
            count += 1;
            name = format!("{plain}_{count}");
        }
        name.into_boxed_str()
    });
    unique.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_are_folded_and_different() {
        let mut seen = HashSet::new();
        for name in Role::ALL.iter().flat_map(|role| role.names()).flatten() {
            assert_eq!(fold(name), *name);
            assert!(seen.insert(name), "{name}");
        }
        for role in Role::ALL {
            assert!(role.is_called(role.as_str()) && !role.is_alias(role.as_str()));
        }
    }

    #[test]
    fn names_are_compared_without_width_and_blanks() {
        for name in [
            "消息 ID",
            "消息ＩＤ",
            "\u{feff}消息\u{3000}id",
            "消息\u{a0}Id\u{200b}",
            "消息_iD",
        ] {
            assert_eq!(fold(name), "消息id", "{name:?}");
            assert!(Role::MsgId.is_alias(name), "{name:?}");
        }
        assert!(!Role::MsgId.is_called("消息"));
    }

    #[test]
    fn near_misses_are_one_or_two_edits_away() {
        let msg_id = |name: &str| near_miss(&[name.to_owned()], Role::MsgId).is_some();
        for near in [
            "mesage_id",
            "mesagge_id",
            "mgs_id",
            "Msg_Ids",
            "msgd",
            "消息码ID",
        ] {
            assert!(msg_id(near), "{near}");
        }
        for far in [
            "id", "uid", "userid", "org_id", "order", "message", "messages", "key", "",
        ] {
            assert!(!msg_id(far), "{far}");
        }
        let nearest = ["mesages_id", "messag_id"].map(str::to_owned);
        assert_eq!(near_miss(&nearest, Role::MsgId), Some("messag_id"));
        let topics = ["题", "topik"].map(str::to_owned);
        assert_eq!(near_miss(&topics, Role::Topic), Some("topik"));
    }

    #[test]
    fn names_are_made_unique() {
        let unique = unique_names(&["a", "", "a", "a_2", "a", "column_2"]);
        assert_eq!(unique.join(" "), "a column_2 a_2 a_2_2 a_3 column_2_2");
    }
}
