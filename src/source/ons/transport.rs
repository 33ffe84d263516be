//! Errors of the HTTP client as failures: without the URL (V1's holds key ID and token), with the cause that helps.

use std::error::Error;

use super::redact::Redactor;
use crate::source::{Failure, FailureKind};

/// How much of a cause is shown, in characters.
const CAUSE: usize = 300;

/// No answer arrived, or only half of one.
pub(super) fn failure(error: reqwest::Error, redactor: &Redactor) -> Failure {
    let error = error.without_url();
    let certificate = certificate_error(&error);
    let (kind, what, hint) = if certificate.is_some() {
        // Every call would end here, so no call is worth repeating.
        let hint = "check the host; where a proxy opens TLS connections, add its root certificate";
        (
            FailureKind::Fatal,
            "the gateway's certificate is not trusted",
            Some(hint),
        )
    } else if error.is_timeout() {
        (FailureKind::Transport, "no answer in time", None)
    } else if error.is_connect() {
        let hint = "check the source, the network, and HTTPS_PROXY and NO_PROXY";
        (FailureKind::Transport, "can't connect", Some(hint))
    } else if error.is_body() || error.is_decode() {
        (FailureKind::Transport, "the answer broke off", None)
    } else {
        (FailureKind::Transport, "the connection broke", None)
    };
    let cause = certificate.or_else(|| {
        let root = causes(&error).last()?;
        Some(root.to_string())
    });
    let message = match cause {
        Some(cause) => format!("{what}: {}", redactor.excerpt(&cause, CAUSE)),
        None => what.to_owned(),
    };
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(kind, None, message)
    }
}

/// What is wrong with the certificate, if that is the reason.
fn certificate_error(error: &reqwest::Error) -> Option<String> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<rustls::Error>())
        .find(|tls| matches!(tls, rustls::Error::InvalidCertificate(_)))
        .map(ToString::to_string)
}

/// The causes, outermost first. An `io::Error` leaves what it wraps out of the chain, so it is opened here.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        match cause.downcast_ref::<std::io::Error>() {
            Some(io) => io
                .get_ref()
                .map(|wrapped| wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}
