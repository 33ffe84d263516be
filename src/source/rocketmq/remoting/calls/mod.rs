//! The typed calls to name servers and brokers. None of them writes to the cluster; see [`Remoting::pull`] for
//! its effect on the broker's memory.
//!
//! Brokers are given by address (`host:port`), topics and groups by their names on the brokers. A missing
//! object gives `None` or an empty list, not an error.

mod messages;

pub use messages::{KeyLookup, Pull, Pulled, TRACES};

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::body::{
    BrokerRuntimeInfo, ClusterInfo, ConsumeQueue, ConsumeStats, ConsumerConnection,
    ConsumerOffsets, DelayOffsets, MOST_GROUPS, MOST_TOPICS, RequestModes, SubscriptionGroups,
    TopicConfig, TopicRoute, read_names,
};
use super::{
    CallError, Cause, OptionalAnswer as _, Remoting, Request, RequestCode, Response, lax_json,
};

/// Factor for the timeout of calls with large responses or many disk reads.
const HEAVY: u32 = 6;

/// A queue of a topic on one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOf<'a> {
    /// Name of the topic.
    pub topic: &'a str,
    /// Number of the queue on the broker.
    pub queue_id: u32,
}

/// Calls to name servers.
impl Remoting {
    /// Returns the queues and brokers of a topic (105).
    ///
    /// # Errors
    ///
    /// If no name server answers.
    pub async fn route(&self, topic: &str) -> Result<Option<TopicRoute>, CallError> {
        let call = RequestCode::GetRouteInfoByTopic;
        let request = Request::new(call)
            .with("topic", topic)
            .with("acceptStandardJsonOnly", true);
        let route = self.at_name_servers(request, |address, answer| {
            let route: TopicRoute = read(address, call, answer)?;
            let checked = route.check_queues();
            checked.map_err(|what| error(address, call, Cause::Malformed(what)))?;
            Ok(route)
        });
        route.await.if_found()
    }

    /// Returns all brokers (106).
    ///
    /// # Errors
    ///
    /// If no name server answers.
    pub async fn cluster_info(&self) -> Result<ClusterInfo, CallError> {
        let request = Request::new(RequestCode::GetBrokerClusterInfo);
        self.name_server_json(request).await
    }

    /// Returns what `keep` returns for the name of each topic (206).
    ///
    /// # Errors
    ///
    /// If no name server answers.
    pub async fn topics<T>(&self, keep: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, CallError> {
        let call = RequestCode::GetAllTopicListFromNameServer;
        self.at_name_servers(Request::new(call), |address, answer| {
            read_names(&answer.body, MOST_TOPICS, &keep)
                .map_err(|why| malformed(address, call, &why))
        })
        .await
    }

    async fn name_server_json<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, CallError> {
        let call = request.code();
        self.at_name_servers(request, |address, answer| read(address, call, answer))
            .await
    }

    /// Asks one name server after another until one gives an answer that `read` can read.
    async fn at_name_servers<T>(
        &self,
        request: Request,
        read: impl Fn(&str, &Response) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let others = self.name_servers().addresses().len() - 1;
        // Concurrent calls may change the order; this call keeps its own.
        let order: Vec<_> = (0..=others)
            .map(|failed| self.name_server(failed))
            .collect();
        let mut errors = Vec::new();
        for address in order {
            let answer = self.call(address, request.clone()).await;
            match answer.and_then(|answer| read(address, &answer)) {
                Err(error) if others > 0 && may_differ_elsewhere(&error) => errors.push(error),
                answer => {
                    self.prefer(address);
                    return answer;
                }
            }
        }
        Err(CallError {
            address: self.name_servers().addresses().join(", ").into(),
            call: request.code(),
            cause: Cause::NameServers(errors.into()),
        })
    }
}

/// Returns whether another name server may answer differently. Name servers do not communicate, so the error
/// may affect only this one.
fn may_differ_elsewhere(error: &CallError) -> bool {
    error.is_retryable() || matches!(error.cause, Cause::Refused(_) | Cause::Certificate(_))
}

/// Calls to brokers about groups.
impl Remoting {
    /// Returns the groups that subscribe to a topic on a broker or have an offset for it (300).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn groups_of_topic(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Vec<String>, CallError> {
        let call = RequestCode::QueryTopicConsumeByWho;
        let request = Request::new(call).with("topic", topic);
        let Some(answer) = self.call(broker, request).await.if_found()? else {
            return Ok(Vec::new());
        };
        read_names(&answer.body, MOST_GROUPS, |group| Some(group.to_owned()))
            .map_err(|why| malformed(broker, call, &why))
    }

