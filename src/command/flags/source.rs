//! Flags that name the source and say how to connect to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use futures::FutureExt as _;

use super::pace::SourceKind;
use crate::command::Env;
use crate::exit::Failed;
use crate::settings::{Origin, Settings, SettingsError, Span};
use crate::source::ons::credentials::{Allowed, Fetcher, ProviderChain};
use crate::source::ons::{ApiConfig, CredentialSource, Endpoint, Network, Ons, Service, Signature};
use crate::source::rocketmq::remoting::{
    AclKeys, NameServers, Remoting, RemotingOptions, RemotingTls,
};
use crate::source::rocketmq::{self as cluster, Cluster};
use crate::source::{Rmq, Snapshot, Source};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub(in crate::command) struct SourceFlags {
    /// Where to ask: ons://REGION[/INSTANCE_ID], rmq://REGION[/INSTANCE_ID], rocketmq://HOST:9876, or a snapshot file
    ///
    /// ons:// is ApsaraMQ for RocketMQ 4.x; https://HOST[:PORT] names its gateway. rmq:// is 5.x, whose instance IDs begin with
    /// rmq-; rmq+https://HOST[:PORT][/INSTANCE_ID] names its host, for example that of a VPC.
    ///
    /// rocketmq://HOST:9876[,HOST:9876...] names the name servers of an Apache RocketMQ cluster. If it uses ACL, the
    /// account comes from ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY.
    ///
    /// There is no default: demo data never answers unless you name it. ONS_AUDIT_SOURCE can name the source, too.
    ///
    /// Examples: ons://cn-hangzhou, ons://cn-hangzhou/MQ_INST_1234567890123456_BXdemo, rmq://cn-hangzhou/rmq-cn-abc123,
    /// http://127.0.0.1:8181, rocketmq://127.0.0.1:9876, samples/cluster.json
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Take the key from this profile of ~/.aliyun/config.json or ~/.alibabacloud/credentials
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How requests are signed: v3 (ACS3-HMAC-SHA256) or, for ons:// only, v1 (HMAC-SHA1) [default: v3]
    #[arg(long, value_name = "VERSION")]
    signature: Option<String>,
    #[command(flatten)]
    connection: ConnectionFlags,
    /// Allow plain http:// to other machines
    #[arg(long)]
    allow_http: bool,
    /// Use this proxy, http://HOST:PORT, instead of HTTPS_PROXY; NO_PROXY still applies
    ///
    /// A proxy's user and password are secrets: put them into HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Allow a profile of mode External to run its process_command
    #[arg(long)]
    allow_external_credentials: bool,
}

/// The flags of a source that must be a cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub(in crate::command) struct ClusterFlags {
    /// The cluster: rocketmq://HOST:9876[,HOST:9876...] names its name servers
    ///
    /// If it uses ACL, the account comes from ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY. ONS_AUDIT_SOURCE can name the
    /// cluster, too.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    #[command(flatten)]
    connection: ConnectionFlags,
}

/// Brokers that do not belong to the cluster any more.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub(in crate::command) struct RemovedBrokerFlags {
    /// A broker that was removed from the cluster for good (rocketmq:// only)
    ///
    /// While a broker that an earlier results file lists cannot be asked, messages that are not found elsewhere stay
    /// unanswered. The new results file does not list it, so a later run that continues from that file needs no flag.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    removed_broker: Vec<String>,
}

