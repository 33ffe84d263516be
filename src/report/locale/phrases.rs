//! Every fixed text of the reports, English and Chinese side by side. A new report adds its texts here.
//!
//! The Chinese words are those of RocketMQ's and Alibaba Cloud's documentation (消费组, 消息 ID, 消费位点, 已消费) and of
//! reconciliation (对账, 差异).

use super::Phrase;
use crate::verdict::{MessageVerdict, UndeterminedReason, Verdict};

/// Declares phrases, and a list of them for the test of all translations.
macro_rules! phrases {
    ($($name:ident: $en:literal, $zh:literal;)+) => {
        $(pub(crate) const $name: Phrase = Phrase { en: $en, zh: $zh };)+

        #[cfg(test)]
        pub(super) const ALL: &[Phrase] = &[$($name),+];
    };
}

phrases! {
    // Labels of the terminal and the Markdown summary, shared by the others.
    REPORT: "Reconciliation report", "消息消费对账报告";
    GROUP: "group", "消费组";
    TOPIC: "topic", "主题";
    MISSED_PRODUCED: "missed messages were produced", "漏消费消息的产生时间";
    NOT_EXPECTED: "(not expected of these)", "（不要求消费）";
    UNEXPECTED: "(unexpected)", "（约定之外）";
    MESSAGES: "messages", "消息";
    TOTALS: "totals", "核对总数";
    TIE: "they tie", "两边相等";
    NO_TIE: "THEY DO NOT TIE: don't rely on this report", "两边不相等：请勿依据本报告";
    COMPLETE: "complete", "完整";
    INCOMPLETE: "INCOMPLETE", "不完整";
    RESULTS_FILE: "results file", "结果文件";
    COLON: ": ", "：";
    SEMICOLON: "; ", "；";
    CARRIED: "carried", "沿用";
    LIKELY_RESET: "likely offset reset", "疑似重置消费位点";
    BEING_DELIVERED: "being delivered", "正在投递";

    // The workbook, shared in part by the page.
    NONE_UNANSWERED:
        "Complete: every message was answered or not found",
        "完整：每条消息都有应答，或确认未找到";
    SOME_UNANSWERED: "INCOMPLETE: some messages got no answer", "不完整：部分消息无应答";
    SUMMARY: "Summary", "汇总";
    BREAKS: "Breaks", "差异";
    UNJUDGED: "Without verdict", "未能判定";
    MATRIX: "Matrix", "矩阵";
    DETAIL: "Detail", "明细";
    METHOD: "Method", "方法";
    BY_GROUP: "By consumer group", "按消费组";
    EXPECTED: "expected", "应消费";
    MISSED_FIRST: "first missed, produced", "首条漏消费消息的产生时间";
    MISSED_LAST: "last missed, produced", "末条漏消费消息的产生时间";
    BY_MESSAGE: "By message", "按消息";
    VERDICT: "verdict", "判定";
    NUMBER: "messages", "消息数";
    SHARE: "share", "占比";
    BREAKS_BY_KIND: "Breaks by kind", "按差异类型";
    FIRST_ROW: "first row", "首行";
    FIRST_MESSAGE: "first message ID", "首条消息 ID";
    GROUPS_AT_FAULT: "groups at fault", "未消费的消费组";
    GROUPS_LEFT_OUT: "Matrix: {left_out} of {all} groups are left out, a sheet has 16,384 columns; Detail has all", "矩阵：未列出 {all} 个消费组中的 {left_out} 个，因为工作表最多 16,384 列；明细包含全部";
    OTHER_KINDS: "of other kinds", "其他类型";
    ERRORS: "Errors", "错误";
    ERRORS_OF: "Messages not found or without answer, by error code", "未找到或无应答的消息，按错误码";
    ERROR_CODE: "code", "错误码";
    SHEETS: "In this workbook", "本工作簿内容";
    SHEET: "sheet", "工作表";
    ROWS: "rows", "行数";
    HOLDS: "what it holds", "内容";
    BREAKS_HOLD:
        "the list to act on: one line for each message and group that missed it, each message once",
        "待处置清单：每条消息与每个漏消费的消费组一行，重复消息只列一次";
    UNJUDGED_HOLD:
        "messages that were not found or not answered, and bad rows, each with the reason",
        "未找到或无应答的消息，以及无效行，各附原因";
    MATRIX_HOLDS: "one line for each input row, a column for each group", "输入的每一行一行，每个消费组一列";
    DETAIL_HOLDS:
        "one line for each input row and group, with the source's own word",
        "输入的每一行与每个消费组一行，附数据源的原始状态";
    METHOD_HOLDS:
        "what the words mean, what they do not prove, and where the answers came from",
        "各判定的含义、不能证明的事项，以及结果的来源";
    MEANING_OF_VERDICTS: "What the verdicts mean", "判定的含义";
    NOT_PROVEN: "What they do not prove", "不能证明的事项";
    PROVENANCE: "Where the answers came from", "结果的来源";
    EXPECTATIONS: "expectations", "消费约定";
    NO_EXPECTATIONS:
        "none; a group that was never started is invisible, use --expect or --expect-file; filtered messages were accepted",
        "无；从未启动的消费组不会出现在结果中，请用 --expect 或 --expect-file 指定；被过滤的消息按已消费计";
    FILTERED_ACCEPTED:
        "filtered messages were accepted",
        "被过滤的消息按已消费计";
    DEAD_LETTERED_ACCEPTED:
        "dead-lettered messages were accepted",
        "进入死信队列的消息不计为差异";
    EVERY_TOPIC: "every topic", "所有主题";
    TAGS: "tags", "标签";
    BORN_FROM: "born from", "产生时间起";
    BORN_TO: "born before", "产生时间止（不含）";

    // The page.
    SKIP: "To the list of missed messages", "跳到漏消费消息清单";
    OTHERS_ONLY:
        "What is said below holds for the answered ones only.",
        "以下内容仅适用于已有应答的消息。";
    CONTROL_TOTALS: "Control totals", "核对总数";
    WHEN: "When the missed messages were produced", "漏消费消息的产生时间";
    WHERE: "Where they come from", "漏消费消息的来源";
    BREAKS_BY_TOPIC: "Breaks by topic", "按主题统计差异";
    BREAKS_BY_PRODUCER:
        "Breaks by producer, as the message IDs tell",
        "按生产者统计差异（由消息 ID 解析）";
    ADDRESS: "address", "地址";
    PROCESS: "process ID", "进程 ID";
    PRODUCED: "produced", "产生时间";
    OTHERS: "others", "其他";
    NOT_IN_ID: "not told by the ID", "消息 ID 未包含";
    MISSED_LIST: "Missed messages", "漏消费消息清单";
    NONE_MISSED: "No message was missed.", "没有漏消费的消息。";
    INPUT_ROW: "row", "行";
    MESSAGE_ID: "message ID", "消息 ID";
    FILTER: "Show rows with", "筛选";
    SHOWN: "{shown} of {all} rows are shown", "显示 {shown} / {all} 行";
    OTHER_KINDS_TOGETHER: "Other kinds", "其他差异类型";
    HOW_TO_READ: "How to read this", "如何阅读本报告";
    HOW_JUDGED:
        "For each message the source said a word about each consumer group, judged by the group's offset. The report compares these words with the groups that were expected. What copies in retry and dead-letter topics and reports of clients prove goes before the offset. A message is a break if an expected group is open, absent, retrying or failed, or filtered or dead-lettered where that is not accepted; undetermined is not a pass.",
        "对每条消息，数据源按消费位点给出各消费组的状态；本报告将其与应消费的消费组逐一对照。若重试主题、死信主题中的副本或客户端的上报能证明更多，则以其为准。只要有一个应消费的消费组未消费（open）、缺失（absent）、重试中（retrying）或消费失败（failed），或被过滤（filtered）、成为死信（dead_lettered）而未获认可，该消息即为差异；无法判定（undetermined）不等于通过。";
    HOW_JUDGED_WITHOUT:
        "For each message the source said a word about each consumer group, judged by the group's offset. No expectations were given, so only the groups that answered are judged: a group that was never started is invisible here. What copies in retry and dead-letter topics and reports of clients prove goes before the offset. A message is a break if a group that answered is open, retrying, failed, or dead-lettered where that is not accepted; undetermined is not a pass.",
        "对每条消息，数据源按消费位点给出各消费组的状态。由于未指定消费约定，本报告只判定有结果的消费组：从未启动的消费组不会出现。若重试主题、死信主题中的副本或客户端的上报能证明更多，则以其为准。只要有一个有结果的消费组未消费（open）、重试中（retrying）、消费失败（failed），或成为死信（dead_lettered）而未获认可，该消息即为差异；无法判定（undetermined）不等于通过。";
    HOW_JUDGED_RECORDED:
        "For each message the service said what it has recorded about its deliveries to each group, and the newest record decides. A group without a record is judged by its subscription and by its lag. The report compares this with the groups that were expected. A message is a break if an expected group is open, absent, retrying or failed, or filtered or dead-lettered where that is not accepted; undetermined is not a pass.",
        "对每条消息，服务端给出向各消费组投递的记录，以最新记录为准；没有记录的消费组按其订阅关系与堆积量判定。本报告将其与应消费的消费组核对。应消费的消费组未消费（open）、缺失（absent）、重试中（retrying）或消费失败（failed），或被过滤（filtered）、成为死信（dead_lettered）而未获认可，即为差异；无法判定（undetermined）不算通过。";
    HOW_JUDGED_RECORDED_WITHOUT:
        "For each message the service said what it has recorded about its deliveries to each group, and the newest record decides. A group without a record is judged by its subscription and by its lag. No expectations were given, so only the groups that answered are judged: a group that was never started is invisible here. A message is a break if a group that answered is open, retrying, failed, or dead-lettered where that is not accepted; undetermined is not a pass.",
        "对每条消息，服务端给出向各消费组投递的记录，以最新记录为准；没有记录的消费组按其订阅关系与堆积量判定。由于未指定消费约定，本报告只判定有结果的消费组：从未启动的消费组不会出现。有结果的消费组未消费（open）、重试中（retrying）、消费失败（failed），或成为死信（dead_lettered）而未获认可，即为差异；无法判定（undetermined）不算通过。";
    MEANING: "meaning", "含义";
    CODE: "code", "代码";
    THE_RUN: "The run", "运行信息";
    SOURCE: "source", "数据源";
    INPUT: "input", "输入";
    BEGAN: "began", "开始时间";
    ENDED: "ended", "结束时间";
    TOOK: "took", "用时";
    RATE: "rate", "速率上限";
    CALLS: "calls", "调用次数";
    PRODUCER_ZONE: "producers' time zone", "生产者时区";
    REPORT_ZONE: "time zone of this report", "本报告时区";
    TOOL: "made by", "生成工具";
    RUN_ID: "run ID", "运行 ID";
    RESULTS_FILE_PATH: "results file", "结果文件";
    RESULTS_FILE_SHA256: "SHA-256 of the results file", "结果文件的 SHA-256";

    NEXT_STEPS: "What to do next", "下一步";
    SEE_REASONS: "see the reasons below", "原因见下方表格";
    SEE_MISSED: "go through the list of missed messages", "逐条核对漏消费消息清单";
    LIST_BELOW: "the table below", "下方表格";
    NOT_JUDGED: "Messages without a verdict", "未能判定的消息";
    FIX_REJECTED:
        "Bad rows were not asked about. Correct them in the input, and audit those rows again.",
        "无效行未被查询。请在输入中修正，并重新核对这些行。";
    PLACE: "file and line", "文件与行号";
    FOUND: "found", "内容";
    COLUMN: "column", "列";
    REASON: "reason", "原因";
    ABOUT_GROUP: "about a group", "对消费组的判定";
    ABOUT_MESSAGE: "about a message", "对消息的判定";

    // Caveats in a few words; each applies only where its verdict or source occurs.
    PASSED_IN_SHORT:
        "passed: the offset went past, which does not prove success",
        "已消费（passed）：消费位点已越过，不能证明业务处理成功";
    FILTERED_IN_SHORT:
        "filtered: skipped by the group's subscription as it is now",
        "已过滤（filtered）：按消费组当前的订阅关系被跳过";
    OPEN_IN_SHORT:
        "open: the group's offset has not reached the message; it may still be in progress, ask again before acting",
        "未消费（open）：消费位点尚未到达该消息，可能仍在处理，处置前请重新查询";
    UNDETERMINED_IN_SHORT:
        "undetermined: the source can't tell, neither a pass nor a break",
        "无法判定（undetermined）：数据源无法判断，既不算通过，也不算差异";
    ABSENT_IN_SHORT:
        "absent: expected, but no answer names the group; it was never started, was deleted or is misspelt",
        "缺失（absent）：应消费的消费组没有出现在结果中，可能从未启动、已删除或名称写错";
    NOT_FOUND_IN_SHORT:
        "not found: may be expired, it does not mean lost",
        "未找到：可能已过期，不等于丢失";
    CARRIED_IN_SHORT:
        "carried: as old as its observed_at",
        "沿用的结果：以其 observed_at 为准";
    BY_OFFSETS_IN_SHORT:
        "judged by offsets, also where mqadmin would not",
        "按消费位点判定，包括 mqadmin 不作判定之处";
    NO_SNAPSHOT_IN_SHORT:
        "answers were read at different times, see observed_at",
        "每条结果各有其查询时刻";

    EXAMINED_IN_SHORT:
        "passed: see evidence for what it rests on; a reset that skips messages leaves no trace",
        "已消费（passed）：依据见 evidence；重置位点跳过的消息不留痕迹";
    RECORDED_IN_SHORT:
        "passed: see evidence for what it rests on; only trace is a client's acknowledgement",
        "已消费（passed）：依据见 evidence；只有 trace 是客户端的确认";
    GIVEN_UP_IN_SHORT:
        "dead_lettered: all deliveries failed; see evidence_note for whether the dead letter is kept",
        "死信（dead_lettered）：所有投递均失败；死信是否保留见 evidence_note";
    NO_RETRY_LEFT_IN_SHORT:
        "failed: the newest delivery failed and no retry is left",
        "消费失败（failed）：最近一次投递失败，且不再重试";
    IN_PROCESS_IN_SHORT:
        "open: a delivery was in process, ask again before acting",
        "未消费（open）：查询时正在投递处理，处置前请重新查询";
    UNRECORDED_IN_SHORT:
        "undetermined: the records or the lag prove nothing, or something could not be read; neither a pass nor a break",
        "无法判定（undetermined）：记录或堆积量不能证明什么，或有内容无法读取；既不算通过，也不算差异";
    DEAD_LETTERED_IN_SHORT:
        "dead_lettered: failed at least once, perhaps sent again and processed since",
        "死信（dead_lettered）：至少失败一次，此后可能已重新投递并处理";
    RETRYING_IN_SHORT:
        "retrying: may succeed at its next delivery",
        "重试中（retrying）：下一次投递可能成功";
    FAILED_IN_SHORT:
        "failed: the newest report of a client says so",
        "消费失败（failed）：以客户端最新上报为准";

    // The same caveats in sentences.
    PASSED_CAVEAT:
        "passed means that the group's offset went past the message. It does not prove success: failed messages go to retry or dead-letter topics and the offset moves on, and a reset skips messages.",
        "已消费（passed）表示该消费组的消费位点已越过此消息，不能证明业务处理成功：消费失败的消息会进入重试或死信主题，位点照样前移；重置位点也会跳过消息。";
    EXAMINED_CAVEAT:
        "passed means that the group's offset went past the message; evidence says what else is known: trace (a client reported success), retried (copies in retry topics only, all passed), no_failure (no copy in retry, schedule and dead-letter topics), no_dead_letter (no copy among the dead letters), offset (nothing else). Only trace proves success: a reset that skips messages leaves no copy.",
        "已消费（passed）表示该消费组的消费位点已越过此消息；evidence 说明其他依据：trace（客户端上报成功）、retried（只在重试主题中有副本，且均已越过）、no_failure（重试、定时与死信主题中均无副本）、no_dead_letter（死信中无副本）、offset（无其他依据）。只有 trace 能证明成功：重置位点跳过的消息不留副本。";
    RECORDED_CAVEAT:
        "passed: evidence says what it rests on: trace (the service has recorded that a client acknowledged the message), lag (there is no record, and the group had consumed everything on the topic some time after the message was stored). Clients of the Remoting protocol are not recorded completely, so that no record means nothing.",
        "已消费（passed）：依据见 evidence：trace（服务端记录了客户端的确认）、lag（没有记录，但在消息存储之后的某一时刻，该消费组在此主题上没有堆积）。Remoting 协议客户端的记录不完整，因此没有记录不说明任何问题。";
    GIVEN_UP_CAVEAT:
        "dead_lettered: no delivery to the group succeeded, and the service has given up. evidence_note says if the dead letter was not kept: then only the producer can send the message again. It may have been sent again and processed since, as another message.",
        "死信（dead_lettered）：向该消费组的投递均未成功，服务端已放弃投递。evidence_note 说明死信是否未被保留：若未保留，只能由生产者重新发送。此后可能已作为另一条消息重新发送并处理。";
    NO_RETRY_LEFT_CAVEAT:
        "failed: the newest delivery failed, and the group's retry policy, as it is today, leaves no further one.",
        "消费失败（failed）：最近一次投递失败，且按该消费组当前的重试策略不再投递。";
    IN_PROCESS_CAVEAT:
        "open: a delivery was in process when the message was asked about, and no client has acknowledged it. Ask the open ones again before acting on them.",
        "未消费（open）：查询时正在投递处理，尚无客户端确认。处置之前请重新查询这些消息。";
    UNRECORDED_CAVEAT:
        "undetermined is neither a pass nor a break: there is no record of a delivery and the group's lag proves nothing, the status is not understood, or something could not be read. evidence_note says which.",
        "无法判定（undetermined）既不算通过，也不算差异：没有投递记录且堆积量不能证明什么、状态无法识别，或有内容无法读取，详见 evidence_note。";
    DEAD_LETTERED_CAVEAT:
        "dead_lettered: processing failed at least once, and a copy is in the dead-letter queue. The copy stays there when the message is sent again, so it may have been processed since.",
        "死信（dead_lettered）：至少有一次处理失败，死信队列中有其副本。重新投递后副本仍在，因此消息此后可能已处理成功。";
    RETRYING_CAVEAT:
        "retrying: a delivery failed, and the message waits for the next one, which may succeed. Ask these again before acting on them.",
        "重试中（retrying）：投递后处理失败，正在等待下一次投递，可能成功。处置之前请重新查询这些消息。";
    FAILED_CAVEAT:
        "failed: the newest report of a client says that processing failed, and no copy shows a further delivery. Clients may lose reports.",
        "消费失败（failed）：客户端最新上报为处理失败，且没有副本表明再次投递。客户端的上报可能丢失。";
    FILTERED_CAVEAT:
        "filtered is judged by the group's current subscription, not by the one at the time the message arrived.",
        "已过滤（filtered）按消费组当前的订阅关系判定，而不是消息到达时的订阅关系。";
    OPEN_CAVEAT:
        "open may be a message that is still being processed, delayed or retried: offsets are committed every few seconds. Ask the open ones again before acting on them.",
        "未消费（open）可能是正在处理、定时或重试中的消息：位点每隔几秒才提交一次。处置之前请重新查询这些消息。";
    UNDETERMINED_CAVEAT:
        "undetermined is neither a pass nor a break: the source can't tell (offline, pull, broadcasting).",
        "无法判定（undetermined）既不算通过，也不算差异：数据源无法判断（消费组不在线、PULL 或广播消费）。";
    ABSENT_CAVEAT:
        "absent: an expected group that no answer names. It was never started, was deleted, or is misspelt.",
        "缺失（absent）：应消费的消费组没有出现在任何结果中，可能从未启动、已被删除，或名称写错。";
    NOT_FOUND_CAVEAT:
        "not found may be expired (4.x keeps messages about 3 days, 5.x as long as the instance says), another topic, instance or region, or an ID of another kind; it does not mean lost.",
        "未找到的消息可能已过期（4.x 约保留 3 天，5.x 由实例决定），也可能属于其他主题、实例或地域，或消息 ID 类型不同；不等于丢失。";
    CARRIED_CAVEAT:
        "carried answers are as old as their observed_at: an offset that was reset since then shows only in messages that were asked again.",
        "沿用的结果以其 observed_at 为准：此后若重置过消费位点，只有重新查询的消息才能反映出来。";
    BY_OFFSETS_CAVEAT:
        "judged by offsets, also where mqadmin would not: what is marked offline left its offset behind and does not tell its filter, what is marked pop was delivered and perhaps not acknowledged.",
        "按消费位点判定，包括 mqadmin 不作判定之处：标记为 offline 的消费组只留下位点，无法得知其过滤条件；标记为 pop 的消息已投递，但可能尚未确认。";
    NO_SNAPSHOT_CAVEAT:
        "Answers were read at different times (observed_at): unless the source is a snapshot, this is not one moment.",
        "每条结果各有其查询时刻（observed_at）：除非数据源本身是快照，整份报告不是同一时刻的快照。";
}

