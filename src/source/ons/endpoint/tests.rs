//! Addresses by table, and what holds for any text.

use proptest::prelude::*;

use super::*;
use crate::exit::Advice as _;

/// The source, the URL, the `Host` header, and the instance.
const GATEWAYS: &str = "
    ons://cn-hangzhou https://ons.cn-hangzhou.aliyuncs.com/ ons.cn-hangzhou.aliyuncs.com -
    ons://cn-hangzhou/ https://ons.cn-hangzhou.aliyuncs.com/ ons.cn-hangzhou.aliyuncs.com -
    ons://mq-internet-access/MQ_INST_1_BX https://ons.mq-internet-access.aliyuncs.com/ ons.mq-internet-access.aliyuncs.com MQ_INST_1_BX
    ons://cn-beijing-gov-1 https://ons.aliyuncs.com/ ons.aliyuncs.com -
    https://ons-vpc.cn-hangzhou.aliyuncs.com:443 https://ons-vpc.cn-hangzhou.aliyuncs.com/ ons-vpc.cn-hangzhou.aliyuncs.com -
    https://gw.example:8443/ https://gw.example:8443/ gw.example:8443 -
    http://127.8.9.1:8181 http://127.8.9.1:8181/ 127.8.9.1:8181 -
    http://[::1]:8181 http://[::1]:8181/ [::1]:8181 -
    http://localhost http://localhost/ localhost -
    rmq://cn-hangzhou https://rocketmq.cn-hangzhou.aliyuncs.com/ rocketmq.cn-hangzhou.aliyuncs.com -
    rmq://cn-guangzhou/rmq-cn-7e22ody https://rocketmq.cn-guangzhou.aliyuncs.com/ rocketmq.cn-guangzhou.aliyuncs.com rmq-cn-7e22ody
    rmq+https://rocketmq-vpc.me-east-1.aliyuncs.com/rmq-me-1 https://rocketmq-vpc.me-east-1.aliyuncs.com/ rocketmq-vpc.me-east-1.aliyuncs.com rmq-me-1
    RMQ+HTTPS://gw.example:8443/ https://gw.example:8443/ gw.example:8443 -
    rmq+http://127.0.0.1:8181/rmq-cn-1 http://127.0.0.1:8181/ 127.0.0.1:8181 rmq-cn-1
";

#[test]
fn sources_lead_to_their_gateways() {
    for row in GATEWAYS.trim().lines() {
        let mut cells = row.split_whitespace();
        let [source, url, host_header, instance] = std::array::from_fn(|_| cells.next().unwrap());
        let instance = Some(instance).filter(|instance| *instance != "-");
        let endpoint = Endpoint::parse(source, false).unwrap();
        assert_eq!(endpoint.url().as_str(), url);
        assert_eq!(endpoint.host_header(), host_header);
        assert_eq!(endpoint.instance(), instance);
        assert_eq!(endpoint.to_string(), source);
        let is_rmq = source.to_ascii_lowercase().starts_with("rmq");
        assert_eq!(endpoint.service() == Service::Rmq, is_rmq, "{source}");
    }
    let vpc = "rmq+https://rocketmq-vpc.me-east-1.aliyuncs.com";
    let vpc = Endpoint::parse(vpc, false).unwrap();
    assert_eq!(vpc.region(), Some("me-east-1"));
}

#[test]
fn an_instance_of_the_other_service_has_another_source() {
    for (source, instance, other) in [
        (
            "ons://cn-hangzhou",
            "rmq-cn-1",
            Some("rmq://cn-hangzhou/rmq-cn-1"),
        ),
        (
            "ons://me-east-1",
            "rmq-me-1",
            Some("rmq+https://rocketmq-vpc.me-east-1.aliyuncs.com/rmq-me-1"),
        ),
        (
            "ons://mq-internet-access",
            "rmq-cn-1",
            Some("rmq://REGION/rmq-cn-1"),
        ),
        (
            "https://ons-vpc.cn-hangzhou.aliyuncs.com",
            "rmq-cn-1",
            Some("rmq://REGION/rmq-cn-1"),
        ),
        ("https://gw.example", "rmq-cn-1", None),
        (
            "rmq://cn-hangzhou",
            "MQ_INST_1_B",
            Some("ons://cn-hangzhou/MQ_INST_1_B"),
        ),
        (
            "rmq+http://127.0.0.1:1",
            "MQ_INST_1_B",
            Some("ons://REGION/MQ_INST_1_B"),
        ),
        ("ons://cn-hangzhou", "MQ_INST_1_B", None),
        ("rmq://cn-hangzhou", "rmq-cn-1", None),
        ("rmq://cn-hangzhou", "another", None),
    ] {
        let endpoint = Endpoint::parse(source, false).unwrap();
        assert_eq!(
            endpoint.source_for(instance).as_deref(),
            other,
            "{source} {instance}"
        );
    }
}

