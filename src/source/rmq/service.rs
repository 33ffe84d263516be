//! Answers queries. `GetTrace` is the call whose turn the engine has given; other calls take turns of their own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex as AsyncMutex;

use super::answer::{self, ServiceAnswer};
use super::fields::{self, Fields, Items};
use super::groups::{GroupData, InstanceData, LagData};
use super::subscriptions::{Subscribers, TopicSubscription};
use super::trace::{Detail, MessageInfo, TraceData, Traced};
use super::tracks;
use crate::evidence::{GroupLag, RetryPolicy};
use crate::message::Query;
use crate::source::ons::api_client::ApiClient;
use crate::source::ons::asker::{Asker, reason};
use crate::source::ons::redact::Redactor;
use crate::source::ons::request::Call;
use crate::source::ons::{Endpoint, errors};
use crate::source::operation::{
    GET_CONSUMER_GROUP, GET_CONSUMER_GROUP_LAG, GET_INSTANCE, GET_MESSAGE_DETAIL, GET_TRACE,
    LIST_TOPIC_SUBSCRIPTIONS,
};
use crate::source::{CallPacer, Failure, FailureKind, Trace, TraceSource};

/// The code for a message that does not exist, or has no trace.
const NO_MESSAGE: &str = "Message.NotFound";
/// The code for an instance that does not exist.
const NO_SUCH_INSTANCE: &str = "Instance.NotFound";
/// The code for a call without an instance.
const NO_INSTANCE: &str = "MissingInstanceId";

/// How far before the born time of a message its trace is searched for.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// After this time, subscribers are asked for again that the service did not tell.
const UNTIL_NEXT: SignedDuration = SignedDuration::from_mins(5);

/// Makes signed calls. The tests have one without a socket.
pub(super) trait Api {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Makes one attempt of a call. `parse` reads the answer.
    fn attempt<T>(
        &self,
        call: Call<'_>,
        parse: impl FnOnce(u16, &[u8], &Redactor) -> Result<T, Failure>,
    ) -> impl Future<Output = Result<T, Failure>>;
}

impl Api for ApiClient {
    fn now(&self) -> Timestamp {
        self.now()
    }

    async fn attempt<T>(
        &self,
        call: Call<'_>,
        parse: impl FnOnce(u16, &[u8], &Redactor) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.attempt(call, parse).await
    }
}

/// Asks the service.
#[derive(Debug)]
pub(super) struct RmqService<A> {
    api: A,
    region: Option<String>,
    /// The instance for queries without one.
    instance: Option<String>,
    /// What is known about the subscribers of each topic, by instance and name. Who asks holds the lock of the topic.
    topics: Mutex<HashMap<[Box<str>; 2], SubscribersCell>>,
    /// How long the subscribers of a topic are kept. `None`: as long as the client.
    kept_for: Option<SignedDuration>,
    /// Why messages could not be confirmed, as it was logged.
    unconfirmed: Mutex<BTreeSet<Arc<str>>>,
}

/// The subscribers of a topic, once they were asked for.
type SubscribersCell = Arc<AsyncMutex<Option<KnownSubscribers>>>;

/// The subscribers of a topic.
#[derive(Debug)]
struct KnownSubscribers {
    /// `Err`: why they are not known.
    result: Result<Arc<Subscribers>, Arc<str>>,
    /// When they are asked for again. `None`: never.
    until: Option<Timestamp>,
}

impl<A: Api> RmqService<A> {
    pub(super) fn new(api: A, endpoint: &Endpoint) -> Self {
        Self {
            api,
            region: endpoint.region().map(str::to_owned),
            instance: endpoint.instance().map(str::to_owned),
            topics: Mutex::default(),
            kept_for: None,
            unconfirmed: Mutex::default(),
        }
    }

    /// Asks for the subscribers of a topic again after this time.
    pub(super) fn keeping_subscribers_for(self, time: SignedDuration) -> Self {
        Self {
            kept_for: Some(time),
            ..self
        }
    }