/// Returns the name of a verdict about a group. In English, its code is the name.
#[must_use]
pub(crate) const fn verdict(verdict: Verdict) -> Phrase {
    let zh = match verdict {
        Verdict::Passed => "已消费",
        Verdict::Filtered => "已过滤",
        Verdict::Open => "未消费",
        Verdict::Undetermined => "无法判定",
        Verdict::Absent => "缺失",
        Verdict::DeadLettered => "死信",
        Verdict::Retrying => "重试中",
        Verdict::Failed => "消费失败",
    };
    Phrase {
        en: verdict.as_str(),
        zh,
    }
}

/// Returns the name of a verdict about a message. In English, its code is the name.
#[must_use]
pub(crate) const fn message_verdict(verdict: MessageVerdict) -> Phrase {
    let zh = match verdict {
        MessageVerdict::Rejected => "无效行",
        MessageVerdict::Unanswered => "无应答",
        MessageVerdict::NotFound => "未找到",
        MessageVerdict::Unsubscribed => "无订阅",
        MessageVerdict::Break => "差异",
        MessageVerdict::Undetermined => "无法判定",
        MessageVerdict::Reconciled => "已对平",
    };
    Phrase {
        en: verdict.as_str(),
        zh,
    }
}

/// Returns why pairs of a group and a message are undetermined.
#[must_use]
pub(crate) const fn undetermined_reason(reason: UndeterminedReason) -> Phrase {
    let (en, zh) = match reason {
        UndeterminedReason::Status => ("the status is not understood", "状态无法识别"),
        UndeterminedReason::RetryPolicy => ("a retry policy is unknown", "重试策略未知"),
        UndeterminedReason::Backlog => ("no record, and a lag", "没有记录且有堆积"),
        UndeterminedReason::Early => (
            "no record, and the lag was read too early",
            "没有记录，且堆积量读取过早",
        ),
        UndeterminedReason::Lag => (
            "no record, and the lag is unknown",
            "没有记录，且堆积量未知",
        ),
        UndeterminedReason::Available => (
            "no record, and when it could be received is unknown",
            "没有记录，且何时可消费未知",
        ),
        UndeterminedReason::Filter => (
            "no record, and the filter is unknown",
            "没有记录，且过滤条件未知",
        ),
        UndeterminedReason::Broadcasting => ("broadcasting", "广播消费"),
        UndeterminedReason::Existence => {
            ("whether the message exists is unknown", "消息是否存在未知")
        }
        UndeterminedReason::Groups => ("the groups of the topic are unknown", "主题的消费组未知"),
    };
    Phrase { en, zh }
}

