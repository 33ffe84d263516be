//! The address of a service of Alibaba Cloud: `ons://REGION[/INSTANCE_ID]` or `https://HOST[:PORT]` for 4.x,
//! `rmq://REGION[/INSTANCE_ID]` or `rmq+https://HOST[:PORT][/INSTANCE_ID]` for 5.x, and plain HTTP where that is safe.

use std::fmt;

use reqwest::Url;
use thiserror::Error;

use super::regions::{self, Host, Service};
use crate::exit::Advice;

/// Schemes of sources, each with an example for hints.
const SOURCES: [(&str, &str); 5] = [
    ("ons", "ons://cn-hangzhou"),
    ("rmq", "rmq://cn-hangzhou"),
    ("https", "https://HOST"),
    ("rmq+https", "rmq+https://HOST"),
    ("rocketmq", "rocketmq://HOST:9876"),
];

/// The address of a service, parsed from the source that the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    written: String,
    service: Service,
    url: Url,
    host_header: String,
    region: Option<String>,
    instance: Option<String>,
}

impl Endpoint {
    /// Parses a source. Plain HTTP is accepted for loopback only, unless `allow_http`.
    ///
    /// # Errors
    ///
    /// If the source is malformed, or the scheme, region or instance is unknown or not allowed.
    pub fn parse(source: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let source = source.trim();
        let Some((scheme, rest)) = source.split_once("://") else {
            return Err(match EndpointError::bare_instance(source) {
                Some(error) => error,
                None => EndpointError::NoScheme(printable(source)),
            });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "ons" => Self::of_region(Service::Ons, source, rest),
            "rmq" => Self::of_region(Service::Rmq, source, rest),
            "http" | "https" => Self::of_url(source, allow_http),
            secure @ ("rmq+http" | "rmq+https") => {
                let secure = secure.trim_start_matches("rmq+");
                Self::of_rmq_url(source, (secure, rest), allow_http)
            }
            _ => Err(EndpointError::Scheme(printable(scheme))),
        }
    }

    /// Returns the service at the address.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// Returns the address that requests are sent to; path `/`, empty query.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the `Host` header, which is signed. It contains the port only if it differs from the default
    /// port of the scheme.
    #[must_use]
    pub fn host_header(&self) -> &str {
        &self.host_header
    }

    /// Returns the region, if the source names one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the instance ID for queries without one.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Returns whether the gateway is on this machine. Then no proxy is used.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Returns the source to name instead, if the ID is one of the other service's instances. A gateway with the API of 4.x
    /// that is not Alibaba Cloud's may answer for instances of both, as `serve` does.
    #[must_use]
    pub fn source_for(&self, instance: &str) -> Option<String> {
        let other = Service::of_instance(instance)?;
        let host = self.url.host_str().unwrap_or_default();
        let knows_both = self.service == Service::Ons && Service::of_host(host).is_none();
        (other != self.service && !knows_both).then(|| source_of(other, self.region(), instance))
    }

    /// Returns whether a text is the ID of an instance, which is no source without its region.
    #[must_use]
    pub fn is_instance(text: &str) -> bool {
        EndpointError::bare_instance(text).is_some()
    }

    fn of_region(service: Service, source: &str, rest: &str) -> Result<Self, EndpointError> {
        let (region, instance) = match rest.split_once('/') {
            Some((region, "")) => (region, None),
            Some((region, instance)) => (region, Some(instance)),
            None => (rest, None),
        };
        let host = match regions::host(service, region) {
            Some(Host::Public(host)) => host,
            Some(Host::OnlyInVpc(host)) => {
                let instance = instance.map(|instance| format!("/{}", printable(instance)));
                return Err(EndpointError::OnlyInVpc {
                    region: region.to_owned(),
                    instead: format!("rmq+https://{host}{}", instance.unwrap_or_default()),
                });
            }
            None => {
                let error = EndpointError::bare_instance(region);
                return Err(
                    error.unwrap_or_else(|| EndpointError::Region(service, printable(region)))
                );
            }
        };
        check_instance(service, Some(region), instance)?;
        let url = Url::parse(&format!("https://{host}/"))
            .map_err(|error| EndpointError::Address(error.to_string()))?;
        Ok(Self {
            written: source.to_owned(),
            service,
            url,
            host_header: host,
            region: Some(region.to_owned()),
            instance: instance.map(str::to_owned),
        })
    }