    /// Returns how many messages of a topic a group has not consumed yet. Nothing here fails: if that could not be read, the
    /// lag is [`unknown`](GroupLag::unknown) with the reason. Calls take turns of `more`.
    pub(super) async fn lag<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        (group, topic): (&Arc<str>, &Arc<str>),
        more: &P,
    ) -> GroupLag {
        let mut lag = GroupLag {
            group: Arc::clone(group),
            instance_id: instance.cloned(),
            topic: Arc::clone(topic),
            at: self.api.now(),
            ready: 0,
            inflight: 0,
            unknown: None,
        };
        let names = |instance| {
            let parameters = vec![("topicName", &**topic)];
            Call::of_path(GET_CONSUMER_GROUP_LAG, vec![instance, group], parameters)
        };
        let answer = self.ask(instance, names, more, |data: LagData| data.of_topic(topic));
        match answer.await {
            // The lag was read later than its call began.
            Ok((at, (ready, inflight))) => {
                lag.at = at;
                (lag.ready, lag.inflight) = (ready, inflight);
            }
            Err(reason) => lag.unknown = Some(reason),
        }
        lag
    }

    /// Returns how a group retries. If that could not be read, the policy is [`unknown`](RetryPolicy::unknown) with the
    /// reason. Calls take turns of `more`.
    pub(super) async fn retry_policy<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        group: &Arc<str>,
        more: &P,
    ) -> RetryPolicy {
        let names = |instance| Call::of_path(GET_CONSUMER_GROUP, vec![instance, group], Vec::new());
        let answer = self.ask(instance, names, more, |data: GroupData| {
            let (retries, topic) = data.retry_policy()?;
            Ok((retries, topic.map(Arc::from)))
        });
        let mut policy = RetryPolicy {
            group: Arc::clone(group),
            instance_id: instance.cloned(),
            max_retries: 0,
            dead_letter_topic: None,
            unknown: None,
        };
        match answer.await {
            Ok((_, (retries, topic))) => {
                (policy.max_retries, policy.dead_letter_topic) = (retries, topic);
            }
            Err(reason) => policy.unknown = Some(reason),
        }
        policy
    }

    /// Returns how long an instance keeps messages: that of the source if `instance` is `None`. Calls take turns of `more`.
    ///
    /// # Errors
    ///
    /// The reason why it could not be read.
    pub(super) async fn retention<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        more: &P,
    ) -> Result<Duration, Arc<str>> {
        let names = |instance| Call::of_path(GET_INSTANCE, vec![instance], Vec::new());
        let read = |data: InstanceData| data.retention();
        let answer = self.ask(instance, names, more, read).await;
        answer.map(|(_, retention)| retention)
    }

    /// Makes a call until it is answered, and reads its data. Returns the time at which the call began, and what was read.
    async fn ask<'a, T: DeserializeOwned + Default, R, P: CallPacer>(
        &'a self,
        instance: Option<&'a Arc<str>>,
        call: impl FnOnce(&'a str) -> Call<'a>,
        more: &P,
        read: impl FnOnce(T) -> Result<R, &'static str>,
    ) -> Result<(Timestamp, R), Arc<str>> {
        let instance = self.instance_of(instance.map(|instance| &**instance));
        let instance = instance.map_err(|failure| Arc::from(failure.message))?;
        let call = call(instance);
        let operation = call.operation;
        check_names(&call.names).map_err(|failure| reason(&failure, operation))?;
        let mut asker = Asker {
            pace: Some(more),
            calls: 0,
        };
        let mut begun = self.api.now();
        let attempt = || {
            begun = self.api.now();
            self.attempt::<Fields<T>>(call.clone())
        };
        let answer = asker.ask(attempt).await;
        let answer = answer.map_err(|failure| reason(&failure, operation))?;
        let read = match answer.data {
            Some(Fields(data)) => read(data),
            None => Err("it has no data"),
        };
        let read = read.map_err(|what| {
            let name = operation.name();
            Arc::from(format!("an answer of {name} can't be read: {what}"))
        })?;
        Ok((begun, read))
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<ServiceAnswer<T>, Failure> {
        let operation = call.operation;
        let parse = |status, body: &[u8], redactor: &Redactor| {
            answer::parse(operation, (status, body), redactor)
        };
        self.api.attempt(call, parse).await
    }

    /// Returns the instance that a call names: the given one, or else that of the source.
    fn instance_of<'a>(&'a self, given: Option<&'a str>) -> Result<&'a str, Failure> {
        given.or(self.instance.as_deref()).ok_or_else(|| {
            let (kind, hint) = errors::classify(NO_INSTANCE);
            let message = "neither the row nor the source names an instance";
            Failure {
                hint: hint.map(str::to_owned),
                ..Failure::new(kind, NO_INSTANCE.to_owned(), message)
            }
        })
    }

    /// Returns the names in the path of a query.
    fn names<'a>(&'a self, query: &'a Query) -> Result<[&'a str; 3], Failure> {
        let instance = self.instance_of(query.instance_id.as_deref())?;
        let names = [instance, &*query.topic, &*query.msg_id];
        check_names(&names)?;
        Ok(names)
    }

    /// Asks for the trace of a message. It is empty if there is none.
    async fn traced(&self, query: &Query, names: &[&str; 3]) -> Result<FirstAnswer, Failure> {
        let window = window(query, self.api.now());
        let mut parameters = Vec::new();
        if let Some([start, end]) = &window {
            parameters.extend([("startTime", &**start), ("endTime", &**end)]);
        }
        let call = Call::of_path(GET_TRACE, names.to_vec(), parameters);
        let parse = |status, body: &[u8], redactor: &Redactor| {
            let answer = answer::parse::<Fields<TraceData>>(GET_TRACE, (status, body), redactor)?;
            Ok(FirstAnswer {
                request_id: answer.request_id,
                traced: answer.data.unwrap_or_default().0.read(redactor),
            })
        };
        match self.api.attempt(call, parse).await {
            Ok(answer) => Ok(answer),
            Err(failure) if is_no_message(&failure) => Ok(FirstAnswer {
                request_id: failure.request_id.map(Into::into),
                traced: Traced::default(),
            }),
            Err(failure) => Err(self.with_resource(failure, names)),
        }
    }

    /// Asks whether a message is stored that has no trace. The body of the message is not kept.
    async fn confirm<P: CallPacer>(
        &self,
        names: &[&str; 3],
        more: &P,
    ) -> Result<Existence, Failure> {
        let call = Call::of_path(GET_MESSAGE_DETAIL, names.to_vec(), Vec::new());
        let mut asker = Asker {
            pace: Some(more),
            calls: 0,
        };
        match asker.attempt(self.attempt::<Detail>(call)).await {
            Ok(answer) => {
                let message = answer.data.and_then(|Detail(message)| message);
                Ok(message.map_or(Existence::Unconfirmed, Existence::Stored))
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {
                Ok(Existence::Missing(failure))
            }
            Err(failure) if failure.kind.is_retryable() || failure.kind == FailureKind::Expired => {
                // A call was made before: that for the trace.
                Err(Failure {
                    no_call_made: false,
                    ..failure
                })
            }
            Err(failure) => {
                let reason = reason(&failure, GET_MESSAGE_DETAIL);
                if lock(&self.unconfirmed).insert(Arc::clone(&reason)) {
                    tracing::warn!("whether messages without a trace exist is unknown: {reason}");
                }
                Ok(Existence::Unconfirmed)
            }
        }
    }

    /// Returns the subscribers of a topic, or why they are not known. They are asked for once, and again later if the service
    /// did not answer or what it said is too old; other queries about the topic wait meanwhile.
    ///
    /// # Errors
    ///
    /// If the key has expired: then nothing else can be asked, either.
    async fn subscribers<P: CallPacer>(
        &self,
        [instance, topic]: [&str; 2],
        more: &P,
    ) -> Result<Result<Arc<Subscribers>, Arc<str>>, Failure> {
        let key = [instance, topic].map(Box::from);
        let known = Arc::clone(lock(&self.topics).entry(key).or_default());
        let mut known = known.lock().await;
        let is_due = |until: Timestamp| until <= self.api.now();
        if let Some(known) = &*known
            && !known.until.is_some_and(is_due)
        {
            return Ok(known.result.clone());
        }
        let call = Call::of_path(LIST_TOPIC_SUBSCRIPTIONS, vec![instance, topic], Vec::new());
        let mut asker = Asker {
            pace: Some(more),
            calls: 0,
        };
        let attempt = || self.attempt::<Items<TopicSubscription>>(call.clone());
        let answer = asker.ask(attempt).await;
        let mut kept_for = self.kept_for;
        let result = match answer {
            Ok(answer) => match answer.data {
                Some(list) => Ok(Arc::new(Subscribers::from(list))),
                None => Err("an answer of ListTopicSubscriptions has no data".into()),
            },
            Err(failure) if failure.kind == FailureKind::Expired => return Err(failure),
            Err(failure) => {
                if failure.kind.is_retryable() {
                    kept_for = Some(kept_for.unwrap_or(UNTIL_NEXT).min(UNTIL_NEXT));
                }
                Err(reason(&failure, LIST_TOPIC_SUBSCRIPTIONS))
            }
        };
        *known = Some(KnownSubscribers {
            result: result.clone(),
            until: kept_for.and_then(|time| self.api.now().checked_add(time).ok()),
        });
        Ok(result)
    }

    /// Adds to a failure the resource whose permission is missing.
    fn with_resource(&self, mut failure: Failure, [instance, topic, _]: &[&str; 3]) -> Failure {
        if failure.code.as_deref() == Some(NO_SUCH_INSTANCE) {
            failure.message = format!("the instance {instance}: {}", failure.message);
        }
        if failure.code.as_deref().is_some_and(errors::is_permission) {
            let place = (self.region.as_deref(), *instance, *topic);
            failure.hint = Some(errors::topic_permission(GET_TRACE.name(), place));
        }
        failure
    }
}