    /// Returns the clients of a group that are connected to this broker; `None` without clients (203).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn consumer_connection(
        &self,
        broker: &str,
        group: &str,
    ) -> Result<Option<ConsumerConnection>, CallError> {
        let request = Request::new(RequestCode::GetConsumerConnectionList);
        let request = request.with("consumerGroup", group);
        self.json(broker, request).await.if_found()
    }

    /// Returns the committed offsets of a broker (43) for these topics, or for all, and for retry topics. The response is
    /// large on large clusters.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn all_consumer_offsets(
        &self,
        broker: &str,
        topics: Option<&BTreeSet<Arc<str>>>,
    ) -> Result<ConsumerOffsets, CallError> {
        let call = RequestCode::GetAllConsumerOffset;
        let within = self.timeout() * HEAVY;
        let answer = self.call_within(broker, Request::new(call), within).await;
        let Some(answer) = answer.if_found()? else {
            return Ok(ConsumerOffsets::default());
        };
        ConsumerOffsets::read(&answer.body, topics).map_err(|why| malformed(broker, call, &why))
    }

    /// Returns the progress of a group on a broker (208), in all of its topics or in one.
    ///
    /// A topic is sent both as `topic` and as `topicList`. Servers from 5.3.2 on use the latter, whatever the
    /// group subscribes to. Older servers omit a topic that the group has unsubscribed from.
    ///
    /// # Errors
    ///
    /// If the call fails.
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

    /// Returns the offset that a group has committed for a queue, if any (14). Brokers before 5.0 may return 0
    /// for a missing offset; [`all_consumer_offsets`](Self::all_consumer_offsets) distinguishes the two.
    ///
    /// # Errors
    ///
    /// If the call fails.
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

    /// Returns the settings of all groups (201). The response is large on large clusters.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn subscription_groups(&self, broker: &str) -> Result<SubscriptionGroups, CallError> {
        let request = Request::new(RequestCode::GetAllSubscriptionGroupConfig);
        self.heavy_json(broker, request).await
    }

    /// Returns how groups are handed the messages of topics (402). Brokers of 4.x do not support it.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn request_modes(&self, broker: &str) -> Result<RequestModes, CallError> {
        let request = Request::new(RequestCode::GetAllMessageRequestMode);
        self.heavy_json(broker, request).await
    }
}

/// Calls to brokers about themselves.
impl Remoting {
    /// Returns how far a broker has delivered delayed messages (45).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn delay_offsets(&self, broker: &str) -> Result<DelayOffsets, CallError> {
        let request = Request::new(RequestCode::GetAllDelayOffset);
        let offsets = self.json(broker, request).await.if_found()?;
        Ok(offsets.unwrap_or_default())
    }

    /// Returns what a broker says about itself (28).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn runtime_info(&self, broker: &str) -> Result<BrokerRuntimeInfo, CallError> {
        let request = Request::new(RequestCode::GetBrokerRuntimeInfo);
        self.json(broker, request).await
    }
}

/// Calls to brokers about topics and queues.
impl Remoting {
    /// Returns the settings of a topic (351). Brokers of 4.x do not support it.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn topic_config(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Option<TopicConfig>, CallError> {
        let request = Request::new(RequestCode::GetTopicConfig).with("topic", topic);
        self.json(broker, request).await.if_found()
    }

    /// Returns the offset of the next message to be stored in a queue (30).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn max_offset(&self, broker: &str, queue: QueueOf<'_>) -> Result<i64, CallError> {
        self.offset(broker, of_queue(RequestCode::GetMaxOffset, queue))
            .await
    }

    /// Returns the offset of the oldest message that a queue holds (31).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn min_offset(&self, broker: &str, queue: QueueOf<'_>) -> Result<i64, CallError> {
        self.offset(broker, of_queue(RequestCode::GetMinOffset, queue))
            .await
    }

    /// Returns the offset of the first message of a queue that was stored at `timestamp` (ms of the Unix epoch)
    /// or later (29).
    ///
    /// # Errors
    ///
    /// If the call fails.
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

    /// Returns the positions of the messages of a queue from an offset on, without the messages (321). `None`
    /// if the broker has no such queue, or the queue no message at or after that offset.
    ///
    /// May return fewer entries than requested, because the broker's files end every 300,000 entries.
    ///
    /// # Errors
    ///
    /// If the call fails.
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
        // Past the end, the code is success and the body is empty.
        let answer = answer.filter(|answer| !answer.body.is_empty());
        let queue = answer.map(|answer| read(broker, RequestCode::QueryConsumeQueue, &answer));
        queue.transpose()
    }
}

/// Helpers that parse responses.
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
    lax_json::from_slice(&answer.body).map_err(|why| {
        // The parser quotes values of a wrong type, and one could be an echo of a key.
        let what = match why.classify() {
            Category::Data => format!(
                "a value of another type, or a missing one, at line {} column {}",
                why.line(),
                why.column()
            ),
            _ => why.to_string(),
        };
        error(address, call, Cause::Malformed(what))
    })
}

fn malformed(address: &str, call: RequestCode, why: &serde_json::Error) -> CallError {
    error(address, call, Cause::Malformed(why.to_string()))
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