    fn of_rmq_url(
        source: &str,
        (secure, rest): (&str, &str),
        allow_http: bool,
    ) -> Result<Self, EndpointError> {
        let (authority, instance) = rest.split_once('/').unwrap_or((rest, ""));
        let instance = Some(instance).filter(|instance| !instance.is_empty());
        let url = format!("{secure}://{authority}");
        let (url, host_header) = address(Service::Rmq, &url, allow_http)?;
        let region = url.host_str().and_then(regions::of_host);
        check_instance(Service::Rmq, region, instance)?;
        Ok(Self {
            written: source.to_owned(),
            service: Service::Rmq,
            region: region.map(str::to_owned),
            instance: instance.map(str::to_owned),
            url,
            host_header,
        })
    }

    fn of_url(source: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let (url, host_header) = address(Service::Ons, source, allow_http)?;
        Ok(Self {
            written: source.to_owned(),
            service: Service::Ons,
            region: None,
            instance: None,
            url,
            host_header,
        })
    }
}

/// Returns the URL of a gateway and the `Host` header of requests to it.
fn address(service: Service, url: &str, allow_http: bool) -> Result<(Url, String), EndpointError> {
    let url = Url::parse(url).map_err(|error| EndpointError::Address(error.to_string()))?;
    let host = url.host_str().unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Extra(service, "a user or password"));
    }
    let host_header = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if let Some(other) = Service::of_host(host).filter(|other| *other != service) {
        return Err(EndpointError::other_host(other, &host_header, &url));
    }
    let extra = if url.path() != "/" {
        Some("a path")
    } else if url.query().is_some() {
        Some("a query")
    } else if url.fragment().is_some() {
        Some("a fragment")
    } else {
        None
    };
    if let Some(extra) = extra {
        return Err(EndpointError::Extra(service, extra));
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(EndpointError::PlainHttp(service, host.to_owned()));
    }
    Ok((url, host_header))
}

/// Refuses what is not the ID of an instance of the service.
fn check_instance(
    service: Service,
    region: Option<&str>,
    instance: Option<&str>,
) -> Result<(), EndpointError> {
    let Some(instance) = instance else {
        return Ok(());
    };
    if !has_only_id_characters(instance) {
        return Err(EndpointError::Instance(service, printable(instance)));
    }
    let is_foreign =
        service == Service::Rmq && region.is_some() && Service::of_instance(instance).is_none();
    if is_foreign {
        return Err(EndpointError::Instance(service, printable(instance)));
    }
    match Service::of_instance(instance) {
        Some(other) if other != service => Err(EndpointError::OtherInstance {
            instance: instance.to_owned(),
            service: other,
            instead: source_of(other, region, instance),
        }),
        _ => Ok(()),
    }
}

/// Returns what instance IDs look like.
const fn instance_form(service: Service) -> &'static str {
    match service {
        Service::Ons => "letters, digits, `_` and `-`",
        Service::Rmq => "`rmq-`, then letters, digits, `_` and `-`",
    }
}

fn has_only_id_characters(instance: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    instance.chars().all(allowed)
}

/// Returns the source that names an instance, as far as its region is known.
fn source_of(service: Service, region: Option<&str>, instance: &str) -> String {
    let known = region.and_then(|region| Some((region, regions::host(service, region)?)));
    match known {
        Some((_, Host::OnlyInVpc(host))) => format!("rmq+https://{host}/{instance}"),
        Some((region, Host::Public(_))) => format!("{}://{region}/{instance}", service.scheme()),
        None => format!("{}://REGION/{instance}", service.scheme()),
    }
}

/// Writes the source as the user gave it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Returns whether the host is in 127.0.0.0/8, `::1` or `localhost`.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>()
        .map_or(bare == "localhost", |address| address.is_loopback())
}

/// Shortens a part of the source for messages, and removes everything before an `@`, which may be a password.
pub(super) fn printable(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The reason why a source is not the address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The source has no scheme.
    #[error("`{0}` is not the address of a gateway")]
    NoScheme(String),
    /// The scheme is unknown.
    #[error(
        "unknown scheme `{0}`; a source is ons://REGION, rmq://REGION, https://…, rocketmq://… or a file"
    )]
    Scheme(String),
    /// The region is unknown.
    #[error("unknown region `{1}`")]
    Region(Service, String),
    /// The service has no public host in the region.
    #[error("{} has no public address in {region}", Service::Rmq)]
    OnlyInVpc {
        /// The region.
        region: String,
        /// The source that names the host for networks inside of the region.
        instead: String,
    },
    /// The instance ID contains invalid characters.
    #[error("`{1}` is not an instance ID: expected {form}", form = instance_form(*.0))]
    Instance(Service, String),
    /// The instance is one of the other service.
    #[error("the instance `{instance}` belongs to {service}")]
    OtherInstance {
        /// The instance ID.
        instance: String,
        /// The service that has it.
        service: Service,
        /// The source to name instead.
        instead: String,
    },
    /// An instance ID stands where a source or a region is expected.
    #[error("`{0}` is an instance ID, and its region is missing")]
    NoRegion(String, Service),
    /// The host is one of the other service.
    #[error("{host} serves {service}")]
    OtherHost {
        /// The host.
        host: String,
        /// The service that has it.
        service: Service,
        /// The source to name instead.
        instead: String,
    },
    /// The address is not a URL.
    #[error("the source is not a URL: {0}")]
    Address(String),
    /// The URL has more than scheme, host and port.
    #[error("the source has {1}: expected {forms}", forms = forms(*.0))]
    Extra(Service, &'static str),
    /// Plain HTTP to another machine.
    #[error("plain http to {1} would show what is asked to everyone on the way")]
    PlainHttp(Service, String),
}

