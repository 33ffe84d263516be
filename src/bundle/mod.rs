//! The evidence of a run in one file: a ZIP with the results file, the reports made from it, the settings, and a manifest that
//! has the SHA-256 of each.
//!
//! ```text
//! manifest.json            what is inside, by which tool, about which inputs and which source
//! settings.toml            every setting with its origin, secrets masked
//! records/1-NAME.ndjson    the results file, sealed as it was
//! reports/NAME             the reports, as they were written
//! ```
//!
//! Inputs are named with their hashes and are not packed: they may hold what nobody may pass on, and every row of them
//! that was asked stands in the results file. [`BundleWriter`] packs, [`Bundle`] opens and checks. What a bundle proves is integrity:
//! that nothing in it was changed since it was made. It does not prove that the source told the truth, nor who made it:
//! whoever changes everything can make a new manifest, too.

mod read;
mod write;

use serde::{Deserialize, Serialize};

use crate::input::Survey;
use crate::verdict::Expectations;

pub use read::{Bundle, BundleError, is_bundle};
pub use write::BundleWriter;

/// The schema this version writes and reads.
pub const SCHEMA: &str = "ons-audit-bundle/1";

const MANIFEST: &str = "manifest.json";
const SETTINGS: &str = "settings.toml";
const RECORDS: &str = "records/";
const REPORTS: &str = "reports/";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name and version of the tool that made it.
    pub tool: String,
    /// RFC 3339 UTC.
    pub made_at: String,
    /// The sources of the results files, as the person named them.
    pub sources: Vec<String>,
    /// The inputs with their hashes; they are not inside.
    pub inputs: Vec<Survey>,
    /// By which the reports were judged.
    pub expectations: Expectations,
    /// Everything that is inside but this.
    pub entries: Vec<BundleEntry>,
}

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEntry {
    /// Its name in the ZIP.
    pub name: String,
    /// Its path when it was packed, as the person named it.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes, 64 hex digits.
    pub sha256: String,
    /// The report format, where it is a report that can be rendered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}
