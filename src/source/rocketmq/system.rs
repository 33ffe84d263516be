//! Names that belong to RocketMQ itself (`MixAll`, `TopicValidator`).

/// Is it a group of the system or its tools? They are connected or hold offsets everywhere and consume nothing that a
/// person asks about.
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

/// Is it a topic where messages wait before they are delivered under their own?
pub(super) fn is_waiting_room(topic: &str) -> bool {
    matches!(
        topic,
        "SCHEDULE_TOPIC_XXXX" | "rmq_sys_wheel_timer" | "RMQ_SYS_TRANS_HALF_TOPIC"
    )
}

/// Is it a topic of the system? Then its groups may be, too.
pub(super) fn is_system_topic(topic: &str) -> bool {
    is_waiting_room(topic)
        || topic.starts_with("rmq_sys_")
        || topic.starts_with("RMQ_SYS_")
        || topic == "OFFSET_MOVED_EVENT"
}

/// Is it a topic that RocketMQ has made for itself?
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
