//! Bodies in the JSON of fastjson: what is JSON stays as it is, what becomes JSON needs no second pass, and every typed
//! body takes it or says why not.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use ons_audit::source::rocketmq::remoting::body::{
    ClusterInfo, ConsumeQueue, ConsumeStats, ConsumerConnection, ConsumerOffsets,
    SubscriptionGroups, TopicConfig, TopicRoute,
};
use ons_audit::source::rocketmq::remoting::lax_json::{from_slice, strict};
use serde::de::{DeserializeOwned, IgnoredAny};

fuzz_target!(|bytes: &[u8]| {
    let json = strict(bytes);
    assert!(json.len() <= 3 * bytes.len());
    if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        assert!(matches!(json, Cow::Borrowed(_)), "it was JSON already");
    }
    if serde_json::from_slice::<IgnoredAny>(&json).is_ok() {
        assert_eq!(strict(&json), json);
    }
    check::<TopicRoute>(bytes);
    check::<ClusterInfo>(bytes);
    check::<ConsumeQueue>(bytes);
    check::<ConsumerConnection>(bytes);
    check::<SubscriptionGroups>(bytes);
    check::<TopicConfig>(bytes);
    check::<ConsumeStats>(bytes);
    if let Ok(offsets) = ConsumerOffsets::read(bytes, None) {
        for of in offsets.groups {
            assert!(!of.topic.contains('@') && !of.group.contains('@'));
        }
    }
});

fn check<T: DeserializeOwned>(bytes: &[u8]) {
    if let Err(error) = from_slice::<T>(bytes) {
        assert!(!error.to_string().is_empty());
    }
}
