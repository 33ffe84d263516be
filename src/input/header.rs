//! The names in a header (or the keys of an object): what each could be to us, and how a person may spell it.

use std::collections::HashSet;

use super::options::ColumnRef;

/// What a column can be to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The message ID.
    MsgId,
    /// The topic.
    Topic,
    /// The instance.
    Instance,
    /// Name of the broker that stores the message.
    Broker,
    /// Its queue there.
    QueueId,
    /// Its logical offset in the queue.
    QueueOffset,
    /// Its tag.
    Tag,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::MsgId,
        Self::Topic,
        Self::Instance,
        Self::Broker,
        Self::QueueId,
        Self::QueueOffset,
        Self::Tag,
    ];

    /// The name we give the column.
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

    /// Is this how a header names it?
    pub(super) fn is_called(self, name: &str) -> bool {
        let name = fold(name);
        name == fold(self.as_str()) || (self == Self::MsgId && name == "messageid")
    }
}

/// Why columns can't be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// No column has the name.
    #[error("no column is named `{}`", .0.as_str())]
    Missing(Role),
    /// The person named a column that is not there.
    #[error("there is no column {wanted} to take the {} from", .role.as_str())]
    Unknown {
        /// What was to be read from it.
        role: Role,
        /// As the person named it.
        wanted: ColumnRef,
    },
    /// Two columns have the name; which is meant would be a guess.
    #[error("the columns `{first}` and `{second}` could both be the {}", .role.as_str())]
    Ambiguous {
        /// What both could be.
        role: Role,
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
    /// `--keep` names a column that is not there.
    #[error("there is no column `{0}` to keep")]
    Keep(String),
}

/// The column of a role: the one the person named, or the one of that name.
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

/// Is this the column a person means? `unique` is its name without repeats.
pub(super) fn is_same(wanted: &str, name: &str, unique: &str) -> bool {
    wanted == unique || (!name.is_empty() && fold(wanted) == fold(name))
}

/// A name without what doesn't count.
pub(crate) fn fold(name: &str) -> String {
    counting(name).collect()
}

/// Is this the folded form of a name? Costs no memory: it is asked of every row.
pub(crate) fn is_folded(name: &str, folded: &str) -> bool {
    counting(name).eq(folded.chars())
}

fn counting(name: &str) -> impl Iterator<Item = char> {
    let counts = |c: &char| !c.is_whitespace() && !matches!(c, '_' | '-');
    name.chars().filter(counts).flat_map(char::to_lowercase)
}

/// The names without repeats: a second `name` is `name_2`, and a column without a name is `column_N`.
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
