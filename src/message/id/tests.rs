use proptest::prelude::*;

use jiff::tz::TimeZone;

use super::*;

fn parse(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn born(text: &str, now: &str) -> Option<String> {
    let born = parse(text).born(&BornClock::new(now.parse().unwrap(), &shanghai()));
    born.map(crate::clock::rfc3339)
}

/// The worked examples of `docs/facts/ons-api.md` §8.2.
#[test]
fn unique_keys_tell_producer_and_time() {
    let key = UniqKey {
        producer: "30.5.120.254".parse().unwrap(),
        pid: 4367,
        class_loader: 0x18b4_aac2,
        month_millis: 901_826_630,
        counter: 2978,
    };
    assert_eq!(
        parse("1E0578FE110F18B4AAC235C0C8460BA2"),
        MessageId::UniqKey(key)
    );
    assert_eq!(
        parse("1e0578fe110f18b4AAC235C0C8460BA2"),
        MessageId::UniqKey(key)
    );

    for (id, now, expected) in [
        (
            "1E0578FE110F18B4AAC235C0C8460BA2",
            "2019-10-12T00:00:00Z",
            "2019-10-11T02:30:26.630Z",
        ),
        (
            "1E05791C117818B4AAC23B1BB0CE0000",
            "2019-10-13T00:00:00Z",
            "2019-10-12T03:27:50.478Z",
        ),
        (
            "0A79275A00207A4F0F2916C92F9A0B94",
            "2023-03-23T00:00:00Z",
            "2023-03-05T02:11:23.674Z",
        ),
    ] {
        assert_eq!(born(id, now).as_deref(), Some(expected), "{id}");
    }
}

#[test]
fn milliseconds_of_the_month_are_unsigned() {
    let MessageId::UniqKey(key) = parse("0BC16699165C03B925DB8A404E2D0000") else {
        panic!("a unique key");
    };
    assert_eq!(key.producer.to_string(), "11.193.102.153");
    assert_eq!(key.pid, 5724);
    assert_eq!(key.month_millis, 2_319_470_125);
}

#[test]
fn a_time_in_the_future_belongs_to_last_month() {
    let id = "0BC16699165C03B925DB8A404E2D0000"; // day 27
    assert_eq!(
        born(id, "2026-11-28T00:00:00Z").unwrap(),
        "2026-11-27T12:17:50.125Z"
    );
    assert_eq!(
        born(id, "2026-11-27T00:00:00Z").unwrap(),
        "2026-10-27T12:17:50.125Z"
    );
    // In Shanghai the month has turned, in UTC it has not.
    assert_eq!(
        born(id, "2026-10-31T16:00:00Z").unwrap(),
        "2026-10-27T12:17:50.125Z"
    );
    // More milliseconds than a month has: no month fits.
    let impossible = "0BC16699165C03B925DBFFFFFFFF0000";
    assert_eq!(born(impossible, "2026-11-01T00:00:00Z"), None);
}

#[test]
fn offset_ids_tell_the_place_in_the_log() {
    for (id, store, commit_log_offset) in [
        (
            "AC10323E00002A9F0000000000983278",
            "172.16.50.62:10911",
            9_974_392,
        ),
        (
            "20010DB800000000000000000000000100002A9F0000000000000007",
            "[2001:db8::1]:10911",
            7,
        ),
    ] {
        let store = store.parse().unwrap();
        assert_eq!(
            parse(id),
            MessageId::OffsetId(OffsetId {
                store,
                commit_log_offset
            })
        );
        assert_eq!(born(id, "2026-11-28T00:00:00Z"), None);
    }
    // Process 0 with a hash that begins with zeros is not a plausible port.
    assert!(matches!(
        parse("AC10323E000000100000000000983278"),
        MessageId::UniqKey(_)
    ));
}

#[test]
fn unique_keys_of_process_0_have_no_possible_offset() {
    for (id, is_offset_id) in [
        ("0A0B0C0D000018B4AAC2562A9AC70003", false),
        (
            "FD00000000000000000000000001007A000018B4AAC2562A9AC70003",
            false,
        ),
        ("0A0B0C0D000018B40001000000000000", false), // 2^48
        ("0A0B0C0D000018B40000FFFFFFFFFFFF", true),
        ("0A0B0C0D00002A9F0000000000000000", true),
        ("0A0B0C0D000104000000000000983278", false),
        ("0A0B0C0D000004000000000000983278", true), // port 1024
        ("0A0B0C0D000003FF0000000000983278", false),
        ("0A0B0C0D000000000000000000983278", false),
    ] {
        let found = matches!(parse(id), MessageId::OffsetId(_));
        assert_eq!(found, is_offset_id, "{id}");
        assert_eq!(
            born(id, "2026-11-29T00:00:00Z").is_none(),
            is_offset_id,
            "{id}"
        );
    }
    assert_eq!(
        born("0A0B0C0D000018B4AAC2562A9AC70003", "2026-11-29T00:00:00Z").as_deref(),
        Some("2026-11-17T09:33:52.711Z")
    );
}

#[test]
fn ipv6_unique_keys_have_the_same_tail() {
    let MessageId::UniqKey(key) = parse("20010DB8000000000000000000000001110F18B4AAC235C0C8460BA2")
    else {
        panic!("a unique key");
    };
    assert_eq!(key.producer.to_string(), "2001:db8::1");
    assert_eq!(
        (key.pid, key.class_loader, key.counter),
        (4367, 0x18b4_aac2, 2978)
    );
}

#[test]
fn version_1_counts_seconds_from_2021() {
    for (id, mac, pid, seconds, sequence, time) in [
        (
            "0156F7E71C361B21BC024CCDBE00000000",
            "56:f7:e7:1c:36:1b",
            8636,
            38_587_838,
            0,
            "2022-03-23T14:50:38.000Z",
        ),
        (
            "012A5AB0BBEC8A000104C6342B00001ECF",
            "2a:5a:b0:bb:ec:8a",
            1,
            80_098_347,
            7887,
            "2023-07-17T01:32:27.000Z",
        ),
    ] {
        let MessageId::V1(v1) = parse(id) else {
            panic!("version 1");
        };
        assert_eq!(v1.mac.to_string(), mac);
        assert_eq!((v1.pid, v1.seconds, v1.sequence), (pid, seconds, sequence));
        assert_eq!(born(id, "2026-11-28T00:00:00Z").as_deref(), Some(time));
    }
}

/// Encodes an ID from its fields.
fn encoded(id: &MessageId) -> String {
    let host = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:08x}", u32::from(address)),
        IpAddr::V6(address) => format!("{:032x}", u128::from(address)),
    };
    match id {
        MessageId::UniqKey(key) => format!(
            "{}{:04x}{:08x}{:08x}{:04x}",
            host(key.producer),
            key.pid,
            key.class_loader,
            key.month_millis,
            key.counter
        ),
        MessageId::OffsetId(id) => format!(
            "{}{:08x}{:016x}",
            host(id.store.ip()),
            id.store.port(),
            id.commit_log_offset
        ),
        MessageId::V1(id) => format!(
            "01{}{:04x}{:08x}{:08x}",
            id.mac.to_string().replace(':', ""),
            id.pid,
            id.seconds,
            id.sequence
        ),
    }
}

