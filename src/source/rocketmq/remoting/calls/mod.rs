//! The typed calls: what name servers know, what brokers know of groups and of queues, and messages. None of them writes
//! to the cluster; the exception that is none is at [`Remoting::pull`].
//!
//! Brokers are asked at an address (`host:port`), topics and groups by their names on the wire.
//! What is not there is `None` or empty, never an error.

mod messages;

pub use messages::{KeyLookup, Pull, Pulled};

use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::body::{
    ClusterInfo, ConsumeQueue, ConsumeStats, ConsumerConnection, ConsumerOffsets, NameList,
    SubscriptionGroups, TopicConfig, TopicRoute,
};
use super::{
    CallError, Cause, OptionalAnswer as _, Remoting, Request, RequestCode, Response, lax_json,
};

/// Answers of many megabytes, or many disk reads, take their time.
const HEAVY: u32 = 6;

/// A queue of a topic on one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOf<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The queue's number on the broker.
    pub queue_id: u32,
}

/// Calls to name servers.
impl Remoting {
    /// Queues and brokers of a topic (105).
    pub async fn route(&self, topic: &str) -> Result<Option<TopicRoute>, CallError> {
        let request = Request::new(RequestCode::GetRouteInfoByTopic)
            .with("topic", topic)
            .with("acceptStandardJsonOnly", true);
        self.name_server_json(request).await.if_found()
    }

    /// Every broker (106).
    pub async fn cluster_info(&self) -> Result<ClusterInfo, CallError> {
        let request = Request::new(RequestCode::GetBrokerClusterInfo);
        self.name_server_json(request).await
    }

    /// Every topic (206).
    pub async fn topics(&self) -> Result<Vec<String>, CallError> {
        let request = Request::new(RequestCode::GetAllTopicListFromNameServer);
        let names: NameList = self.name_server_json(request).await?;
        Ok(names.names)
    }

    /// Asks the name servers, one after another until one of them answers.
    async fn name_server_json<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, CallError> {
        let others = self.name_servers().addresses().len() - 1;
        // Others may change the order meanwhile: this call goes by its own.
        let order: Vec<_> = (0..=others)
            .map(|failed| self.name_server(failed))
            .collect();
        let mut failed = 0;
        loop {
            let address = order[failed];
            match self.json(address, request.clone()).await {
                Err(error) if failed < others && may_differ_elsewhere(&error) => failed += 1,
                answer => {
                    self.prefer(address);
                    return answer;
                }
            }
        }
    }
}

/// Name servers don't talk to each other: what is wrong with one may be right with the next.
fn may_differ_elsewhere(error: &CallError) -> bool {
    error.is_retryable() || matches!(error.cause, Cause::Refused(_) | Cause::Certificate(_))
}

