use std::slice::from_ref;

use proptest::prelude::*;

use super::*;

const ID: &str = "7F0000012A9F18B4AAC2086E35A60000";
const NEXT_ID: &str = "7F0000012A9F18B4AAC2086E35A60001";
const GRPC_ID: &str = "01A8D9B5F3C4E62F8D05D6C2A700000000";
const OFFSET_ID: &str = "C0A8010A00002A9F0000000000001F4C";
const NEXT_OFFSET_ID: &str = "C0A8010A00002A9F0000000000002010";
const JAVA: &str = "SendResult [sendStatus=SEND_OK, msgId=7F0000012A9F18B4AAC2086E35A60000, offsetMsgId=C0A8010A00002A9F0000000000001F4C, messageQueue=MessageQueue [topic=orders, brokerName=broker-a, queueId=2], queueOffset=653]";

const NONE: SentMessage<'static> = SentMessage {
    msg_id: "",
    offset_msg_id: None,
    instance: None,
    topic: None,
    broker: None,
    queue_id: None,
    queue_offset: None,
    send_status: None,
};

const FULL: SentMessage<'static> = SentMessage {
    msg_id: ID,
    offset_msg_id: Some(OFFSET_ID),
    topic: Some("orders"),
    broker: Some("broker-a"),
    queue_id: Some(2),
    queue_offset: Some(653),
    send_status: Some("SEND_OK"),
    ..NONE
};

/// Results with every field, by client (`docs/facts/rocketmq.md` §10).
const FULL_FORMS: &str = r#"
Java 4.x | SendResult [sendStatus=SEND_OK, msgId=<ID>, offsetMsgId=<OFFSET_ID>, messageQueue=<QUEUE>, queueOffset=653]
Java 5.3.2 | SendResult [sendStatus=SEND_OK, msgId=<ID>, offsetMsgId=<OFFSET_ID>, messageQueue=<QUEUE>, queueOffset=653, recallHandle=null]
mqadmin | rt=7ms, SendResult=SendResult [sendStatus=SEND_OK, msgId=<ID>, offsetMsgId=<OFFSET_ID>, messageQueue=<QUEUE>, queueOffset=653]
Spring result | send message to `orders` finished. result:SendResult [sendStatus=SEND_OK, msgId=<ID>, offsetMsgId=<OFFSET_ID>, messageQueue=<QUEUE>, queueOffset=653]
fastjson | sent {"messageQueue":{"brokerName":"broker-a","queueId":2,"topic":"orders"},"msgId":"<ID>","offsetMsgId":"<OFFSET_ID>","queueOffset":653,"regionId":"DefaultRegion","sendStatus":"SEND_OK","traceOn":true}
Go 2.x | SendResult [sendStatus=0, msgIds=<ID>, offsetMsgId=<OFFSET_ID>, queueOffset=653, messageQueue=<QUEUE>]
C++ 2.x | SendResult: sendStatus:0,msgId:<ID>,offsetMsgId:<OFFSET_ID>,queueOffset:653,transactionId:,messageQueue:<QUEUE>,regionId:,traceOn:1
C++ re_dev | SendResult: sendStatus:0, msgId:<ID>, offsetMsgId:<OFFSET_ID>, queueOffset:653, transactionId:, messageQueue:<QUEUE>
rocketmq-rs | SendResult { status: Ok, msg_id: "<ID>", message_queue: <DEBUG_QUEUE>, queue_offset: 653, transaction_id: None, offset_msg_id: "<OFFSET_ID>", region_id: "", trace_on: true }
rocketmq-rust | SendResult [sendStatus=SendOk, msgId=Some("<ID>"), offsetMsgId=Some("<OFFSET_ID>"), messageQueue=Some(<DEBUG_QUEUE>), queueOffset=653]
"#;

/// Results with ID, offset and status.
const SHORT_FORMS: &str = "
Go 1.x | [status: SendOK, messageId: <ID>, offset: 653]
Python 2.x | SendResult(status=<SendStatus.OK: 0>, msg_id='<ID>', offset=653)
";

