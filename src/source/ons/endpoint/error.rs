//! Why a source is not the address of a service, and what to do.

use reqwest::Url;
use thiserror::Error;

use super::{has_only_id_characters, printable, source_of};
use crate::exit::Advice;
use crate::source::ons::regions::{self, Host, Service};

/// Schemes of sources, each with an example for hints.
const SOURCES: [(&str, &str); 5] = [
    ("ons", "ons://cn-hangzhou"),
    ("rmq", "rmq://cn-hangzhou"),
    ("https", "https://HOST"),
    ("rmq+https", "rmq+https://HOST"),
    ("rocketmq", "rocketmq://HOST:9876"),
];

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
    pub(super) fn bare_instance(text: &str) -> Option<Self> {
        let service = Service::of_instance(text).filter(|_| has_only_id_characters(text))?;
        Some(Self::NoRegion(printable(text), service))
    }

    /// Returns the error of a URL whose host is one of another service. An instance in its path belongs to the right source.
    pub(super) fn other_host(service: Service, host: &str, url: &Url) -> Self {
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

/// Returns what instance IDs look like.
const fn instance_form(service: Service) -> &'static str {
    match service {
        Service::Ons => "letters, digits, `_` and `-`",
        Service::Rmq => "`rmq-`, then letters, digits, `_` and `-`",
    }
}
