//! Sends one POST to a webhook at the end of a run.
//!
//! The address is a secret: with chat services, everyone who has it may post. So no flag takes it, it is masked in all
//! output, and the service's reply is shown without any part of it.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::RunEnd;
use super::template::{Notice, Template};
use crate::exit::Status;
use crate::source::ons::Network;
use crate::source::ons::http::Address;

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many characters of the service's reply are shown.
const EXCERPT: usize = 200;

/// When a notice is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotifyWhen {
    /// At the end of every run.
    Always,
    /// Unless every row is reconciled.
    Problems,
}

impl FromStr for NotifyWhen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "always" => Ok(Self::Always),
            "problems" => Ok(Self::Problems),
            _ => Err(format!(
                "`{text}` is no occasion; expected always or problems"
            )),
        }
    }
}

/// Where notices are sent, and how.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) address: Address,
    pub(crate) template: Template,
    /// The secret that signs notices to `DingTalk` and Feishu.
    pub(crate) secret: Option<SecretString>,
    pub(crate) when: NotifyWhen,
    pub(crate) network: Network,
}

/// Why a notice was not sent. Of the address, the error contains only the host.
#[derive(Debug, thiserror::Error)]
#[error("can't notify {address}: {what}")]
pub(crate) struct WebhookError {
    address: String,
    what: String,
}

impl Webhook {
    /// Sends a notice about the run `name`, if this end is an occasion for one.
    ///
    /// # Errors
    ///
    /// The service cannot be reached or refuses the notice.
    pub(crate) async fn send(&self, name: &str, end: &RunEnd) -> Result<(), WebhookError> {
        if self.when == NotifyWhen::Problems && end.status == Status::Clean {
            return Ok(());
        }
        self.post(&Notice { name, end })
            .await
            .map_err(|what| WebhookError {
                address: self.address.to_string(),
                what,
            })
    }

    async fn post(&self, notice: &Notice<'_>) -> Result<(), String> {
        let message = self.template.message(notice, self.secret.as_ref());
        let address = self.address.with_query(&message.query);
        let posted = self
            .network
            .post_json(&address, message.body.to_string(), TIMEOUT);
        let reply = posted.await?;
        let mut redactor = address.redactor();
        let signature = message.body["sign"].as_str();
        let secret = self.secret.as_ref().map(ExposeSecret::expose_secret);
        for hidden in signature.into_iter().chain(secret) {
            redactor = redactor.with(hidden);
        }
        let said = redactor.excerpt(&String::from_utf8_lossy(&reply.body), EXCERPT);
        match reply.status {
            200..=299 if self.template.is_accepted(&reply.body) => Ok(()),
            200..=299 => Err(format!("it answers {said}")),
            status => Err(format!("it answers HTTP {status} {said}")
                .trim_end()
                .to_owned()),
        }
    }
}
