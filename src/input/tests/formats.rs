//! Logs, JSON, titles and sheets as inputs.

use super::*;

const SENT: &str = "SendResult [sendStatus=SEND_OK, msgId=1E0578FE110F18B4AAC235C0C8460BA2, \
    offsetMsgId=AC10323E00002A9F0000000000983278, messageQueue=MessageQueue [topic=MQ_INST_1_BX%orders, \
    brokerName=broker-a, queueId=3], queueOffset=17]";

fn inputs(files: &[(&str, &str)], options: InputOptions) -> Result<Inputs, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            let mut file = std::fs::File::options()
                .create_new(true)
                .write(true)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
            path
        })
        .collect();
    Inputs::open(&paths, options)
}

#[test]
fn titles_are_skipped_and_noted() {
    let csv =
        format!("sep=;\nFailed orders; week 47\n# by Li\n\nmsg_id;topic;n\n{A};t;1\n;;\n{B};t;2\n");
    let inputs = Inputs::from_bytes("in", csv.as_bytes(), InputOptions::default()).unwrap();
    let rows: Vec<_> = inputs.rows().map(|row| short(&row.unwrap())).collect();
    assert_eq!(
        rows,
        [
            format!(r#"1. t {A} {{"n":"1"}}"#),
            format!(r#"2. t {B} {{"n":"2"}}"#)
        ]
    );
    let skipped = inputs.notes().skipped_lines;
    assert_eq!(
        (skipped.count, skipped.first.as_str(), skipped.text.as_str()),
        (2, "in:2", "Failed orders; week 47")
    );
    // The line of a reject counts all lines.
    let bad = shorts(
        format!("title\nmsg_id,topic\n{A},a b\n"),
        InputOptions::default(),
    );
    assert!(bad[0].starts_with("1. line 3: topic"), "{bad:?}");
}

#[test]
fn what_surrounds_an_id_is_removed_and_noted() {
    let csv = format!(
        "msg_id,topic,instance_id,n\n {A}\t,t,,x \n\"\"\"{B}\"\"\",\u{a0}t,,\n'{C},t, I ,\n\"=\"\"{A}\"\"\",t,,\n"
    );
    let inputs = Inputs::from_bytes("in", csv.as_bytes(), InputOptions::default()).unwrap();
    let rows: Vec<_> = inputs.rows().map(|row| short(&row.unwrap())).collect();
    assert_eq!(
        rows,
        [
            format!(r#"1. t {A} {{"n":"x "}}"#),
            format!(r#"2. t {B} {{"n":""}}"#),
            format!(r#"3. I/t {C} {{"n":""}}"#),
            r#"4. same as 1 {"n":""}"#.to_owned(),
        ]
    );
    let notes = inputs.notes();
    assert_eq!(
        (
            notes.blanks_removed,
            notes.quotes_removed,
            notes.text_marks_removed
        ),
        (3, 2, 1)
    );
}

#[test]
fn an_id_inside_a_cell_of_several_lines_is_noted() {
    let csv = format!("msg_id,topic,note\n{A},t,\"x\n{B},t,y\"\n");
    let inputs = Inputs::from_bytes("in", csv.as_bytes(), InputOptions::default()).unwrap();
    assert_eq!(inputs.rows().count(), 1);
    let notes = inputs.notes();
    assert_eq!(
        (notes.cells_with_ids.count, &*notes.cells_with_ids.first),
        (1, "in:2")
    );
    assert!(notes.needs_attention());
    // The message ID itself may be such a cell, if a blank line surrounds it.
    let own = format!("msg_id,topic\n\"{A}\n\",t\n");
    let own = Inputs::from_bytes("in", own.as_bytes(), InputOptions::default()).unwrap();
    assert_eq!(
        own.rows()
            .map(|row| short(&row.unwrap()))
            .collect::<Vec<_>>(),
        [format!("1. t {A}")]
    );
    assert!(!own.notes().needs_attention());
}

#[test]
fn no_id_vanishes_in_cells_of_several_lines() {
    for (csv, rows) in [
        // A well-formed cell before a faulty quote.
        (
            format!("msg_id,topic,a,b\n{A},t,\"x\n{B},t,y\nz\",\"open\n{C},t,,\n"),
            2,
        ),
        // A cell of several lines in the column of the message ID.
        (format!("msg_id,topic,a\n\"open\n{A},t\n\"\n{B},t,\n"), 2),
    ] {
        let inputs = Inputs::from_bytes("in", csv.as_bytes(), InputOptions::default()).unwrap();
        assert_eq!(inputs.rows().count(), rows);
        let cells = inputs.notes().cells_with_ids;
        assert_eq!((cells.count, &*cells.first), (1, "in:2"), "{csv}");
    }
}

#[test]
fn a_header_with_an_id_is_refused() {
    let numbered = options(|o| {
        o.msg_id_column = Some("1".into());
        o.topic_column = Some("2".into());
    });
    for (csv, options, line) in [
        (format!("{A},orders\n{B},orders\n"), numbered, 1),
        (
            format!("msg_id,topic,\"note\n{A},orders,\"\n{B},orders,x\n"),
            InputOptions::default(),
            2,
        ),
    ] {
        let (message, hint) = refusal(csv, options);
        assert_eq!(
            message,
            format!("the header of in, which ends in line {line}, contains a message ID")
        );
        assert!(hint.starts_with("--no-header"));
    }
}

#[test]
fn long_headers_are_read() {
    let columns: Vec<_> = (0..9_000)
        .map(|column| format!("column-{column}"))
        .collect();
    let csv = format!(
        "{},msg_id,topic\n{}{A},t\n",
        columns.join(","),
        ",".repeat(9_000)
    );
    let rows = read(&csv, options(|o| o.keep = Some(Vec::new())));
    assert_eq!(
        rows.iter().map(short).collect::<Vec<_>>(),
        [format!("1. t {A}")]
    );
    let longer = format!("msg_id,topic,{}\n{A},t\n", "x".repeat(1 << 20));
    assert_eq!(
        refusal(longer, InputOptions::default()).0,
        "in has no header that ends within the first MiB"
    );
}

#[test]
fn log_lines_with_other_ids_are_noted() {
    let trace = B.to_lowercase();
    let log = format!(
        "{SENT} trace={trace}\norder 2 sent, msgId={B}\nnothing, trace={trace}\nretry of {C}: {SENT}\n"
    );
    let inputs = Inputs::from_bytes("in", log.as_bytes(), InputOptions::default()).unwrap();
    assert_eq!(inputs.rows().count(), 2);
    let notes = inputs.notes();
    assert_eq!(
        (notes.lines_without_message, notes.lines_with_ids.count),
        (2, 2)
    );
    assert_eq!(notes.lines_with_ids.first, "in:2");
    assert!(notes.needs_attention());
    // A quote may have swallowed a line of the column.
    let csv = format!("n,message\n1,\"{SENT}\n2,consumed {B}\"\n");
    let column = options(|o| o.log_column = Some("message".into()));
    let inputs = Inputs::from_bytes("in", csv.as_bytes(), column).unwrap();
    assert_eq!(inputs.rows().count(), 1);
    assert_eq!(inputs.notes().lines_with_ids.count, 1);
}

#[test]
fn a_log_may_contain_lines_of_json() {
    let rows = shorts(
        format!("start\n{{\"level\":\"info\"}}\n{SENT}\n"),
        InputOptions::default(),
    );
    assert_eq!(rows.len(), 1);
    // If all lines are JSON, the message says which field is the log line.
    let json = format!("{{\"level\":\"info\",\"text\":\"{SENT}\"}}\n");
    let rows = shorts(json, InputOptions::default());
    assert!(
        rows[0].contains("the fields are `level`, `text`; `text` is a log line: --log-column text"),
        "{rows:?}"
    );
}

#[test]
fn an_object_without_the_log_column_is_rejected() {
    let text =
        format!("{{\"message\":\"{SENT}\"}}\n{{\"msg\":\"{B}\"}}\n{{\"message\":\"{B}\"}}\n");
    let column = options(|o| o.log_column = Some("message".into()));
    let inputs = Inputs::from_bytes("in", text.as_bytes(), column).unwrap();
    let rows: Vec<_> = inputs.rows().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        short(&rows[1]).split(" {").next(),
        Some("2. line 2: message \"\" is missing; the fields are `msg`")
    );
    assert_eq!(inputs.notes().lines_with_ids.count, 1);
}

#[test]
fn headers_and_logs_with_other_bytes_are_noticed() {
    let csv = [
        b"T\xfctel\nmsg_id,topic,n\xe4me\n".as_slice(),
        A.as_bytes(),
        b",t,x\n",
    ]
    .concat();
    let (message, _) = refusal(&csv, InputOptions::default());
    assert_eq!(
        message,
        "in is not UTF-8: records with other bytes: 2, the first in line 1"
    );
    let notes = |bytes: &[u8], options| {
        let inputs = Inputs::from_bytes("in", bytes, options).unwrap();
        let rows: Vec<_> = inputs.rows().map(|row| short(&row.unwrap())).collect();
        (rows, inputs.notes().replaced_characters.count)
    };
    let (rows, replaced) = notes(&csv, encoding("lossy"));
    assert_eq!((rows.len(), replaced), (1, 2));
    let log = [b"\xff ".as_slice(), SENT.as_bytes(), b"\n"].concat();
    let (rows, replaced) = notes(&log, encoding("lossy"));
    assert!(
        rows[0].starts_with(&format!("1. MQ_INST_1_BX/orders {A}")) && replaced == 1,
        "{rows:?}"
    );
    let (rows, replaced) = notes(&log, encoding("gb18030"));
    assert!(
        rows[0].contains("is not valid gb18030") && replaced == 1,
        "{rows:?}"
    );
}

#[test]
fn rejected_json_keeps_its_id() {
    let text = format!("{{\"msg_id\":\"{B}\",\"topic\":\"t\"}}\n{{\"msg_id\":\"{A}\",\"topic\":\n");
    let rows = read(text, InputOptions::default());
    let Entry::Rejected(bad) = &rows[1].entry else {
        panic!("{rows:?}")
    };
    assert_eq!(bad.msg_id.as_deref(), Some(A));
    let near = shorts(
        format!("{{\"mesage_id\":\"{A}\",\"topic\":\"t\"}}\n"),
        InputOptions::default(),
    );
    assert!(
        near[0].contains("is it `mesage_id`? --msg-id-column mesage_id"),
        "{near:?}"
    );
}

#[test]
fn flags_without_a_meaning_are_refused() {
    let csv = format!("msg_id,topic\n{A},t\n");
    let sheet = options(|o| o.sheet = Some("1".into()));
    assert_eq!(
        refusal(&csv, sheet).0,
        "--sheet is given, but no input is a workbook"
    );
    let trust = options(|o| o.trust_coordinates = true);
    assert_eq!(
        refusal(&csv, trust).0,
        "--trust-coordinates is given, but no input is a log"
    );
}

#[test]
fn replacement_characters_are_noted() {
    for (text, options) in [
        (
            format!("msg_id,topic,a\n{A},t,\u{fffd}\n{B},t,x\n"),
            InputOptions::default(),
        ),
        (
            format!("{{\"msg_id\":\"{A}\",\"topic\":\"t\",\"a\":\"\\uFFFD\"}}\n"),
            InputOptions::default(),
        ),
        (
            format!("{{\"msg_id\":\"{A}\",\"topic\":\"t\",\"a\":\"\u{fffd}\"}}\n"),
            InputOptions::default(),
        ),
    ] {
        let inputs = Inputs::from_bytes("in", text.as_bytes(), options).unwrap();
        assert!(inputs.rows().all(|row| row.is_ok()));
        assert_eq!(inputs.notes().replaced_characters.count, 1, "{text}");
    }
}

#[test]
fn lines_of_logs_are_messages_or_counted() {
    let batch = format!(
        "2026 INFO SendResult [sendStatus=FLUSH_DISK_TIMEOUT, msgId={B},{C}, messageQueue=MessageQueue [topic=t, brokerName=b, queueId=0], queueOffset=5]"
    );
    let log =
        format!("2026 INFO start\n{SENT}\r\nSendResult [sendStatus=SEND_OK, msgId=1E05\n{batch}\n");
    let inputs = inputs(
        &[("a.log", &log), ("b.log", "nothing\n"), ("c.log", "")],
        InputOptions::default(),
    )
    .unwrap();
    let rows: Vec<_> = inputs.rows().map(|row| row.unwrap()).collect();
    let kept = |row: &Row| {
        serde_json::from_str::<serde_json::Value>(row.kept.json.as_deref().unwrap()).unwrap()
    };
    let shown: Vec<_> = rows
        .iter()
        .map(|row| short(row).split(" {").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        shown,
        [
            format!("1. MQ_INST_1_BX/orders {A}"),
            "2. line 3: line \"1E05\" msg_id has 4 hex digits, expected 32, 34 or 56".to_owned(),
            format!("3. t {B}"),
            format!("4. t {C}"),
        ]
    );
    assert_eq!(
        kept(&rows[0]),
        serde_json::json!({
            "send_status": "SEND_OK", "sent_broker": "broker-a", "sent_queue_id": "3", "sent_queue_offset": "17",
            "offset_msg_id": "AC10323E00002A9F0000000000983278", "line": SENT,
        })
    );
    let offsets: Vec<_> = rows[2..]
        .iter()
        .map(|row| kept(row)["sent_queue_offset"].clone())
        .collect();
    assert_eq!(offsets, ["5", "6"]);
    assert!(
        rows.iter()
            .all(|row| !matches!(&row.entry, Entry::Query(query) if query.position.is_some()))
    );
    let notes = inputs.notes();
    assert_eq!(
        (
            notes.lines_without_message,
            notes.files_without_message.len()
        ),
        (2, 2)
    );
    assert_eq!(
        notes.send_status,
        [("FLUSH_DISK_TIMEOUT".to_owned(), 2)].into()
    );
}

#[test]
fn coordinates_of_a_log_are_used_if_they_are_trusted() {
    let trust = options(|o| o.trust_coordinates = true);
    let rows = read(
        format!(
            "{SENT}\nSendResult [sendStatus=SEND_OK, msgId={B}, messageQueue=MessageQueue [topic=t, brokerName=b, queueId=0]]\n"
        ),
        trust,
    );
    let place = |row: &Row| match &row.entry {
        Entry::Query(query) => query.position.clone(),
        other => panic!("{other:?}"),
    };
    let first = place(&rows[0]).unwrap();
    assert_eq!(
        (&*first.broker, first.queue_id, first.queue_offset),
        ("broker-a", 3, 17)
    );
    assert_eq!(place(&rows[1]), None, "the offset is not known");
}

#[test]
fn a_column_may_hold_the_log_lines() {
    let column = |name: &str| options(|o| o.log_column = Some(name.into()));
    let csv = format!("n,message\n1,\"{SENT}\"\n2,nothing\n");
    let json = format!("{{\"n\":1,\"message\":\"{SENT}\"}}\n{{\"n\":2,\"message\":\"nothing\"}}\n");
    let nested = format!("{{\"n\":1,\"log\":{{\"message\":\"{SENT}\"}}}}\n");
    for (text, name) in [(csv, "message"), (json, "Message"), (nested, "log.message")] {
        let rows = read(&text, column(name));
        assert_eq!(rows.len(), 1, "{text}");
        assert!(short(&rows[0]).starts_with(&format!("1. MQ_INST_1_BX/orders {A}")));
        let kept: serde_json::Value =
            serde_json::from_str(rows[0].kept.json.as_deref().unwrap()).unwrap();
        assert_eq!(kept["sent_queue_offset"], "17");
        assert_eq!(kept["n"].to_string().replace('"', ""), "1");
        assert!(
            kept.to_string().contains("SendResult"),
            "the line itself is kept: {kept}"
        );
    }
    let keep = options(|o| {
        o.log_column = Some("message".into());
        o.keep = Some(vec!["send_status".to_owned()]);
    });
    let csv = format!("n,message\n1,\"{SENT}\"\n");
    let rows = read(csv, keep);
    assert_eq!(
        rows[0].kept.json.as_deref(),
        Some(r#"{"send_status":"SEND_OK"}"#)
    );
}

#[test]
fn json_may_span_lines() {
    let text = format!(
        "[\n  {{\n    \"msg_id\": \"{A}\",\n    \"topic\": \"t\",\n    \"n\": [1,\n 2]\n  }},\n  {{\"msg_id\": \"1E05\", \"topic\": \"t\"}},\n  7\n]\n"
    );
    let rows = read(&text, InputOptions::default());
    let shown: Vec<_> = rows.iter().map(short).collect();
    assert_eq!(
        shown,
        [
            format!(r#"1. t {A} {{"n":[1,  2]}}"#),
            "2. line 8: msg_id \"1E05\" has 4 hex digits, expected 32, 34 or 56".to_owned(),
            "3. line 9: line \"7\" is no JSON object: invalid type: integer `7`, expected an object".to_owned(),
        ]
    );
    for (text, message) in [
        (
            format!("[{{\"msg_id\":\"{A}\"\n \"topic\":\"t\"}}]"),
            "in:2, column 2: expected `,` or `}`",
        ),
        (
            "[{},\n {}\n".to_owned(),
            "in:3, column 1: the file ends inside an array, expected `]`",
        ),
        (
            "{\n \"msg_id\": x\n}".to_owned(),
            "in:2, column 12: expected value",
        ),
    ] {
        assert_eq!(refusal(&text, InputOptions::default()).0, message);
    }
}

#[test]
fn a_broken_line_of_json_is_rejected_alone() {
    let text =
        format!("{{\"msg_id\":\"{A}\",\"topic\":\"t\"\n{{\"msg_id\":\"{B}\",\"topic\":\"t\"}}\n");
    let rows = shorts(text, InputOptions::default());
    assert!(rows[0].starts_with("1. line 1: line"), "{rows:?}");
    assert_eq!(rows[1], format!("2. t {B}"));
}

#[test]
fn lines_of_bare_ids_may_be_comments() {
    let with_topic = options(|o| o.topic = Some("t".to_owned()));
    let inputs = Inputs::from_bytes(
        "in",
        format!("# list\r{A}\r\r# more\r{B}\r").as_bytes(),
        with_topic,
    )
    .unwrap();
    let rows: Vec<_> = inputs.rows().map(|row| short(&row.unwrap())).collect();
    assert_eq!(rows, [format!("1. t {A}"), format!("2. t {B}")]);
    assert_eq!(inputs.notes().skipped_lines.count, 2);
}

#[test]
fn a_sheet_is_a_table_whose_cells_are_named() {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Orders").unwrap();
    sheet.write(0, 1, "Failed\norders").unwrap();
    for (column, name) in ["n", "msg_id", "topic"].into_iter().enumerate() {
        sheet
            .write(2, u16::try_from(column).unwrap(), name)
            .unwrap();
    }
    sheet.write(3, 0, 1.5).unwrap();
    sheet.write(3, 1, A).unwrap();
    sheet.write(3, 2, "t").unwrap();
    sheet.write(16, 1, 1.234_567_890_123_45e31).unwrap();
    sheet.write(16, 2, "t").unwrap();
    workbook.add_worksheet().write(0, 0, "other").unwrap();
    let bytes = workbook.save_to_buffer().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    for bytes in [bytes, gzip.finish().unwrap()] {
        assert_eq!(
            shorts(&bytes, InputOptions::default()),
            [
                format!(r#"1. t {A} {{"n":"1.5"}}"#),
                r#"2. line 17: msg_id (Orders!B17) "1.23456789012345E+31" has lost digits: a spreadsheet turned it into a number; export the column again as text {"n":""}"#.to_owned(),
            ]
        );
        let other = options(|o| o.sheet = Some("2".into()));
        let (message, _) = refusal(&bytes, other);
        assert!(
            message.contains("no column is named `msg_id`; its columns are `other`"),
            "{message}"
        );
    }
}
