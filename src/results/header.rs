//! The first and the last line of a results file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::InferenceSection;
use crate::input::{InputNotes, SHARD, Shard, Survey};
use crate::offsets::Rules;
use crate::verdict::{Expectations, Totals};

/// The schema of a results file that was not examined beyond the offsets.
pub const SCHEMA: &str = "ons-audit/1";

/// The schema of a results file with lines about what was examined beyond the offsets, behind its rows.
pub const EXAMINED: &str = "ons-audit/2";

/// The schema of a results file whose messages were looked up but not judged yet. No report is made from it.
pub const LOCATED: &str = "ons-audit-located/1";

/// The hint if only the expected groups differ: `report` can judge the same answers by other groups.
pub(super) const OTHER_GROUPS: &str =
    "other groups are expected (--expect, --expect-file, --accept)";

/// The first line: the inputs, the source and the options of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA`], [`EXAMINED`], or [`LOCATED`].
    pub schema: String,
    /// A random ID, so that two runs are never mixed up.
    pub run_id: String,
    /// Name and version of the tool.
    pub tool: String,
    /// The source as it was given on the command line.
    pub source: String,
    /// The inputs in order.
    pub inputs: Vec<Survey>,
    /// Start of the run, RFC 3339 UTC.
    pub started_at: String,
    /// The time at which the offsets of a snapshot or a cluster were read, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// The table by which the source judges. Where it is not the gateway's, tracks have marks.
    #[serde(default, skip_serializing_if = "Header::is_gateway")]
    pub rules: Rules,
    /// The brokers that were present when the run of a cluster began.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub brokers: BTreeSet<String>,
    /// The brokers that could not be asked, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unasked_brokers: BTreeMap<String, String>,
    /// The expected groups. `report` may judge by others.
    #[serde(default)]
    pub expectations: Expectations,
    /// The producers' time zone, by which born times are decoded from IDs (`docs/facts/ons-api.md` §8.1).
    #[serde(default = "china")]
    pub producer_zone: String,
    /// The kept column with the born times, for messages whose IDs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_column: Option<String>,
    /// The rate limit of the run, if the source is a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The flags that decide which rows there are and what is asked, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl Header {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_gateway(rules: &Rules) -> bool {
        *rules == Rules::Gateway
    }

    /// Returns whether the run examines more than the offsets.
    #[must_use]
    pub fn is_examined(&self) -> bool {
        self.schema == EXAMINED
    }

    /// Returns whether the source is ApsaraMQ for RocketMQ 5.x, which records deliveries and has no offsets.
    #[must_use]
    pub fn records_deliveries(&self) -> bool {
        let scheme = self.source.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("rmq" | "rmq+https" | "rmq+http"))
    }

    /// Returns the brokers that were present when the run began.
    pub fn brokers(&self) -> impl Iterator<Item = Arc<str>> {
        self.brokers.iter().map(|name| name.as_str().into())
    }

    /// Returns whether the rows came from a stream that had not been read when the run began.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.inputs.iter().any(Survey::is_unread)
    }

    /// Returns the part of the messages that the run is about, if it is not about all of them.
    #[must_use]
    pub fn shard(&self) -> Option<Shard> {
        self.options.get(SHARD)?.parse().ok()
    }

    /// Returns whether a results file of the run may have so many rows.
    pub(super) fn may_have(&self, rows: u64) -> bool {
        match self.shard() {
            None => rows == self.rows(),
            Some(_) => rows <= self.rows(),
        }
    }

    /// Returns the number of data rows of all inputs.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let rows = self.inputs.iter().map(|input| input.rows);
        rows.fold(0, u64::saturating_add) // an edited header may state any number
    }

    /// Returns the differences that make `other` a run about something else. Empty if the answers of both may be
    /// combined.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, then: &str, now: &str| {
            if then != now {
                let shown = |text: &str| match text {
                    "" => "not given".to_owned(),
                    text => format!("`{text}`"),
                };
                differences.push(format!("{what} was {}, now {}", shown(then), shown(now)));
            }
        };
        compare("the source", &self.source, &other.source);
        // A cluster's time is known only when its offsets are captured, at the end.
        if let Some(now) = &other.as_of {
            let then = self.as_of.as_deref().unwrap_or_default();
            compare("the snapshot's time", then, now);
        }
        let count = |header: &Self| header.inputs.len().to_string();
        compare("the number of inputs", &count(self), &count(other));
        for (then, now) in self.inputs.iter().zip(&other.inputs) {
            let what = format!("the SHA-256 of input {}", now.path);
            compare(&what, &then.sha256, &now.sha256);
            let what = format!("the number of rows in input {}", now.path);
            compare(&what, &then.rows.to_string(), &now.rows.to_string());
        }
        compare("--producer-zone", &self.producer_zone, &other.producer_zone);
        let column = |header: &Self| header.born_column.clone().unwrap_or_default();
        compare("--born-column", &column(self), &column(other));
        let names: BTreeSet<_> = self.options.keys().chain(other.options.keys()).collect();
        for name in names {
            let value = |header: &Self| header.options.get(name).cloned().unwrap_or_default();
            compare(name, &value(self), &value(other));
        }
        if self.expectations != other.expectations {
            differences.push(OTHER_GROUPS.to_owned());
        }
        differences
    }
}

/// The last line. A results file that has it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// Control totals.
    pub totals: Totals,
    /// Every group that an answer names: the columns of the matrix.
    pub groups: BTreeSet<String>,
    /// The kept columns in the order of their first row.
    pub columns: Vec<String>,
    /// What was noticed while the inputs were read. Like `finished_at`, it is covered neither by the seal nor by the
    /// lines.
    #[serde(default, skip_serializing_if = "InputNotes::is_nothing")]
    pub input: InputNotes,
    /// The inputs of a stream, of which the header has the paths alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Survey>,
    /// The lines behind the rows, about what was examined beyond the offsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceSection>,
    /// What was inferred instead of asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference: Option<InferenceSection>,
    /// End of the run, RFC 3339 UTC.
    pub finished_at: String,
    /// The seal: SHA-256 of all bytes above this line, hex.
    pub sha256: String,
}

/// The lines between the last row and the trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSection {
    /// Number of lines.
    pub lines: u64,
    /// Number of bytes, line ends included.
    pub bytes: u64,
    /// Number of calls that the examination took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Returns the default time zone, that of China.
fn china() -> String {
    "+08:00".to_owned()
}
