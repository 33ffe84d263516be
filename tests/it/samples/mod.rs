//! The files in `samples/` are generated from one story without any chance: `UPDATE_SAMPLES=1 cargo test --test it
//! samples` rewrites them.
//!
//! [`story`] says what happened and what each group must answer, by the clock. [`traffic`] makes the messages and their
//! IDs. [`cluster`] writes the offsets at the end of the story, [`examination`] the copies of messages that failed, and
//! [`incident`] the list to reconcile. The words in `tests/data/sample_truth.csv` are derived from the clock, never from
//! offsets and copies, so they are independent of the program.

mod cluster;
mod examination;
mod incident;
mod story;
mod traffic;

use std::path::Path;

/// Returns each sample: its path from the root of the package, and its content.
fn samples() -> [(&'static str, String); 5] {
    let traffic = traffic::traffic();
    let rows = incident::rows(&traffic);
    [
        ("samples/cluster.json", cluster::json(&traffic)),
        ("samples/incident.csv", incident::csv(&rows)),
        ("samples/incident.ndjson", incident::ndjson(&rows)),
        ("samples/expected.csv", story::EXPECTED.to_owned()),
        ("tests/data/sample_truth.csv", incident::truth(&traffic)),
    ]
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the samples are plain files of the repository"
)]
fn the_committed_samples_are_current() {
    let update = std::env::var_os("UPDATE_SAMPLES").is_some();
    for (name, expected) in samples() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if update {
            std::fs::write(&path, &expected).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == expected,
            "{name} is not what the story makes: run UPDATE_SAMPLES=1 cargo test --test it samples"
        );
    }
}
