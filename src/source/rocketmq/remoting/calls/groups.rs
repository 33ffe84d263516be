//! What brokers know of groups.

use super::{QueueOf, of_queue};
use crate::source::rocketmq::remoting::body::{
    ConsumeStats, ConsumerConnection, ConsumerOffsets, Names, SubscriptionGroups,
};
use crate::source::rocketmq::remoting::{CallError, Found as _, Remoting, Request, RequestCode};

impl Remoting {
    /// The groups that a broker knows for a topic: subscribed now, or with an offset (300).
    pub async fn groups_of_topic(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Vec<String>, CallError> {
        let request = Request::new(RequestCode::QueryTopicConsumeByWho).with("topic", topic);
        let names: Option<Names> = self.json(broker, request).await.found()?;
        Ok(names.unwrap_or_default().names)
    }

    /// Who consumes for a group, as far as connected to this broker; nothing where nobody is (203).
    pub async fn consumer_connection(
        &self,
        broker: &str,
        group: &str,
    ) -> Result<Option<ConsumerConnection>, CallError> {
        let request = Request::new(RequestCode::GetConsumerConnectionList);
        let request = request.with("consumerGroup", group);
        self.json(broker, request).await.found()
    }

    /// Everything that groups have committed on a broker (43). A long answer on large clusters.
    pub async fn all_consumer_offsets(&self, broker: &str) -> Result<ConsumerOffsets, CallError> {
        let request = Request::new(RequestCode::GetAllConsumerOffset);
        let offsets = self.heavy_json(broker, request).await.found()?;
        Ok(offsets.unwrap_or_default())
    }

    /// How far a group is on a broker (208): in all of its topics, or in one.
    ///
    /// With a topic both `topic` and `topicList` are sent. Servers from 5.3.2 on obey the latter, whatever the group
    /// is subscribed to; older ones leave a topic out that the group has unsubscribed from.
    pub async fn consume_stats(
        &self,
        broker: &str,
        group: &str,
        topic: Option<&str>,
    ) -> Result<ConsumeStats, CallError> {
        let request = Request::new(RequestCode::GetConsumeStats)
            .with("consumerGroup", group)
            .with_some("topic", topic)
            .with_some("topicList", topic);
        self.heavy_json(broker, request).await
    }

    /// The offset that a group committed for a queue, if it has (14). Brokers older than 5.0 may answer 0 where it has
    /// not; [`all_consumer_offsets`](Self::all_consumer_offsets) tells.
    pub async fn consumer_offset(
        &self,
        broker: &str,
        group: &str,
        queue: QueueOf<'_>,
    ) -> Result<Option<i64>, CallError> {
        let request = of_queue(RequestCode::QueryConsumerOffset, queue)
            .with("consumerGroup", group)
            .with("setZeroIfNotFound", false);
        self.offset(broker, request).await.found()
    }

    /// The settings of every group (201). A long answer on large clusters.
    pub async fn subscription_groups(&self, broker: &str) -> Result<SubscriptionGroups, CallError> {
        let request = Request::new(RequestCode::GetAllSubscriptionGroupConfig);
        self.heavy_json(broker, request).await
    }
}
