//! Codes of requests and responses (`docs/facts/rocketmq.md` §3.2).

use std::fmt;

/// A call that this program makes. All calls only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum RequestCode {
    /// Messages of a queue from an offset on.
    PullMessage = 11,
    /// Messages by unique key, through the index.
    QueryMessage = 12,
    /// The offset that a group has committed for a queue.
    QueryConsumerOffset = 14,
    /// What a broker says about itself.
    GetBrokerRuntimeInfo = 28,
    /// The offset of the first message stored at a time or later.
    SearchOffsetByTimestamp = 29,
    /// The offset of the next message to be stored in a queue.
    GetMaxOffset = 30,
    /// The offset of the oldest message that a queue holds.
    GetMinOffset = 31,
    /// One message by its position in the commit log.
    ViewMessageById = 33,
    /// All committed offsets of a broker.
    GetAllConsumerOffset = 43,
    /// How far the messages of each delay level are delivered.
    GetAllDelayOffset = 45,
    /// Queues and brokers of a topic.
    GetRouteInfoByTopic = 105,
    /// Brokers of the cluster.
    GetBrokerClusterInfo = 106,
    /// Settings of all consumer groups of a broker.
    GetAllSubscriptionGroupConfig = 201,
    /// Clients of a group, and how they consume.
    GetConsumerConnectionList = 203,
    /// All topics.
    GetAllTopicListFromNameServer = 206,
    /// Offsets of a group on a broker.
    GetConsumeStats = 208,
    /// Groups of a topic on a broker.
    QueryTopicConsumeByWho = 300,
    /// Entries of a consume queue.
    QueryConsumeQueue = 321,
    /// Settings of a topic.
    GetTopicConfig = 351,
    /// How groups are handed the messages of topics, where that was set: POP or pull.
    GetAllMessageRequestMode = 402,
}

impl RequestCode {
    /// Every call that this program can make.
    pub const ALL: [Self; 20] = [
        Self::PullMessage,
        Self::QueryMessage,
        Self::QueryConsumerOffset,
        Self::GetBrokerRuntimeInfo,
        Self::SearchOffsetByTimestamp,
        Self::GetMaxOffset,
        Self::GetMinOffset,
        Self::ViewMessageById,
        Self::GetAllConsumerOffset,
        Self::GetAllDelayOffset,
        Self::GetRouteInfoByTopic,
        Self::GetBrokerClusterInfo,
        Self::GetAllSubscriptionGroupConfig,
        Self::GetConsumerConnectionList,
        Self::GetAllTopicListFromNameServer,
        Self::GetConsumeStats,
        Self::QueryTopicConsumeByWho,
        Self::QueryConsumeQueue,
        Self::GetTopicConfig,
        Self::GetAllMessageRequestMode,
    ];

    /// Returns the number of the request.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// Returns the length of the longest frame that is accepted as a response, in bytes.
    ///
    /// Each limit is above the honest response of a cluster with 50,000 topics and 10,000 groups. None is above 16 MiB, the
    /// longest frame that the clients and slaves of RocketMQ accept by default.
    ///
    /// | response | estimate | limit |
    /// |---|---|---|
    /// | messages (11, 12, 33) | one message below 4 MiB, or many in 256 KiB | 8 MiB |
    /// | topics (206) | 50,000 topics, 20,000 retry and dead-letter topics, 50,000 of POP, 130 bytes each: 15.6 MB | 16 MiB |
    /// | offsets of all groups (43) | 60,000 pairs of topic and group with names of 60 bytes and 16 queues: 14.5 MB | 16 MiB |
    /// | settings of all groups (201) | 10,000 groups, 600 bytes each: 6 MB | 8 MiB |
    /// | how groups are handed messages (402) | 20,000 pairs of topic and group, 300 bytes each: 6 MB | 8 MiB |
    /// | offsets of a group (208) | 2,000 topics with 16 queues, 220 bytes each: 7 MB | 8 MiB |
    /// | groups of a topic (300) | 10,000 groups, 123 bytes each: 1.2 MB | 2 MiB |
    /// | clients of a group (203) | 3,000 clients, 200 bytes each, and 1,000 subscriptions of 300 bytes: 0.9 MB | 1 MiB |
    /// | route (105), brokers (106) | 1,000 brokers with 3 replicas, 700 bytes each: 0.7 MB | 1 MiB |
    /// | entries of a queue (321) | some 100 bytes each; one is requested | 1 MiB |
    /// | one number, settings of a topic (14, 29, 30, 31, 351), state of a broker (28), delay levels (45) | 1 to 5 KB | 64 KiB |
    #[must_use]
    pub const fn longest_answer(self) -> usize {
        const MIB: usize = 1024 * 1024;
        match self {
            Self::GetAllTopicListFromNameServer | Self::GetAllConsumerOffset => 16 * MIB,
            Self::PullMessage
            | Self::QueryMessage
            | Self::ViewMessageById
            | Self::GetAllSubscriptionGroupConfig
            | Self::GetAllMessageRequestMode
            | Self::GetConsumeStats => 8 * MIB,
            Self::QueryTopicConsumeByWho => 2 * MIB,
            Self::GetConsumerConnectionList
            | Self::GetRouteInfoByTopic
            | Self::GetBrokerClusterInfo
            | Self::QueryConsumeQueue => MIB,
            Self::QueryConsumerOffset
            | Self::GetBrokerRuntimeInfo
            | Self::GetAllDelayOffset
            | Self::SearchOffsetByTimestamp
            | Self::GetMaxOffset
            | Self::GetMinOffset
            | Self::GetTopicConfig => 64 * 1024,
        }
    }

