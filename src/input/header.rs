//! Matches the names in a header, or the keys of an object, with the roles of columns.

use std::collections::HashSet;

use super::options::ColumnRef;

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
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 7] = [
        Self::MsgId,
        Self::Topic,
        Self::Instance,
        Self::Broker,
        Self::QueueId,
        Self::QueueOffset,
        Self::Tag,
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
        }
    }

    /// Returns whether a header names the role so.
    pub(super) fn is_called(self, name: &str) -> bool {
        let name = fold(name);
        name == fold(self.as_str()) || (self == Self::MsgId && name == "messageid")
    }
}

/// Columns cannot be mapped to roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// No column has the role.
    #[error("no column is named `{}`", .0.as_str())]
    Missing(Role),
    /// A flag names a column that is missing.
    #[error("there is no column {wanted} to take the {} from", .role.as_str())]
    Unknown {
        /// The role of that column.
        role: Role,
        /// The column as the flag names it.
        wanted: ColumnRef,
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

/// Finds the column of a role: the one that a flag names, or the one with the name of the role.
pub(super) fn find(
    names: &[&str],
    role: Role,
    wanted: Option<&ColumnRef>,
) -> Result<Option<usize>, Unmapped> {
    let only = |is_it: &dyn Fn(&str) -> bool| {
        let mut found = (0..names.len()).filter(|&column| is_it(names[column]));
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(Unmapped::Ambiguous {
                role,
                first: names[first].to_owned(),
                second: names[second].to_owned(),
            }),
            (first, _) => Ok(first),
        }
    };
    match wanted {
        None => only(&|name| role.is_called(name)),
        Some(ColumnRef::Number(number)) => {
            Ok(Some(number.get() - 1).filter(|&column| column < names.len()))
        }
        Some(ColumnRef::Name(name)) => match only(&|it| it == name)? {
            None => only(&|it| fold(it) == fold(name)),
            exact => Ok(exact),
        },
    }
}

/// Returns whether `wanted` means this column. `unique` is its name without repeats.
pub(super) fn is_same(wanted: &str, name: &str, unique: &str) -> bool {
    wanted == unique || (!name.is_empty() && fold(wanted) == fold(name))
}

/// Returns a name without case, spaces, `_` and `-`.
pub(crate) fn fold(name: &str) -> String {
    counting(name).collect()
}

/// Returns whether `folded` is the folded form of a name. Allocates nothing, because every row needs it.
pub(crate) fn is_folded(name: &str, folded: &str) -> bool {
    counting(name).eq(folded.chars())
}

fn counting(name: &str) -> impl Iterator<Item = char> {
    let counts = |c: &char| !c.is_whitespace() && !matches!(c, '_' | '-');
    name.chars().filter(counts).flat_map(char::to_lowercase)
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
    fn names_are_made_unique() {
        let unique = unique_names(&["a", "", "a", "a_2", "a", "column_2"]);
        assert_eq!(unique.join(" "), "a column_2 a_2 a_2_2 a_3 column_2_2");
    }
}
