//! The services of Alibaba Cloud, their regions and hosts (`docs/facts/ons-api.md` §6, `docs/facts/ons5.md` §A.3).

use std::fmt;

/// A service whose messages can be audited. The two have different instances, hosts and operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `ApsaraMQ` for RocketMQ 4.x, with the API of 2019-02-14.
    Ons,
    /// `ApsaraMQ` for RocketMQ 5.x, with the API of 2022-08-01.
    Rmq,
}

impl Service {
    /// Returns the service that has the instance, if the ID shows it.
    #[must_use]
    pub fn of_instance(id: &str) -> Option<Self> {
        if id.starts_with("rmq-") {
            Some(Self::Rmq)
        } else if id.starts_with("MQ_INST_") {
            Some(Self::Ons)
        } else {
            None
        }
    }

    /// Returns the service at a host of Alibaba Cloud.
    pub(super) fn of_host(host: &str) -> Option<Self> {
        let name = host.strip_suffix(".aliyuncs.com")?;
        match name.split('.').next()? {
            "ons" | "ons-vpc" => Some(Self::Ons),
            "rocketmq" | "rocketmq-vpc" => Some(Self::Rmq),
            _ => None,
        }
    }

    /// Returns the scheme of sources that name a region.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Ons => "ons",
            Self::Rmq => "rmq",
        }
    }

    /// Returns the scheme of sources that name a host.
    pub(super) const fn by_host(self) -> &'static str {
        match self {
            Self::Ons => "https",
            Self::Rmq => "rmq+https",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Ons => Self::Rmq,
            Self::Rmq => Self::Ons,
        }
    }

    const fn regions(self) -> &'static [&'static str] {
        match self {
            Self::Ons => REGIONS,
            Self::Rmq => RMQ_REGIONS,
        }
    }
}

/// Writes the name of the product with its version.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ons => "ApsaraMQ for RocketMQ 4.x",
            Self::Rmq => "ApsaraMQ for RocketMQ 5.x",
        })
    }
}

/// Regions of 5.x whose host is `rocketmq.REGION.aliyuncs.com`.
const RMQ_REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-3",
    "ap-southeast-5",
    "cn-beijing",
    "cn-chengdu",
    "cn-guangzhou",
    "cn-hangzhou",
    "cn-heyuan",
    "cn-hongkong",
    "cn-huhehaote",
    "cn-qingdao",
    "cn-shanghai",
    "cn-shanghai-finance-1",
    "cn-shenzhen",
    "cn-shenzhen-finance-1",
    "cn-wulanchabu",
    "cn-zhangjiakou",
    "eu-central-1",
    "eu-west-1",
    "us-east-1",
    "us-west-1",
];

/// Regions of 5.x whose only host is `rocketmq-vpc.REGION.aliyuncs.com`.
const RMQ_ONLY_IN_VPC: &[&str] = &[
    "ap-northeast-2",
    "ap-southeast-2",
    "ap-southeast-6",
    "ap-southeast-7",
    "cn-beijing-finance-1",
    "cn-fuzhou",
    "cn-hangzhou-finance",
    "cn-zhengzhou-jva",
    "me-central-1",
    "me-east-1",
    "na-south-1",
];

/// Regions of 4.x whose host is `ons.REGION.aliyuncs.com`.
const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-6",
    "cn-beijing",
    "cn-chengdu",
    "cn-hangzhou",
    "cn-hangzhou-finance",
    "cn-hongkong",
    "cn-huhehaote",
    "cn-qingdao",
    "cn-shanghai",
    "cn-shenzhen",
    "cn-shenzhen-finance-1",
    "cn-wulanchabu",
    "cn-zhangjiakou",
    "eu-central-1",
    "eu-west-1",
    "me-east-1",
    "mq-internet-access", // the public test region, which the SDK tables lack
    "us-east-1",
    "us-west-1",
];

/// Exceptions of the official SDK for 4.x: regions served by another host.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    (
        "ons.aliyuncs.com",
        &[
            "cn-beijing-finance-1",
            "cn-beijing-finance-pop",
            "cn-beijing-gov-1",
            "cn-beijing-nu16-b01",
            "cn-edge-1",
            "cn-fujian",
            "cn-haidian-cm12-c01",
            "cn-hangzhou-bj-b01",
            "cn-hangzhou-internal-prod-1",
            "cn-hangzhou-internal-test-1",
            "cn-hangzhou-internal-test-2",
            "cn-hangzhou-internal-test-3",
            "cn-hangzhou-test-306",
            "cn-hongkong-finance-pop",
            "cn-qingdao-nebula",
            "cn-shanghai-et15-b01",
            "cn-shanghai-et2-b01",
            "cn-shanghai-inner",
            "cn-shanghai-internal-test-1",
            "cn-shenzhen-inner",
            "cn-shenzhen-st4-d01",
            "cn-shenzhen-su18-b01",
            "cn-wuhan",
            "cn-yushanfang",
            "cn-zhangbei-na61-b01",
            "cn-zhangjiakou-na62-a01",
            "cn-zhengzhou-nebula-1",
        ],
    ),
    (
        "ons.ap-northeast-1.aliyuncs.com",
        &["ap-northeast-2-pop", "eu-west-1-oxs", "rus-west-1-pop"],
    ),
];

