//! A RocketMQ cluster as a source.

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
use crate::source::{CallPacer, Failure, FailureKind, Snapshot, Trace, TraceSource};

/// Maximum age of captured offsets for an answer of `serve`.
const FRESH: Duration = Duration::from_secs(2);

/// Minimum time between two requests for the list of brokers.
const SETTLE: Duration = Duration::from_secs(1);

/// Configuration of a cluster.
#[derive(Debug)]
pub struct ClusterConfig {
    /// The connections.
    pub remoting: Remoting,
    /// Clock for the time at which offsets are read.
    pub clock: Clock,
}

/// An Apache RocketMQ cluster.
///
/// As a [`TraceSource`], it looks a message up and judges it by offsets that are at most two seconds old, as
/// `serve` needs. An audit looks all messages up first ([`Locator`](super::Locator)) and then captures once
/// ([`capture`](Self::capture)).
#[derive(Debug)]
pub struct Cluster {
    pub(super) remoting: Remoting,
    pub(super) clock: Clock,
    brokers: Mutex<(Arc<Brokers>, Option<Instant>)>,
    members: Mutex<Members>,
    topics: tokio::sync::Mutex<HashMap<Box<str>, Arc<RoutedTopic>>>,
    recent: tokio::sync::Mutex<RecentSnapshots>,
}

/// The brokers that belong to a cluster.
#[derive(Debug, Default)]
struct Members {
    /// Every broker seen so far: name servers forget a broker as soon as it stops.
    seen: BTreeSet<Arc<str>>,
    /// Brokers that were removed for good.
    removed: BTreeSet<Arc<str>>,
}

/// A topic as a query names it: instance and name.
pub type QueriedTopic = (Option<Arc<str>>, Arc<str>);

/// Captures by topic, with the time at which each was started.
type RecentSnapshots = BTreeMap<Arc<str>, (Instant, Arc<Snapshot>)>;

/// A topic that exists.
#[derive(Debug)]
pub(super) struct RoutedTopic {
    /// Name of the topic on the brokers.
    pub(super) wire: Arc<str>,
    pub(super) route: TopicRoute,
    /// Names of its brokers.
    pub(super) brokers: Vec<Arc<str>>,
    /// The time when its route was requested.
    since: Instant,
}

impl Cluster {
    /// Creates a cluster; makes no call.
    #[must_use]
    pub fn new(config: ClusterConfig) -> Self {
        Self {
            remoting: config.remoting,
            clock: config.clock,
            brokers: Mutex::default(),
            members: Mutex::default(),
            topics: tokio::sync::Mutex::default(),
            recent: tokio::sync::Mutex::default(),
        }
    }

    /// Asks the name servers for the brokers. An error here would affect every message.
    ///
    /// # Errors
    ///
    /// If no name server answers.
    pub async fn check_reachable(&self) -> Result<(), Failure> {
        self.refresh().await.map_err(|error| failure(&error))
    }

    /// Returns the brokers as last reported.
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

    /// Asks the name servers for the brokers again, unless that was done a moment ago.
    pub(super) async fn refresh(&self) -> Result<(), CallError> {
        let (_, refreshed_at) = self.known_brokers();
        if refreshed_at.is_some_and(|refreshed_at| refreshed_at.elapsed() < SETTLE) {
            return Ok(());
        }
        self.refresh_now().await
    }

    async fn refresh_now(&self) -> Result<(), CallError> {
        let now = Instant::now();
        let info = self.remoting.cluster_info().await?;
        let brokers = Brokers::new(&info);
        self.expect(brokers.by_name.keys().cloned());
        self.expect(
            info.clusters
                .values()
                .flatten()
                .map(|name| name.as_str().into()),
        );
        *self.brokers.lock().unwrap_or_else(PoisonError::into_inner) =
            (Arc::new(brokers), Some(now));
        Ok(())
    }

