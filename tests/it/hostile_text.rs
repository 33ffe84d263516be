//! Text from outside never reaches a terminal, the log, a page or a ticket with characters that they would obey. The
//! results file keeps it.

use super::tool::Tool;

/// Controls of terminals (colour, title, bell, C1), and characters that reorder or hide text.
const HOSTILE: &str = "\u{1b}[31mRED\u{1b}]0;x\u{7}\r\u{9b}1m\u{202e}\u{2066}\u{200b}end";

pub(crate) fn assert_harmless(place: &str, text: &str) {
    let obeyed = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
    };
    let found: Vec<_> = text.chars().filter(obeyed).collect();
    assert!(found.is_empty(), "{place}: {found:?} in {text:?}");
}

#[test]
fn group_names_code_and_columns_are_shown_escaped() {
    let tool = Tool::new();
    let group = format!("GID_{HOSTILE}");
    let snapshot = tool.read("samples/cluster.json");
    let json = serde_json::to_string(&group).unwrap();
    tool.write("cluster.json", snapshot.replace("\"GID_billing\"", &json));
    let list = tool.read("samples/incident.csv");
    tool.write(
        "list.csv",
        list.replacen("order_id", &format!("note{HOSTILE}"), 1),
    );
    let reports = "-o a.csv -o a.html -o a.md -o a.json";
    for lang in ["en", "zh"] {
        let said = tool
            .call(&format!(
                "audit list.csv --source cluster.json --restart --lang {lang} {reports}"
            ))
            .ends(1);
        assert_harmless("terminal", &said.stderr);
        assert!(
            said.stderr.contains(r"GID_\u{1b}[31mRED"),
            "{}",
            said.stderr
        );
        for report in ["a.html", "a.md"] {
            let text = tool.read(report);
            assert_harmless(report, &text);
            assert!(text.contains(r"\u{1b}"), "{report}: {text}");
        }
    }
    let kept = tool.read("a.results.ndjson");
    assert!(
        kept.contains(r"GID_\u001b[31mRED"),
        "the results file keeps it"
    );
}

#[test]
fn cells_and_errors_are_shown_escaped() {
    let tool = Tool::new();
    let id = "0A15030B110F18B4AAC264BE6C450BA2";
    tool.write(
        "list.csv",
        format!("msg_id,topic\n\u{1b}[31m{},orders\n{id},orders\n", &id[..9]),
    );
    let said = tool
        .call("audit list.csv --source samples/cluster.json --max-rejects 0")
        .ends(2);
    assert_harmless("rejected row", &said.stderr);
    assert!(said.stderr.contains(r"`\u{1b}[31m"), "{}", said.stderr);
    tool.write("none.csv", format!("{HOSTILE},b\n1,2\n"));
    let said = tool
        .call("audit none.csv --source samples/cluster.json")
        .ends(2);
    assert_harmless("error", &said.stderr);
    assert!(said.stderr.contains(r"\u{1b}"), "{}", said.stderr);
}