/// Sources that are refused, with a part of the error and of the hint.
const REFUSED: [(&str, &str, &str); 15] = [
    ("cn-hangzhou", "not the address", "ons://REGION"),
    ("ftp://host", "unknown scheme `ftp`", "ons://cn-hangzhou"),
    (
        "on://cn-hangzhou",
        "unknown scheme `on`; a source is ons://REGION, rmq://REGION, https://…, rocketmq://… or a file",
        "--source ons://cn-hangzhou",
    ),
    (
        "rocket://h:1",
        "unknown scheme `rocket`",
        "--source rocketmq://HOST",
    ),
    (
        "ons://cn-hangzou",
        "unknown region `cn-hangzou`",
        "did you mean cn-hangzhou? For a region that is not in our table, name its host: https://HOST",
    ),
    ("ons://", "unknown region ``", "https://HOST"),
    (
        "ons://cn-hangzhou/a b",
        "`a b` is not an instance ID",
        "MQ_INST",
    ),
    (
        "ons://cn-hangzhou/a/b",
        "`a/b` is not an instance ID",
        "MQ_INST",
    ),
    (
        "http://ons.cn-hangzhou.aliyuncs.com",
        "plain http to ons.cn-hangzhou",
        "--allow-http",
    ),
    (
        "http://127.0.0.1.evil.example",
        "plain http",
        "--allow-http",
    ),
    ("https://host/path", "has a path", "https://HOST"),
    ("https://host?x=1", "has a query", "https://HOST"),
    ("https://host#x", "has a fragment", "https://HOST"),
    ("https://key:hunter2@host", "has a user", "environment"),
    ("https://", "not a URL", "https://HOST"),
];

