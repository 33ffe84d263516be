//! Evidence bundles: a ZIP with the results files, the reports, the settings, and a manifest with the SHA-256 of each.
//!
//! ```text
//! manifest.json            entries, tool, inputs and sources
//! settings.toml            every setting with its origin, secrets masked
//! records/1-NAME.ndjson    a results file with its seal
//! reports/NAME             the reports, as they were written
//! ```
//!
//! The manifest names the inputs with their hashes. The inputs themselves are not packed, since they may hold data that
//! must not be passed on; every row that was queried is in a results file. [`BundleWriter`] packs a bundle, and [`Bundle`]
//! opens and checks one. Its reader of ZIPs is strict (`layout`): programs that read a bundle from its directory and
//! programs that read it from its first byte see the same entries.
//!
//! A bundle proves integrity: nothing in it was changed since it was written. It does not prove that the source told the
//! truth, nor who wrote the bundle: with new hashes, a new manifest can be made.

mod layout;
mod read;
mod write;

use serde::{Deserialize, Serialize};

use crate::input::Survey;
use crate::verdict::Expectations;

pub use read::{Bundle, BundleError, is_bundle};
pub use write::BundleWriter;

/// The schema that this version writes and reads.
pub const SCHEMA: &str = "ons-audit-bundle/1";

const MANIFEST: &str = "manifest.json";
const SETTINGS: &str = "settings.toml";
const RECORDS: &str = "records/";
const REPORTS: &str = "reports/";

/// The manifest of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    /// The schema, [`SCHEMA`].
    pub schema: String,
    /// The name and version of the tool that wrote the bundle.
    pub tool: String,
    /// The wording of the reports, as the version that wrote the bundle numbers it.
    #[serde(default, skip_serializing_if = "is_first")]
    pub wording: u32,
    /// When the bundle was written, RFC 3339 UTC.
    pub made_at: String,
    /// The sources of the results files, as given on the command line.
    pub sources: Vec<String>,
    /// The inputs with their hashes. The inputs themselves are not packed.
    pub inputs: Vec<Survey>,
    /// The expectations by which the reports were judged.
    pub expectations: Expectations,
    /// All entries except the manifest.
    pub entries: Vec<BundleEntry>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde needs"
)]
const fn is_first(wording: &u32) -> bool {
    *wording == 0
}

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEntry {
    /// The entry's name in the ZIP.
    pub name: String,
    /// The file's path at the time of packing, as given on the command line.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the bytes, 64 hex digits.
    pub sha256: String,
    /// The report format, if the report can be rendered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}