proptest! {
    #[test]
    fn a_unique_key_is_read_back(ip: [u8; 4], pid in 1_u16.., hash: u32, millis: u32, counter: u16) {
        let ip = Ipv4Addr::from(ip);
        let text = format!("{:08X}{pid:04X}{hash:08x}{millis:08X}{counter:04x}", u32::from(ip));
        // A month of leading digits could look damaged; the check exists to reject such IDs.
        prop_assume!(MessageId::check(&text).is_ok());
        let key = UniqKey { producer: ip.into(), pid, class_loader: hash, month_millis: millis, counter };
        prop_assert_eq!(parse(&text), MessageId::UniqKey(key));
    }

    #[test]
    fn the_check_agrees_with_the_decoder_and_no_digit_is_lost(
        id in "[0-9A-F]{32}|[0-9a-f]{56}|01[0-9a-f]{32}|[0-9A-F]{8}0000[0-9A-F]{20}|[0-9A-Fé]{30,36}|.{0,60}",
    ) {
        let parsed = MessageId::parse(&id);
        prop_assert_eq!(MessageId::check(&id), parsed.map(|_| ()));
        if let Ok(parsed) = parsed {
            prop_assert!(encoded(&parsed).eq_ignore_ascii_case(&id));
        }
    }

    #[test]
    fn no_message_is_born_in_the_future(id in "[0-9A-F]{32}", seconds in 1_546_300_800_i64..2_000_000_000) {
        let now = Timestamp::from_second(seconds).unwrap();
        if let Ok(id) = MessageId::parse(&id)
            && let Some(born) = id.born(&BornClock::new(now, &shanghai()))
        {
            prop_assert!(born <= now);
        }
    }
}
