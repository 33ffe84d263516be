//! Messages: looked up by key or place, or taken from a queue.

use super::{QueueOf, error, field, of_queue};
use crate::source::rocketmq::remoting::{
    CallError, Cause, OptionalAnswer as _, Remoting, Request, RequestCode, Response, StoredMessage,
    response,
};

/// How many copies of one message are asked for: retries and re-deliveries keep the key.
const COPIES: u32 = 32;

/// A message to look up by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLookup<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The unique key, exactly as it was stored.
    pub key: &'a str,
    /// Stored at this time or later, in ms of the Unix epoch.
    pub from: i64,
    /// Stored at this time or earlier.
    pub to: i64,
}

impl<'a> KeyLookup<'a> {
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
        let Some(answer) = self.call(broker, request).await.if_found()? else {
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
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<StoredMessage>, CallError> {
        // Without the flag `_UNIQUE_KEY_QUERY`, which servers with ACL leave out of what they verify.
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

fn messages(
    address: &str,
    call: RequestCode,
    answer: &Response,
) -> Result<Vec<StoredMessage>, CallError> {
    StoredMessage::read_all(&answer.body)
        .map_err(|why| error(address, call, Cause::Malformed(why.to_string())))
}
