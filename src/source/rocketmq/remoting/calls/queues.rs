//! What brokers know of topics and queues.

use super::{HEAVY, QueueOf, of_queue, read};
use crate::source::rocketmq::remoting::body::{ConsumeQueue, TopicConfig};
use crate::source::rocketmq::remoting::{CallError, Found as _, Remoting, Request, RequestCode};

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
