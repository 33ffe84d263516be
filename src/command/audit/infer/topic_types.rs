//! The message types of topics: the send results of some messages name the places of others.

use std::collections::HashSet;

use anyhow::anyhow;

use crate::command::Env;
use crate::command::signals::stop_on_signal;
use crate::engine::{InstanceTopic, Pacer, Stop};
use crate::exit::Failed;
use crate::humanize::counted;
use crate::results::UnknownType;
use crate::source::Ons;

/// What is known of the message types of topics.
#[derive(Debug, Default)]
pub(super) struct TopicTypes {
    /// Topics whose messages are not where their send results say.
    pub(super) unsuitable: HashSet<InstanceTopic>,
    pub(super) unknown: Vec<UnknownType>,
    pub(super) calls: u64,
}

impl TopicTypes {
    /// Asks for the type of each topic. Those that cannot be read are taken for normal ones.
    pub(super) fn ask<'t>(
        topics: impl Iterator<Item = &'t InstanceTopic>,
        (ons, pacer): (&Ons, &Pacer),
        env: &Env,
    ) -> Result<Self, Failed> {
        let mut types = Self::default();
        let mut topics: Vec<_> = topics.cloned().collect();
        topics.sort();
        let stop = Stop::new();
        env.runtime()?.block_on(async {
            tokio::select! {
                () = types.ask_all(topics, (ons, pacer)) => Ok(()),
                lost = pacer.lost() => Err(lost.into()),
                error = stop_on_signal(&stop) => Err(Failed::incomplete(error, None)),
                () = stop.draining() => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
            }
        })?;
        if let Some(first) = types.unknown.first() {
            tracing::warn!(
                "--infer: the message type of {} is unknown ({}: {}): they are taken for topics of normal messages; \
                 if one is of delayed or transactional messages, leave out --infer",
                counted(types.unknown.len() as u64, "topic", "topics"),
                first.topic,
                first.reason,
            );
        }
        Ok(types)
    }

    async fn ask_all(&mut self, topics: Vec<InstanceTopic>, (ons, pacer): (&Ons, &Pacer)) {
        for topic in topics {
            let name = (topic.0.as_deref(), &*topic.1);
            let (found, calls) = ons.message_type(name, pacer).await;
            self.calls += calls;
            match found {
                Ok(kind) if kind.has_own_place() => {}
                Ok(kind) => {
                    tracing::info!(
                        "--infer: topic {} has {} messages, whose send results name other places: all of them are asked",
                        topic.1,
                        kind.adjective()
                    );
                    self.unsuitable.insert(topic);
                }
                Err(reason) => self.unknown.push(UnknownType {
                    instance_id: topic.0.as_deref().unwrap_or_default().to_owned(),
                    topic: topic.1.to_string(),
                    reason,
                }),
            }
        }
    }
}
