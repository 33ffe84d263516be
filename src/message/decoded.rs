//! The contents of a message ID, as labelled fields and as JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::clock::rfc3339;

use super::{BadId, BornClock, MessageId};

/// A decoded ID with all its contents, for `inspect`. Serialised, it is one flat object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decoded {
    /// The ID as it was given.
    pub msg_id: String,
    /// Its kind (`kind`) and its fields.
    #[serde(flatten)]
    pub id: MessageId,
    /// The time when the message was made, if the ID tells ([`MessageId::born`]): RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_rfc3339")]
    pub born_at: Option<Timestamp>,
    /// A caveat about these values.
    pub caveat: &'static str,
}

/// One field of an ID, for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedField {
    /// The label (`producer`).
    pub label: &'static str,
    /// The value as text (`30.5.120.254`).
    pub value: String,
}

impl Decoded {
    /// Decodes an ID; `now` and the producer's `zone` are needed to date a unique key.
    ///
    /// # Errors
    ///
    /// If the text cannot be a message ID.
    pub fn new(msg_id: &str, now: Timestamp, zone: &TimeZone) -> Result<Self, BadId> {
        let id = MessageId::parse(msg_id)?;
        Ok(Self {
            msg_id: msg_id.to_owned(),
            id,
            born_at: id.born(&BornClock::new(now, zone)),
            caveat: caveat(&id),
        })
    }

    /// Returns the fields in display order; the born time is shown in `zone`.
    #[must_use]
    pub fn lines(&self, zone: &TimeZone) -> Vec<DecodedField> {
        let born = |time| {
            format!(
                "{:.3}",
                Timestamp::display_with_offset(&time, zone.to_offset(time))
            )
        };
        let mut lines = vec![
            line("message ID", &self.msg_id),
            line("kind", kind(&self.id)),
        ];
        match self.id {
            MessageId::UniqKey(key) => lines.extend([
                line("producer", &key.producer),
                line("process ID", &key.pid),
                line("class loader", &format_args!("{:08x}", key.class_loader)),
                line("milliseconds of the month", &key.month_millis),
                line("counter", &key.counter),
            ]),
            MessageId::OffsetId(id) => {
                lines.extend([
                    line("stored by", &id.store),
                    line("commit log offset", &id.commit_log_offset),
                ]);
            }
            MessageId::V1(id) => lines.extend([
                line("producer", &id.mac),
                line("process ID", &id.pid),
                line("seconds since 2021", &id.seconds),
                line("sequence", &id.sequence),
            ]),
        }
        lines.extend(self.born_at.map(|time| line("born", &born(time))));
        lines.push(line("note", self.caveat));
        lines
    }
}

fn line(label: &'static str, value: &(impl ToString + ?Sized)) -> DecodedField {
    DecodedField {
        label,
        value: value.to_string(),
    }
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn as_rfc3339<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(rfc3339).serialize(serializer)
}

fn kind(id: &MessageId) -> &'static str {
    match id {
        MessageId::UniqKey(_) => "unique key (4.x client)",
        MessageId::OffsetId(_) => "offset ID (broker)",
        MessageId::V1(_) => "5.x client, version 1",
    }
}

fn caveat(id: &MessageId) -> &'static str {
    match id {
        MessageId::UniqKey(key) if key.pid == 0 => {
            "the born time assumes the producer's time zone, and this month or the last; the client wrote no process \
             ID; that this is no offset ID is likely, not proven"
        }
        MessageId::UniqKey(_) => {
            "the born time assumes the producer's time zone, and this month or the last"
        }
        MessageId::OffsetId(_) => {
            "names one stored copy; a retry has another. That it is no unique key is likely, not proven: 1 of 65,536 \
             unique keys without a process ID looks like this"
        }
        MessageId::V1(_) => {
            "the born time may be off by the producer's UTC offset: clients disagree about the epoch"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(id: &str) -> Decoded {
        let now = "2019-10-12T00:00:00Z".parse().unwrap();
        Decoded::new(id, now, &TimeZone::get("Asia/Shanghai").unwrap()).unwrap()
    }

    #[test]
    fn lines_are_for_people() {
        let lines = decoded("1E0578FE110F18B4AAC235C0C8460BA2")
            .lines(&TimeZone::get("Asia/Shanghai").unwrap());
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.label, line.value.as_str()))
            .collect();
        assert_eq!(
            shown[..8],
            [
                ("message ID", "1E0578FE110F18B4AAC235C0C8460BA2"),
                ("kind", "unique key (4.x client)"),
                ("producer", "30.5.120.254"),
                ("process ID", "4367"),
                ("class loader", "18b4aac2"),
                ("milliseconds of the month", "901826630"),
                ("counter", "2978"),
                ("born", "2019-10-11T10:30:26.630+08:00"),
            ]
        );
        assert_eq!(shown[8].0, "note");
    }

    #[test]
    fn the_note_states_the_doubt_about_the_kind() {
        for (id, doubt) in [
            ("1E0578FE110F18B4AAC235C0C8460BA2", None),
            (
                "1E0578FE000018B4AAC235C0C8460BA2",
                Some("this is no offset ID"),
            ),
            (
                "AC10323E00002A9F0000000000983278",
                Some("That it is no unique key"),
            ),
            ("0156F7E71C361B21BC024CCDBE00000000", None),
        ] {
            let caveat = decoded(id).caveat;
            assert_eq!(caveat.contains("not proven"), doubt.is_some(), "{caveat}");
            assert!(caveat.contains(doubt.unwrap_or_default()), "{caveat}");
        }
    }

    #[test]
    fn json_is_one_flat_object() {
        let json = |id| {
            let mut value = serde_json::to_value(decoded(id)).unwrap();
            value.as_object_mut().unwrap().remove("caveat").unwrap();
            value
        };
        assert_eq!(
            json("1E0578FE110F18B4AAC235C0C8460BA2"),
            serde_json::json!({
                "msg_id": "1E0578FE110F18B4AAC235C0C8460BA2", "kind": "uniq_key", "producer": "30.5.120.254",
                "pid": 4367, "class_loader": "18b4aac2", "month_millis": 901_826_630, "counter": 2978,
                "born_at": "2019-10-11T02:30:26.630Z",
            })
        );
        assert_eq!(
            json("AC10323E00002A9F0000000000983278"),
            serde_json::json!({
                "msg_id": "AC10323E00002A9F0000000000983278", "kind": "offset_id",
                "store": "172.16.50.62:10911", "commit_log_offset": 9_974_392,
            })
        );
        assert_eq!(
            json("0156F7E71C361B21BC024CCDBE00000000")["mac"],
            "56:f7:e7:1c:36:1b"
        );
    }
}