    /// Adds brokers that belong to the cluster, even if its name servers no longer know them. While one of them
    /// is missing, a message that is not found cannot be reported as missing.
    pub fn expect(&self, names: impl IntoIterator<Item = Arc<str>>) {
        let mut members = self.members();
        let Members { seen, removed } = &mut *members;
        seen.extend(names.into_iter().filter(|name| !removed.contains(name)));
    }

    /// Declares that these brokers were removed for good, so no message is looked for on them.
    ///
    /// # Errors
    ///
    /// If the name servers know one of them. The error is its name.
    pub fn remove(&self, names: impl IntoIterator<Item = Arc<str>>) -> Result<(), Arc<str>> {
        let (brokers, _) = self.known_brokers();
        let mut members = self.members();
        for name in names {
            if brokers.by_name.contains_key(&name) {
                return Err(name);
            }
            members.seen.remove(&name);
            members.removed.insert(name);
        }
        Ok(())
    }

    /// Returns the names of all brokers seen so far, without those that were removed for good.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<Arc<str>> {
        self.members().seen.clone()
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the brokers that the name servers no longer know.
    pub(super) fn gone(&self) -> Vec<Arc<str>> {
        let (brokers, _) = self.known_brokers();
        let is_gone = |name: &&Arc<str>| !brokers.by_name.contains_key(&***name);
        self.members()
            .seen
            .iter()
            .filter(is_gone)
            .cloned()
            .collect()
    }

    /// Asks a broker at its master or one of its slaves. For immutable data, which is the same on every
    /// replica. If no address answers, the broker may have moved, so the list of brokers is refreshed.
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

    /// Returns the topic of a query: under the instance's namespace, or under its bare name.
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

    /// Returns a topic by its name on the brokers. A missing topic is not cached: it may be created at any
    /// time.
    pub(super) async fn topic_named(
        &self,
        wire: &str,
    ) -> Result<Option<Arc<RoutedTopic>>, Failure> {
        let mut topics = self.topics.lock().await; // the lock prevents duplicate requests
        if let Some(topic) = topics.get(wire) {
            return Ok(Some(topic.clone()));
        }
        let since = Instant::now();
        let route = self.remoting.route(wire).await;
        let Some(route) = route.map_err(|error| failure(&error))? else {
            return Ok(None);
        };
        // A name server may still list the queues of a broker whose address it has forgotten.
        let with_queues = route.queues.iter().map(|queues| &*queues.broker_name);
        self.expect(with_queues.clone().map(Into::into));
        let known = self.brokers().await.map_err(|error| failure(&error))?;
        let with_queues = with_queues.filter(|name| known.by_name.contains_key(*name));
        let with_address = route.brokers.iter().map(|broker| &*broker.broker_name);
        let names: BTreeSet<_> = with_address.chain(with_queues).collect();
        let topic = Arc::new(RoutedTopic {
            since,
            wire: wire.into(),
            brokers: names.into_iter().map(Into::into).collect(),
            route,
        });
        topics.insert(wire.into(), topic.clone());
        Ok(Some(topic))
    }

    /// Checks that every broker that may have a message of the topic has been asked. Name servers forget a
    /// broker when it stops, and the route may be outdated. The error names the broker that was not asked.
    pub(super) async fn were_all_asked(&self, topic: &RoutedTopic) -> Result<(), Failure> {
        // The list of brokers must not be older than the route.
        let (_, refreshed_at) = self.known_brokers();
        if refreshed_at.is_none_or(|refreshed_at| {
            refreshed_at < topic.since || refreshed_at.elapsed() > SETTLE
        }) {
            self.refresh_now().await.map_err(|error| failure(&error))?;
        }
        let gone = self.gone();
        if !gone.is_empty() {
            return Err(missing(format!(
                "not on {}, and {} can't be asked: the name servers know no address of it",
                topic.brokers.join(", "),
                gone.join(", ")
            )));
        }
        let (brokers, _) = self.known_brokers();
        if brokers.by_name.len() > topic.brokers.len() && topic.since.elapsed() > SETTLE {
            // A broker may have come back.
            self.topics.lock().await.remove(&*topic.wire);
            let now = self.topic_named(&topic.wire).await?;
            if now.is_some_and(|now| now.brokers != topic.brokers) {
                let message = format!("the brokers of topic {} have changed meanwhile", topic.wire);
                return Err(Failure::new(FailureKind::Transport, None, message));
            }
        }
        Ok(())
    }

