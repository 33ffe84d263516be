//! Since when consumers can receive a message, and how an answer says so.

use serde_json::{Value, json};

use super::{Truth, written};

/// What follows for a group without records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Since {
    /// Longer than five minutes: the lag decides.
    Long,
    /// A lag that is read now says nothing.
    TooShort,
    /// The answer does not say.
    Unknown,
}

/// A kind of message. Times are in seconds before now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// `None`: the field is missing.
    message_type: Option<&'static str>,
    stored: Stored,
    preset: Option<i64>,
    recalled: bool,
    pub(super) since: Since,
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    Before(i64),
    Missing,
    Null,
}

const HOUR: i64 = 3600;

const PLAIN: Kind = Kind {
    name: "normal",
    message_type: Some("NORMAL"),
    stored: Stored::Before(3 * HOUR),
    preset: None,
    recalled: false,
    since: Since::Long,
};

const fn kind(name: &'static str, message_type: &'static str, since: Since) -> Kind {
    Kind {
        name,
        message_type: Some(message_type),
        since,
        ..PLAIN
    }
}

const fn delay(name: &'static str, preset: Option<i64>, since: Since) -> Kind {
    Kind {
        preset,
        ..kind(name, "DELAY", since)
    }
}

/// All kinds.
pub(super) const KINDS: [Kind; 15] = [
    PLAIN,
    kind("ordered", "FIFO", Since::Long),
    Kind {
        name: "without type",
        message_type: None,
        ..PLAIN
    },
    Kind {
        name: "stored 8 minutes ago",
        stored: Stored::Before(480),
        ..PLAIN
    },
    Kind {
        name: "stored 2 minutes ago",
        stored: Stored::Before(120),
        since: Since::TooShort,
        ..PLAIN
    },
    Kind {
        name: "without store time",
        stored: Stored::Missing,
        since: Since::Unknown,
        ..PLAIN
    },
    Kind {
        name: "store time null",
        stored: Stored::Null,
        since: Since::Unknown,
        ..PLAIN
    },
    delay("delayed, delivered an hour ago", Some(HOUR), Since::Long),
    delay(
        "delayed, delivered in an hour",
        Some(-HOUR),
        Since::TooShort,
    ),
    delay(
        "delayed, delivered 2 minutes ago",
        Some(120),
        Since::TooShort,
    ),
    delay("delayed, without time", None, Since::Unknown),
    Kind {
        recalled: true,
        ..delay("delayed and recalled", Some(HOUR), Since::Unknown)
    },
    kind("of a transaction", "TRANSACTION", Since::Unknown),
    kind("lite", "LITE", Since::Unknown),
    kind("of an unknown type", "STRANGE", Since::Unknown),
];

/// Old enough for every retry to be over.
pub(super) const OLD: Kind = Kind {
    name: "stored 20 hours ago",
    stored: Stored::Before(20 * HOUR),
    ..PLAIN
};

impl Kind {
    /// Returns the seconds since the message was stored.
    pub(super) const fn age(&self) -> i64 {
        match self.stored {
            Stored::Before(seconds) => seconds,
            Stored::Missing | Stored::Null => 3 * HOUR,
        }
    }

    /// Returns `messageInfo`.
    pub(super) fn message_info(&self, truth: &Truth, topic: &str, id: &str) -> Value {
        let mut info = json!({
            "regionId": super::REGION, "instanceId": super::INSTANCE, "topicName": topic, "messageId": id,
            "bornTime": written(truth.before_now(self.age())), "bornHost": "10.0.0.1", "storeHost": "10.0.1.1",
            "messageTag": "paid", "messageKeys": ["k1", "k2"], "userProperties": {"trace": "1"}, "body": "c2VjcmV0",
        });
        match self.stored {
            Stored::Before(seconds) => {
                info["storeTime"] = written(truth.before_now(seconds)).into();
            }
            Stored::Missing => {}
            Stored::Null => info["storeTime"] = Value::Null,
        }
        if let Some(message_type) = self.message_type {
            info["messageType"] = message_type.into();
        }
        info
    }

    /// Returns `brokerInfo`.
    pub(super) fn broker_info(&self, truth: &Truth) -> Value {
        let stored = written(truth.before_now(self.age()));
        let mut operations = truth.nulls();
        operations.push(json!({"operateType": "ADD", "operateTime": stored}));
        let mut info = json!({"operations": operations});
        if let Some(preset) = self.preset {
            info["presetDelayTime"] = written(truth.before_now(preset)).into();
            info["delayStatus"] = "DELAYED".into();
        }
        if self.recalled {
            info["recallResult"] = "RECALL_OK".into();
        }
        info
    }
}