const OFFSET_FORMS: &str = r#"
gRPC Go | &golang.SendReceipt{MessageID:"<GRPC_ID>", TransactionId:"", Offset:653, Endpoints:(*v2.Endpoints)(0xc0001a2000), RecallHandle:""}
gRPC Node | SendReceipt { messageId: '<GRPC_ID>', transactionId: '', recallHandle: '', offset: 653 }
"#;

const TOPIC_FORMS: &str = "
ONS | SendResult[topic=orders, messageId=<GRPC_ID>]
ONS example | Send mq message success. Topic is:orders msgId is: <GRPC_ID>
ONS HTTP example | Send mq message success. Topic is:orders, msgId is: <GRPC_ID>, bodyMD5 is: 5F
gRPC Java resend | Resend message successfully, topic=orders, messageId(s)=[<GRPC_ID>], maxAttempts=3, attempt=2, endpoints=ipv4:127.0.0.1:8081
gRPC C# resend | Re-send message successfully, topic=orders, messageId=<GRPC_ID>, maxAttempts=3
gRPC Node resend | Resend message successfully, topic=orders, messageId(s)=<GRPC_ID>, maxAttempts=3
";

const ID_FORMS: &str = r#"
Spring cost | send message cost: 5 ms, msgId:<GRPC_ID>
Spring batch cost | send messages cost: 12 ms, msgId:<GRPC_ID>
gRPC Java 5.0.7 | SendReceiptImpl{messageId=<GRPC_ID>}
gRPC Java | SendReceiptImpl{messageId=<GRPC_ID>, recallHandle=}
gRPC Java example | Send message successfully, messageId=<GRPC_ID>
gRPC Java transaction | Send transaction message successfully, messageId=<GRPC_ID>
gRPC C# | Receipt: MessageId: <GRPC_ID>, RecallHandle:
gRPC C# example | Send message successfully, sendReceipt=MessageId: <GRPC_ID>
gRPC Rust | SendReceipt { message_id: "<GRPC_ID>", transaction_id: "", recall_handle: None }
gRPC Rust example | send message success, message_id=<GRPC_ID>
gRPC Python example | client send message success. message_id:<GRPC_ID>
"#;

/// What each client prints, and what that says.
fn forms() -> Vec<(&'static str, String, SentMessage<'static>)> {
    let short = SentMessage {
        msg_id: ID,
        queue_offset: FULL.queue_offset,
        send_status: FULL.send_status,
        ..NONE
    };
    let id = SentMessage {
        msg_id: GRPC_ID,
        ..NONE
    };
    let offset = SentMessage {
        queue_offset: FULL.queue_offset,
        ..id
    };
    let topic = SentMessage {
        topic: FULL.topic,
        ..id
    };
    let tables = [
        (FULL_FORMS, FULL),
        (SHORT_FORMS, short),
        (OFFSET_FORMS, offset),
        (TOPIC_FORMS, topic),
        (ID_FORMS, id),
    ];
    let debug_queue = r#"MessageQueue { topic: "orders", broker_name: "broker-a", queue_id: 2 }"#;
    let filled = |line: &str| {
        line.replace("<ID>", ID)
            .replace("<OFFSET_ID>", OFFSET_ID)
            .replace("<GRPC_ID>", GRPC_ID)
            .replace("<DEBUG_QUEUE>", debug_queue)
            .replace(
                "<QUEUE>",
                "MessageQueue [topic=orders, brokerName=broker-a, queueId=2]",
            )
    };
    let rows = tables.into_iter().flat_map(|(table, expected)| {
        let rows = table.lines().filter_map(|row| row.split_once(" | "));
        rows.map(move |(client, line)| (client, filled(line), expected.clone()))
    });
    rows.collect()
}

