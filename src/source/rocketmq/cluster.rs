//! The cluster as a source.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::brokers::Brokers;
use super::failure::failure;
use super::remoting::body::TopicRoute;
use super::remoting::{CallError, Cause, Namespace, Remoting};
use super::system::is_internal;
use crate::clock::Clock;
use crate::message::Query;
use crate::offsets::snapshot::ClusterState;
use crate::source::snapshot::{BROKER_GONE, TOPIC_NOT_FOUND};
use crate::source::{Failure, FailureKind, Snapshot, Trace, TraceSource};

/// How old captured offsets may be that an answer of `serve` rests on.
const FRESH: Duration = Duration::from_secs(2);

/// A name server is asked about brokers again no sooner.
const SETTLE: Duration = Duration::from_secs(1);

/// How a cluster is asked.
#[derive(Debug)]
pub struct ClusterConfig {
    /// The connections.
    pub remoting: Remoting,
    /// Tells when offsets were read.
    pub clock: Clock,
}

/// An Apache RocketMQ cluster.
///
/// As a [`TraceSource`] it looks the message up and judges it by offsets that are at most two seconds old: that is what
/// `serve` needs. An audit looks all messages up first ([`Locator`](super::Locator)) and captures once
/// ([`capture`](Self::capture)).
#[derive(Debug)]
pub struct Cluster {
    pub(super) remoting: Remoting,
    pub(super) clock: Clock,
    brokers: Mutex<(Arc<Brokers>, Option<Instant>)>,
    /// Every broker that was ever there: name servers forget one at once when it stops.
    seen: Mutex<BTreeSet<Arc<str>>>,
    topics: tokio::sync::Mutex<HashMap<Box<str>, Arc<RoutedTopic>>>,
    recent: tokio::sync::Mutex<RecentSnapshots>,
}

/// A topic as queries name it: its instance, its name.
pub type AskedTopic = (Option<Arc<str>>, Arc<str>);

/// What was captured of each topic, and when that was begun.
type RecentSnapshots = BTreeMap<Arc<str>, (Instant, Arc<Snapshot>)>;

/// A topic that exists.
#[derive(Debug)]
pub(super) struct RoutedTopic {
    /// As brokers know it.
    pub(super) wire: Arc<str>,
    pub(super) route: TopicRoute,
    /// The names of its brokers.
    pub(super) brokers: Vec<Arc<str>>,
    /// When its route was asked for.
    since: Instant,
}

impl Cluster {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(config: ClusterConfig) -> Self {
        Self {
            remoting: config.remoting,
            clock: config.clock,
            brokers: Mutex::default(),
            seen: Mutex::default(),
            topics: tokio::sync::Mutex::default(),
            recent: tokio::sync::Mutex::default(),
        }
    }

    /// Asks the name servers who is there: what fails here would fail for every message.
    pub async fn greet(&self) -> Result<(), Failure> {
        self.refresh().await.map_err(|error| failure(&error))
    }

    /// Where brokers are, as was last heard.
    pub(super) async fn brokers(&self) -> Result<Arc<Brokers>, CallError> {
        let known = self.known_brokers();
        if known.1.is_none() {
            self.refresh().await?;
            return Ok(self.known_brokers().0);
        }
        Ok(known.0)
    }

    fn known_brokers(&self) -> (Arc<Brokers>, Option<Instant>) {
        self.brokers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks the name servers again where brokers are, unless that was done a moment ago.
    pub(super) async fn refresh(&self) -> Result<(), CallError> {
        let (_, asked) = self.known_brokers();
        if asked.is_some_and(|asked| asked.elapsed() < SETTLE) {
            return Ok(());
        }
        self.refresh_now().await
    }

    async fn refresh_now(&self) -> Result<(), CallError> {
        let now = Instant::now();
        let info = self.remoting.cluster_info().await?;
        let brokers = Brokers::of(&info);
        self.expect(brokers.by_name.keys().cloned());
        *self.brokers.lock().unwrap_or_else(PoisonError::into_inner) =
            (Arc::new(brokers), Some(now));
        Ok(())
    }

    /// Brokers that belong to the cluster, whether or not its name servers know them now. Of a message that is found
    /// nowhere, nobody can say that it is not there as long as one of them is missing.
    pub fn expect(&self, names: impl IntoIterator<Item = Arc<str>>) {
        self.lock_seen().extend(names);
    }

    /// All brokers that were ever there, by name.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<Arc<str>> {
        self.lock_seen().clone()
    }

