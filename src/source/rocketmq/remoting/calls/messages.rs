//! Calls that return messages: by key, by position, or from a queue.

use super::super::client::cause;
use super::super::stored::{BadMessage, WithBody};
use super::{QueueOf, error, field, of_queue};
use crate::source::rocketmq::remoting::{
    CallError, Cause, OptionalAnswer as _, Remoting, Request, RequestCode, StoredMessage, response,
};

/// Number of copies to request: retries and redeliveries keep the key.
const COPIES: u32 = 32;

/// Number of messages with trace records to request. No broker returns more (`maxMsgsNumBatch`), so as many are perhaps
/// not all.
pub const TRACES: u32 = 64;

/// A look-up by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLookup<'a> {
    /// Name of the topic.
    pub topic: &'a str,
    /// The unique key, exactly as stored.
    pub key: &'a str,
    /// Minimum store time, in ms of the Unix epoch.
    pub from: i64,
    /// Maximum store time.
    pub to: i64,
}

impl<'a> KeyLookup<'a> {
    /// Creates a look-up without time limits.
    #[must_use]
    pub const fn any_time(topic: &'a str, key: &'a str) -> Self {
        Self {
            topic,
            key,
            from: 0,
            to: i64::MAX,
        }
    }
}

/// A request for messages of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull<'a> {
    /// The queue.
    pub queue: QueueOf<'a>,
    /// The first offset.
    pub from: i64,
    /// Maximum number of messages; a broker never returns more than 32, or 8 from disk.
    pub most: u32,
}

/// The result of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled<M = StoredMessage> {
    /// The messages; empty at the end of the queue, or outside of the offsets that it holds.
    pub messages: Vec<M>,
    /// The offset of the next pull.
    pub next: i64,
    /// Oldest offset of the queue.
    pub min_offset: i64,
    /// Offset of the next message to be stored.
    pub max_offset: i64,
}

impl Remoting {
    /// Returns the message that begins at a position of a broker's commit log (33). Only ACL 2.0 uses the
    /// topic.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn view_message(
        &self,
        broker: &str,
        physical_offset: i64,
        topic: Option<&str>,
    ) -> Result<Option<StoredMessage>, CallError> {
        let request = Request::new(RequestCode::ViewMessageById)
            .with("offset", physical_offset)
            .with_some("topic", topic);
        let Some(answer) = self.call(broker, request).await.if_found()? else {
            return Ok(None);
        };
        // The broker returns any bytes at this position: only the message that begins there counts.
        let message = StoredMessage::read(&mut &*answer.body).ok();
        Ok(message.filter(|message| message.physical_offset == physical_offset))
    }

    /// Returns the copies of a message in a broker's index, oldest first (12). The index is by hash, so the
    /// [`unique_key`](StoredMessage::unique_key) of each copy is compared.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn query_message(
        &self,
        broker: &str,
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<StoredMessage>, CallError> {
        // The flag `_UNIQUE_KEY_QUERY` is omitted: servers with ACL do not include it in the signature.
        let request = Request::new(RequestCode::QueryMessage)
            .with("topic", lookup.topic)
            .with("key", lookup.key)
            .with("maxNum", COPIES)
            .with("beginTimestamp", lookup.from)
            .with("endTimestamp", lookup.to)
            .with("indexType", "U");
        let Some(answer) = self.call(broker, request).await.if_found()? else {
            return Ok(Vec::new());
        };
        let read = StoredMessage::read_all(&answer.body, COPIES as usize);
        let mut messages = readable(broker, RequestCode::QueryMessage, read)?;
        messages.retain(|message| message.unique_key() == Some(lookup.key));
        Ok(messages)
    }

    /// Returns messages with trace records that name a message, at most [`TRACES`] (12).
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn query_traces(
        &self,
        broker: &str,
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<WithBody>, CallError> {
        let request = Request::new(RequestCode::QueryMessage)
            .with("topic", lookup.topic)
            .with("key", lookup.key)
            .with("maxNum", TRACES)
            .with("beginTimestamp", lookup.from)
            .with("endTimestamp", lookup.to)
            .with("indexType", "K");
        let Some(answer) = self.call(broker, request).await.if_found()? else {
            return Ok(Vec::new());
        };
        let read = WithBody::read_all(&answer.body, TRACES as usize);
        readable(broker, RequestCode::QueryMessage, read)
    }

    /// Returns messages of a queue (11), as the group of all tools.
    ///
    /// Commits nothing. The broker records in memory how far `TOOLS_CONSUMER` has pulled, separately from the
    /// offsets of consumers.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn pull(&self, broker: &str, pull: Pull<'_>) -> Result<Pulled, CallError> {
        self.pull_as(broker, pull, StoredMessage::read_all).await
    }

    /// As [`pull`](Self::pull), with bodies.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn pull_with_bodies(
        &self,
        broker: &str,
        pull: Pull<'_>,
    ) -> Result<Pulled<WithBody>, CallError> {
        self.pull_as(broker, pull, WithBody::read_all).await
    }

    async fn pull_as<M>(
        &self,
        broker: &str,
        pull: Pull<'_>,
        read: impl Fn(&[u8], usize) -> Result<Vec<M>, BadMessage>,
    ) -> Result<Pulled<M>, CallError> {
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
            _ => return Err(error(broker, call, cause(call, &answer))),
        };
        Ok(Pulled {
            next: field(broker, call, &answer, "nextBeginOffset")?,
            min_offset: field(broker, call, &answer, "minOffset")?,
            max_offset: field(broker, call, &answer, "maxOffset")?,
            messages: if has_messages {
                readable(broker, call, read(&answer.body, pull.most as usize))?
            } else {
                Vec::new()
            },
        })
    }
}

fn readable<T>(
    address: &str,
    call: RequestCode,
    read: Result<T, BadMessage>,
) -> Result<T, CallError> {
    read.map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}
