//! Lists and rows that cannot be audited: each message says why and what to do.

use super::input_files::audit;
use super::tool::{Tool, table};

#[test]
fn a_missing_column_is_named_with_the_flag_that_helps() {
    let tool = Tool::new();
    for (text, says, hint) in [
        (
            "order,uid,topic\n1,2,3\n",
            "no column is named `msg_id`; its columns are `order`, `uid`, `topic`",
            "--msg-id-column NAME",
        ),
        (
            "order,msg_id\n1,2\n",
            "no column is named `topic`; its columns are `order`, `msg_id`",
            "--topic-column NAME",
        ),
        (
            "MsgId,msg_id,topic\n1,2,3\n",
            "the columns `MsgId` and `msg_id` could both be the msg_id",
            "--msg-id-column NAME",
        ),
        (
            "x,0A15030B110F18B4AAC264BE6C450BA2,orders\n",
            "no column is named `msg_id`",
            "the first line looks like data: --no-header --msg-id-column 2",
        ),
        (
            "[{}]",
            "column msg_id: is missing; the object has no fields",
            "is this the list of message IDs?",
        ),
        (
            "[{},\n{]",
            "in.csv:2, column 2: key must be a string",
            "one JSON object a line",
        ),
        ("", "in.csv is empty", "run it again"),
        (" \n\n", "in.csv is empty", "run it again"),
    ] {
        tool.write("in.csv", text);
        let said = audit(&tool, "in.csv").ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(
            said.stderr.split("\nhint: ").nth(1).unwrap().contains(hint),
            "{}",
            said.stderr
        );
        assert_eq!(tool.names(), ["in.csv"]);
    }
    let said = audit(&tool, "nowhere.csv").ends(2);
    assert!(
        said.stderr.contains("can't open nowhere.csv"),
        "{}",
        said.stderr
    );
}

#[test]
fn bad_rows_are_data_until_there_are_too_many() {
    let tool = Tool::new();
    let bad = [
        ("1E05791C117818B4AAC23B1BB0CE****", "is masked with `*`"),
        ("1.23E+15", "a spreadsheet turned it into a number"),
        ("", "is empty"),
        (
            "0A15030B110F18B4",
            "has 16 hex digits, expected 32, 34 or 56",
        ),
        ("OA15030B110F18B4AAC264BF2D6C0BA2", "has 'O' as character 1"),
    ];
    let rows = bad
        .map(|(id, _)| {
            id.to_owned()
                + ",orders
"
        })
        .concat();
    tool.write("bad.csv", format!("msg_id,topic\n{rows}"));
    let said = audit(&tool, "bad.csv").ends(2);
    assert!(
        said.stderr.contains(
            "error: all 5 rows are bad, the first is bad.csv:2, column msg_id: `1E05791C117818B4AAC23B1BB0CE****` is masked"
        ),
        "{}",
        said.stderr
    );

    tool.write(
        "mixed.csv",
        format!(
            "{}{}",
            "msg_id,topic\n0A15030B110F18B4AAC264BE6C450BA2,orders\n", rows
        ),
    );
    audit(&tool, "mixed.csv --rejects r.csv").ends(1);
    let rejects = table(&tool.read("r.csv"));
    for (line, (row, (found, reason))) in (3..).zip(rejects.iter().zip(bad)) {
        assert_eq!(
            (&*row["file"], &*row["line"], &*row["column"]),
            ("mixed.csv", &*line.to_string(), "msg_id")
        );
        assert_eq!(row["found"], found);
        assert!(row["reason"].contains(reason), "{row:?}");
    }
    for (most, status) in [("5", 1), ("4", 2), ("84%", 1), ("50%", 2), ("0", 2)] {
        audit(&tool, "mixed.csv --max-rejects")
            .arg(most)
            .ends(status);
    }
    let said = audit(&tool, "mixed.csv --max-rejects many").ends(2);
    assert!(
        said.stderr.contains("max_rejects (from --max-rejects)"),
        "{}",
        said.stderr
    );
}