    fn lock_seen(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that the name servers don't know any more.
    pub(super) fn gone(&self) -> Vec<Arc<str>> {
        let (brokers, _) = self.known_brokers();
        let is_gone = |name: &&Arc<str>| !brokers.by_name.contains_key(&***name);
        self.lock_seen().iter().filter(is_gone).cloned().collect()
    }

    /// Asks a broker at its master, or else at one of its slaves: for what never changes, so that any copy will do. One
    /// that can't be reached at all may have moved.
    pub(super) async fn at_any<T, F>(
        &self,
        broker: &str,
        ask: impl Fn(Arc<str>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let brokers = self.brokers().await?;
        let mut last = None;
        for address in brokers.addresses(broker) {
            match ask(address.clone()).await {
                Err(error) if is_away(&error) => last = Some(error),
                answer => return answer,
            }
        }
        self.refresh().await?;
        Err(last.unwrap_or_else(|| nowhere(broker)))
    }

    /// The topic a query means, if it exists: under the instance's namespace, or else under its bare name.
    pub(super) async fn topic(&self, query: &Query) -> Result<Arc<RoutedTopic>, Failure> {
        let topic = self.topic_of(query.instance_id.as_deref(), &query.topic);
        topic.await?.ok_or_else(|| Failure {
            hint: Some("check the spelling; topics are case-sensitive".to_owned()),
            ..Failure::new(
                FailureKind::NotFound,
                TOPIC_NOT_FOUND.to_owned(),
                format!("the cluster has no topic {}", query.topic),
            )
        })
    }

    pub(super) async fn topic_of(
        &self,
        instance: Option<&str>,
        topic: &str,
    ) -> Result<Option<Arc<RoutedTopic>>, Failure> {
        for name in names_on_the_wire(instance, topic) {
            if let Some(topic) = self.topic_named(&name).await? {
                return Ok(Some(topic));
            }
        }
        Ok(None)
    }

    /// A topic by its name on the wire. Only what exists is remembered: a topic may be made at any time.
    async fn topic_named(&self, wire: &str) -> Result<Option<Arc<RoutedTopic>>, Failure> {
        let mut topics = self.topics.lock().await; // nobody else asks meanwhile what we are asking
        if let Some(topic) = topics.get(wire) {
            return Ok(Some(topic.clone()));
        }
        let since = Instant::now();
        let route = self.remoting.route(wire).await;
        let Some(route) = route.map_err(|error| failure(&error))? else {
            return Ok(None);
        };
        let names: BTreeSet<_> = route
            .brokers
            .iter()
            .map(|broker| &*broker.broker_name)
            .collect();
        let topic = Arc::new(RoutedTopic {
            since,
            wire: wire.into(),
            brokers: names.into_iter().map(Into::into).collect(),
            route,
        });
        topics.insert(wire.into(), topic.clone());
        Ok(Some(topic))
    }

    /// Have all brokers been asked that may have a message of the topic? Name servers forget a broker when it stops, and
    /// the route was asked for a while ago. If not, says who was not.
    pub(super) async fn were_all_asked(&self, topic: &RoutedTopic) -> Result<(), Failure> {
        // What is known of brokers must be no older than the route.
        let (_, asked) = self.known_brokers();
        if asked.is_none_or(|asked| asked < topic.since || asked.elapsed() > SETTLE) {
            self.refresh_now().await.map_err(|error| failure(&error))?;
        }
        let gone = self.gone();
        if !gone.is_empty() {
            return Err(missing(format!(
                "not on {}, and {} can't be asked: the name servers don't know it any more",
                topic.brokers.join(", "),
                gone.join(", ")
            )));
        }
        let (brokers, _) = self.known_brokers();
        if brokers.by_name.len() > topic.brokers.len() && topic.since.elapsed() > SETTLE {
            // Has one come back since?
            self.topics.lock().await.remove(&*topic.wire);
            let now = self.topic_named(&topic.wire).await?;
            if now.is_some_and(|now| now.brokers != topic.brokers) {
                let message = format!("the brokers of topic {} have changed meanwhile", topic.wire);
                return Err(Failure::new(FailureKind::Transport, None, message));
            }
        }
        Ok(())
    }

    /// Routes change when brokers come and go.
    pub(super) async fn forget_routes(&self) {
        self.topics.lock().await.clear();
    }

    /// Every topic that people send messages to: not the system's, retries' and dead letters'.
    pub async fn topics(&self) -> Result<Vec<Arc<str>>, Failure> {
        let names = self.remoting.topics().await;
        let names = names.map_err(|error| failure(&error))?;
        let brokers = self.brokers().await.map_err(|error| failure(&error))?;
        let is_theirs = |name: &&String| {
            // Each broker has a topic of its own name, and one of its cluster's.
            let is_of_broker = brokers.by_name.contains_key(name.as_str());
            !is_of_broker && **name != brokers.cluster && !is_internal(name)
        };
        Ok(names
            .iter()
            .filter(is_theirs)
            .map(|name| name.as_str().into())
            .collect())
    }

    /// Captures topics, to be asked at once.
    pub async fn freeze(&self, topics: &BTreeSet<AskedTopic>) -> Result<Snapshot, Failure> {
        let captured = self.capture(topics).await?;
        let state = ClusterState::of(captured).map_err(|contradiction| {
            let message = format!("the brokers contradict each other: {contradiction}");
            Failure::new(FailureKind::Server, None, message)
        })?;
        Ok(Snapshot::of(state))
    }

    /// The offsets of one topic, captured a moment ago.
    async fn recent(&self, wire: &Arc<str>) -> Result<Arc<Snapshot>, Failure> {
        let mut recent = self.recent.lock().await;
        if let Some((since, snapshot)) = recent.get(wire)
            && since.elapsed() < FRESH
        {
            return Ok(snapshot.clone());
        }
        let begun = Instant::now();
        let topics = BTreeSet::from([(None, wire.clone())]);
        let snapshot = Arc::new(self.freeze(&topics).await?);
        recent.retain(|_, (since, _)| since.elapsed() < FRESH);
        recent.insert(wire.clone(), (begun, snapshot.clone()));
        Ok(snapshot)
    }
}

impl TraceSource for Cluster {
    async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        let topic = self.topic(query).await?;
        let position = match &query.position {
            Some(position) => position.clone(),
            None => self.locate(query).await?.position,
        };
        let query = Query {
            position: Some(position),
            ..query.clone()
        };
        self.recent(&topic.wire).await?.answer(&query)
    }

    fn may_refuse_everyone(&self) -> bool {
        true
    }
}

/// Not asked again in this run: a broker that has stopped takes its time to come back.
pub(super) fn missing(message: String) -> Failure {
    Failure {
        hint: Some("start the broker again, then ask again with --resume".to_owned()),
        ..Failure::new(FailureKind::Refused, BROKER_GONE.to_owned(), message)
    }
}

/// The names that a topic of an instance may have on the wire, the likelier first.
pub(super) fn names_on_the_wire(instance: Option<&str>, topic: &str) -> Vec<String> {
    let wrapped = instance
        .and_then(Namespace::new)
        .map(|namespace| namespace.wrap(topic).into_owned());
    let mut names: Vec<_> = wrapped.into_iter().chain([topic.to_owned()]).collect();
    names.dedup();
    names
}

/// Did nobody answer at that address?
pub(super) const fn is_away(error: &CallError) -> bool {
    matches!(
        error.cause,
        Cause::Connect(_) | Cause::Lost(_) | Cause::TimedOut(_)
    )
}

/// The name servers have forgotten a broker: it has stopped, or can't reach them.
pub(super) fn nowhere(broker: &str) -> CallError {
    CallError {
        address: broker.into(),
        call: super::remoting::RequestCode::GetBrokerClusterInfo,
        cause: Cause::Connect("the name server knows no address of this broker".to_owned()),
    }
}
