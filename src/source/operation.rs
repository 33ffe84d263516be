//! The operations of the HTTP APIs that this program calls. All of them only read.

use super::ons::percent::encode_into;

/// An operation of an HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    name: &'static str,
    version: &'static str,
    method: &'static str,
    path: &'static str,
    ram_action: &'static str,
}

impl Operation {
    /// Returns the name of the operation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the version of the API: `2019-02-14` (4.x) or `2022-08-01` (5.x).
    #[must_use]
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// Returns the HTTP method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// Returns the path, in which `*` stands for each name.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Returns the action that RAM must grant.
    #[must_use]
    pub const fn ram_action(&self) -> &'static str {
        self.ram_action
    }

    /// Returns the path of a call, with each name percent-encoded: as it is signed and sent.
    pub(super) fn path_with(&self, names: &[&str]) -> String {
        let mut parts = self.path.split('*');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for (part, name) in parts.zip(names) {
            encode_into(&mut path, name);
            path.push_str(part);
        }
        path
    }
}

/// Declares each operation, and the list of them.
macro_rules! operations {
    ($($(#[$doc:meta])* $constant:ident: $method:literal $path:literal $version:literal $name:literal $action:literal;)*) => {
        $($(#[$doc])* pub(super) const $constant: &Operation = &Operation {
            name: $name,
            version: $version,
            method: $method,
            path: $path,
            ram_action: $action,
        };)*

        /// Every operation of an HTTP API that this program can call.
        pub const OPERATIONS: &[&Operation] = &[$($constant),*];
    };
}

operations! {
    /// Which groups consumed a message (4.x).
    MESSAGE_TRACE: "POST" "/" "2019-02-14" "OnsMessageTrace" "mq:QueryMessageTrace";
    /// A page of the dead letters of a group (4.x).
    DEAD_LETTERS: "POST" "/" "2019-02-14" "OnsDLQMessagePageQueryByGroupId" "mq:QueryDLQMessage";
    /// Starts the query for a trace (4.x).
    TRACE_QUERY: "POST" "/" "2019-02-14" "OnsTraceQueryByMsgId" "mq:QueryTrace";
    /// The result of the query for a trace (4.x).
    TRACE_RESULT: "POST" "/" "2019-02-14" "OnsTraceGetResult" "mq:GetTraceResult";
    /// The topics of an instance, with the types of their messages (4.x).
    TOPIC_LIST: "POST" "/" "2019-02-14" "OnsTopicList" "mq:QueryInstanceBaseInfo";
    /// The deliveries of a message to all groups (5.x).
    GET_TRACE: "GET" "/instances/*/topics/*/traces/*" "2022-08-01" "GetTrace" "rocketmq:GetTrace";
    /// Whether a message is stored (5.x).
    GET_MESSAGE_DETAIL: "GET" "/instances/*/topics/*/messages/*" "2022-08-01" "GetMessageDetail" "rocketmq:GetMessageDetail";
    /// The groups that subscribe to a topic (5.x).
    LIST_TOPIC_SUBSCRIPTIONS: "GET" "/instances/*/topics/*/subscriptions" "2022-08-01" "ListTopicSubscriptions" "rocketmq:ListTopicSubscriptions";
    /// How many messages a group has not consumed yet (5.x).
    GET_CONSUMER_GROUP_LAG: "GET" "/instances/*/consumerGroups/*/lag" "2022-08-01" "GetConsumerGroupLag" "rocketmq:GetConsumerGroupLag";
    /// How a group retries (5.x).
    GET_CONSUMER_GROUP: "GET" "/instances/*/consumerGroups/*" "2022-08-01" "GetConsumerGroup" "rocketmq:GetConsumerGroup";
    /// How long an instance keeps messages (5.x).
    GET_INSTANCE: "GET" "/instances/*" "2022-08-01" "GetInstance" "rocketmq:GetInstance";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_path_are_encoded() {
        for (names, path) in [
            (
                ["rmq-cn-1", "a%b|c_d-e", "中文"],
                "/instances/rmq-cn-1/topics/a%25b%7Cc_d-e/traces/%E4%B8%AD%E6%96%87",
            ),
            (
                ["a/b", "c*d", "e f?g#h"],
                "/instances/a%2Fb/topics/c%2Ad/traces/e%20f%3Fg%23h",
            ),
        ] {
            assert_eq!(GET_TRACE.path_with(&names), path);
        }
        assert_eq!(GET_INSTANCE.path_with(&["i"]), "/instances/i");
        assert_eq!(MESSAGE_TRACE.path_with(&[]), "/");
    }

    #[test]
    fn all_operations_of_5_x_are_gets_and_every_name_is_listed_once() {
        for operation in OPERATIONS {
            let is_5x = operation.version() == "2022-08-01";
            assert_eq!(operation.method() == "GET", is_5x, "{operation:?}");
            let same = |other: &&&Operation| other.name() == operation.name();
            assert_eq!(OPERATIONS.iter().filter(same).count(), 1);
        }
    }
}
