//! Reads what judging the messages of ApsaraMQ for RocketMQ 5.x takes besides the recorded deliveries: the lags of groups
//! that have no record of a message, and the retry policies of groups that failed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::survey::{GroupName, each_message, instance_of};
use super::{ExaminedRun, first_names, shown};
use crate::clock::Clock;
use crate::engine::{CountedCalls, Pacer, Rate};
use crate::evidence::{GroupLag, RetryPolicy};
use crate::humanize::{self, counted};
use crate::results::{Line, Previous, ResultsError};
use crate::source::Rmq;
use crate::verdict::{Evidence, EvidenceIndex, EvidenceLine, EvidenceNote, GroupVerdict};

/// Calls in flight at the same time.
const CALLS_AT_ONCE: usize = 8;

/// A service that records deliveries, and how it is asked.
#[derive(Debug)]
pub(in crate::command) struct RmqExaminer<'a> {
    pub(in crate::command) rmq: &'a Rmq,
    /// The pace of the run: all calls have one quota.
    pub(in crate::command) pacer: &'a Pacer,
    /// The rate of that pace, for the time that is announced.
    pub(in crate::command) rate: Rate,
    /// Most calls that the examination may make.
    pub(in crate::command) limit: u64,
    /// Gives the time of a lag that is not read.
    pub(in crate::command) clock: Clock,
}

/// A group and a topic of an instance, as the rows name them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GroupOnTopic {
    group: GroupName,
    topic: Arc<str>,
}

/// What has to be read. Whether a group is expected decides what is read first.
#[derive(Debug, Default)]
struct UnreadGroups {
    lags: BTreeMap<GroupOnTopic, bool>,
    policies: BTreeMap<GroupName, bool>,
    /// Lags of the earlier run that prove something about messages of this one.
    earlier: BTreeSet<GroupOnTopic>,
    /// The topics whose groups are unknown, by the reason.
    unlisted: BTreeMap<String, BTreeSet<String>>,
}

impl RmqExaminer<'_> {
    /// Reads the lags and policies. Returns the lines about them, and the number of calls. A call that fails becomes a line
    /// with the reason.
    pub(super) async fn lines(
        &self,
        run: ExaminedRun<'_>,
    ) -> Result<(Vec<EvidenceLine>, u64), ResultsError> {
        let earlier = run.previous.map(Previous::lags);
        let earlier: Vec<GroupLag> = earlier.unwrap_or_default();
        let unread = UnreadGroups::of(run, &earlier)?;
        self.announce_reading(&unread);
        let calls = CallBudget {
            calls: CountedCalls::of(self.pacer),
            begun: Cell::new(0),
        };
        let proves = |lag: &GroupLag| unread.earlier.contains(&GroupOnTopic::of_lag(lag));
        let mut lags: Vec<_> = earlier.into_iter().filter(proves).collect();
        lags.extend(self.lags(&unread.lags, &calls).await);
        lags.sort_by(|one, other| {
            let key = |lag: &GroupLag| (GroupOnTopic::of_lag(lag), lag.at);
            key(one).cmp(&key(other))
        });
        let policies = self.policies(&unread.policies, &calls).await;
        announce(&unread, &lags, &policies);
        let lags = lags.into_iter().map(EvidenceLine::Lag);
        let policies = policies.into_iter().map(EvidenceLine::Policy);
        Ok((lags.chain(policies).collect(), calls.calls.begun()))
    }

    async fn lags(
        &self,
        pairs: &BTreeMap<GroupOnTopic, bool>,
        calls: &CallBudget<'_>,
    ) -> Vec<GroupLag> {
        let lags = stream::iter(expected_first(pairs)).map(|pair| async move {
            let GroupOnTopic { group, topic } = pair;
            match self.refusal(calls) {
                None => {
                    let instance = group.instance.as_ref();
                    let names = (&group.group, topic);
                    self.rmq.lag(instance, names, &calls.calls).await
                }
                Some(why) => GroupLag {
                    group: group.group.clone(),
                    instance_id: group.instance.clone(),
                    topic: topic.clone(),
                    at: (self.clock)(),
                    ready: 0,
                    inflight: 0,
                    unknown: Some(why),
                },
            }
        });
        lags.buffer_unordered(CALLS_AT_ONCE).collect().await
    }

    async fn policies(
        &self,
        groups: &BTreeMap<GroupName, bool>,
        calls: &CallBudget<'_>,
    ) -> Vec<RetryPolicy> {
        let policies = stream::iter(expected_first(groups)).map(|name| async move {
            match self.refusal(calls) {
                None => {
                    let instance = name.instance.as_ref();
                    self.rmq
                        .retry_policy(instance, &name.group, &calls.calls)
                        .await
                }
                Some(why) => RetryPolicy {
                    group: name.group.clone(),
                    instance_id: name.instance.clone(),
                    max_retries: 0,
                    dead_letter_topic: None,
                    unknown: Some(why),
                },
            }
        });
        let mut policies: Vec<_> = policies.buffer_unordered(CALLS_AT_ONCE).collect().await;
        policies.sort_by(|one, other| {
            let key = |policy: &RetryPolicy| (policy.instance_id.clone(), policy.group.clone());
            key(one).cmp(&key(other))
        });
        policies
    }

    /// Returns why no other call may begin.
    fn refusal(&self, calls: &CallBudget<'_>) -> Option<Arc<str>> {
        let begun = calls.begun.get().max(calls.calls.begun());
        if begun >= self.limit {
            return Some("--examine-limit allows no more calls".into());
        }
        calls.begun.set(begun + 1);
        None
    }

    /// Says what will be read, and how long it takes.
    fn announce_reading(&self, unread: &UnreadGroups) {
        let [lags, policies] = [unread.lags.len(), unread.policies.len()].map(|n| n as u64);
        let calls = (lags + policies).min(self.limit);
        if calls == 0 {
            return;
        }
        let time = self.rate.time_for(calls).map(humanize::duration);
        let time = time.map(|time| format!(", about {time}"));
        tracing::info!(
            "reading {} of groups without a record and {} of groups that failed{}",
            counted(lags, "lag", "lags"),
            counted(policies, "retry policy", "retry policies"),
            time.unwrap_or_default(),
        );
    }
}