/// Sources of 5.x that are refused, and those that name the other service.
const REFUSED_BY_SERVICE: [(&str, &str, &str); 22] = [
    (
        "rmq-cn-abc123",
        "`rmq-cn-abc123` is an instance ID, and its region is missing",
        "--source rmq://REGION/rmq-cn-abc123",
    ),
    (
        "rmq://rmq-cn-abc123",
        "`rmq-cn-abc123` is an instance ID",
        "--source rmq://REGION/rmq-cn-abc123",
    ),
    (
        "ons://rmq-cn-abc123/",
        "`rmq-cn-abc123` is an instance ID",
        "--source rmq://REGION/rmq-cn-abc123",
    ),
    (
        "rmq://MQ_INST_1_B",
        "`MQ_INST_1_B` is an instance ID",
        "--source ons://REGION/MQ_INST_1_B",
    ),
    (
        "https://rocketmq-vpc.cn-hangzhou.aliyuncs.com:8443/rmq-cn-abc123",
        "serves ApsaraMQ for RocketMQ 5.x",
        "--source rmq+https://rocketmq-vpc.cn-hangzhou.aliyuncs.com:8443/rmq-cn-abc123",
    ),
    (
        "http://rocketmq.cn-hangzhou.aliyuncs.com/a%20path?x",
        "serves ApsaraMQ for RocketMQ 5.x",
        "--source rmq+https://rocketmq.cn-hangzhou.aliyuncs.com",
    ),
    (
        "rmqs://cn-hangzhou",
        "unknown scheme `rmqs`",
        "--source rmq://",
    ),
    (
        "ons://cn-hangzhou/rmq-cn-1",
        "the instance `rmq-cn-1` belongs to ApsaraMQ for RocketMQ 5.x",
        "--source rmq://cn-hangzhou/rmq-cn-1",
    ),
    (
        "rmq://cn-hangzhou/MQ_INST_1_B",
        "the instance `MQ_INST_1_B` belongs to ApsaraMQ for RocketMQ 4.x",
        "--source ons://cn-hangzhou/MQ_INST_1_B",
    ),
    (
        "rmq+https://rocketmq.cn-beijing.aliyuncs.com/MQ_INST_1_B",
        "4.x",
        "--source ons://cn-beijing/MQ_INST_1_B",
    ),
    (
        "ons://cn-guangzhou",
        "unknown region `cn-guangzhou`",
        "ApsaraMQ for RocketMQ 5.x has this region: --source rmq://cn-guangzhou.",
    ),
    (
        "rmq://cn-guangzou",
        "unknown region `cn-guangzou`",
        "did you mean cn-guangzhou or cn-hangzhou? For a region that is not in our table, name its host: rmq+https://HOST",
    ),
    (
        "rmq://me-east-1/rmq-me-1",
        "ApsaraMQ for RocketMQ 5.x has no public address in me-east-1",
        "--source rmq+https://rocketmq-vpc.me-east-1.aliyuncs.com/rmq-me-1 from",
    ),
    (
        "https://rocketmq.cn-hangzhou.aliyuncs.com",
        "rocketmq.cn-hangzhou.aliyuncs.com serves ApsaraMQ for RocketMQ 5.x",
        "--source rmq+https://rocketmq.cn-hangzhou.aliyuncs.com",
    ),
    (
        "rmq+https://ons-vpc.cn-hangzhou.aliyuncs.com",
        "serves ApsaraMQ for RocketMQ 4.x",
        "--source https://ons-vpc.cn-hangzhou.aliyuncs.com",
    ),
    (
        "rmq://cn-hangzhou/a/b",
        "`a/b` is not an instance ID",
        "rmq-cn-",
    ),
    (
        "rmq+https://host/a?b",
        "`a?b` is not an instance ID",
        "rmq-cn-",
    ),
    (
        "rmq+https://host/../rmq-1",
        "is not an instance ID",
        "rmq-cn-",
    ),
    ("rmq+https://host\\x", "has a path", "rmq+https://HOST"),
    (
        "rmq+https://host?x=1",
        "has a query: expected rmq+https",
        "rmq://",
    ),
    (
        "rmq+http://gw.example",
        "plain http to gw.example",
        "use rmq+https://gw.example",
    ),
    (
        "rmq+https://key:hunter2@host/rmq-1",
        "has a user",
        "environment",
    ),
];

#[test]
fn anything_else_is_refused_with_a_way_out() {
    for (source, message, hint) in REFUSED.into_iter().chain(REFUSED_BY_SERVICE) {
        let error = Endpoint::parse(source, false).unwrap_err();
        assert!(error.to_string().contains(message), "{source}: {error}");
        assert!(!error.to_string().contains("hunter2"));
        let expected = error.hint().unwrap();
        assert!(expected.contains(hint), "{source}: {expected}");
    }
    assert!(Endpoint::parse("http://gw.example", true).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_a_bare_address_or_refused_without_its_password(
        scheme in "(ons|rmq|(rmq\\+)?https?|HTTP|ftp|.{0,3}):?/{0,3}",
        password in "(key:hunter2@)?",
        host in "cn-hangzhou|127\\.0\\.0\\.1|localhost|\\[::1\\]|[a-z.\\[\\]:%é]{0,8}|.{0,6}",
        rest in "(:[0-9]{0,6})?[/?#]?[a-zA-Z_%]{0,3}",
        allow_http: bool,
    ) {
        let source = format!("{scheme}{password}{host}{rest}");
        match Endpoint::parse(&source, allow_http) {
            Ok(endpoint) => {
                let url = endpoint.url();
                prop_assert!(allow_http || url.scheme() == "https" || endpoint.is_loopback());
                prop_assert_eq!((url.username(), url.path(), url.query()), ("", "/", None));
                prop_assert!(reqwest::header::HeaderValue::from_str(endpoint.host_header()).is_ok());
                prop_assert_eq!(endpoint.to_string(), source.trim());
            }
            Err(error) => prop_assert!(!format!("{error} {:?}", error.hint()).contains("hunter2"), "{}", error),
        }
    }
}
