//! What is refused before the first call because the source is the wrong one of Alibaba Cloud's two services, or because
//! a flag has no effect on it.

use serde_json::Value;

use super::tool::Tool;

/// Both kinds of instances, and a row without one.
const MIXED: &str = "msg_id,topic,instance_id\n\
    0A15030B110F18B4AAC264BE6C450BA2,orders,MQ_INST_1_B\n\
    0A15030B110F18B4AAC264BE6C450BA3,orders,rmq-cn-1\n\
    0A15030B110F18B4AAC264BE6C450BA4,orders,\n";

const BARE: &str = "msg_id,topic\n0A15030B110F18B4AAC264BE6C450BA2,orders\n";

#[test]
fn rows_of_the_other_service_are_refused_with_their_source() {
    let tool = Tool::new();
    tool.write("mixed.csv", MIXED);
    tool.write("bare.csv", BARE);
    for (call, says, hint) in [
        (
            "mixed.csv --source ons://cn-hangzhou",
            "mixed.csv, row 2: the instance `rmq-cn-1` belongs to ApsaraMQ for RocketMQ 5.x",
            "--source rmq://cn-hangzhou/rmq-cn-1",
        ),
        (
            "bare.csv mixed.csv --source ons://cn-hangzhou",
            "mixed.csv, row 2: the instance `rmq-cn-1`",
            "--source rmq://cn-hangzhou/rmq-cn-1",
        ),
        (
            "mixed.csv --source rmq://cn-hangzhou/rmq-cn-1",
            "mixed.csv, row 1: the instance `MQ_INST_1_B` belongs to ApsaraMQ for RocketMQ 4.x",
            "--source ons://cn-hangzhou/MQ_INST_1_B",
        ),
        (
            "bare.csv --source ons://cn-shanghai --instance rmq-cn-2",
            "bare.csv, row 1: the instance `rmq-cn-2` (--instance) belongs to ApsaraMQ for RocketMQ 5.x",
            "--source rmq://cn-shanghai/rmq-cn-2",
        ),
        (
            "bare.csv --source rmq://cn-hangzhou",
            "bare.csv, row 1: no instance, and rmq://cn-hangzhou names none",
            "rmq://REGION/INSTANCE_ID",
        ),
        (
            "bare.csv --source rmq+http://127.0.0.1:9",
            "bare.csv, row 1: no instance",
            "--instance",
        ),
        (
            "bare.csv --source ons://cn-hangzhou/rmq-cn-1",
            "the instance `rmq-cn-1` belongs to ApsaraMQ for RocketMQ 5.x",
            "--source rmq://cn-hangzhou/rmq-cn-1",
        ),
        (
            "bare.csv --source rmq-cn-1",
            "`rmq-cn-1` is an instance ID, and its region is missing",
            "--source rmq://REGION/rmq-cn-1",
        ),
    ] {
        for command in ["plan", "audit -o a.csv"] {
            let said = tool.call(&format!("{command} {call}")).key().ends(2).stderr;
            assert!(said.contains(says), "{command} {call}: {said}");
            let (_, hinted) = said.split_once("\nhint: ").unwrap();
            assert!(hinted.contains(hint), "{command} {call}: {said}");
        }
    }
    assert_eq!(tool.names(), ["bare.csv", "mixed.csv"]);
}

#[test]
fn rows_with_an_instance_need_none_in_the_source() {
    let tool = Tool::new();
    tool.write("bare.csv", BARE);
    tool.write(
        "own.csv",
        BARE.replace('\n', ",rmq-cn-1\n")
            .replacen("rmq-cn-1", "instance_id", 1),
    );
    for call in [
        "own.csv --source rmq://cn-hangzhou",
        "bare.csv --source rmq://cn-hangzhou --instance rmq-cn-1",
        "bare.csv --source rmq://cn-hangzhou/rmq-cn-1",
        "bare.csv --source ons://cn-hangzhou",
        "bare.csv --source rmq+https://rocketmq-vpc.cn-hangzhou.aliyuncs.com/rmq-cn-1",
    ] {
        tool.call(&format!("plan {call}")).ends(0);
    }
}

#[test]
fn flags_without_effect_on_rmq_are_refused() {
    let tool = Tool::new();
    tool.write("bare.csv", BARE);
    let plan = "plan bare.csv --source rmq://cn-hangzhou/rmq-cn-1";
    for (flags, says) in [
        ("--examine none", "--examine none has no effect"),
        (
            "--examine failures,traces",
            "--examine failures,traces has no effect",
        ),
        (
            "--trace-topic orders",
            "--trace-topic has no effect on this source\nhint: leave it out: each answer is a trace already",
        ),
        ("--trace-sample 20", "--trace-sample has no effect"),
        ("--signature v1", "--signature v1 can't be used"),
        (
            "--removed-broker b-0",
            "--removed-broker is for rocketmq:// only",
        ),
    ] {
        let said = tool.call(plan).args(flags).ends(2).stderr;
        assert!(said.contains(says) && said.contains("\nhint: "), "{said}");
    }
    let call = tool.call(plan).env("ONS_AUDIT_SIGNATURE", "v1");
    let said = call.ends(2).stderr;
    assert!(
        said.contains("ONS_AUDIT_SIGNATURE v1 can't be used"),
        "{said}"
    );
    // Settings of other origins may be meant for other sources.
    tool.write("settings.toml", "signature = \"v1\"\nexamine = \"none\"\n");
    let call = tool.call(plan).args("--config settings.toml");
    call.env("ONS_AUDIT_TRACE_SAMPLE", "20").ends(0);
    tool.call(plan).args("--examine failures").ends(0);
}

#[test]
fn a_plan_for_rmq_says_what_is_unknown() {
    let tool = Tool::new();
    tool.write("ids.csv", MIXED.replace("MQ_INST_1_B", "rmq-cn-2"));
    let plan = "plan ids.csv --source rmq://cn-hangzhou/rmq-cn-3";
    let said = tool.call(plan).ends(0).stdout;
    for says in [
        "calls     3 without retries, at 5/s; the quota of rmq:// is not published",
        " for the messages; lags and retry policies afterwards, at most one call for each group and topic and one for each \
         group, are not included\n",
        "examine   6 calls: subscriptions of 3 topics, retention of 3 instances; 1 more for each message that is not found, \
         for each group and topic without records, and for each group with failures or dead letters\n",
        "; the run asks the instance how long it keeps messages",
    ] {
        assert!(said.contains(says), "{said}");
    }
    let json = |flags: &str| {
        let said = tool.call(plan).args("--format json").args(flags).ends(0);
        serde_json::from_str::<Value>(&said.stdout).unwrap()
    };
    let planned = json("");
    assert_eq!(planned["quota"], "unknown");
    assert_eq!(planned["retention_is_assumed"], true);
    assert_eq!(planned["examination"]["topic_calls"], 3);
    assert_eq!(planned["examination"]["instance_calls"], 3);
    let given = json("--retention 70h");
    assert!(given.get("retention_is_assumed").is_none(), "{given}");
    let said = tool.call(plan).args("--rate max").ends(0).stdout;
    assert!(
        said.contains("no rate limit; the quota of rmq://"),
        "{said}"
    );
}
