//! The first and the last line of a results file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::input::Survey;
use crate::offsets::Rules;
use crate::verdict::{Expectations, Totals};

/// The schema this version writes and reads.
pub const SCHEMA: &str = "ons-audit/1";

/// The schema of a results file whose messages were looked up and are still to be judged: no report is made from it.
pub const LOCATED: &str = "ons-audit-located/1";

/// Answers stay what they are, whoever should have consumed: `report` may judge them anew.
pub(super) const OTHER_GROUPS: &str =
    "other groups are expected (--expect, --expect-file, --accept)";

/// The first line: what was asked of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA`], or [`LOCATED`].
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
    /// By which table the source judges; where it is not the gateway's, tracks have marks.
    #[serde(default, skip_serializing_if = "Header::is_gateway")]
    pub rules: Rules,
    /// The brokers that were there when the run began, where a cluster is asked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub brokers: BTreeSet<String>,
    /// Who should have consumed what; `report` may judge by others.
    #[serde(default)]
    pub expectations: Expectations,
    /// The producers' time zone, by which born times are decoded from IDs (`docs/facts/ons-api.md` §8.1).
    #[serde(default = "china")]
    pub producer_zone: String,
    /// The kept column that says when messages were born, where their IDs do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_column: Option<String>,
    /// Calls per time that the run was allowed, where a service is asked.
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

    /// The brokers that were there, to be expected again.
    pub fn brokers(&self) -> impl Iterator<Item = Arc<str>> {
        self.brokers.iter().map(|name| name.as_str().into())
    }

    /// Data rows of all inputs.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let rows = self.inputs.iter().map(|input| input.rows);
        rows.fold(0, u64::saturating_add) // an edited header may name any number
    }

    /// What makes `other` a run about something else, in words; nothing if its answers may stand beside ours.
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

/// The last line: its presence says that the results file is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// Control totals; they tie.
    pub totals: Totals,
    /// Every group that an answer named: the columns of the matrix.
    pub groups: BTreeSet<String>,
    /// The kept columns in the order they were met.
    pub columns: Vec<String>,
    /// RFC 3339 UTC. What else stands in this line is compared with the lines; this is covered by nothing.
    pub finished_at: String,
    /// The seal: SHA-256 of all bytes above this line, hex.
    pub sha256: String,
}

/// Where the documented IDs come from.
fn china() -> String {
    "+08:00".to_owned()
}