/// The host of a service in a region.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// Every network reaches it.
    Public(String),
    /// Only networks inside of the region reach it, and there is no other.
    OnlyInVpc(String),
}

/// Returns the host of a service in a known region.
pub(super) fn host(service: Service, region: &str) -> Option<Host> {
    let has = |regions: &[&str]| regions.contains(&region);
    match service {
        Service::Rmq if has(RMQ_REGIONS) => {
            Some(Host::Public(format!("rocketmq.{region}.aliyuncs.com")))
        }
        Service::Rmq => has(RMQ_ONLY_IN_VPC)
            .then(|| Host::OnlyInVpc(format!("rocketmq-vpc.{region}.aliyuncs.com"))),
        Service::Ons if has(REGIONS) => Some(Host::Public(format!("ons.{region}.aliyuncs.com"))),
        Service::Ons => EXCEPTIONS
            .iter()
            .find(|(_, regions)| has(regions))
            .map(|(host, _)| Host::Public((*host).to_owned())),
    }
}

/// Returns the region in the name of a host of 5.x.
pub(super) fn of_host(host: &str) -> Option<&str> {
    let name = host.strip_suffix(".aliyuncs.com")?;
    let region = name.strip_prefix("rocketmq.");
    region.or_else(|| name.strip_prefix("rocketmq-vpc."))
}

/// Returns up to three known regions similar to `wrong`, the most similar first.
pub(super) fn near(service: Service, wrong: &str) -> Vec<&'static str> {
    let wrong = wrong.to_ascii_lowercase();
    let mut candidates: Vec<(usize, &str)> = service
        .regions()
        .iter()
        .map(|region| {
            let contained = !wrong.is_empty() && region.contains(&*wrong);
            let distance = if contained {
                0
            } else {
                distance(region, &wrong)
            };
            (distance, *region)
        })
        .filter(|(distance, region)| *distance <= region.len() / 3)
        .collect();
    candidates.sort_unstable();
    candidates.truncate(3);
    candidates.into_iter().map(|(_, region)| region).collect()
}

/// Returns the Levenshtein distance of two words.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_lead_to_their_hosts() {
        for (service, region, expected) in [
            (
                Service::Ons,
                "cn-hangzhou",
                Some("ons.cn-hangzhou.aliyuncs.com"),
            ),
            (
                Service::Ons,
                "mq-internet-access",
                Some("ons.mq-internet-access.aliyuncs.com"),
            ),
            (Service::Ons, "cn-beijing-gov-1", Some("ons.aliyuncs.com")),
            (
                Service::Ons,
                "rus-west-1-pop",
                Some("ons.ap-northeast-1.aliyuncs.com"),
            ),
            (Service::Ons, "cn-atlantis", None),
            (Service::Ons, "cn-guangzhou", None),
            (Service::Ons, "", None),
            (
                Service::Rmq,
                "cn-guangzhou",
                Some("rocketmq.cn-guangzhou.aliyuncs.com"),
            ),
            (Service::Rmq, "mq-internet-access", None),
            (Service::Rmq, "cn-beijing-gov-1", None),
            (Service::Rmq, "", None),
        ] {
            let expected = expected.map(|host| Host::Public(host.to_owned()));
            assert_eq!(host(service, region), expected, "{region}");
        }
        let exceptions: usize = EXCEPTIONS.iter().map(|(_, regions)| regions.len()).sum();
        assert_eq!(exceptions, 30);
        // docs/facts/ons5.md §A.3
        assert_eq!((RMQ_REGIONS.len(), RMQ_ONLY_IN_VPC.len()), (23, 34 - 23));
        for region in RMQ_ONLY_IN_VPC {
            let only = Host::OnlyInVpc(format!("rocketmq-vpc.{region}.aliyuncs.com"));
            assert_eq!(host(Service::Rmq, region), Some(only));
        }
    }

    #[test]
    fn a_typo_finds_its_region() {
        let ons = |wrong| near(Service::Ons, wrong);
        assert_eq!(ons("cn-hangzou").first(), Some(&"cn-hangzhou"));
        assert_eq!(ons("CN-Shanghai").first(), Some(&"cn-shanghai"));
        assert_eq!(ons("shenzhen"), ["cn-shenzhen", "cn-shenzhen-finance-1"]);
        assert!(ons("atlantis").is_empty());
        let rmq = near(Service::Rmq, "cn-guangzou");
        assert_eq!(rmq.first(), Some(&"cn-guangzhou"));
    }

    #[test]
    fn names_of_instances_and_hosts_show_their_service() {
        for (id, service) in [
            ("rmq-cn-7e22ody", Some(Service::Rmq)),
            ("MQ_INST_1_BX", Some(Service::Ons)),
            ("rmq", None),
            ("orders", None),
            ("", None),
        ] {
            assert_eq!(Service::of_instance(id), service, "{id}");
        }
        for (host, service) in [
            ("rocketmq.cn-hangzhou.aliyuncs.com", Some(Service::Rmq)),
            ("rocketmq-vpc.me-east-1.aliyuncs.com", Some(Service::Rmq)),
            ("ons-vpc.cn-hangzhou.aliyuncs.com", Some(Service::Ons)),
            ("ons.aliyuncs.com", Some(Service::Ons)),
            ("rocketmq.example.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(Service::of_host(host), service, "{host}");
        }
    }
}
