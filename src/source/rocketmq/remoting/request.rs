//! What is asked, and what comes back, before anybody has looked into it.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::RequestCode;

/// A call: its number, its fields and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) code: RequestCode,
    /// In the order in which they are signed.
    pub(super) fields: BTreeMap<&'static str, String>,
}

impl Request {
    /// A call without fields.
    #[must_use]
    pub const fn new(code: RequestCode) -> Self {
        Self {
            code,
            fields: BTreeMap::new(),
        }
    }

    /// The same call with one more field. All values are text on the wire.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers are handed over as they are"
    )]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.insert(name, value.to_string());
        self
    }

    /// The same call with one more field, if there is a value for it.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// What is asked.
    #[must_use]
    pub const fn code(&self) -> RequestCode {
        self.code
    }
}

/// An answer, whatever its code says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Zero is success.
    pub code: i32,
    /// What the server says about it.
    pub remark: Option<String>,
    /// Values of the answer's head.
    pub fields: HashMap<String, String>,
    /// JSON, or stored messages, or nothing.
    pub body: Bytes,
}
