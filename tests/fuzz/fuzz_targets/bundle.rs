//! Bundles: what opens is read to its end, what is read has the hash that the manifest names, and another reader of ZIPs
//! sees the same entries.
//!
//! A ZIP is taken as it is. Anything else is packed as the manifest of a whole ZIP, which no mutation of a packed and
//! checksummed one would ever reach.
#![no_main]

use std::cell::RefCell;
use std::io::{Cursor, Read, Write};

use libfuzzer_sys::fuzz_target;
use ons_audit::bundle::{Bundle, BundleError, is_bundle};
use ons_audit::exit::Advice;
use ons_audit::file::Sha256;
use ons_audit_fuzz::Reused;
use zip::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};

/// As `audit --bundle` packs them; the seeds name their hashes.
const ENTRIES: [(&str, &str); 3] = [
    ("settings.toml", "rate = \"8/s\"\n"),
    ("records/1-r.results.ndjson", "{}\n"),
    ("reports/a.csv", "row,msg_id\n1,0A\n"),
];

thread_local! {
    static FILE: RefCell<Reused> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    let packed = if bytes.starts_with(b"PK") {
        bytes.to_vec()
    } else {
        with_manifest(bytes)
    };
    FILE.with_borrow_mut(|file| {
        let path = file.holding(&packed);
        let is_known = is_bundle(&path).expect("a file in memory is read");
        assert!(is_known || !packed.starts_with(b"PK\x03\x04"));
        match Bundle::open(&path) {
            Ok(bundle) => {
                assert!(is_known);
                unpacked(&bundle, &packed);
            }
            Err(error) => is_told(&error),
        }
    });
});

fn unpacked(bundle: &Bundle, packed: &[u8]) {
    assert!(bundle.results_files().next().is_some());
    let mut zip = ZipArchive::new(Cursor::new(packed)).expect("others open it");
    let entries = &bundle.manifest().entries;
    assert_eq!(zip.len(), entries.len() + 1);
    for entry in entries {
        let mut content = Vec::new();
        match bundle.unpack(entry, &mut content) {
            Ok(()) => {
                let mut hash = Sha256::new();
                hash.update(&content);
                assert_eq!(hash.hex(), entry.sha256);
                assert_eq!(content.len() as u64, entry.size);
                let mut others = Vec::new();
                let mut packed = zip.by_name(&entry.name).expect("others find it");
                packed.read_to_end(&mut others).expect("others read it");
                assert_eq!(content, others);
            }
            Err(error) => is_told(&error),
        }
    }
}

fn is_told(error: &BundleError) {
    assert!(!error.to_string().is_empty() && error.hint().is_some());
}

fn with_manifest(manifest: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let manifest = ("manifest.json", manifest);
    let others = ENTRIES.iter().map(|(name, text)| (*name, text.as_bytes()));
    for (name, content) in std::iter::once(manifest).chain(others) {
        zip.start_file(name, options).expect("the name is new");
        zip.write_all(content).expect("memory takes it");
    }
    zip.finish().expect("memory takes it").into_inner()
}