#[test]
fn the_form_of_each_client_is_read() {
    for (client, line, expected) in forms() {
        let framed = format!("2026-11-30 01:02:03.456 INFO [main] c.e.Orders - {line} cost=5ms");
        for line in [line, framed] {
            assert_eq!(
                sent_messages(&line),
                from_ref(&expected),
                "{client}: {line}"
            );
        }
    }
}

#[test]
fn escaped_and_coloured_lines_give_the_same() {
    for (client, line, expected) in forms() {
        let json = serde_json::to_string(&line).unwrap();
        let log = serde_json::to_string(&format!("\u{1b}[32m{line}\u{1b}[0m\n")).unwrap();
        let coloured = line
            .replace(ID, &format!("\u{1b}[1;32m{ID}\u{1b}[0m"))
            .replace(GRPC_ID, &format!("\u{1b}[32m{GRPC_ID}\u{1b}[m"))
            .replace("orders", "\u{1b}[35morders\u{1b}[0m");
        let mut lines = vec![
            format!("{{\"level\":\"INFO\",\"msg\":{json}}}"),
            format!("{{\"msg\":{log},\"topic\":\"t\"}}"),
            format!("{{\"msg\":{}}}", serde_json::to_string(&json).unwrap()),
            format!("\u{1b}[31m{line}\u{1b}[0m"),
            coloured,
        ];
        if !line.contains("message success") {
            lines.push(format!(
                "{{\"msg\":{}}}",
                json.replace('=', "\\u003d").replace('\'', "\\u0027")
            ));
        }
        for line in lines {
            assert_eq!(
                sent_messages(&line),
                from_ref(&expected),
                "{client}: {line}"
            );
        }
    }
}

#[test]
fn each_id_of_a_batch_is_a_message() {
    let second = SentMessage {
        msg_id: NEXT_ID,
        offset_msg_id: Some(NEXT_OFFSET_ID),
        queue_offset: Some(654),
        ..FULL
    };
    for (client, line, _) in forms().into_iter().filter(|form| form.2 == FULL) {
        let batch = line.replace(ID, &format!("{ID},{NEXT_ID}"));
        let batch = batch.replace(OFFSET_ID, &format!("{OFFSET_ID},{NEXT_OFFSET_ID}"));
        assert_eq!(
            sent_messages(&batch),
            [FULL, second.clone()],
            "{client}: {batch}"
        );
    }
    for list in [
        format!("[{ID}, {NEXT_ID}]"),
        format!("[ '{ID}', '{NEXT_ID}' ]"),
        format!("{ID},{NEXT_ID}"),
    ] {
        let line = format!("Resend message successfully, topic=t, messageId(s)={list}, attempt=2");
        let ids: Vec<_> = sent_messages(&line)
            .iter()
            .map(|sent| sent.msg_id)
            .collect();
        assert_eq!(ids, [ID, NEXT_ID], "{line}");
    }
}

#[test]
fn offset_ids_need_one_for_each_id() {
    let line = JAVA.replace(ID, &format!("{ID},{NEXT_ID}"));
    let offset_ids = sent_messages(&line)
        .into_iter()
        .map(|sent| sent.offset_msg_id);
    assert_eq!(offset_ids.collect::<Vec<_>>(), [None, None]);
}

#[test]
fn each_result_of_a_line_counts() {
    let forms = forms();
    for (first, line, expected) in &forms {
        for (second, next_line, next) in &forms {
            let line = format!("{line}; {next_line}");
            let expected = [expected.clone(), next.clone()];
            assert_eq!(sent_messages(&line), expected, "{first}, {second}: {line}");
        }
    }
    let array = format!("[{JAVA}, {JAVA}]");
    assert_eq!(sent_messages(&array), [FULL, FULL]);
}

#[test]
fn a_result_without_ids_is_no_message() {
    for missing in ["null", "", "None", "nil"] {
        let line = JAVA.replace(ID, missing);
        let expected = SentMessage {
            msg_id: OFFSET_ID,
            offset_msg_id: None,
            ..FULL
        };
        assert_eq!(sent_messages(&line), [expected], "{line}");
        let line = line.replace(OFFSET_ID, missing);
        assert_eq!(sent_messages(&line), [], "{line}");
    }
}

