//! Requests and responses, independent of their encoding.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::RequestCode;

/// A request: code and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) code: RequestCode,
    /// In the order in which they are signed.
    pub(super) fields: BTreeMap<&'static str, String>,
}

impl Request {
    /// Creates a request without fields.
    #[must_use]
    pub const fn new(code: RequestCode) -> Self {
        Self {
            code,
            fields: BTreeMap::new(),
        }
    }

    /// Adds a field. All values are text on the wire.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers are handed over as they are"
    )]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.insert(name, value.to_string());
        self
    }

    /// Adds a field if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Returns the code.
    #[must_use]
    pub const fn code(&self) -> RequestCode {
        self.code
    }
}

/// A response with any code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Zero is success.
    pub code: i32,
    /// Text of the server about the code.
    pub remark: Option<String>,
    /// Fields of the response's header.
    pub fields: HashMap<String, String>,
    /// JSON, or stored messages, or nothing.
    pub body: Bytes,
}