/// Returns what a verdict about a group means if the source records deliveries.
#[must_use]
pub(crate) const fn recorded_meaning(verdict: Verdict) -> Phrase {
    let (en, zh) = match verdict {
        Verdict::Passed => (
            "a client acknowledged the message, or the group had no lag afterwards",
            "客户端已确认，或此后该消费组没有堆积",
        ),
        Verdict::Filtered => (
            "skipped by the group's subscription as it is today",
            "按消费组当前的订阅关系被过滤",
        ),
        Verdict::Open => ("a client has the message", "客户端正在处理该消息"),
        Verdict::Undetermined => (
            "records and lag prove nothing, or something could not be read",
            "记录与堆积量不能证明什么，或有内容无法读取",
        ),
        Verdict::Absent => (
            "the group was expected, and it does not subscribe to the topic",
            "约定应消费的消费组没有订阅该主题",
        ),
        Verdict::DeadLettered => (
            "no delivery succeeded, and the service has given up",
            "投递均未成功，服务端已放弃投递",
        ),
        Verdict::Retrying => (
            "the newest delivery failed, and the retry policy allows another",
            "最近一次投递失败，按重试策略还会投递",
        ),
        Verdict::Failed => (
            "the newest delivery failed, and the retry policy allows no other",
            "最近一次投递失败，按重试策略不再投递",
        ),
    };
    Phrase { en, zh }
}

