//! Text read from JSON without copying it where possible.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Text that is borrowed from the JSON unless it contains escapes. A separate type, because serde borrows a
/// bare `Cow` only outside of `Option` and other wrappers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CowText<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Deref for CowText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
