//! Regions of `OnsMessageTrace` and their hosts (`docs/facts/ons-api.md` §6).

/// Regions whose host is `ons.REGION.aliyuncs.com`.
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

/// Exceptions of the official SDK: regions served by another host.
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

/// Returns the host of a known region.
pub(super) fn host(region: &str) -> Option<String> {
    if REGIONS.contains(&region) {
        return Some(format!("ons.{region}.aliyuncs.com"));
    }
    EXCEPTIONS
        .iter()
        .find(|(_, regions)| regions.contains(&region))
        .map(|(host, _)| (*host).to_owned())
}

/// Returns up to three known regions similar to `wrong`, the most similar first.
pub(super) fn near(wrong: &str) -> Vec<&'static str> {
    let wrong = wrong.to_ascii_lowercase();
    let mut candidates: Vec<(usize, &str)> = REGIONS
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
        for (region, expected) in [
            ("cn-hangzhou", Some("ons.cn-hangzhou.aliyuncs.com")),
            (
                "mq-internet-access",
                Some("ons.mq-internet-access.aliyuncs.com"),
            ),
            ("cn-beijing-gov-1", Some("ons.aliyuncs.com")),
            ("rus-west-1-pop", Some("ons.ap-northeast-1.aliyuncs.com")),
            ("cn-atlantis", None),
            ("", None),
        ] {
            assert_eq!(host(region).as_deref(), expected, "{region}");
        }
        let exceptions: usize = EXCEPTIONS.iter().map(|(_, regions)| regions.len()).sum();
        assert_eq!(exceptions, 30);
    }

    #[test]
    fn a_typo_finds_its_region() {
        assert_eq!(near("cn-hangzou").first(), Some(&"cn-hangzhou"));
        assert_eq!(near("CN-Shanghai").first(), Some(&"cn-shanghai"));
        assert_eq!(near("shenzhen"), ["cn-shenzhen", "cn-shenzhen-finance-1"]);
        assert!(near("atlantis").is_empty());
    }
}
