//! Converts errors of the HTTP client into failures. The message keeps the root cause and drops the URL, which
//! contains key ID and token with V1.

use std::error::Error;
use std::io;

use super::errors;
use super::redact::Redactor;
use crate::humanize::without_os_codes;
use crate::source::{Failure, FailureKind, is_out_of_files};

/// Length limit of the shown cause, in characters.
const CAUSE: usize = 300;

/// Texts of tunnel errors. Their type is private to the HTTP client, so only the text identifies them.
const NEEDS_PASSWORD: &str = "tunnel error: proxy authorization required";
const NO_TUNNEL: &str = "tunnel error: unsuccessful";

/// Returns the failure of a request without a complete response.
pub(super) fn failure(error: reqwest::Error, redactor: &Redactor) -> Failure {
    let error = error.without_url();
    let (kind, what, hint, cause) = details(&error);
    let mut system = causes(&error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    let out_of_files = system.any(is_out_of_files);
    let message = match cause {
        Some(cause) => {
            let cause = without_os_codes(&cause);
            format!("{what}: {}", redactor.excerpt(&cause, CAUSE))
        }
        None => what.to_owned(),
    };
    Failure {
        hint: hint.map(str::to_owned),
        out_of_files,
        ..Failure::new(kind, None, message)
    }
}

type ErrorDetails = (
    FailureKind,
    &'static str,
    Option<&'static str>,
    Option<String>,
);

/// Returns the kind of an error, what happened, a hint, and the root cause.
fn details(error: &reqwest::Error) -> ErrorDetails {
    // These three would fail every call, so another attempt is pointless.
    if let Some(problem) = certificate_error(error) {
        let what = "the gateway's certificate is not trusted";
        let hint = "check the host; where a proxy opens TLS connections, add its certificate authority: --ca-cert FILE";
        return (FailureKind::Fatal, what, Some(hint), Some(problem));
    }
    if has_cause(error, NEEDS_PASSWORD) {
        let (kind, hint) = errors::classify_status(407);
        return (kind, "the proxy wants a user and a password", hint, None);
    }
    if proxy_refused_tunnel(error) {
        let what = "the proxy refuses a connection to the host";
        let hint = "have the proxy allow CONNECT to the host, or go past the proxy: name the host in NO_PROXY";
        return (FailureKind::Fatal, what, Some(hint), None);
    }
    let (what, hint) = if error.is_timeout() {
        ("no answer in time", None)
    } else if error.is_connect() {
        let hint = "check the source, the network, and HTTPS_PROXY and NO_PROXY";
        ("can't connect", Some(hint))
    } else if error.is_body() || error.is_decode() {
        ("the response ended too early", None)
    } else {
        ("the connection broke", None)
    };
    let root = causes(error).last().map(ToString::to_string);
    (FailureKind::Transport, what, hint, root)
}

/// Returns whether a proxy refused CONNECT. The response of the proxy is not shown.
pub(super) fn proxy_refused_tunnel(error: &reqwest::Error) -> bool {
    has_cause(error, NO_TUNNEL)
}

fn has_cause(error: &reqwest::Error, text: &str) -> bool {
    causes(error).any(|cause| cause.to_string() == text)
}

/// Returns the problem with the server's certificate, if that is the cause.
fn certificate_error(error: &reqwest::Error) -> Option<String> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<rustls::Error>())
        .find(|tls| matches!(tls, rustls::Error::InvalidCertificate(_)))
        .map(ToString::to_string)
}

/// Returns the causes, outermost first. `io::Error` omits its inner error from the chain, so it is opened here.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        match cause.downcast_ref::<io::Error>() {
            Some(io) => io
                .get_ref()
                .map(|wrapped| wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}
