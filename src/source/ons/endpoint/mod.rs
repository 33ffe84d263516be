//! The address of a service of Alibaba Cloud: `ons://REGION[/INSTANCE_ID]` or `https://HOST[:PORT]` for 4.x,
//! `rmq://REGION[/INSTANCE_ID]` or `rmq+https://HOST[:PORT][/INSTANCE_ID]` for 5.x, and plain HTTP where that is safe.

mod error;
#[cfg(test)]
mod tests;

use std::fmt;

use reqwest::Url;

use super::regions::{self, Host, Service};

pub use error::EndpointError;

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
    match Service::of_instance(instance) {
        Some(other) if other != service => Err(EndpointError::OtherInstance {
            instance: instance.to_owned(),
            service: other,
            instead: source_of(other, region, instance),
        }),
        None if service == Service::Rmq && region.is_some() => {
            Err(EndpointError::Instance(service, printable(instance)))
        }
        _ => Ok(()),
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
pub(in crate::source::ons) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>()
        .map_or(bare == "localhost", |address| address.is_loopback())
}

/// Shortens a part of the source for messages, and removes everything before an `@`, which may be a password.
pub(in crate::source::ons) fn printable(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
