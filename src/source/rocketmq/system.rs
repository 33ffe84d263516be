//! Names that RocketMQ uses for itself (`MixAll`, `TopicValidator`).

/// Returns whether the group belongs to the system or its tools. Such groups are connected or have offsets
/// everywhere, and consume nothing of interest.
pub(super) fn is_system_group(group: &str) -> bool {
    group.starts_with("CID_RMQ_SYS_")
        || group.starts_with("CID_ONSAPI_")
        || group.starts_with("CID_ONS-HTTP-PROXY")
        || matches!(
            group,
            "DEFAULT_CONSUMER"
                | "DEFAULT_PRODUCER"
                | "TOOLS_CONSUMER"
                | "TOOLS_PRODUCER"
                | "SCHEDULE_CONSUMER"
                | "FILTERSRV_CONSUMER"
                | "__MONITOR_CONSUMER"
                | "CLIENT_INNER_PRODUCER"
                | "SELF_TEST_P_GROUP"
                | "SELF_TEST_C_GROUP"
        )
}

/// Returns whether messages wait in this topic before they are delivered to their own.
pub(super) fn is_waiting_room(topic: &str) -> bool {
    matches!(
        topic,
        "SCHEDULE_TOPIC_XXXX" | "rmq_sys_wheel_timer" | "RMQ_SYS_TRANS_HALF_TOPIC"
    )
}

/// Returns whether the topic belongs to the system. Its groups may, too.
pub(super) fn is_system_topic(topic: &str) -> bool {
    is_waiting_room(topic)
        || topic.starts_with("rmq_sys_")
        || topic.starts_with("RMQ_SYS_")
        || topic == "OFFSET_MOVED_EVENT"
}

/// Returns whether RocketMQ created the topic for its own use.
pub(super) fn is_internal(topic: &str) -> bool {
    is_system_topic(topic)
        || topic.starts_with("%RETRY%")
        || topic.starts_with("%DLQ%")
        || topic.ends_with("_REPLY_TOPIC")
        || matches!(
            topic,
            "TBW102"
                | "BenchmarkTest"
                | "SELF_TEST_TOPIC"
                | "TRANS_CHECK_MAX_TIME_TOPIC"
                | "CHECKPOINT_TOPIC"
        )
}
