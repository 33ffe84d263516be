//! Sources: what is accepted is a bare address that a request can be sent to, and no password is ever repeated.
#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::source::ons::{Endpoint, Service};

const PASSWORD: &str = "hunter2";

fuzz_target!(|text: &str| {
    let strict = Endpoint::parse(text, false);
    let lax = Endpoint::parse(text, true);
    if let Ok(endpoint) = &strict {
        assert_eq!(Ok(endpoint), lax.as_ref(), "--allow-http forbids nothing");
        assert!(endpoint.url().scheme() == "https" || endpoint.is_loopback());
    }
    for parsed in [strict, lax] {
        match parsed {
            Ok(endpoint) => check(&endpoint, text),
            Err(error) => {
                let hint = error.hint().expect("there is a way out");
                let printable: String = text.chars().filter(|c| !c.is_control()).collect();
                if printable.matches(PASSWORD).count() == 1 && printable.contains("hunter2@") {
                    assert!(!format!("{error} {hint}").contains(PASSWORD), "{error}");
                }
            }
        }
    }
});

fn check(endpoint: &Endpoint, text: &str) {
    assert_eq!(endpoint.to_string(), text.trim());
    let url = endpoint.url();
    assert!(matches!(url.scheme(), "http" | "https"));
    assert_eq!((url.path(), url.query(), url.fragment()), ("/", None, None));
    assert_eq!((url.username(), url.password()), ("", None));
    let host = url.host_str().expect("an address has a host");
    let expected = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    assert_eq!(endpoint.host_header(), expected);
    assert!(!host.is_empty() && HeaderValue::from_str(&expected).is_ok());
    let is_named = endpoint.region().is_some() || endpoint.service() == Service::Rmq;
    assert!(endpoint.instance().is_none() || is_named);
    let other = endpoint.instance().and_then(|id| endpoint.source_for(id));
    assert_eq!(other, None, "the instance belongs to the service");
    assert_ne!(endpoint.instance(), Some(""));
}