/// Calls to brokers about groups.
impl Remoting {
    /// The groups that a broker knows for a topic: subscribed now, or with an offset (300).
    pub async fn groups_of_topic(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Vec<String>, CallError> {
        let request = Request::new(RequestCode::QueryTopicConsumeByWho).with("topic", topic);
        let names: Option<NameList> = self.json(broker, request).await.if_found()?;
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
        self.json(broker, request).await.if_found()
    }

    /// Everything that groups have committed on a broker (43). A long answer on large clusters.
    pub async fn all_consumer_offsets(&self, broker: &str) -> Result<ConsumerOffsets, CallError> {
        let request = Request::new(RequestCode::GetAllConsumerOffset);
        let offsets = self.heavy_json(broker, request).await.if_found()?;
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
        self.offset(broker, request).await.if_found()
    }

    /// The settings of every group (201). A long answer on large clusters.
    pub async fn subscription_groups(&self, broker: &str) -> Result<SubscriptionGroups, CallError> {
        let request = Request::new(RequestCode::GetAllSubscriptionGroupConfig);
        self.heavy_json(broker, request).await
    }
}

/// Calls to brokers about topics and queues.
impl Remoting {
    /// A topic's settings (351). Brokers of 4.x refuse it as not supported.
    pub async fn topic_config(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Option<TopicConfig>, CallError> {
        let request = Request::new(RequestCode::GetTopicConfig).with("topic", topic);
        self.json(broker, request).await.if_found()
    }

    /// The offset that the next message of a queue will get (30).
    pub async fn max_offset(&self, broker: &str, queue: QueueOf<'_>) -> Result<i64, CallError> {
        self.offset(broker, of_queue(RequestCode::GetMaxOffset, queue))
            .await
    }

    /// The offset of the oldest message that a queue holds (31).
    pub async fn min_offset(&self, broker: &str, queue: QueueOf<'_>) -> Result<i64, CallError> {
        self.offset(broker, of_queue(RequestCode::GetMinOffset, queue))
            .await
    }

    /// The offset of a queue's first message that was stored at `timestamp` (ms of the Unix epoch) or later (29).
    pub async fn offset_at_time(
        &self,
        broker: &str,
        queue: QueueOf<'_>,
        timestamp: i64,
    ) -> Result<i64, CallError> {
        let request = of_queue(RequestCode::SearchOffsetByTimestamp, queue);
        self.offset(broker, request.with("timestamp", timestamp))
            .await
    }

    /// Where the messages of a queue are, from an offset on, without the messages (321). Nothing where the broker has
    /// no such queue, or the queue nothing at that offset or behind it.
    ///
    /// Fewer than asked may come: the broker's files end every 300,000 entries.
    pub async fn consume_queue(
        &self,
        broker: &str,
        queue: QueueOf<'_>,
        from: i64,
        count: u32,
    ) -> Result<Option<ConsumeQueue>, CallError> {
        let request = of_queue(RequestCode::QueryConsumeQueue, queue)
            .with("index", from)
            .with("count", count);
        let within = self.timeout() * HEAVY;
        let answer = self.call_within(broker, request, within).await.if_found()?;
        // Past the end there is no body, and the code is that of success.
        let answer = answer.filter(|answer| !answer.body.is_empty());
        let queue = answer.map(|answer| read(broker, RequestCode::QueryConsumeQueue, &answer));
        queue.transpose()
    }
}

/// How answers are read.
impl Remoting {
    async fn json<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
    ) -> Result<T, CallError> {
        self.json_within(broker, request, self.timeout()).await
    }

    async fn heavy_json<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
    ) -> Result<T, CallError> {
        self.json_within(broker, request, self.timeout() * HEAVY)
            .await
    }

    async fn json_within<T: DeserializeOwned>(
        &self,
        broker: &str,
        request: Request,
        within: Duration,
    ) -> Result<T, CallError> {
        let call = request.code();
        let answer = self.call_within(broker, request, within).await?;
        read(broker, call, &answer)
    }

    async fn offset(&self, broker: &str, request: Request) -> Result<i64, CallError> {
        let call = request.code();
        let answer = self.call(broker, request).await?;
        field(broker, call, &answer, "offset")
    }
}

fn of_queue(call: RequestCode, queue: QueueOf<'_>) -> Request {
    Request::new(call)
        .with("topic", queue.topic)
        .with("queueId", queue.queue_id)
}

fn read<T: DeserializeOwned>(
    address: &str,
    call: RequestCode,
    answer: &Response,
) -> Result<T, CallError> {
    lax_json::from_slice(&answer.body)
        .map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}

fn field<T: FromStr>(
    address: &str,
    call: RequestCode,
    answer: &Response,
    name: &str,
) -> Result<T, CallError> {
    let value = answer.fields.get(name).and_then(|value| value.parse().ok());
    value.ok_or_else(|| {
        let what = format!("its head has no number `{name}`");
        error(address, call, Cause::Malformed(what))
    })
}

fn error(address: &str, call: RequestCode, cause: Cause) -> CallError {
    CallError {
        address: address.into(),
        call,
        cause,
    }
}