    /// Clears the cached routes, which change when brokers come and go.
    pub(super) async fn forget_routes(&self) {
        self.topics.lock().await.clear();
    }

    /// Returns every topic that applications send to, without those of the system, retries and dead letters.
    ///
    /// # Errors
    ///
    /// If no name server answers.
    pub async fn topics(&self) -> Result<Vec<Arc<str>>, Failure> {
        let brokers = self.brokers().await.map_err(|error| failure(&error))?;
        let theirs = |name: &str| {
            // Each broker has a topic named after itself, and one named after its cluster.
            let is_of_broker = brokers.by_name.contains_key(name);
            let is_theirs = !is_of_broker && *name != *brokers.cluster && !is_internal(name);
            is_theirs.then(|| name.into())
        };
        let names = self.remoting.topics(theirs).await;
        names.map_err(|error| failure(&error))
    }

    /// Captures topics as a snapshot for queries.
    ///
    /// # Errors
    ///
    /// If the capture fails, or the answers of the brokers contradict each other.
    pub async fn capture_snapshot(
        &self,
        topics: &BTreeSet<QueriedTopic>,
    ) -> Result<Snapshot, Failure> {
        let captured = self.capture(topics).await?;
        let state = ClusterState::from_document(captured).map_err(|contradiction| {
            let message = format!("the brokers contradict each other: {contradiction}");
            Failure::new(FailureKind::Server, None, message)
        })?;
        Ok(Snapshot::new(state))
    }

    /// Returns the offsets of one topic, captured a moment ago.
    async fn recent(&self, wire: &Arc<str>) -> Result<Arc<Snapshot>, Failure> {
        let mut recent = self.recent.lock().await;
        if let Some((since, snapshot)) = recent.get(wire)
            && since.elapsed() < FRESH
        {
            return Ok(snapshot.clone());
        }
        let begun = Instant::now();
        let topics = BTreeSet::from([(None, wire.clone())]);
        let snapshot = Arc::new(self.capture_snapshot(&topics).await?);
        recent.retain(|_, (since, _)| since.elapsed() < FRESH);
        recent.insert(wire.clone(), (begun, snapshot.clone()));
        Ok(snapshot)
    }
}

impl TraceSource for Cluster {
    async fn trace<P: CallPacer>(&self, query: &Query, _more: &P) -> Result<Trace, Failure> {
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

/// Returns a failure that is not retried in this run: a stopped broker takes time to come back.
pub(super) fn missing(message: String) -> Failure {
    Failure {
        hint: Some("start the broker again, then ask again with --resume".to_owned()),
        ..Failure::new(FailureKind::Refused, BROKER_GONE.to_owned(), message)
    }
}

/// Returns the possible names of a topic on the brokers, the likelier one first.
pub(super) fn names_on_the_wire(instance: Option<&str>, topic: &str) -> Vec<String> {
    let wrapped = instance
        .and_then(Namespace::new)
        .map(|namespace| namespace.wrap(topic).into_owned());
    let mut names: Vec<_> = wrapped.into_iter().chain([topic.to_owned()]).collect();
    names.dedup();
    names
}

/// Returns whether no server answered at that address.
pub(super) const fn is_away(error: &CallError) -> bool {
    matches!(
        error.cause,
        Cause::Connect(_) | Cause::Lost(_) | Cause::TimedOut(_)
    )
}

/// Returns the error for a broker that the name servers do not know: it has stopped, or cannot reach them.
pub(super) fn nowhere(broker: &str) -> CallError {
    CallError {
        address: broker.into(),
        call: super::remoting::RequestCode::GetBrokerClusterInfo,
        cause: Cause::Connect("the name server knows no address of this broker".to_owned()),
    }
}
