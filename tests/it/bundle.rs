//! `--bundle` and `verify`: evidence bundles, and everything that can be wrong with them.

use std::io::{Cursor, Read, Write};

use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use super::tool::Tool;

pub(crate) type Entries = Vec<(String, Vec<u8>)>;

/// Returns a tool with the bundle `b.zip` of an audit of the sample.
pub(crate) fn bundled() -> Tool {
    let tool = Tool::new();
    tool.call("audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv")
        .args("-o report.csv -o rows.ndjson -o totals.json -o ticket.md --matrix matrix.csv --rejects bad.csv -o book.xlsx")
        .args("--bundle b.zip")
        .env("ONS_AUDIT_NOTIFY_URL", "http://127.0.0.1:9/secret-token")
        .ends(1);
    tool
}

pub(crate) fn bytes_of(tool: &Tool, name: &str) -> Vec<u8> {
    std::fs::read(tool.path(name)).unwrap()
}

pub(crate) fn entries(bytes: &[u8]) -> Entries {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let each = (0..zip.len()).map(|nth| {
        let mut entry = zip.by_index(nth).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.name().unwrap().into_owned(), content)
    });
    each.collect()
}

fn packed(entries: &Entries) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default()
        .unix_permissions(0o600)
        .compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        zip.start_file(name, deflated).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn content<'e>(entries: &'e mut Entries, name: &str) -> &'e mut Vec<u8> {
    let found = entries.iter_mut().find(|(known, _)| known == name);
    &mut found.unwrap().1
}

/// Corrects the manifest after the content of `name` was replaced.
fn confirm(entries: &mut Entries, name: &str) {
    let bytes = content(entries, name).clone();
    change_manifest(entries, |manifest| {
        let listed = manifest["entries"].as_array_mut().unwrap();
        let entry = listed
            .iter_mut()
            .find(|entry| entry["name"] == name)
            .unwrap();
        entry["size"] = json!(bytes.len());
        entry["sha256"] = json!(hex(&bytes));
    });
}

fn change_manifest(entries: &mut Entries, change: impl FnOnce(&mut Value)) {
    let text = content(entries, "manifest.json");
    let mut manifest: Value = serde_json::from_slice(text).unwrap();
    change(&mut manifest);
    *text = serde_json::to_vec(&manifest).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    let mut hash = ons_audit::file::Sha256::new();
    hash.update(bytes);
    hash.hex()
}

#[test]
fn a_bundle_is_complete_and_verifies_anywhere() {
    let tool = bundled();
    let elsewhere = Tool::new();
    elsewhere.write("b.zip", bytes_of(&tool, "b.zip"));
    let told = elsewhere.call("verify b.zip").ends(0).stdout;
    for says in [
        "b.zip: 10 entries, each with the sha256 that its manifest names; made ",
        "report.results.ndjson: the seal holds (sha256 ",
        "reports/report.csv: the results file, rendered again, gives the same bytes",
        "reports/rows.ndjson: the results file, rendered again, gives the same bytes",
        "reports/totals.json: the results file, rendered again, gives the same bytes",
        "reports/ticket.md: the results file, rendered again, gives the same bytes",
        "reports/matrix.csv: the results file, rendered again, gives the same bytes",
        "reports/bad.csv: the results file, rendered again, gives the same bytes",
        "reports/book.xlsx: its hash holds; it was not rendered again",
        "It does not prove that the source told the truth,",
    ] {
        assert!(told.contains(says), "{says}: {told}");
    }
    let mut inside = entries(&bytes_of(&tool, "b.zip"));
    for name in ["report.csv", "ticket.md", "book.xlsx"] {
        assert_eq!(
            *content(&mut inside, &format!("reports/{name}")),
            bytes_of(&tool, name)
        );
    }
    let manifest: Value = serde_json::from_slice(content(&mut inside, "manifest.json")).unwrap();
    assert_eq!(manifest["schema"], "ons-audit-bundle/1");
    assert_eq!(manifest["inputs"][0]["path"], "samples/incident.csv");
    assert_eq!(manifest["inputs"][0]["sha256"].as_str().unwrap().len(), 64);
    for (name, content) in &inside {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains("secret-token"), "{name}");
    }
    assert_eq!(tool.mode("b.zip"), 0o600);
}

