//! The typed calls. None of them writes to the cluster; the exception that is none is at [`Remoting::pull`].
//!
//! Brokers are asked at an address (`host:port`), topics and groups by their names on the wire.
//! What is not there is `None` or empty, never an error.

use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::body::{
    ClusterInfo, ConsumeQueue, ConsumeStats, ConsumerConnection, ConsumerOffsets, Names,
    SubscriptionGroups, TopicConfig, TopicRoute,
};
use super::{
    Answer, CallError, Cause, Found as _, Remoting, Request, RequestCode, StoredMessage, lax_json,
    response,
};

/// Answers of many megabytes, or many disk reads, take their time.
const HEAVY: u32 = 6;

/// How many copies of one message are asked for: retries and re-deliveries keep the key.
const COPIES: u32 = 32;

/// A queue of a topic on one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOf<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The queue's number on the broker.
    pub queue_id: u32,
}

/// A message to look up by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The unique key, exactly as it was stored.
    pub key: &'a str,
    /// Stored at this time or later, in ms of the Unix epoch.
    pub from: i64,
    /// Stored at this time or earlier.
    pub to: i64,
}

impl<'a> Lookup<'a> {
    /// Whenever it was stored.
    #[must_use]
    pub const fn ever(topic: &'a str, key: &'a str) -> Self {
        Self {
            topic,
            key,
            from: 0,
            to: i64::MAX,
        }
    }
}

/// Messages to take from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull<'a> {
    /// The queue.
    pub queue: QueueOf<'a>,
    /// The first offset.
    pub from: i64,
    /// How many at most; a broker gives 32, and 8 from disk, whatever is asked.
    pub most: u32,
}

/// What a pull gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The messages; none at the end of the queue, or outside of what it holds.
    pub messages: Vec<StoredMessage>,
    /// Where to go on.
    pub next: i64,
    /// The queue's oldest offset.
    pub min_offset: i64,
    /// The offset that its next message will get.
    pub max_offset: i64,
}

/// What name servers know.
impl Remoting {
    /// Queues and brokers of a topic (105).
    pub async fn route(&self, topic: &str) -> Result<Option<TopicRoute>, CallError> {
        let request = Request::new(RequestCode::GetRouteInfoByTopic)
            .with("topic", topic)
            .with("acceptStandardJsonOnly", true);
        self.name_server_json(request).await.found()
    }

    /// Every broker (106).
    pub async fn cluster_info(&self) -> Result<ClusterInfo, CallError> {
        let request = Request::new(RequestCode::GetBrokerClusterInfo);
        self.name_server_json(request).await
    }

    /// Every topic (206).
    pub async fn topics(&self) -> Result<Vec<String>, CallError> {
        let request = Request::new(RequestCode::GetAllTopicListFromNameServer);
        let names: Names = self.name_server_json(request).await?;
        Ok(names.names)
    }
}

/// What brokers know of groups.
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

/// What brokers know of topics and queues.
impl Remoting {
    /// A topic's settings (351). Brokers of 4.x refuse it as not supported.
    pub async fn topic_config(
        &self,
        broker: &str,
        topic: &str,
    ) -> Result<Option<TopicConfig>, CallError> {
        let request = Request::new(RequestCode::GetTopicConfig).with("topic", topic);
        self.json(broker, request).await.found()
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
        let answer = self.call_within(broker, request, within).await.found()?;
        // Past the end there is no body, and the code is that of success.
        let answer = answer.filter(|answer| !answer.body.is_empty());
        let queue = answer.map(|answer| read(broker, RequestCode::QueryConsumeQueue, &answer));
        queue.transpose()
    }
}

