//! One POST to a webhook at the end of a run.
//!
//! Its address is a secret: with chat services whoever has it may write there. It is no flag, it is masked wherever it could be
//! shown, and what the service says is shown without any part of it.

use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::RunEnd;
use super::template::{Notice, Template};
use crate::exit::Status;
use crate::source::ons::Network;
use crate::source::ons::http::Address;

/// A chat that does not answer holds nobody up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of what the service says is shown, in characters.
const EXCERPT: usize = 200;

/// When to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyWhen {
    /// At the end of every run.
    Always,
    /// Unless all is reconciled.
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

/// Who is told, and how.
#[derive(Debug)]
pub struct Webhook {
    /// Where to.
    pub address: Address,
    /// In whose form.
    pub template: Template,
    /// Signs notices to `DingTalk` and Feishu.
    pub secret: Option<SecretString>,
    /// On which occasions.
    pub when: NotifyWhen,
    /// How the network is reached.
    pub network: Network,
}

/// Why nobody was told. Holds no part of the address but its host.
#[derive(Debug, thiserror::Error)]
#[error("can't notify {address}: {what}")]
pub struct WebhookError {
    address: String,
    what: String,
}

impl Webhook {
    /// Tells of the end of the run that is called `name`, if this is an occasion.
    pub fn send(&self, name: &str, end: &RunEnd) -> Result<(), WebhookError> {
        if self.when == NotifyWhen::Problems && end.status == Status::Clean {
            return Ok(());
        }
        self.post(&Notice { name, end })
            .map_err(|what| WebhookError {
                address: self.address.to_string(),
                what,
            })
    }

    fn post(&self, notice: &Notice<'_>) -> Result<(), String> {
        let message = self.template.message(notice, self.secret.as_ref());
        let address = self.address.with_query(&message.query);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let posted = self
            .network
            .post_json(&address, message.body.to_string(), TIMEOUT);
        let reply = runtime.block_on(posted)?;
        let said = address
            .redactor()
            .excerpt(&String::from_utf8_lossy(&reply.body), EXCERPT);
        match reply.status {
            200..=299 if self.template.is_accepted(&reply.body) => Ok(()),
            200..=299 => Err(format!("it answers {said}")),
            status => Err(format!("it answers HTTP {status} {said}")
                .trim_end()
                .to_owned()),
        }
    }
}
