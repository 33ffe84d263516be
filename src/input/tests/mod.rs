//! Whole inputs, from bytes to rows.

use std::io::{Seek, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use flate2::write::GzEncoder;

use super::*;
use crate::exit::Advice;

mod column_names;
mod formats;
mod lines;
mod properties;

const A: &str = "1E0578FE110F18B4AAC235C0C8460BA2";
const B: &str = "1E05791C117818B4AAC23B1BB0CE0000";
const C: &str = "0156F7E71C361B21BC024CCDBE00000000";

fn options(change: impl FnOnce(&mut InputOptions)) -> InputOptions {
    let mut options = InputOptions::default();
    change(&mut options);
    options
}

fn read(bytes: impl AsRef<[u8]>, options: InputOptions) -> Vec<Row> {
    let inputs = Inputs::from_bytes("in", bytes.as_ref(), options).unwrap();
    let rows: Vec<_> = inputs.rows().map(Result::unwrap).collect();
    assert_eq!(inputs.surveys()[0].rows, rows.len() as u64);
    rows
}

/// A row in short: what it asks, or why not, and what travels.
fn short(row: &Row) -> String {
    let fields = match &row.entry {
        Entry::Query(query) => {
            let instance = query.instance_id.as_deref().map(|name| format!("{name}/"));
            format!(
                "{}{} {}",
                instance.unwrap_or_default(),
                query.topic,
                query.msg_id
            )
        }
        Entry::Duplicate { of } => format!("same as {of}"),
        Entry::Rejected(bad) => format!(
            "line {}: {} {:?} {}",
            bad.line, bad.column, bad.found, bad.reason
        ),
    };
    let kept = row.kept.json.as_deref().map(|json| format!(" {json}"));
    format!("{}. {fields}{}", row.row, kept.unwrap_or_default())
}

fn shorts(bytes: impl AsRef<[u8]>, options: InputOptions) -> Vec<String> {
    read(bytes, options).iter().map(short).collect()
}

fn refusal(bytes: impl AsRef<[u8]>, options: InputOptions) -> (String, String) {
    let error = Inputs::from_bytes("in", bytes.as_ref(), options).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn a_table_is_read_with_its_other_columns() {
    let csv = format!(
        "\u{feff}Order;Message ID;Topic;Instance Id;note\r\n\
         A-1;{A};orders;MQ_INST_1;\"two\r\nlines, \"\"quoted\"\"\"\r\n\r\n\
         A-2;{B};paid;;é\r\n\
         A-3;{A};orders;MQ_INST_1\r\n\
         A-4;{A};orders;;x;surplus\r\n\
         A-5;{C};orders;;x;; \r\n"
    );
    let with_instance = options(|o| o.instance = Some("MQ_INST_9".to_owned()));
    assert_eq!(
        shorts(csv, with_instance),
        [
            format!(
                r#"1. MQ_INST_1/orders {A} {{"Order":"A-1","note":"two\r\nlines, \"quoted\""}}"#
            ),
            format!(r#"2. MQ_INST_9/paid {B} {{"Order":"A-2","note":"é"}}"#),
            r#"3. same as 1 {"Order":"A-3","note":""}"#.to_owned(),
            r#"4. line 7: column_6 "surplus" is beyond the last column: the row has 6 cells, expected at most 5 {"Order":"A-4","note":"x"}"#.to_owned(),
            format!(r#"5. MQ_INST_9/orders {C} {{"Order":"A-5","note":"x"}}"#),
        ]
    );
}

#[test]
fn bad_rows_are_rejected_with_place_and_reason() {
    let csv = format!(
        "msg_id,topic,n\r\n\"1.23E+15\",t,\"x\r\ny\"\r\n{A}\r\n,t,3\r\n{A},a b,4\r\n{A} ,t,5\r\n1E05****,t,6\r\n{A},t,\"open\r\n{B},t,8\r\n"
    );
    assert_eq!(
        shorts(csv, InputOptions::default()),
        [
            r#"1. line 2: msg_id "1.23E+15" has lost digits: a spreadsheet turned it into a number; export the column again as text {"n":"x\r\ny"}"#,
            r#"2. line 4: topic "" is missing: the row has 1 of 3 cells {"n":""}"#,
            r#"3. line 5: msg_id "" is empty {"n":"3"}"#,
            r#"4. line 6: topic "a b" has ' ' as character 2, expected letters, digits, `_`, `-`, `%` and `|` only {"n":"4"}"#,
            &format!(r#"5. t {A} {{"n":"5"}}"#),
            r#"6. line 8: msg_id "1E05****" is masked with `*`; the whole ID is needed, from a producer's log or the message's details {"n":"6"}"#,
            r#"7. line 9: n "\"open" begins with a quote that is never closed {"n":"\"open"}"#,
            &format!(r#"8. t {B} {{"n":"8"}}"#),
        ]
    );
}

#[test]
fn bytes_that_are_not_utf8_are_refused_before_anything_is_asked() {
    let (gbk, _, _) = encoding_rs::GBK.encode("订单已经付款,客户");
    let csv = [
        b"msg_id,topic,a,b\n".as_slice(),
        A.as_bytes(),
        b",t,",
        &gbk,
        b"\n",
    ]
    .concat();
    assert_eq!(
        refusal(&csv, InputOptions::default()),
        (
            "in is not UTF-8: records with other bytes: 1, the first in line 2".to_owned(),
            "--encoding gb18030 if that is what wrote it; --encoding lossy rejects these rows and asks about the others".to_owned(),
        )
    );
    let header = [&gbk[..], b",msg_id2,topic\n"].concat();
    let (message, _) = refusal(header, InputOptions::default());
    assert_eq!(
        message,
        "in is not UTF-8: records with other bytes: 1, the first in line 1"
    );
}

#[test]
fn an_encoding_decodes_kept_columns_too() {
    let text = format!("消息ID,主题,备注\n{A},orders,已付款\n");
    let (gbk, _, _) = encoding_rs::GBK.encode(&text);
    let expected = [format!(r#"1. orders {A} {{"备注":"已付款"}}"#)];
    assert_eq!(shorts(&gbk, encoding("gb18030")), expected);
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(shorts(&utf16, InputOptions::default()), expected);
    assert_eq!(shorts(&utf16[2..], encoding("utf-16le")), expected);
    let ascii: Vec<u8> = "msg_id,topic\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(
        refusal(&ascii, InputOptions::default()).1,
        "--encoding utf-16be"
    );
    // Another encoding makes other names of the columns.
    let (message, _) = refusal(&gbk, encoding("windows-1252"));
    assert!(message.ends_with(" (read as windows-1252)"), "{message}");
}

fn encoding(label: &str) -> InputOptions {
    options(|o| o.encoding = Some(label.parse().unwrap()))
}

#[test]
fn invalid_bytes_reject_their_row() {
    let csv = [
        b"msg_id,topic,a,b\n".as_slice(),
        A.as_bytes(),
        b",t,\xff,fine\n",
        B.as_bytes(),
        b",t,,\n",
    ]
    .concat();
    let rejected = |encoding: &str| {
        format!(
            "1. line 2: a \"\u{fffd}\" is not valid {encoding} {{\"a\":\"\u{fffd}\",\"b\":\"fine\"}}"
        )
    };
    let second = format!(r#"2. t {B} {{"a":"","b":""}}"#);
    assert_eq!(
        shorts(&csv, encoding("lossy")),
        [rejected("UTF-8"), second.clone()]
    );
    assert_eq!(
        shorts(&csv, encoding("gb18030")),
        [rejected("gb18030"), second]
    );
    // Where the encoding is lossy, a column that is not read does not matter.
    let keep_b = |label: &str| InputOptions {
        keep: Some(vec!["b".to_owned()]),
        ..encoding(label)
    };
    let is_asked = |label| shorts(&csv, keep_b(label))[0] == format!(r#"1. t {A} {{"b":"fine"}}"#);
    assert!(is_asked("lossy") && !is_asked("gb18030"));
}

#[test]
fn ndjson_travels_as_it_was_written() {
    let json = format!(
        "{{\"msgId\":\"{A}\",\"topic\":\"t\",\"order\":{{\"id\" : 1.50}},\"x\":\"\\u00e9\"}}\n\n\
         {{\"x\":null,\"topic\":\"t\",\"message_id\":\"{B}\",\"x\":2}}\r\n\
         {{\"topic\":\"t\",\"msg_id\":1.23e15,\"x\":1}}\n\
         {{\"topic\":\"t\",\"x\":1}}\n\
         {{\"topic\":7,\"msg_id\":\"{A}\"}}\n\
         {{\"msg_id\":\"{A}\",\"MsgId\":\"{B}\"}}\n\
         [1]\n\
         {{\"topic\":\"t\",\n\
         {{\"topic\":null,\"msg_id\":\"{A}\"}}\n\
         {{\"topic\":\"t\",\"msg_id\":\"{C}\",\"x\":\"\\ud800\"}}\n"
    );
    assert_eq!(
        shorts(json, InputOptions::default()),
        [
            format!(r#"1. t {A} {{"order":{{"id" : 1.50}},"x":"\u00e9"}}"#),
            format!(r#"2. t {B} {{"x":null,"x_2":2}}"#),
            r#"3. line 4: msg_id "1.23e15" is a number, and numbers lose digits of an ID; write IDs as strings {"x":1}"#.to_owned(),
            r#"4. line 5: msg_id "" is missing; the fields are `topic`, `x` {"x":1}"#.to_owned(),
            r#"5. line 6: topic "7" is no string"#.to_owned(),
            r#"6. line 7: line "" is ambiguous: the columns `msg_id` and `MsgId` could both be the msg_id"#.to_owned(),
            r#"7. line 8: line "[1]" is no JSON object: invalid type: sequence, expected an object"#.to_owned(),
            r#"8. line 9: line "{\"topic\":\"t\"," is broken JSON at column 13: EOF while parsing a value"#.to_owned(),
            r#"9. line 10: topic "" is empty, and no --topic is given"#.to_owned(),
            r#"10. line 11: x "\"\\ud800\"" is JSON that can't be passed on: unexpected end of hex escape"#.to_owned(),
        ]
    );
}

#[test]
fn numbers_of_any_size_are_kept() {
    let json = format!(
        "{{\"msg_id\":\"{A}\",\"topic\":\"t\",\"x\":1e400}}\n\
         {{\"msg_id\":\"{B}\",\"topic\":\"t\",\"x\":[-1E999,\"a\"]}}\n\
         {{\"msg_id\":\"{C}\",\"topic\":\"t\",\"x\":123456789012345678901234567890.10}}\n"
    );
    assert_eq!(
        shorts(json, InputOptions::default()),
        [
            format!(r#"1. t {A} {{"x":"1e400"}}"#),
            format!(r#"2. t {B} {{"x":"[-1E999,\"a\"]"}}"#),
            format!(r#"3. t {C} {{"x":123456789012345678901234567890.10}}"#),
        ]
    );
}

#[test]
fn bare_ids_take_topic_and_instance_from_the_person() {
    let with_topic =
        options(|o| (o.topic, o.instance) = (Some("t".to_owned()), Some("I".to_owned())));
    assert_eq!(
        shorts(format!("{A}\r\n\n{C}\n{A}\n nonsense\n{B}"), with_topic),
        [
            format!("1. I/t {A}"),
            format!("2. I/t {C}"),
            "3. same as 1".to_owned(),
            r#"4. line 5: 1 " nonsense" has 'n' as character 1, expected hex digits only"#
                .to_owned(),
            format!("5. I/t {B}"),
        ]
    );
}

#[test]
fn columns_without_a_header_have_numbers() {
    let numbered = options(|o| {
        o.no_header = true;
        o.msg_id_column = Some("2".into());
        o.topic_column = Some("1".into());
    });
    assert_eq!(
        shorts(format!("t,{A},x\nt,1E05,y\n"), numbered),
        [
            format!(r#"1. t {A} {{"column_3":"x"}}"#),
            r#"2. line 2: 2 "1E05" has 4 hex digits, expected 32, 34 or 56 {"column_3":"y"}"#
                .to_owned(),
        ]
    );
}

#[test]
fn positions_are_used_in_every_format() {
    let csv = format!(
        "msg_id,topic,broker,queue_id,queue_offset,tag\n{A},t,broker-a,3,17,paid\n{B},t,,,,\n"
    );
    let json = format!(
        "{{\"msg_id\":\"{A}\",\"topic\":\"t\",\"broker\":\"broker-a\",\"queueId\":3,\"queueOffset\":\"17\",\"tag\":\"paid\"}}\n\
         {{\"msg_id\":\"{B}\",\"topic\":\"t\",\"broker\":null,\"queueId\":null,\"queueOffset\":null,\"tag\":null}}\n"
    );
    for text in [csv, json] {
        let positions =
            read(text, InputOptions::default())
                .into_iter()
                .map(|row| match row.entry {
                    Entry::Query(query) => query.position,
                    other => panic!("{other:?}"),
                });
        let positions: Vec<_> = positions.collect();
        let stored = positions[0].clone().unwrap();
        assert_eq!(
            (&*stored.broker, stored.queue_id, stored.queue_offset),
            ("broker-a", 3, 17)
        );
        assert_eq!(stored.tag, crate::message::Tag::Named("paid".into()));
        assert_eq!(positions[1], None);
    }
}

#[test]
fn missing_columns_are_refused_with_the_columns_and_a_hint() {
    let none = InputOptions::default;
    for (text, options, message, hint) in [
        (
            "id,thema\n1,2\n",
            none(),
            "in: no column is named `msg_id`; its columns are `id`, `thema`",
            "name it with --msg-id-column NAME, or its number from 1",
        ),
        (
            "msg_id,thema\n",
            none(),
            "in: no column is named `topic`; its columns are `msg_id`, `thema`",
            "name the column with --topic-column NAME, or the one topic of all rows with --topic NAME",
        ),
        (
            "1E0578FE110F18B4AAC235C0C8460BA2,orders\n",
            none(),
            "in: no column is named `msg_id`; its columns are `1E0578FE110F18B4AAC235C0C8460BA2`, `orders`",
            "the first line looks like data: --no-header --msg-id-column 1 --topic-column N, or --topic NAME",
        ),
    ] {
        assert_eq!(
            refusal(text, options),
            (message.to_owned(), hint.to_owned())
        );
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let none = InputOptions::default;
    for (text, options, message, hint) in [
        (
            "1E05\n",
            none(),
            "in has message IDs only, and no topic is given",
            "name it with --topic NAME",
        ),
        (
            "",
            none(),
            "in is empty",
            "if the export failed, run it again",
        ),
        (
            "msg_id,topic\n",
            options(|o| o.keep = Some(vec!["order".to_owned()])),
            "in: there is no column `order` to keep; its columns are `msg_id`, `topic`",
            "name the columns as the input does: --keep NAME,NAME",
        ),
        (
            "{}",
            options(|o| o.topic_column = Some("2".into())),
            "in is JSON, whose fields have names only, but --topic-column is a number",
            "name the field: --topic-column NAME",
        ),
        (
            "x",
            options(|o| o.delimiter = Some(b'"')),
            "'\"' can't be the delimiter, expected an ASCII character other than a quote or a line end",
            "--delimiter ';'",
        ),
        (
            "x",
            options(|o| o.topic = Some("a b".to_owned())),
            "--topic `a b` has ' ' as character 2, expected letters, digits, `_`, `-`, `%` and `|` only",
            "--topic NAME, exactly as the console shows it",
        ),
    ] {
        assert_eq!(
            refusal(text, options),
            (message.to_owned(), hint.to_owned())
        );
    }
}

#[test]
fn files_are_read_one_after_another_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .unwrap();
        file.write_all(bytes).unwrap();
        path
    };
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("{{\"msg_id\":\"{A}\",\"topic\":\"t\",\"n\":1}}\n").as_bytes())
        .unwrap();
    let gzip = gzip.finish().unwrap();
    let paths: [PathBuf; 2] = [
        write("plain", format!("msg_id,topic\n{A},t\n{B},t\n").as_bytes()),
        write("squeezed", &gzip),
    ];

    let inputs = Inputs::open(&paths, InputOptions::default()).unwrap();
    let surveyed: Vec<_> = inputs
        .surveys()
        .iter()
        .map(|survey| (survey.rows, survey.sha256.len()))
        .collect();
    assert_eq!(surveyed, [(2, 64), (1, 64)]);
    for _ in 0..2 {
        let rows: Vec<_> = inputs.rows().map(|row| short(&row.unwrap())).collect();
        assert_eq!(
            rows,
            [
                format!("1. t {A}"),
                format!("2. t {B}"),
                r#"3. same as 1 {"n":1}"#.to_owned()
            ]
        );
    }

    let torn = write("torn", &gzip[..gzip.len() - 9]);
    let error = Inputs::open(std::slice::from_ref(&torn), InputOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::Read { .. }), "{error}");
    let error = Inputs::open(&[folder.path().into()], InputOptions::default()).unwrap_err();
    let hint = error.hint().unwrap();
    let names =
        ["plain", "squeezed", "torn"].map(|name| folder.path().join(name).display().to_string());
    assert_eq!(hint, format!("name its files: {}", names.join(" ")));
}

#[test]
fn a_survey_has_the_checksum_of_the_bytes() {
    let inputs = Inputs::from_bytes("in", b"msg_id,topic\n", InputOptions::default()).unwrap();
    let survey = Survey {
        path: "in".to_owned(),
        sha256: "d6c175e3b30fb1b325f7181df496604e8b9c23a6ed9bfc1f7d6ef6face63ba6b".to_owned(),
        rows: 0,
    };
    assert_eq!(inputs.surveys(), [survey]);
}

#[test]
fn a_file_that_is_rewritten_meanwhile_is_noticed() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{A}\n{B}\n").unwrap();
    let with_topic = options(|o| o.topic = Some("t".to_owned()));
    let inputs = Inputs::open(&[file.path().into()], with_topic).unwrap();
    // As many rows as before, and others.
    let last = |inputs: &Inputs| inputs.rows().last().unwrap();
    file.rewind().unwrap();
    write!(file, "{B}\n{A}\n").unwrap();
    file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(matches!(last(&inputs), Err(InputError::Rewritten { .. })));
    // What is appended is not read; touched, it is still what it was.
    file.rewind().unwrap();
    write!(file, "{A}\n{B}\n{A}\n").unwrap();
    assert!(last(&inputs).is_ok());
    file.as_file().set_len(10).unwrap();
    assert!(matches!(
        last(&inputs),
        Err(InputError::Changed {
            expected: 2,
            found: 1,
            ..
        })
    ));
}
