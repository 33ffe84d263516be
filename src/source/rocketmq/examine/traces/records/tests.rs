use std::path::Path;

use proptest::prelude::*;

use super::*;

fn show(text: &str) -> Vec<String> {
    let text = text.replace("\\x01", "\u{1}").replace("\\x02", "\u{2}");
    let shown = records(&text).map(|record| match record {
        TraceRecord::Before(of) => format!(
            "{} {} before {} try {}",
            of.request, of.key, of.group, of.retries
        ),
        TraceRecord::After(of) => {
            let what = if of.is_success { "success" } else { "failure" };
            let reason = of.reason.map_or("-", FailureReason::as_str);
            let at = of.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            format!(
                "{} {} {what} {reason} {at} {}",
                of.request,
                of.key,
                of.group.unwrap_or("-")
            )
        }
    });
    shown.collect()
}

#[test]
fn records_of_every_client_are_read() {
    let before = "SubBefore\\x0117\\x01region\\x01g\\x01R\\x01K\\x012\\x01keys";
    let after = |tail: &str| format!("SubAfter\\x01R\\x01K\\x015\\x01false\\x01keys\\x01{tail}");
    let table = [
        (format!("{before}\\x02"), "R K before g try 2"),
        (format!("{before}\\x01192.0.2.7\\x02"), "R K before g try 2"), // Go
        (after("2\\x02"), "R K failure exception - -"),                 // up to 4.7, and 4.9.1
        (after("2\\x0119\\x01g\\x02"), "R K failure exception 19 g"),
        (after("1\\x0119\\x01null\\x02"), "R K failure timeout 19 -"),
        (after("3"), "R K failure null - -"),
        (after("4"), "R K failure later - -"),
        (after("0"), "R K failure - - -"),
        (after("-1"), "R K failure - - -"),
        // `split` of Java leaves empty fields at the end out, and so may other clients.
        (
            "SubAfter\\x01R\\x01K\\x015\\x01false\\x02".to_owned(),
            "R K failure - - -",
        ),
        // A reason is one only for a failure: a listener that returns too late has succeeded.
        (
            "SubAfter\\x01R\\x01K\\x015\\x01true\\x01null\\x011\\x0119\\x01g\\x02".to_owned(),
            "R K success - 19 g",
        ),
        // 4.9.8 with the access channel CLOUD does not end the record.
        (
            after(&format!("4{before}\\x02")),
            "R K failure later - - | R K before g try 2",
        ),
        (
            after(&format!("2{}\\x02", after("0"))),
            "R K failure exception - - | R K failure - - -",
        ),
        (
            after("4Pub\\x0117\\x01region\\x02"),
            "R K failure later - -",
        ),
        // Not what it seems.
        ("SubAfter\\x01R\\x01K\\x015\\x01maybe\\x02".to_owned(), ""),
        ("SubBefore\\x0117\\x01region\\x02".to_owned(), ""),
        (
            "Pub\\x0117\\x02EndTransaction\\x0117\\x02Recall\\x0117\\x02".to_owned(),
            "",
        ),
        ("nothing of the kind".to_owned(), ""),
        (String::new(), ""),
    ];
    for (text, expected) in table {
        assert_eq!(show(&text).join(" | "), expected, "{text}");
    }
}

#[test]
fn records_of_a_real_cluster_are_read() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/processing/trace-records.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("  Sub"));
    let shown: Vec<_> = lines.flat_map(|line| show(&format!("Sub{line}"))).collect();
    let expected = [
        "7F0000013FF84E0E2F2A9488C5F3001C 7F0000013FF84E0E2F2A9488C5C9000B success - 1795983191539 g_trace_fail",
        "7F0000013FF84E0E2F2A9488C63E0038 7F0000013FF84E0E2F2A9488C61A0027 failure later 1795983191614 g_trace_fail",
        "7F0000013FF84E0E2F2A9488C5F3001C 7F0000013FF84E0E2F2A9488C5C9000B before g_trace_fail try 0",
    ];
    assert_eq!(shown, expected);
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("  body begins: SubBefore"));
    let records = show(&format!("SubBefore{}", body.unwrap()));
    assert_eq!(
        records.len(),
        6,
        "three deliveries, then a part of a record: {records:?}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "((SubAfter|SubBefore|Pub|[0-9a-z-]{0,4}|null|true|false|\\PC{0,3})[\u{1}\u{2}]?){0,40}") {
        for record in records(&text) {
            let key = match &record {
                TraceRecord::Before(before) => before.key,
                TraceRecord::After(after) => after.key,
            };
            prop_assert!(text.contains(key));
        }
    }
}