/// Written by commit 6291018, whose reports had other words.
#[test]
fn a_bundle_of_an_earlier_version_verifies() {
    let earlier = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bundle/earlier.zip");
    let tool = Tool::new();
    tool.write("earlier.zip", std::fs::read(earlier).unwrap());
    let said = tool.call("verify earlier.zip").ends(0);
    for wanted in [
        "reports/r.csv: the results file, rendered again, gives the same bytes",
        "reports/r.md: its hash holds; this build of",
    ] {
        assert!(said.stdout.contains(wanted), "{}", said.stdout);
    }

    // Formats without words must still be what the results file renders to.
    let mut entries = entries(&bytes_of(&tool, "earlier.zip"));
    content(&mut entries, "reports/r.csv").push(b' ');
    confirm(&mut entries, "reports/r.csv");
    tool.write("earlier.zip", packed(&entries));
    let said = tool.call("verify earlier.zip").ends(2);
    assert!(
        said.stderr
            .contains("is not what its results file renders to")
    );
}

/// Written by commit 70cf3c9 as a stream: sizes are 0 in local headers, and a data descriptor follows each entry.
pub(crate) fn streamed_bundle() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/bundle/streamed.zip"
    );
    std::fs::read(path).unwrap()
}

#[test]
fn a_bundle_that_was_written_as_a_stream_verifies() {
    let tool = Tool::new();
    tool.write("streamed.zip", streamed_bundle());
    let told = tool.call("verify streamed.zip").ends(0).stdout;
    for says in [
        "streamed.zip: 22 entries, each with the sha256 that its manifest names",
        "reports/rows.ndjson: the results file, rendered again, gives the same bytes",
        "reports/报告.part-13-of-13.11-rows.csv: its hash holds",
    ] {
        assert!(told.contains(says), "{says}: {told}");
    }
}

#[test]
fn bundles_verify_in_other_zones_and_languages() {
    let tool = Tool::new();
    tool.call(
        "audit samples/incident.csv --source samples/cluster.json --tz Asia/Shanghai --lang zh",
    )
    .args("-o page.html -o ticket.md --bundle b.zip")
    .ends(1);
    let told = tool.call("verify b.zip").ends(0).stdout;
    for name in ["page.html", "ticket.md"] {
        let says =
            format!("reports/{name}: the results file, rendered again, gives the same bytes");
        assert!(told.contains(&says), "{told}");
    }
}

#[test]
fn rerendered_reports_can_be_bundled() {
    let tool = bundled();
    tool.call("report report.results.ndjson --expect orders=GID_search -o again.csv --bom --output-delimiter ;")
        .args("-o parts.csv --split 500 --bundle again.zip")
        .ends(1);
    let told = tool.call("verify again.zip").ends(0).stdout;
    assert!(
        told.contains("rows.csv: its hash holds; it was not rendered again"),
        "{told}"
    );
    tool.call("report report.results.ndjson --expect orders=GID_search -o again.csv --bom --output-delimiter ; --bundle again.zip")
        .ends(1);
    let told = tool.call("verify again.zip").ends(0).stdout;
    assert!(
        told.contains("reports/again.csv: the results file, rendered again, gives the same bytes"),
        "{told}"
    );
}

const RECORD: &str = "records/1-report.results.ndjson";

/// An edit of a bundle, and the expected message.
type Case<'c> = (&'c dyn Fn(&mut Entries), &'c str);