/// How any source is connected to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
struct ConnectionFlags {
    /// Longest time for one call [default: 10s]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    /// Use TLS to name servers and brokers (rocketmq:// only)
    #[arg(long)]
    tls: bool,
    /// Also trust the certificate authorities in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// The source that the settings name, before it is connected.
#[derive(Debug)]
pub(in crate::command) enum SourceSpec {
    /// ApsaraMQ for RocketMQ 4.x, or a gateway that serves its API.
    Api(Endpoint),
    /// ApsaraMQ for RocketMQ 5.x.
    Rmq(Endpoint),
    /// An Apache RocketMQ cluster.
    Cluster(NameServers),
    /// A snapshot file.
    Snapshot(PathBuf),
}

impl SourceFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("source", self.source.as_ref());
        settings.flag("profile", self.profile.as_ref());
        settings.flag("signature", self.signature.as_ref());
        self.connection.apply_to(settings);
        settings.flag("allow_http", self.allow_http.then_some(true));
        settings.flag("proxy", self.proxy.as_ref());
        let external = self.allow_external_credentials.then_some(true);
        settings.flag("allow_external_credentials", external);
    }
}

impl ClusterFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("source", self.source.as_ref());
        self.connection.apply_to(settings);
    }
}

impl RemovedBrokerFlags {
    /// Refuses brokers for a source that is no cluster.
    pub(in crate::command) fn check(&self, source: &SourceSpec) -> Result<(), Failed> {
        if self.removed_broker.is_empty() || matches!(source, SourceSpec::Cluster(_)) {
            return Ok(());
        }
        let error = anyhow!("--removed-broker is for rocketmq:// only");
        Err(Failed::refused(error, "leave the flag out".to_owned()))
    }

    /// Declares the brokers to the source.
    ///
    /// # Errors
    ///
    /// If the source is no cluster, or its name servers know one of the brokers.
    pub(in crate::command) fn declare(&self, source: &Source) -> Result<(), Failed> {
        let names = self.removed_broker.iter().map(|name| name.as_str().into());
        let refused = match source {
            Source::Cluster(cluster) => cluster.remove(names).err().map(|name| {
                anyhow::anyhow!("--removed-broker {name}: the name servers know this broker")
            }),
            Source::Ons(_) | Source::Rmq(_) | Source::Snapshot(_) => None,
        };
        match refused {
            Some(error) => Err(Failed::refused(error, "leave the flag out".to_owned())),
            None => Ok(()),
        }
    }
}

impl ConnectionFlags {
    fn apply_to(&self, settings: &mut Settings) {
        settings.flag("timeout", self.timeout.as_ref());
        settings.flag("tls", self.tls.then_some(true));
        settings.flag("ca_cert", self.ca_cert.as_ref().map(|path| path.display()));
    }
}

/// Returns the refusal of `HOST:PORT`, unless there is a file of this name. The port tells name servers from gateways.
fn without_scheme(source: &str) -> Option<Failed> {
    let (_, port) = source.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let [http, https] = ["http", "https"].map(|scheme| format!("{scheme}://{source}"));
    let is_local = Endpoint::parse(&http, false).is_ok();
    if Path::new(source).exists() || Endpoint::parse(&https, false).is_err() {
        return None;
    }
    let gateway = if is_local { http } else { https };
    let hint = if port.contains("9876") {
        format!("--source rocketmq://{source} for a name server, --source {gateway} for a gateway")
    } else {
        format!("--source {gateway}")
    };
    let error = anyhow!("the source `{source}` has no scheme, and there is no such file");
    Some(Failed::refused(error, hint))
}

impl SourceSpec {
    pub(in crate::command) fn of(settings: &Settings) -> Result<Self, Failed> {
        let (source, _) = settings.text("source");
        if source.is_empty() {
            let hint = "--source ons://REGION for ApsaraMQ 4.x, --source rmq://REGION for 5.x, --source rocketmq://HOST:9876 for a cluster of one's own, --source https://HOST, or a snapshot such as --source samples/cluster.json";
            return Err(SettingsError::Missing {
                key: "source",
                hint,
            }
            .into());
        }
        if source.starts_with("rocketmq://") {
            return Ok(Self::Cluster(source.parse::<NameServers>()?));
        }
        let is_instance = Endpoint::is_instance(source) && !Path::new(source).exists();
        if source.contains("://") || is_instance {
            let endpoint = Endpoint::parse(source, settings.get("allow_http")?)?;
            return match endpoint.service() {
                Service::Ons => Ok(Self::Api(endpoint)),
                Service::Rmq => Ok(Self::Rmq(endpoint)),
            };
        }
        match without_scheme(source) {
            Some(failed) => Err(failed),
            None => Ok(Self::Snapshot(PathBuf::from(source))),
        }
    }

