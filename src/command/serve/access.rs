//! Who may connect: keys and certificate, and where they are not needed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;

use crate::command::Env;
use crate::exit::{Advice as _, Failed};
use crate::serve::{Door, KeySource, Keys, Tls};
use crate::settings::Settings;

/// The variable for a few keys without a file.
const VARIABLE: &str = "ONS_AUDIT_SERVE_KEYS";

/// Keys and certificate, and where they can be read again.
#[derive(Debug)]
pub(super) struct Access {
    keys: Option<KeySource>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Access {
    /// An address that other machines reach asks for keys, and for TLS here or in front of us.
    pub(super) fn settle(
        settings: &Settings,
        env: &Env,
        listen: SocketAddr,
    ) -> Result<Self, Failed> {
        let keys = match settings.optional::<PathBuf>("keys")? {
            Some(path) => Some(KeySource::File(path)),
            None => env
                .variable(VARIABLE)
                .map(|text| KeySource::Text(text.into())),
        };
        let files = (
            settings.optional::<PathBuf>("tls_cert")?,
            settings.optional::<PathBuf>("tls_key")?,
        );
        let tls = match files {
            (Some(cert), Some(key)) => Some(Arc::new(Tls::open(&cert, &key)?)),
            (None, None) => None,
            _ => {
                let error = anyhow!("one of --tls-cert and --tls-key is missing");
                let hint = "TLS needs both: the certificate and its private key";
                return Err(Failed::refused(error, hint.to_owned()));
            }
        };
        let behind_proxy: bool = settings.get("behind_proxy")?;
        if !listen.ip().is_loopback() {
            let is_open = |what: &str, hint: &str| {
                let error = anyhow!("{listen} can be reached from other machines, {what}");
                Err(Failed::refused(error, hint.to_owned()))
            };
            if keys.is_none() {
                let hint = "--keys FILE says who may ask; --listen 127.0.0.1:8181 needs none";
                return is_open("and there are no access keys", hint);
            }
            if tls.is_none() && !behind_proxy {
                let hint =
                    "--tls-cert and --tls-key, or --behind-proxy if a proxy in front speaks TLS";
                return is_open("and there is no TLS", hint);
            }
        }
        Ok(Self { keys, tls })
    }

    /// The keys as they are written down now.
    pub(super) fn keys(&self) -> Result<Option<Keys>, Failed> {
        Ok(self.keys.as_ref().map(Keys::load).transpose()?)
    }

    pub(super) const fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Reads all again; what can't be read stays as it was.
    pub(super) fn reload(&self, door: &Door) {
        match self.keys.as_ref().map(Keys::load) {
            None => {}
            Some(Ok(keys)) => {
                tracing::info!("access keys read again: {}", keys.len());
                door.change_keys(keys);
            }
            Some(Err(error)) => {
                let hint = error.hint();
                tracing::error!(hint, "{error}; the access keys stay as they were");
            }
        }
        match self.tls.as_ref().map(|tls| tls.reload()) {
            None => {}
            Some(Ok(())) => tracing::info!("certificate read again"),
            Some(Err(error)) => {
                let hint = error.hint();
                tracing::error!(hint, "{error}; the certificate stays as it was");
            }
        }
    }
}