/// Counts the calls, and the lags and policies that are asked for: their calls may wait for their turns.
struct CallBudget<'a> {
    calls: CountedCalls<'a>,
    begun: Cell<u64>,
}

/// Returns the keys, those with `true` first.
fn expected_first<K>(keys: &BTreeMap<K, bool>) -> impl Iterator<Item = &K> {
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort_by_key(|(_, is_expected)| !**is_expected);
    keys.into_iter().map(|(key, _)| key)
}

/// Says what could not be read: each reason once. What no verdict about an expected group relies on is no warning.
fn announce(unread: &UnreadGroups, lags: &[GroupLag], policies: &[RetryPolicy]) {
    let mut unknown: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for lag in lags {
        let is_expected = unread.lags.get(&GroupOnTopic::of_lag(lag)) == Some(&true);
        if let Some(why) = &lag.unknown {
            let of_reason = unknown.entry((!is_expected, "lag", &**why)).or_default();
            of_reason.insert(format!("{} on {}", lag.group, lag.topic));
        }
    }
    for policy in policies {
        let name = GroupName {
            instance: policy.instance_id.clone(),
            group: policy.group.clone(),
        };
        let is_expected = unread.policies.get(&name) == Some(&true);
        if let Some(why) = &policy.unknown {
            let of_reason = unknown.entry((!is_expected, "retry policy", &**why));
            of_reason.or_default().insert(policy.group.to_string());
        }
    }
    for ((is_remark, what, why), groups) in unknown {
        let groups: Vec<_> = groups.iter().map(String::as_str).collect();
        let (groups, why) = (first_names(&groups), shown(why));
        let said = format!("the {what} of {groups} is unknown: {why}");
        if is_remark {
            tracing::info!("{said}");
        } else {
            tracing::warn!("{said}");
        }
    }
    for (why, topics) in &unread.unlisted {
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let (topics, why) = (first_names(&topics), shown(why));
        tracing::warn!("the groups of the topic {topics} are unknown: {why}");
    }
}

impl GroupOnTopic {
    fn of_lag(lag: &GroupLag) -> Self {
        Self {
            group: GroupName {
                instance: lag.instance_id.clone(),
                group: lag.group.clone(),
            },
            topic: lag.topic.clone(),
        }
    }

    fn of(line: &Line<'_>, group: &str) -> Self {
        Self {
            group: GroupName {
                instance: instance_of(line).map(Into::into),
                group: group.into(),
            },
            topic: Arc::from(&*line.topic),
        }
    }
}

impl UnreadGroups {
    /// Judges the rows by what the earlier run has read. What is undetermined then has to be read.
    fn of(run: ExaminedRun<'_>, earlier: &[GroupLag]) -> Result<Self, ResultsError> {
        let mut found = EvidenceIndex::default();
        for lag in earlier {
            found.add(EvidenceLine::Lag(lag.clone()));
        }
        let mut unread = Self::default();
        each_message(run, Some(&found), |line, _, judged| {
            if let Some(why) = judged.unlisted {
                let topics = unread.unlisted.entry(why.to_owned()).or_default();
                topics.insert(line.topic.to_string());
            }
            for seen in &judged.groups {
                unread.add(line, seen);
            }
        })?;
        Ok(unread)
    }

    fn add(&mut self, line: &Line<'_>, seen: &GroupVerdict<'_>) {
        let note = seen.finding.note;
        let is_by_lag = seen.finding.evidence == Some(Evidence::Lag);
        let lacks_lag = matches!(
            note,
            EvidenceNote::LagUnknown(_) | EvidenceNote::LagTooEarly
        );
        let lacks_policy = matches!(
            note,
            EvidenceNote::RetryUnknown(_) | EvidenceNote::KeptUnknown(_)
        );
        let pair = GroupOnTopic::of(line, seen.group);
        if is_by_lag {
            self.earlier.insert(pair.clone());
        }
        // An answer that was carried over rests on the lag that was read then. For other messages the lag is read again.
        let is_asked_by_lag = is_by_lag && line.carried_from.is_empty();
        if is_asked_by_lag || lacks_lag {
            *self.lags.entry(pair).or_insert(false) |= seen.expected;
        } else if lacks_policy {
            *self.policies.entry(pair.group).or_insert(false) |= seen.expected;
        }
    }
}
