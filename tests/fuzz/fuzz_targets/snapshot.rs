//! Snapshot files: every message is found under its ID, and can be judged for every group of its topic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::offsets::{TrackType, judge_as_gateway, snapshot};

fuzz_target!(|bytes: &[u8]| {
    let state = match snapshot::read("in", bytes) {
        Ok(state) => state,
        Err(error) => return assert!(!error.to_string().is_empty() && error.hint().is_some()),
    };
    assert_eq!(state.messages.iter().count(), state.messages.len());
    for stored in state.messages.iter() {
        let position = stored.position();
        let mut copies = state.messages.copies(stored.msg_id());
        assert!(copies.any(|copy| copy.topic() == stored.topic() && copy.position() == position));
        let Some(topic) = state.topics.get(stored.topic()) else {
            continue;
        };
        assert!(topic.groups.is_sorted_by(|(a, _), (b, _)| a < b));
        for (_, group) in &topic.groups {
            let word = judge_as_gateway(group, &position);
            assert!(TrackType::KNOWN.contains(&word));
            assert!(group.online || word == TrackType::NOT_ONLINE);
        }
    }
    for topic in state.topics.values() {
        assert!(topic.queues.is_empty() || topic.groups.len() <= bytes.len() << 10);
    }
});
