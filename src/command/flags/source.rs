//! Who answers.

use std::path::{Path, PathBuf};

use crate::command::World;
use crate::exit::Failed;
use crate::settings::{Layers, SettingsError, Span};
use crate::source::ons::credentials::Lookup;
use crate::source::ons::{Config, Endpoint, Ons, Signature};
use crate::source::{Snapshot, Source};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub(in crate::command) struct SourceFlags {
    /// Who answers: ons://REGION[/INSTANCE_ID], https://HOST[:PORT], or a snapshot file
    ///
    /// There is no default: an audit never answers from demo data unless told to. ONS_AUDIT_SOURCE may name it.
    ///
    /// Examples: ons://cn-hangzhou, ons://cn-hangzhou/MQ_INST_1234567890123456_BXdemo, http://127.0.0.1:8181,
    /// samples/cluster.json
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Profile of ~/.aliyun/config.json or ~/.alibabacloud/credentials, instead of the credential chain
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How requests are signed: v3 (ACS3-HMAC-SHA256) or v1 (HMAC-SHA1) [default: v3]
    #[arg(long, value_name = "VERSION")]
    signature: Option<String>,
    /// The longest that one call may take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    /// Allow plain http:// to other machines than this one
    #[arg(long)]
    allow_http: bool,
    /// Trust the certificate authorities in this PEM file, too
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// The source that was named, before anything is connected.
#[derive(Debug)]
pub(in crate::command) enum Named {
    /// The HTTP API.
    Api(Endpoint),
    /// A snapshot file.
    Snapshot(PathBuf),
}

impl SourceFlags {
    pub(in crate::command) fn lay(&self, layers: &mut Layers) {
        layers.flag("source", self.source.as_ref());
        layers.flag("profile", self.profile.as_ref());
        layers.flag("signature", self.signature.as_ref());
        layers.flag("timeout", self.timeout.as_ref());
        layers.flag("allow_http", self.allow_http.then_some(true));
        layers.flag("ca_cert", self.ca_cert.as_ref().map(|path| path.display()));
    }
}

impl Named {
    pub(in crate::command) fn of(layers: &Layers) -> Result<Self, Failed> {
        let (source, _) = layers.text("source");
        if source.is_empty() {
            let hint = "--source ons://REGION for ApsaraMQ, --source https://HOST, or a snapshot such as --source samples/cluster.json";
            return Err(SettingsError::Missing {
                key: "source",
                hint,
            }
            .into());
        }
        if source.starts_with("rocketmq://") {
            let error =
                anyhow::anyhow!("`{source}`: this version does not ask RocketMQ clusters directly");
            let hint = "a snapshot of the cluster (schema ons-audit-snapshot/1) can be judged: --source cluster.json";
            return Err(Failed::refused(error, Some(hint.to_owned())));
        }
        if source.contains("://") {
            return Ok(Self::Api(Endpoint::parse(
                source,
                layers.get("allow_http")?,
            )?));
        }
        Ok(Self::Snapshot(PathBuf::from(source)))
    }

    /// The source in the words of the person.
    pub(in crate::command) fn text(&self) -> String {
        match self {
            Self::Api(endpoint) => endpoint.to_string(),
            Self::Snapshot(path) => path.display().to_string(),
        }
    }

    /// The file it is, if it is one.
    pub(in crate::command) fn file(&self) -> Option<&Path> {
        match self {
            Self::Api(_) => None,
            Self::Snapshot(path) => Some(path),
        }
    }

    /// Can an answer be had again at any time?
    pub(in crate::command) const fn is_repeatable(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    /// Reads the snapshot, or finds the credentials; makes no call.
    pub(in crate::command) fn connect(
        self,
        layers: &Layers,
        world: &World,
    ) -> Result<Source, Failed> {
        let endpoint = match self {
            Self::Snapshot(path) => return Ok(Source::Snapshot(Box::new(Snapshot::open(&path)?))),
            Self::Api(endpoint) => endpoint,
        };
        let home = world.variable("HOME");
        let profile: Option<String> = layers.optional("profile")?;
        let lookup = Lookup {
            env: &|name| world.variable(name),
            home: home.as_deref().map(Path::new),
            profile: profile.as_deref(),
        };
        let config = Config {
            endpoint,
            credentials: lookup.find()?,
            signature: layers.get::<Signature>("signature")?,
            timeout: layers.get::<Span>("timeout")?.0,
            clock: world.clock,
            ca_cert: layers
                .optional::<PathBuf>("ca_cert")?
                .map(|path| read_pem(&path))
                .transpose()?,
        };
        Ok(Source::Ons(Box::new(Ons::new(config)?)))
    }
}

fn read_pem(path: &Path) -> Result<Vec<u8>, Failed> {
    std::fs::read(path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!(
            "can't read the certificate authorities in {}",
            path.display()
        ));
        Failed::refused(error, Some("--ca-cert names a PEM file".to_owned()))
    })
}