/// The answer to the first call.
struct FirstAnswer {
    request_id: Option<String>,
    traced: Traced,
}

/// Whether a message without a trace is stored.
enum Existence {
    Stored(MessageInfo),
    Missing(Failure),
    /// It could not be found out.
    Unconfirmed,
}

impl<A: Api> TraceSource for RmqService<A> {
    async fn trace<P: CallPacer>(&self, query: &Query, more: &P) -> Result<Trace, Failure> {
        let names = self.names(query)?;
        let FirstAnswer {
            request_id,
            mut traced,
        } = self.traced(query, &names).await?;
        let mut is_confirmed = true;
        if traced.message.is_none() {
            match self.confirm(&names, more).await? {
                Existence::Stored(message) => traced.message = Some(message),
                Existence::Missing(failure) if traced.is_empty() => return Err(failure),
                Existence::Missing(_) | Existence::Unconfirmed => is_confirmed = false,
            }
        }
        let [instance, topic, _] = names;
        let subscribers = self.subscribers([instance, topic], more).await?;
        Ok(Trace {
            request_id,
            ..tracks::answer(traced, subscribers.as_deref(), is_confirmed)
        })
    }

    /// Refuses queries that no call can ask.
    fn answer_locally(&self, query: &Query, _is_paced: bool) -> Option<Result<Trace, Failure>> {
        self.names(query).err().map(Err)
    }

    fn may_refuse_everyone(&self) -> bool {
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the time in which a message was traced, if its born time is known: from one day before until now. The service
/// expects the time in China, whatever the region.
fn window(query: &Query, now: Timestamp) -> Option<[String; 2]> {
    let born = query.born_after.filter(|born| *born <= now)?;
    let start = born.checked_sub(BEFORE).ok()?;
    let text = |time: Timestamp| {
        let time = fields::ZONE.to_datetime(time);
        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    Some([start, now].map(text))
}

/// Returns whether the failure says that there is no such message, or no trace of it.
fn is_no_message(failure: &Failure) -> bool {
    failure.kind == FailureKind::NotFound && failure.code.as_deref() == Some(NO_MESSAGE)
}

/// Refuses names that cannot be a part of a path, because every client and proxy would shorten it.
fn check_names(names: &[&str]) -> Result<(), Failure> {
    match names.iter().find(|name| matches!(**name, "" | "." | "..")) {
        Some(name) => Err(Failure::new(
            FailureKind::Refused,
            None,
            format!("no call can ask about the name `{name}`"),
        )),
        None => Ok(()),
    }
}
