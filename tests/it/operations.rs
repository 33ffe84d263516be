//! Every operation that the program can send, for all sources. None of them changes anything. Whoever adds one adds it here,
//! too, and says why it only reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ons_audit::source::OPERATIONS;
use ons_audit::source::rocketmq::remoting::RequestCode;

/// Method, version, operation and path of each call of `ons://`, `https://` and `rmq://`.
const HTTP: [&str; 11] = [
    "POST 2019-02-14 OnsMessageTrace /",
    "POST 2019-02-14 OnsDLQMessagePageQueryByGroupId /",
    "POST 2019-02-14 OnsTraceQueryByMsgId /",
    "POST 2019-02-14 OnsTraceGetResult /",
    "POST 2019-02-14 OnsTopicList /",
    "GET 2022-08-01 GetTrace /instances/*/topics/*/traces/*",
    "GET 2022-08-01 GetMessageDetail /instances/*/topics/*/messages/*",
    "GET 2022-08-01 ListTopicSubscriptions /instances/*/topics/*/subscriptions",
    "GET 2022-08-01 GetConsumerGroupLag /instances/*/consumerGroups/*/lag",
    "GET 2022-08-01 GetConsumerGroup /instances/*/consumerGroups/*",
    "GET 2022-08-01 GetInstance /instances/*",
];

/// Each request to name servers and brokers of `rocketmq://`.
const REMOTING: [&str; 20] = [
    "PULL_MESSAGE (11)",
    "QUERY_MESSAGE (12)",
    "QUERY_CONSUMER_OFFSET (14)",
    "GET_BROKER_RUNTIME_INFO (28)",
    "SEARCH_OFFSET_BY_TIMESTAMP (29)",
    "GET_MAX_OFFSET (30)",
    "GET_MIN_OFFSET (31)",
    "VIEW_MESSAGE_BY_ID (33)",
    "GET_ALL_CONSUMER_OFFSET (43)",
    "GET_ALL_DELAY_OFFSET (45)",
    "GET_ROUTEINFO_BY_TOPIC (105)",
    "GET_BROKER_CLUSTER_INFO (106)",
    "GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201)",
    "GET_CONSUMER_CONNECTION_LIST (203)",
    "GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206)",
    "GET_CONSUME_STATS (208)",
    "QUERY_TOPIC_CONSUME_BY_WHO (300)",
    "QUERY_CONSUME_QUEUE (321)",
    "GET_TOPIC_CONFIG (351)",
    "GET_ALL_MESSAGE_REQUEST_MODE (402)",
];

/// The files that build a request: of the operations above, of those who issue temporary keys (the metadata service, STS, the
/// address that a profile names), and of the webhook that is told the end of a run.
const BUILDERS: [&str; 5] = [
    "src/source/ons/credentials/ecs.rs",
    "src/source/ons/credentials/external.rs",
    "src/source/ons/credentials/sts.rs",
    "src/source/ons/http.rs",
    "src/source/ons/request.rs",
];

fn text(path: impl AsRef<Path>) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_operation_only_reads() {
    let found: Vec<_> = OPERATIONS
        .iter()
        .map(|operation| {
            let (method, version) = (operation.method(), operation.version());
            format!(
                "{method} {version} {} {}",
                operation.name(),
                operation.path()
            )
        })
        .collect();
    assert_eq!(found, HTTP);
    for operation in OPERATIONS {
        let (family, action) = operation.ram_action().split_once(':').unwrap();
        let is_5x = operation.version() == "2022-08-01";
        assert_eq!((family == "rocketmq", family == "mq"), (is_5x, !is_5x));
        if is_5x {
            assert_eq!(operation.method(), "GET");
            assert_eq!(action, operation.name());
        }
    }
    let mut found = RequestCode::ALL.map(|code| code.to_string());
    found.sort_by_key(|text| REMOTING.iter().position(|known| known == text));
    assert_eq!(found, REMOTING);
}

/// The lists above are complete: operations and requests are declared in one file each, and nothing else builds a request.
#[test]
fn there_are_no_other_operations() {
    let code = text("src/source/rocketmq/remoting/code.rs");
    let (_, code) = code.split_once("pub enum RequestCode {").unwrap();
    let (code, _) = code.split_once("\n}").unwrap();
    assert_eq!(code.matches(" = ").count(), RequestCode::ALL.len());

    let sts = text("src/source/ons/credentials/sts.rs");
    let actions: BTreeSet<_> = ["\"Action\", \"", "\"x-acs-action\", \""]
        .iter()
        .flat_map(|before| sts.split(before).skip(1))
        .filter_map(|after| after.split('"').next())
        .collect();
    assert_eq!(
        Vec::from_iter(actions),
        ["AssumeRole", "AssumeRoleWithOIDC"]
    );

    let builds = [
        "Method::",
        ".post(",
        ".put(",
        ".delete(",
        ".patch(",
        "client.get(",
    ];
    let mut builders = Vec::new();
    for file in sources() {
        // `serve` reads requests; it sends none.
        let is_test = file.iter().any(|part| part == "tests" || part == "serve");
        let text = text(&file);
        let (code, _) = text.split_once("#[cfg(test)]\nmod").unwrap_or((&text, ""));
        let is_http = code.contains("reqwest") || code.contains("client");
        if !is_test && is_http && builds.iter().any(|sign| code.contains(sign)) {
            builders.push(file.display().to_string());
        }
    }
    assert_eq!(builders, BUILDERS);
}

/// Returns every file of the program, as a path relative to the repository.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut folders) = (Vec::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
