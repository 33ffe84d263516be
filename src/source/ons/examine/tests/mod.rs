//! Dead letters and traces without a socket, and what is sent over one.

mod dead_letters;
mod traces;
mod wire;

use std::cell::RefCell;
use std::num::NonZeroU32;

use jiff::Timestamp;
use serde_json::Value;

use super::{Api, plain_name};
use crate::engine::{Pacer, Rate};
use crate::source::ons::errors::classify;
use crate::source::ons::request::Call;
use crate::source::{Failure, FailureKind};

/// A call as it was made.
#[derive(Debug, Clone)]
struct Made {
    action: &'static str,
    instance: Option<String>,
    parameters: Vec<(&'static str, String)>,
}

impl Made {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| *known == name)?;
        Some(&found.1)
    }

    #[track_caller]
    fn number(&self, name: &str) -> i64 {
        self.get(name).unwrap().parse().unwrap()
    }
}

/// Answers calls by a function.
struct Fake<F> {
    answer: F,
    made: RefCell<Vec<Made>>,
}

impl<F: Fn(&Made) -> Result<Option<Value>, Failure>> Fake<F> {
    fn answering(answer: F) -> Self {
        Self {
            answer,
            made: RefCell::default(),
        }
    }

    fn made(&self) -> Vec<Made> {
        self.made.borrow().clone()
    }

    fn calls(&self) -> u64 {
        self.made.borrow().len().try_into().unwrap()
    }
}

impl<F: Fn(&Made) -> Result<Option<Value>, Failure>> Api for Fake<F> {
    async fn attempt(&self, call: Call<'_>, _field: &str) -> Result<Option<Value>, Failure> {
        let owned = |(name, value): (_, &str)| (name, value.to_owned());
        let made = Made {
            action: call.operation.name(),
            instance: call.instance.map(str::to_owned),
            parameters: call.parameters.into_iter().map(owned).collect(),
        };
        let answer = (self.answer)(&made);
        self.made.borrow_mut().push(made);
        answer
    }
}

fn unlimited() -> Pacer {
    Pacer::new(Rate::Max, NonZeroU32::MIN)
}

fn refusal(code: &str) -> Failure {
    Failure::new(classify(code).0, code.to_owned(), "it is so")
}

fn broken() -> Failure {
    Failure::new(FailureKind::Transport, None, "the connection broke")
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn names_lose_the_prefix_of_their_instance_only() {
    for (name, instance, plain) in [
        ("MQ_INST_1%orders", Some("MQ_INST_1"), "orders"),
        ("MQ_INST_2%orders", Some("MQ_INST_1"), "MQ_INST_2%orders"),
        ("MQ_INST_2%orders", None, "orders"),
        ("other%orders", None, "other%orders"),
        ("orders", Some("MQ_INST_1"), "orders"),
        ("orders", None, "orders"),
    ] {
        assert_eq!(plain_name(name, instance), plain);
    }
}
