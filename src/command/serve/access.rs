//! Access keys and certificate of the server.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};

use anyhow::anyhow;

use crate::command::Env;
use crate::exit::{Advice as _, Failed};
use crate::serve::{AccessKeys, Authenticator, Gateway, KeySource, ServerTls};
use crate::settings::Settings;

/// The environment variable for a few keys without a file.
const VARIABLE: &str = "ONS_AUDIT_SERVE_KEYS";

/// Access keys and certificate, which can be reloaded.
#[derive(Debug)]
pub(super) struct AccessControl {
    keys: Option<KeySource>,
    pub(super) tls: Option<Arc<ServerTls>>,
}

impl AccessControl {
    /// Reads the settings. An address that other machines can reach needs keys, and TLS here or in a proxy.
    pub(super) fn from_settings(
        settings: &Settings,
        env: &Env,
        listen: SocketAddr,
    ) -> Result<Self, Failed> {
        let keys = match settings.optional::<PathBuf>("keys")? {
            Some(path) => Some(KeySource::File(path)),
            // An empty variable is an error, not a server without keys.
            None => env
                .set_variable(VARIABLE)
                .map(|text| KeySource::Text(text.into())),
        };
        let files = (
            settings.optional::<PathBuf>("tls_cert")?,
            settings.optional::<PathBuf>("tls_key")?,
        );
        let tls = match files {
            (Some(cert), Some(key)) => Some(Arc::new(ServerTls::open(&cert, &key)?)),
            (None, None) => None,
            _ => {
                let error = anyhow!("one of --tls-cert and --tls-key is missing");
                let hint = "TLS needs both: the certificate and its private key";
                return Err(Failed::refused(error, hint.to_owned()));
            }
        };
        let behind_proxy: bool = settings.get("behind_proxy")?;
        if !listen.ip().is_loopback() {
            let unprotected = |what: &str, hint: &str| {
                let error = anyhow!("{listen} can be reached from other machines, {what}");
                Err(Failed::refused(error, hint.to_owned()))
            };
            if keys.is_none() {
                let hint = "--keys FILE says who may ask; --listen 127.0.0.1:8181 needs none";
                return unprotected("and there are no access keys", hint);
            }
            if tls.is_none() && !behind_proxy {
                let hint =
                    "--tls-cert and --tls-key, or --behind-proxy if a proxy in front speaks TLS";
                return unprotected("and there is no TLS", hint);
            }
        }
        Ok(Self { keys, tls })
    }

    /// Reads the keys from their source.
    pub(super) fn keys(&self) -> Result<Option<AccessKeys>, Failed> {
        Ok(self.keys.as_ref().map(AccessKeys::load).transpose()?)
    }

    pub(super) const fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Starts the thread that reloads keys and certificate at every message. It is not awaited: a file system that does
    /// not answer delays neither requests nor the end of the server.
    pub(super) fn reloads(self, gateway: Arc<Gateway>) -> io::Result<SyncSender<()>> {
        let (requests, received) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("reload".to_owned());
        thread.spawn(move || {
            for () in received {
                self.reload(&gateway.authenticator);
            }
        })?;
        Ok(requests)
    }

    /// Reloads keys and certificate; after an error the old ones stay.
    fn reload(&self, authenticator: &Authenticator) {
        match self.keys.as_ref().map(AccessKeys::load) {
            None => {}
            Some(Ok(keys)) => {
                tracing::info!("access keys read again: {}", keys.len());
                authenticator.replace_keys(keys);
            }
            Some(Err(error)) => {
                let hint = error.hint();
                let error = anyhow::Error::from(error);
                tracing::error!(hint, "{error:#}; the access keys stay as they were");
            }
        }
        match self.tls.as_ref().map(|tls| tls.reload()) {
            None => {}
            Some(Ok(())) => tracing::info!("certificate read again"),
            Some(Err(error)) => {
                let hint = error.hint();
                let error = anyhow::Error::from(error);
                tracing::error!(hint, "{error:#}; the certificate stays as it was");
            }
        }
    }
}
