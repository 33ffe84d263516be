//! The error of a command of which some files could not be written. The others are there.

use crate::exit::{Failed, NO_READER};
use crate::report::ReportError;

/// Returns the error that names the files, or `None` if every file was written.
///
/// `others` are lines about further files. `next` says how the missing files can be made.
pub(super) fn unwritten(
    failures: Vec<ReportError>,
    others: impl IntoIterator<Item = String>,
    next: &str,
) -> Option<Failed> {
    let mut remedies: Vec<_> = failures.iter().map(ReportError::remedy).collect();
    remedies.sort_unstable();
    remedies.dedup();
    if remedies.len() > 1 {
        // The next step is the same, and the others have more to say.
        remedies.retain(|remedy| *remedy != NO_READER);
    }
    let failures = failures.into_iter();
    let lines = failures.map(|error| format!("{:#}", anyhow::Error::new(error)));
    let lines: Vec<_> = lines.chain(others).collect();
    let error = match &*lines {
        [] => return None,
        [line] => anyhow::anyhow!("{line}"),
        lines => anyhow::anyhow!(
            "{} outputs could not be written:\n  - {}",
            lines.len(),
            lines.join("\n  - ")
        ),
    };
    remedies.push(next);
    Some(Failed::incomplete(error, remedies.join("; ")))
}
