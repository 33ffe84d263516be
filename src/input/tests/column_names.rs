use super::*;

fn with_msg_id(column: &str) -> InputOptions {
    options(|o| {
        o.msg_id_column = Some(column.into());
        o.topic = Some("t".to_owned());
    })
}

#[test]
fn tables_with_chinese_names_are_read() {
    let csv = format!("订单;消息 ID;主题;实例ＩＤ\n1;{A};orders;I\n");
    assert_eq!(
        shorts(csv, InputOptions::default()),
        [format!(r#"1. I/orders {A} {{"订单":"1"}}"#)]
    );
    let json = format!("{{\"消息ID\":\"{A}\",\"主题\":\"orders\",\"msg\":1}}");
    assert_eq!(
        shorts(json, InputOptions::default()),
        [format!(r#"1. orders {A} {{"msg":1}}"#)]
    );
    assert_eq!(
        shorts(format!("消息ID\n{A}\n"), with_msg_id("消息id")),
        [format!("1. t {A}")]
    );
}

#[test]
fn misspelt_columns_are_suggested() {
    for (header, hint) in [
        (
            "order,mesage_id,topic",
            "is `mesage_id` the message ID? --msg-id-column mesage_id",
        ),
        (
            "mesagge id,message-i,topic",
            "is `message-i` the message ID? --msg-id-column message-i",
        ),
        (
            "msg_id,thema,topics",
            "is `topics` the topic? --topic-column topics, or the one topic of all rows with --topic NAME",
        ),
        (
            "Mesage Id,topic",
            "is `Mesage Id` the message ID? --msg-id-column 'Mesage Id'",
        ),
        (
            "order,id",
            "name it with --msg-id-column NAME, or its number from 1",
        ),
    ] {
        let (_, found) = refusal(format!("{header}\n"), InputOptions::default());
        assert_eq!(found, hint, "{header}");
    }
}

#[test]
fn a_name_with_dots_is_a_path_in_json() {
    let read = |json: &str, column: &str| shorts(json, with_msg_id(column)).remove(0);
    let inner = format!(r#"{{"payload":{{"a":1,"msg_id":"{A}"}}}}"#);
    let kept = format!("1. t {A} {inner}");
    assert_eq!(read(&inner, "payload.msg_id"), kept);
    assert_eq!(read(&inner, "Payload.MsgId"), kept);
    // A key with the whole name wins, also inside of an object.
    let both = format!(r#"{{"p":{{"id":"x"}},"p.id":"{A}"}}"#);
    assert_eq!(
        read(&both, "p.id"),
        format!(r#"1. t {A} {{"p":{{"id":"x"}}}}"#)
    );
    let dotted = format!(r#"{{"p":{{"a":{{"b":"x"}},"a.b":"{A}"}}}}"#);
    assert_eq!(read(&dotted, "p.a.b"), format!("1. t {A} {dotted}"));
    let deep = format!(r#"{{"p.q":{{"r":{{"s":"{A}"}}}},"p":1}}"#);
    assert_eq!(read(&deep, "p.q.r.s"), format!("1. t {A} {deep}"));
    // In a table it is a name only.
    let (message, _) = refusal("payload,topic\n", with_msg_id("payload.msg_id"));
    assert_eq!(
        message,
        "in: --msg-id-column is `payload.msg_id`, but there is no such column; its columns are `payload`, `topic`"
    );
}

#[test]
fn paths_that_lead_nowhere_reject_the_row() {
    for (json, reason) in [
        (
            r#"{"p":{"a":1,"c":2},"x":3}"#,
            r#""" is missing; the fields of `p` are `a`, `c`"#,
        ),
        (
            r#"{"x":3,"b":4}"#,
            r#""" is missing; the fields are `x`, `b`"#,
        ),
        (r#"{"p":null}"#, r#""" is missing; `p` is null"#),
        (r#"{"p":{}}"#, r#""" is missing; `p` has no fields"#),
        (r#"{"p":[1]}"#, r#""[1]" is no object with the field `id`"#),
        (r#"{"p":{"id":{"x":1}}}"#, r#""{\"x\":1}" is no string"#),
        (
            r#"{"p":{"id":7}}"#,
            r#""7" is a number, and numbers lose digits of an ID; write IDs as strings"#,
        ),
        (
            r#"{"p":{"id":"a","id":"b"}}"#,
            r#""{\"id\":\"a\",\"id\":\"b\"}" is ambiguous: the columns `id` and `id` could both be the msg_id"#,
        ),
    ] {
        let row = shorts(json, with_msg_id("p.id")).remove(0);
        let expected = format!("1. line 1: p.id {reason} {json}");
        assert_eq!(row, expected);
    }
}

#[test]
fn nested_topics_and_instances_may_be_absent() {
    let nested = |topic: Option<&str>| {
        options(|o| {
            o.topic_column = Some("p.topic".into());
            o.instance_column = Some("p.instance".into());
            o.topic = topic.map(str::to_owned);
        })
    };
    let full = format!(r#"{{"msg_id":"{A}","p":{{"topic":"orders","instance":"I"}}}}"#);
    let bare = format!(r#"{{"msg_id":"{A}","p":{{"x":1}}}}"#);
    let read = |json: &str, topic| shorts(json, nested(topic)).remove(0);
    let starts = |row: String, start: &str| assert!(row.starts_with(start), "{row}");
    starts(read(&full, None), &format!("1. I/orders {A} "));
    starts(read(&bare, Some("t")), &format!("1. t {A} "));
    starts(
        read(&bare, None),
        r#"1. line 1: p.topic "" is missing, and no --topic is given; the fields of `p` are `x`"#,
    );
}

#[test]
fn names_of_many_fields_are_cut() {
    let fields: Vec<_> = (1..=30).map(|n| format!("\"f{n}\":1")).collect();
    let row = shorts(format!("{{{}}}", fields.join(",")), InputOptions::default()).remove(0);
    assert!(row.contains("`f20` and 10 more {"), "{row}");
}
