//! What the service says about groups and instances, beyond single messages.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::fields::{Fields, Text, object};

/// The data of `GetConsumerGroupLag`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LagData {
    #[serde(deserialize_with = "object")]
    topic_lag_map: HashMap<String, Option<Fields<TopicLag>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TopicLag {
    ready_count: Text,
    inflight_count: Text,
}

impl LagData {
    /// Returns the numbers of messages of a topic that wait for their first delivery, and for an acknowledgement.
    ///
    /// # Errors
    ///
    /// If one of them is not there.
    pub(super) fn of_topic(&self, topic: &str) -> Result<(u64, u64), &'static str> {
        let lag = self.topic_lag_map.get(topic).and_then(Option::as_ref);
        let Fields(lag) = lag.ok_or("it says nothing about the topic")?;
        let ready = lag.ready_count.count().ok_or("it has no readyCount")?;
        let inflight = lag.inflight_count.count();
        Ok((ready, inflight.ok_or("it has no inflightCount")?))
    }
}

/// The data of `GetConsumerGroup`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GroupData {
    #[serde(deserialize_with = "object")]
    consume_retry_policy: ConsumeRetryPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConsumeRetryPolicy {
    max_retry_times: Text,
    dead_letter_target_topic: Text,
}

impl GroupData {
    /// Returns the number of deliveries after the first, and the topic that keeps dead letters.
    ///
    /// # Errors
    ///
    /// If the number is not there.
    pub(super) fn retry_policy(&self) -> Result<(u32, Option<&str>), &'static str> {
        let policy = &self.consume_retry_policy;
        let retries = policy.max_retry_times.count();
        let retries = retries.and_then(|retries| u32::try_from(retries).ok());
        let retries = retries.ok_or("it has no maxRetryTimes")?;
        Ok((
            retries,
            policy.dead_letter_target_topic.said().map(str::trim),
        ))
    }
}

/// The data of `GetInstance`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InstanceData {
    #[serde(deserialize_with = "object")]
    product_info: ProductInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ProductInfo {
    message_retention_time: Text,
}

impl InstanceData {
    /// Returns how long the instance keeps messages.
    ///
    /// # Errors
    ///
    /// If the time is not there.
    pub(super) fn retention(&self) -> Result<Duration, &'static str> {
        let hours = self.product_info.message_retention_time.count();
        let seconds = hours.filter(|hours| *hours > 0);
        let seconds = seconds.and_then(|hours| hours.checked_mul(3600));
        let seconds = seconds.ok_or("it has no messageRetentionTime")?;
        Ok(Duration::from_secs(seconds))
    }
}