/// Returns what a verdict about a group means.
#[must_use]
pub(crate) const fn meaning(verdict: Verdict) -> Phrase {
    let (en, zh) = match verdict {
        Verdict::Passed => (
            "the group's offset went past the message (CONSUMED), or a client acknowledged it",
            "消费组的消费位点已越过该消息（CONSUMED），或客户端已确认",
        ),
        Verdict::Filtered => (
            "skipped by the group's subscription as it is today (CONSUMED_BUT_FILTERED, FILTERED_BY_TAG)",
            "按消费组当前的订阅关系被过滤（CONSUMED_BUT_FILTERED、FILTERED_BY_TAG）",
        ),
        Verdict::Open => (
            "the group's offset has not reached the message (NOT_CONSUME_YET), or a delivery is in process",
            "消费组的消费位点尚未到达该消息（NOT_CONSUME_YET），或正在投递处理",
        ),
        Verdict::Undetermined => (
            "the source can't tell (NOT_ONLINE, PULL, CONSUME_BROADCASTING, UNKNOWN, NO_RECORD, UNCONFIRMED and every new word)",
            "数据源无法判断（NOT_ONLINE、PULL、CONSUME_BROADCASTING、UNKNOWN、NO_RECORD、UNCONFIRMED 及任何新状态）",
        ),
        Verdict::Absent => (
            "the group was expected, and the answer does not name it",
            "约定应消费的消费组没有出现在结果中",
        ),
        Verdict::DeadLettered => (
            "a copy is in the group's dead-letter queue: processing failed at least once",
            "该消费组的死信队列中有此消息的副本：至少有一次处理失败",
        ),
        Verdict::Retrying => (
            "a delivery failed, and a copy waits for the next one",
            "投递后处理失败，消息副本正在等待下一次投递",
        ),
        Verdict::Failed => (
            "a client reported that processing failed, and nothing later is known",
            "客户端上报处理失败，此后没有其他记录",
        ),
    };
    Phrase { en, zh }
}