    /// Returns the name of the request in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PullMessage => "PULL_MESSAGE",
            Self::QueryMessage => "QUERY_MESSAGE",
            Self::QueryConsumerOffset => "QUERY_CONSUMER_OFFSET",
            Self::GetBrokerRuntimeInfo => "GET_BROKER_RUNTIME_INFO",
            Self::GetAllDelayOffset => "GET_ALL_DELAY_OFFSET",
            Self::SearchOffsetByTimestamp => "SEARCH_OFFSET_BY_TIMESTAMP",
            Self::GetMaxOffset => "GET_MAX_OFFSET",
            Self::GetMinOffset => "GET_MIN_OFFSET",
            Self::ViewMessageById => "VIEW_MESSAGE_BY_ID",
            Self::GetAllConsumerOffset => "GET_ALL_CONSUMER_OFFSET",
            Self::GetRouteInfoByTopic => "GET_ROUTEINFO_BY_TOPIC",
            Self::GetBrokerClusterInfo => "GET_BROKER_CLUSTER_INFO",
            Self::GetAllSubscriptionGroupConfig => "GET_ALL_SUBSCRIPTIONGROUP_CONFIG",
            Self::GetConsumerConnectionList => "GET_CONSUMER_CONNECTION_LIST",
            Self::GetAllTopicListFromNameServer => "GET_ALL_TOPIC_LIST_FROM_NAMESERVER",
            Self::GetConsumeStats => "GET_CONSUME_STATS",
            Self::QueryTopicConsumeByWho => "QUERY_TOPIC_CONSUME_BY_WHO",
            Self::QueryConsumeQueue => "QUERY_CONSUME_QUEUE",
            Self::GetTopicConfig => "GET_TOPIC_CONFIG",
            Self::GetAllMessageRequestMode => "GET_ALL_MESSAGE_REQUEST_MODE",
        }
    }
}

impl fmt::Display for RequestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.number())
    }
}

/// Codes of responses.
pub mod response {
    /// The call succeeded.
    pub const SUCCESS: i32 = 0;
    /// Any error without a code of its own; the remark describes it.
    pub const SYSTEM_ERROR: i32 = 1;
    /// Overload; also if the call waited for more than 5 s in the server's queue.
    pub const SYSTEM_BUSY: i32 = 2;
    /// The server does not support the call.
    pub const NOT_SUPPORTED: i32 = 3;
    /// Refused by ACL 2.0, or the topic or broker is not readable.
    pub const NO_PERMISSION: i32 = 16;
    /// The topic does not exist.
    pub const TOPIC_NOT_EXIST: i32 = 17;
    /// A pull past the end of the queue.
    pub const PULL_NOT_FOUND: i32 = 19;
    /// A pull that has found no matching message yet.
    pub const PULL_RETRY_IMMEDIATELY: i32 = 20;
    /// A pull outside of the offsets that the queue holds.
    pub const PULL_OFFSET_MOVED: i32 = 21;
    /// No message with that key, or no offset for that group and queue.
    pub const QUERY_NOT_FOUND: i32 = 22;
    /// No client of the group is connected.
    pub const CONSUMER_NOT_ONLINE: i32 = 206;
    /// Overload (proxy, 5.x).
    pub const FLOW_CONTROL: i32 = 215;
    /// The server is shutting down: reconnect.
    pub const GO_AWAY: i32 = 1500;
}