    /// Returns the source as the settings name it.
    pub(in crate::command) fn text(&self) -> String {
        match self {
            Self::Api(endpoint) | Self::Rmq(endpoint) => endpoint.to_string(),
            Self::Cluster(name_servers) => name_servers.to_string(),
            Self::Snapshot(path) => path.display().to_string(),
        }
    }

    /// Returns whether the source gives the same answers at any time.
    pub(in crate::command) const fn is_repeatable(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    /// Returns the address, if the source is a service of Alibaba Cloud.
    pub(in crate::command) const fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Api(endpoint) | Self::Rmq(endpoint) => Some(endpoint),
            Self::Cluster(_) | Self::Snapshot(_) => None,
        }
    }

    /// Returns the instance of rows that name none, if the source is 5.x and names one. So the same message has the same name
    /// in all rows.
    pub(in crate::command) fn instance_of_rows(&self) -> Option<&str> {
        match self {
            Self::Rmq(endpoint) => endpoint.instance(),
            Self::Api(_) | Self::Cluster(_) | Self::Snapshot(_) => None,
        }
    }

    /// Returns the kind of source, which decides its default pace.
    pub(in crate::command) const fn kind(&self) -> SourceKind {
        match self {
            Self::Api(_) => SourceKind::Api,
            Self::Rmq(_) => SourceKind::Rmq,
            Self::Cluster(_) => SourceKind::Cluster,
            Self::Snapshot(_) => SourceKind::Snapshot,
        }
    }

    /// Reads the snapshot, if the source is one.
    pub(in crate::command) fn open_snapshot(&self) -> Result<Option<Snapshot>, Failed> {
        match self {
            Self::Snapshot(path) => Ok(Some(Snapshot::open(path)?)),
            Self::Api(_) | Self::Rmq(_) | Self::Cluster(_) => Ok(None),
        }
    }

    /// Refuses settings that [`connect`](Self::connect) would refuse, without looking for credentials and without asking
    /// anybody.
    pub(in crate::command) fn check(&self, settings: &Settings) -> Result<(), Failed> {
        let timeout = settings.get::<Span>("timeout")?.0;
        match self {
            Self::Cluster(_) => remoting_tls(settings).map(drop),
            Self::Api(endpoint) => {
                settings.get::<Signature>("signature")?;
                network(settings)?.client(endpoint.url(), timeout)?;
                Ok(())
            }
            Self::Rmq(endpoint) => {
                check_rmq_signature(settings)?;
                network(settings)?.client(endpoint.url(), timeout)?;
                Ok(())
            }
            Self::Snapshot(_) => Ok(()),
        }
    }

    /// Reads the snapshot, finds the credentials or connects to the cluster. Credentials may need calls to STS or to the
    /// metadata service.
    pub(in crate::command) fn connect(
        &self,
        settings: &Settings,
        env: &Env,
    ) -> Result<Source, Failed> {
        let endpoint = match self {
            Self::Cluster(name_servers) => {
                let cluster = cluster(name_servers, settings, env)?;
                return Ok(Source::Cluster(Box::new(cluster)));
            }
            Self::Snapshot(path) => return Ok(Source::Snapshot(Box::new(Snapshot::open(path)?))),
            Self::Api(endpoint) | Self::Rmq(endpoint) => endpoint.clone(),
        };
        let network = network(settings)?;
        let config = ApiConfig {
            key: find_key(settings, env, &network)?,
            signature: settings.get::<Signature>("signature")?,
            timeout: settings.get::<Span>("timeout")?.0,
            clock: env.clock,
            endpoint,
            network,
        };
        Ok(match config.endpoint.service() {
            Service::Ons => Source::Ons(Box::new(Ons::new(config)?)),
            Service::Rmq => Source::Rmq(Box::new(Rmq::new(config)?)),
        })
    }
}