/// Returns what a verdict about a message means, with or without expectations. The first that applies holds.
#[must_use]
pub(crate) const fn message_meaning(verdict: MessageVerdict, has_expectations: bool) -> Phrase {
    let (en, zh) = match verdict {
        MessageVerdict::Rejected => ("a bad row: it was never asked", "输入的该行无效，未查询"),
        MessageVerdict::Unanswered => ("no answer after all tries", "多次尝试后仍无结果"),
        MessageVerdict::NotFound => ("the source does not know the message", "数据源中没有该消息"),
        MessageVerdict::Unsubscribed => (
            "no group subscribes and none was expected",
            "没有消费组订阅，也不要求任何消费组消费",
        ),
        MessageVerdict::Break if !has_expectations => (
            "a group that answered is open, retrying, failed, or dead-lettered where that is not accepted",
            "有结果的消费组中，有的未消费（open）、重试中（retrying）、消费失败（failed），或成为死信（dead_lettered）而未获认可",
        ),
        MessageVerdict::Undetermined if !has_expectations => (
            "no break, but the source can't tell of a group that answered",
            "没有差异，但有结果的消费组中，有的无法判定",
        ),
        MessageVerdict::Reconciled if !has_expectations => (
            "every group that answered has passed or filtered it",
            "所有有结果的消费组均已消费或过滤",
        ),
        MessageVerdict::Break => (
            "an expected group is open, absent, retrying or failed, or filtered or dead-lettered where that is not accepted",
            "应消费的消费组未消费（open）、缺失（absent）、重试中（retrying）或消费失败（failed），或被过滤（filtered）、成为死信（dead_lettered）而未获认可",
        ),
        MessageVerdict::Undetermined => (
            "no break, but the source can't tell of an expected group",
            "没有差异，但有应消费的消费组无法判定",
        ),
        MessageVerdict::Reconciled => (
            "every expected group has passed it, or filtered it where that is accepted",
            "所有应消费的消费组均已消费，或在允许过滤时已过滤",
        ),
    };
    Phrase { en, zh }
}
