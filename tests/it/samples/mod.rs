//! The files in `samples/` are made from one story and no chance: `UPDATE_SAMPLES=1 cargo test --test it samples`
//! rewrites them.
//!
//! [`story`] tells what happened and what each group must therefore say, by the clock; [`traffic`] makes the messages
//! and their IDs; [`cluster`] writes down the offsets that the story leaves behind; [`incident`] is the list somebody
//! wants reconciled. The words in `tests/data/sample_truth.csv` come from the clock, never from offsets, so the product
//! has to find its own way back to them.

mod cluster;
mod incident;
mod story;
mod traffic;

use std::path::Path;

/// What every sample must be: its path from the root of the package, its content.
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