/// Checks that each edit of a bundle is refused with its message.
fn refused(cases: &[Case<'_>]) {
    let tool = bundled();
    let whole = entries(&bytes_of(&tool, "b.zip"));
    for (edit, says) in cases {
        let mut edited = whole.clone();
        edit(&mut edited);
        tool.write("b.zip", packed(&edited));
        let said = tool.call("verify b.zip").ends(2);
        assert!(said.stderr.contains(says), "{says}: {}", said.stderr);
        assert!(said.stdout.is_empty(), "{says}: {}", said.stdout);
    }
}

/// Makes one open message look consumed.
fn flip(bytes: &mut Vec<u8>) {
    let text = String::from_utf8(std::mem::take(bytes)).unwrap();
    *bytes = text.replacen("NOT_CONSUME_YET", "CONSUMED", 1).into_bytes();
}

#[test]
fn changed_content_is_refused() {
    refused(&[
        (
            &|e| flip(content(e, "reports/report.csv")),
            "`reports/report.csv` was changed",
        ),
        (
            &|e| {
                flip(content(e, "reports/report.csv"));
                confirm(e, "reports/report.csv");
            },
            "reports/report.csv is not what its results file renders to",
        ),
        (&|e| flip(content(e, RECORD)), "was changed: its sha256 is"),
        (
            &|e| {
                flip(content(e, RECORD));
                confirm(e, RECORD);
            },
            "seal",
        ),
        (
            &|e| {
                *content(e, "reports/ticket.md") = vec![b'0'; 20_000_000];
                confirm(e, "reports/ticket.md");
            },
            "would grow to 20000000 bytes",
        ),
    ]);
}

#[test]
fn missing_and_foreign_entries_are_refused() {
    let foreign = "expected results files, reports, settings and a manifest";
    refused(&[
        (
            &|e| e.retain(|(name, _)| name != "reports/ticket.md"),
            "`reports/ticket.md` is missing",
        ),
        (
            &|e| e.retain(|(name, _)| name != "manifest.json"),
            "`manifest.json` is missing",
        ),
        (&|e| e.retain(|(name, _)| name != RECORD), "is missing"),
        (
            &|e| e.push(("reports/more.csv".into(), vec![])),
            "its manifest does not name it",
        ),
        (&|e| e.push(("reports/../../evil".into(), vec![])), foreign),
        (&|e| e.push(("/etc/evil".into(), vec![])), foreign),
        (&|e| e.push(("notes.txt".into(), vec![])), foreign),
        (
            &|e| change_manifest(e, |m| m["schema"] = json!("ons-audit-bundle/9")),
            "expected `ons-audit-bundle/1`",
        ),
        (
            &|e| change_manifest(e, |m| m["sources"][0] = json!("ons://cn-beijing")),
            "its manifest names other sources than its results files",
        ),
        (
            &|e| change_manifest(e, |m| m["inputs"][0]["rows"] = json!(999)),
            "its manifest names other inputs than its results files",
        ),
        (
            &|e| change_manifest(e, |m| m["entries"] = json!([])),
            "its manifest does not name it",
        ),
        (
            &|e| *content(e, "manifest.json") = b"{".to_vec(),
            "is no manifest",
        ),
    ]);
}

/// Different programs would show different entries of one name.
#[test]
fn entries_of_one_name_are_refused() {
    let tool = bundled();
    let mut entries = entries(&bytes_of(&tool, "b.zip"));
    entries.push(("reports/ticket.xx".into(), b"other".to_vec()));
    let doubled = replaced(&packed(&entries), b"ticket.xx", b"ticket.md");
    tool.write("b.zip", doubled);
    let said = tool.call("verify b.zip").ends(2);
    assert!(
        said.stderr
            .contains("its directory has two entries `reports/ticket.md`"),
        "{}",
        said.stderr
    );
}

#[test]
fn bundles_become_visible_as_a_whole() {
    let tool = bundled();
    let whole = bytes_of(&tool, "b.zip");
    for length in [5, 100, whole.len() / 2, whole.len() - 30, whole.len() - 1] {
        tool.write("b.zip", &whole[..length]);
        tool.call("verify b.zip").ends(2);
    }
    tool.write("b.zip", [&whole[..], b"more"].concat());
    tool.call("verify b.zip").ends(2);
}

#[test]
fn a_bundle_replaces_no_input_and_no_report() {
    let tool = Tool::new();
    for (bundle, report) in [
        ("report.csv", "-o report.csv"),
        ("report.results.ndjson", "-o report.csv"),
        ("none/b.zip", "-o report.csv"),
        ("-", "-o report.csv"),
        ("/dev/null", "-o report.csv"),
    ] {
        let call = tool.call("audit samples/incident.csv --source samples/cluster.json");
        let said = call
            .args(report)
            .args(&format!("--bundle {bundle}"))
            .ends(2);
        assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
        assert_eq!(tool.names(), [""; 0]);
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}