#[test]
fn a_damaged_id_is_kept_as_it_is() {
    for damaged in [
        "7F00",
        "7F0000012A9F18B4AAC2086E35A6****",
        "7F…01",
        " ...",
        "中",
        "1.2E+31",
    ] {
        let line = JAVA.replace(ID, damaged);
        assert_eq!(sent_messages(&line)[0].msg_id, damaged.trim(), "{line}");
    }
    let torn = format!("SendResult [sendStatus=SEND_OK, msgId=7F00{JAVA}");
    let ids: Vec<_> = sent_messages(&torn)
        .iter()
        .map(|sent| sent.msg_id)
        .collect();
    assert_eq!(ids, ["7F00SendResult", ID]);
}

#[test]
fn statuses_have_the_names_of_java() {
    for (found, expected) in [
        ("FLUSH_DISK_TIMEOUT", "FLUSH_DISK_TIMEOUT"),
        ("1", "FLUSH_DISK_TIMEOUT"),
        ("2", "FLUSH_SLAVE_TIMEOUT"),
        ("3", "SLAVE_NOT_AVAILABLE"),
        ("4", "4"),
        ("SlaveNotAvailable", "SLAVE_NOT_AVAILABLE"),
    ] {
        let line = JAVA.replace("SEND_OK", found);
        assert_eq!(
            sent_messages(&line)[0].send_status,
            Some(expected),
            "{line}"
        );
    }
    let line = format!("[status: SendFlushDiskTimeout, messageId: {ID}, offset: 0]");
    assert_eq!(
        sent_messages(&line)[0].send_status,
        Some("FLUSH_DISK_TIMEOUT")
    );
    let line =
        format!("SendResult(status=<SendStatus.SLAVE_NOT_AVAILABLE: 3>, msg_id='{ID}', offset=0)");
    assert_eq!(
        sent_messages(&line)[0].send_status,
        Some("SLAVE_NOT_AVAILABLE")
    );
}