/// Connects to a cluster. An error here would be an error of every message.
fn cluster(name_servers: &NameServers, settings: &Settings, env: &Env) -> Result<Cluster, Failed> {
    let options = RemotingOptions {
        keys: AclKeys::from_env(|name| env.variable(name))?,
        tls: remoting_tls(settings)?,
        timeout: settings.get::<Span>("timeout")?.0,
        ..RemotingOptions::default()
    };
    let cluster = Cluster::new(cluster::ClusterConfig {
        remoting: Remoting::new(name_servers.clone(), options),
        clock: env.clock,
    });
    env.runtime()?
        .block_on(cluster.check_reachable())
        .map_err(|failure| {
            let error = anyhow::anyhow!("the cluster can't be asked: {}", failure.message);
            Failed::refused(error, failure.hint)
        })?;
    Ok(cluster)
}

/// Refuses signature V1 for 5.x, which has only V3. A settings file may be meant for other sources.
fn check_rmq_signature(settings: &Settings) -> Result<(), Failed> {
    let signature = settings.get::<Signature>("signature")?;
    let (_, origin) = settings.text("signature");
    let is_meant = matches!(origin, Origin::Flag(_) | Origin::Environment(_));
    if signature == Signature::V1 && is_meant {
        let error = anyhow!("{origin} v1 can't be used: {} has only v3", Service::Rmq);
        return Err(Failed::refused(error, "leave it out".to_owned()));
    }
    Ok(())
}

/// Returns how brokers and name servers are spoken to with TLS, if they are.
fn remoting_tls(settings: &Settings) -> Result<Option<RemotingTls>, Failed> {
    let authorities = ca_cert(settings)?;
    let tls = settings.get::<bool>("tls")?;
    let tls = tls.then(|| RemotingTls::new(authorities.as_deref()));
    Ok(tls.transpose()?)
}

/// Reads the additional certificate authorities.
pub(super) fn ca_cert(settings: &Settings) -> Result<Option<Vec<u8>>, Failed> {
    let path = settings.optional::<PathBuf>("ca_cert")?;
    path.map(|path| read_pem(&path)).transpose()
}

/// Reads how the network is reached.
pub(in crate::command) fn network(settings: &Settings) -> Result<Network, Failed> {
    Ok(Network {
        proxy: settings.optional("proxy")?,
        ca_cert: ca_cert(settings)?,
    })
}

/// Finds the first key of the provider chain. A key that expires comes with the provider of the next one.
fn find_key(settings: &Settings, env: &Env, network: &Network) -> Result<CredentialSource, Failed> {
    let home = env.variable("HOME");
    let profile: Option<String> = settings.optional("profile")?;
    let lookup = ProviderChain {
        env: &|name| env.variable(name),
        home: home.as_deref().map(Path::new),
        profile: profile.as_deref(),
        allow: Allowed {
            external: settings.get("allow_external_credentials")?,
            http: settings.get("allow_http")?,
        },
    };
    let candidates = lookup.candidates()?;
    if let Some(key) = candidates.ready() {
        return Ok(key.clone().into());
    }
    let fetcher = Arc::new(Fetcher::new(network.clone(), env.clock));
    let (first, provider) = env.runtime()?.block_on(candidates.first(&fetcher))?;
    let provider = Arc::new(provider);
    let issuer = move || {
        let (fetcher, provider) = (fetcher.clone(), provider.clone());
        async move { fetcher.fetch(&provider).await }.boxed()
    };
    Ok(CredentialSource::renewed(first, Arc::new(issuer)))
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
