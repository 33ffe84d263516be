//! The first and the last line of a results file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::input::Survey;
use crate::verdict::{Expectations, Totals};

/// The schema this version writes and reads.
pub const SCHEMA: &str = "ons-audit/1";

/// The first line: what was asked of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// Random, so that two runs are never taken for one.
    pub run_id: String,
    /// Name and version of the tool.
    pub tool: String,
    /// The source as the person named it.
    pub source: String,
    /// The inputs in order.
    pub inputs: Vec<Survey>,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// The moment that all answers speak of, where the source is a snapshot. RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Who should have consumed what; `report` may judge by others.
    #[serde(default)]
    pub expectations: Expectations,
    /// The producers' time zone, by which born times are decoded from IDs (`facts/ons-api.md` §8.1).
    #[serde(default = "china")]
    pub producer_zone: String,
}

/// The last line: its presence says that the record is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// Control totals; they tie.
    pub totals: Totals,
    /// Every group that an answer named: the columns of the matrix.
    pub groups: BTreeSet<String>,
    /// The kept columns in the order they were met.
    pub columns: Vec<String>,
    /// RFC 3339 UTC.
    pub finished_at: String,
    /// The seal: SHA-256 of all bytes above this line, hex.
    pub sha256: String,
}

/// Where the documented IDs come from; `DESIGN.md` names no default.
fn china() -> String {
    "+08:00".to_owned()
}