#[test]
fn a_topic_is_split_at_its_instance() {
    for (found, instance, topic) in [
        ("MQ_INST_1_B%orders", Some("MQ_INST_1_B"), Some("orders")),
        ("MQ_INST_1_B%", None, Some("MQ_INST_1_B%")),
        ("%RETRY%g", None, Some("%RETRY%g")),
        ("ns%orders", None, Some("ns%orders")),
        ("null", None, None),
    ] {
        let line = JAVA.replace("orders", found);
        let sent = sent_messages(&line);
        assert_eq!(
            (sent[0].instance, sent[0].topic),
            (instance, topic),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_result_of_a_send_gives_nothing() {
    for line in [
        String::new(),
        format!(
            "ConsumeMessageThread_1 Receive New Messages: [MessageExt [brokerName=broker-a, queueId=2, queueOffset=653, msgId={ID}, commitLogOffset=8012]]"
        ),
        format!("[Message=[topic=orders, body=x], MsgId={ID}, OffsetMsgId={OFFSET_ID},QueueId=2]"),
        format!("MessageViewImpl{{messageId={GRPC_ID}, topic=orders}}"),
        format!("MessageId: {GRPC_ID}, Topic: orders, Tag: a"),
        format!("Consume message successfully, messageId={GRPC_ID}"),
        format!(
            "Failed to send message, would attempt to resend right now, topic=orders, messageId(s)=[{GRPC_ID}]"
        ),
        format!("consume {ID} cost: 5 ms, msgId:{ID}"),
        format!("SendResult is null, msgId={ID}"),
        format!("org.example.SmsSendResult{{messageId={ID}}}"),
        format!("SendResultCode [msgId={ID}]"),
        format!(
            "SendResult [producerRecord=ProducerRecord(topic=t, value={{\"msgId\":\"{ID}\"}}), recordMetadata=t-0@5]"
        ),
        format!("lastSendStatus=1, msgId={ID}"),
    ] {
        assert_eq!(sent_messages(&line), [], "{line}");
    }
}

#[test]
fn fields_around_a_result_are_not_part_of_it() {
    let json = format!(r#"{{"msgId":"{ID}","sendStatus":"SEND_OK"}}"#);
    let expected = SentMessage {
        msg_id: ID,
        send_status: Some("SEND_OK"),
        ..NONE
    };
    for line in [
        format!("topic=a, msgId=b, {{\"topic\":\"c\"}} {json}, topic=d"),
        format!(r#"{{"topic":"a","msgId":"b","data":{json},"queueId":3}}"#),
        format!("send message success, result={json} queueId=3"),
        format!("send message success, msgId: SendResult [sendStatus=SEND_OK, msgId={ID}]"),
        format!(r#"{{"msgId":"b","text":"SendResult: sendStatus:0,msgId:{ID}"}}"#),
    ] {
        assert_eq!(sent_messages(&line), from_ref(&expected), "{line}");
    }
}

#[test]
fn a_line_cut_anywhere_gives_its_complete_ids() {
    for (client, line, whole) in forms() {
        let id_end = line.find(whole.msg_id).unwrap() + whole.msg_id.len();
        // JSON and the C# receipt are recognised by what follows the ID.
        let late = [
            ("fastjson", "\"sendStatus\":"),
            ("gRPC C#", ", RecallHandle:"),
        ];
        let marker = late.iter().find(|(name, _)| *name == client);
        let marker_end = marker.map_or(0, |(_, marker)| line.find(marker).unwrap() + marker.len());
        for cut in 0..=line.len() {
            let cut_line = &line[..cut];
            let sent = sent_messages(cut_line);
            assert!(sent.len() <= 1, "{client}: {cut_line}: {sent:?}");
            if cut >= id_end.max(marker_end) {
                assert_eq!(sent[0].msg_id, whole.msg_id, "{client}: {cut_line}");
            } else if let [sent] = &*sent {
                assert!(
                    whole.msg_id.starts_with(sent.msg_id),
                    "{client}: {cut_line}"
                );
            }
        }
    }
}

#[test]
fn a_missing_id_cut_anywhere_is_no_message() {
    for missing in ["null", "None", "nil", ""] {
        let line = JAVA.replace(ID, missing).replace(OFFSET_ID, missing);
        for cut in 0..=line.len() {
            assert_eq!(sent_messages(&line[..cut]), [], "{}", &line[..cut]);
        }
    }
}

/// Text that comes close to what the parser looks for.
fn any_line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "SendResult",
        "SendReceipt",
        "SendReceiptImpl",
        "sendStatus",
        "MessageId: ",
        ", RecallHandle: ",
        "[status: Send",
        "send ",
        "message success",
        "fully, ",
        ". ",
        "send message cost: 5",
        " ms, msgId:",
        "msgId",
        "offsetMsgId",
        "messageId(s)",
        "topic",
        "queueOffset",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "=",
        ":",
        ",",
        " ",
        "\"",
        "'",
        "\\",
        "\\u003d",
        "\u{1b}[3",
        "\u{1b}",
        "m",
        "Some(",
        ID,
        "9",
        "中",
        "null",
        "%",
    ]);
    let part = prop_oneof![8 => words.prop_map(str::to_owned), 1 => ".{0,3}"];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn every_id_is_a_part_of_the_line(line in any_line()) {
        for sent in sent_messages(&line) {
            prop_assert!(!sent.msg_id.is_empty() && line.contains(sent.msg_id));
        }
    }

    #[test]
    fn a_result_is_found_within_any_text(before in any_line(), after in ".*") {
        let line = format!("{before} {JAVA} {after}");
        let found = sent_messages(&line).iter().any(|sent| sent.msg_id == ID);
        prop_assert!(found, "{}", line);
    }
}
