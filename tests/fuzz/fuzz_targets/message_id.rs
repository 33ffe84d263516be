//! Message IDs: the quick check and the decoder agree, and nothing of an ID is lost.
#![no_main]

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use libfuzzer_sys::fuzz_target;
use ons_audit::message::{BornClock, Decoded, Mac, MessageId, OffsetId, UniqKey, V1};

fuzz_target!(|text: &str| {
    let parsed = MessageId::parse(text);
    assert_eq!(MessageId::check(text), parsed.map(|_| ()));
    let Ok(id) = parsed else {
        return assert!(!parsed.unwrap_err().to_string().is_empty());
    };
    assert!(encoded(&id).eq_ignore_ascii_case(text), "{id:?}");
    for now in [
        Timestamp::MIN,
        Timestamp::UNIX_EPOCH,
        Timestamp::constant(1_795_348_800, 0),
        Timestamp::MAX,
    ] {
        for zone in [
            TimeZone::UTC,
            Offset::constant(8).to_time_zone(),
            Offset::MIN.to_time_zone(),
        ] {
            let born = id.born(&BornClock::new(now, &zone));
            assert!(born.is_none_or(|born| matches!(id, MessageId::V1(_)) || born <= now));
            let decoded = Decoded::new(text, now, &zone).expect("it was parsed before");
            assert_eq!(decoded.born_at, born);
            assert!(
                decoded
                    .lines(&zone)
                    .iter()
                    .all(|line| !line.value.is_empty())
            );
            serde_json::to_string(&decoded).expect("every ID can be written as JSON");
        }
    }
});

/// The ID that has these fields.
fn encoded(id: &MessageId) -> String {
    let host = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:08x}", u32::from(address)),
        IpAddr::V6(address) => format!("{:032x}", u128::from(address)),
    };
    match *id {
        MessageId::UniqKey(UniqKey {
            producer,
            pid,
            class_loader,
            month_millis,
            counter,
        }) => {
            let host = host(producer);
            format!("{host}{pid:04x}{class_loader:08x}{month_millis:08x}{counter:04x}")
        }
        MessageId::OffsetId(OffsetId {
            store,
            commit_log_offset,
        }) => {
            let (host, port) = (host(store.ip()), store.port());
            format!("{host}{port:08x}{commit_log_offset:016x}")
        }
        MessageId::V1(V1 {
            mac: Mac(mac),
            pid,
            seconds,
            sequence,
        }) => {
            let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("01{mac}{pid:04x}{seconds:08x}{sequence:08x}")
        }
    }
}
