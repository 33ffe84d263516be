//! Names of columns in flags.

use std::fmt;
use std::num::NonZeroUsize;

/// A column as a flag names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// A name in the header, compared without case, blanks, `_` and `-`. For JSON it may be a path.
    Name(String),
    /// A number, counted from 1.
    Number(NonZeroUsize),
}

impl From<&str> for ColumnRef {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_numbered_from_1() {
        assert_eq!(
            ColumnRef::from("3"),
            ColumnRef::Number(NonZeroUsize::new(3).unwrap())
        );
        for name in ["0", "id", "3rd", ""] {
            assert_eq!(ColumnRef::from(name), ColumnRef::Name(name.to_owned()));
        }
    }
}