impl EndpointError {
    /// Returns the error of an instance ID without its region. `None` if the text is no instance ID.
    fn bare_instance(text: &str) -> Option<Self> {
        let service = Service::of_instance(text).filter(|_| has_only_id_characters(text))?;
        Some(Self::NoRegion(printable(text), service))
    }

    /// Returns the error of a URL whose host is one of another service. An instance in its path belongs to the right source.
    fn other_host(service: Service, host: &str, url: &Url) -> Self {
        let path = url.path().trim_matches('/');
        let is_instance = service == Service::Rmq && Service::of_instance(path) == Some(service);
        let instance = if is_instance && has_only_id_characters(path) {
            format!("/{}", printable(path))
        } else {
            String::new()
        };
        Self::OtherHost {
            host: host.to_owned(),
            service,
            instead: format!("{}://{host}{instance}", service.by_host()),
        }
    }
}

/// Returns the forms of a source that names a host.
const fn forms(service: Service) -> &'static str {
    match service {
        Service::Ons => "https://HOST or https://HOST:PORT",
        Service::Rmq => "rmq+https://HOST[:PORT] or rmq+https://HOST[:PORT]/INSTANCE_ID",
    }
}

/// Returns what to do about an unknown region.
fn other_regions(service: Service, wrong: &str) -> String {
    let (near, host) = (regions::near(service, wrong), service.by_host());
    let other = service.other();
    let meant = if let Some(Host::Public(_)) = regions::host(other, wrong) {
        format!(
            "{other} has this region: --source {}://{wrong}.",
            other.scheme()
        )
    } else if near.is_empty() {
        "the console shows the region.".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("{meant} For a region that is not in our table, name its host: {host}://HOST")
}

impl Advice for EndpointError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Region(service, wrong) => other_regions(*service, wrong),
            Self::OnlyInVpc { instead, .. } => {
                format!("--source {instead} from a network inside of the region")
            }
            Self::PlainHttp(service, host) => {
                let secure = service.by_host();
                format!("use {secure}://{host}, or add --allow-http on a network you trust")
            }
            Self::Instance(Service::Ons, _) => {
                "ons://REGION/INSTANCE_ID, for example ons://cn-hangzhou/MQ_INST_123_BXabc".into()
            }
            Self::Instance(Service::Rmq, _) => {
                "rmq://REGION/INSTANCE_ID, for example rmq://cn-hangzhou/rmq-cn-abc123".into()
            }
            Self::OtherInstance { instead, .. } | Self::OtherHost { instead, .. } => {
                format!("--source {instead}")
            }
            Self::NoRegion(instance, service) => {
                format!("--source {}", source_of(*service, None, instance))
            }
            Self::Extra(_, "a user or password") => {
                "keys come from the environment or a profile, never from the source".into()
            }
            Self::Scheme(wrong) => {
                let near = |(scheme, _): &(&str, &str)| {
                    regions::distance(scheme, wrong) <= scheme.len() / 3
                };
                let (_, meant) = SOURCES.into_iter().find(near).unwrap_or(SOURCES[0]);
                format!("for example --source {meant}")
            }
            Self::Extra(Service::Rmq, _) => {
                "rmq://REGION, rmq://REGION/INSTANCE_ID or rmq+https://HOST[:PORT]".into()
            }
            Self::NoScheme(_) | Self::Address(_) | Self::Extra(Service::Ons, _) => {
                "ons://REGION, ons://REGION/INSTANCE_ID, rmq://REGION or https://HOST[:PORT]".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            let [source, url, host_header, instance] =
                std::array::from_fn(|_| cells.next().unwrap());
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
}