/// Messages.
impl Remoting {
    /// The message at a place of a broker's commit log, if one begins there (33). The topic is for ACL 2.0 only.
    pub async fn view_message(
        &self,
        broker: &str,
        physical_offset: i64,
        topic: Option<&str>,
    ) -> Result<Option<StoredMessage>, CallError> {
        let request = Request::new(RequestCode::ViewMessageById)
            .with("offset", physical_offset)
            .with_some("topic", topic);
        let Some(answer) = self.call(broker, request).await.found()? else {
            return Ok(None);
        };
        // The broker cuts out whatever is there: anything but the message of that place is none.
        let message = StoredMessage::read(&mut &*answer.body).ok();
        Ok(message.filter(|message| message.physical_offset == physical_offset))
    }

    /// The copies of a message that a broker's index knows, oldest first (12). The index is by hash: each copy's
    /// [`unique_key`](StoredMessage::unique_key) is compared here.
    pub async fn query_message(
        &self,
        broker: &str,
        lookup: Lookup<'_>,
    ) -> Result<Vec<StoredMessage>, CallError> {
        // Without the flag `_UNIQUE_KEY_QUERY`, which servers with ACL leave out of what they verify.
        let request = Request::new(RequestCode::QueryMessage)
            .with("topic", lookup.topic)
            .with("key", lookup.key)
            .with("maxNum", COPIES)
            .with("beginTimestamp", lookup.from)
            .with("endTimestamp", lookup.to)
            .with("indexType", "U");
        let Some(answer) = self.call(broker, request).await.found()? else {
            return Ok(Vec::new());
        };
        let mut messages = messages(broker, RequestCode::QueryMessage, &answer)?;
        messages.retain(|message| message.unique_key() == Some(lookup.key));
        Ok(messages)
    }

    /// Messages of a queue (11), in the name of the group of all tools.
    ///
    /// It commits nothing. The broker notes how far `TOOLS_CONSUMER` has pulled, for as long as it runs, apart from
    /// the offsets of consumers.
    pub async fn pull(&self, broker: &str, pull: Pull<'_>) -> Result<Pulled, CallError> {
        const WITH_SUBSCRIPTION: u32 = 4;

        let call = RequestCode::PullMessage;
        let request = of_queue(call, pull.queue)
            .with("consumerGroup", "TOOLS_CONSUMER")
            .with("queueOffset", pull.from)
            .with("maxMsgNums", pull.most)
            .with("sysFlag", WITH_SUBSCRIPTION)
            .with("commitOffset", 0)
            .with("suspendTimeoutMillis", 0)
            .with("subscription", "*")
            .with("subVersion", 0)
            .with("expressionType", "TAG");
        let answer = self.ask(broker, request, self.timeout()).await?;
        let has_messages = match answer.code {
            response::SUCCESS => true,
            response::PULL_NOT_FOUND
            | response::PULL_RETRY_IMMEDIATELY
            | response::PULL_OFFSET_MOVED => false,
            _ => return Err(error(broker, call, self.cause(call, &answer))),
        };
        Ok(Pulled {
            next: field(broker, call, &answer, "nextBeginOffset")?,
            min_offset: field(broker, call, &answer, "minOffset")?,
            max_offset: field(broker, call, &answer, "maxOffset")?,
            messages: if has_messages {
                messages(broker, call, &answer)?
            } else {
                Vec::new()
            },
        })
    }
}

/// How answers are read.
impl Remoting {
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
    answer: &Answer,
) -> Result<T, CallError> {
    lax_json::from_slice(&answer.body)
        .map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}

fn messages(
    address: &str,
    call: RequestCode,
    answer: &Answer,
) -> Result<Vec<StoredMessage>, CallError> {
    StoredMessage::read_all(&answer.body)
        .map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}

fn field<T: FromStr>(
    address: &str,
    call: RequestCode,
    answer: &Answer,
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

/// Name servers don't talk to each other: what is wrong with one may be right with the next.
fn may_differ_elsewhere(error: &CallError) -> bool {
    error.is_retryable() || matches!(error.cause, Cause::Refused(_) | Cause::Certificate(_))
}
