//! The messages of the story, with IDs that agree with their producers (`docs/facts/ons-api.md` §8.1).

use super::story::{BILLING_HUNG, HALTED, LONG_EXPIRED, MONTH_START, OPENED, millis};

pub(super) const BROKERS: [&str; 2] = ["broker-a", "broker-b"];
pub(super) const QUEUES: u64 = 4;

/// Topic, offset of the first message of the story in each queue, and number of older messages in each queue.
pub(super) const TOPICS: [(&str, u64, u64); 3] = [
    ("orders", 1_204_000, 41_500),
    ("payments", 610_000, 19_200),
    ("refunds", 18_000, 2_700),
];

/// How the IDs of 5.x clients begin.
pub(super) const V5_PREFIX: &str = "01";

/// Number of messages between opening and halt.
const SENT: u64 = 1043;

/// A message as one broker stored it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) msg_id: String,
    pub(super) topic: &'static str,
    pub(super) tag: Option<&'static str>,
    pub(super) broker: &'static str,
    pub(super) queue_id: u64,
    pub(super) queue_offset: u64,
    /// Milliseconds since 1970.
    pub(super) stored_at: i64,
    pub(super) role: Role,
}

/// The role of a message in the incident list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The list asks about it.
    Asked,
    /// The list does not ask about it.
    NotAsked,
    /// The producer timed out and sent an asked message again, to the other broker.
    SecondCopy,
    /// The list asks about it, but the store has deleted it.
    Expired,
}

/// Returns all stored messages, by store time.
pub(super) fn traffic() -> Vec<Message> {
    let mut dice = Dice(20_261_120);
    let mut messages: Vec<_> = (0..SENT).map(|n| sent(n, &mut dice)).collect();
    let last_billed = messages.iter().rposition(|m| {
        m.topic == "orders" && m.role == Role::Asked && m.stored_at < millis(BILLING_HUNG)
    });
    for original in [Some(101), last_billed, Some(803)].into_iter().flatten() {
        let first = &messages[original];
        let copy = Message {
            broker: if first.broker == BROKERS[0] {
                BROKERS[1]
            } else {
                BROKERS[0]
            },
            stored_at: first.stored_at + 3_004,
            role: Role::SecondCopy,
            ..first.clone()
        };
        messages.push(copy);
    }
    messages.sort_by_key(|message| message.stored_at);
    place(&mut messages);
    messages.push(expired());
    messages
}

fn sent(n: u64, dice: &mut Dice) -> Message {
    let step = (millis(HALTED) - millis(OPENED)).unsigned_abs() / SENT;
    let stored_at = millis(OPENED) + i64::try_from(n * step + dice.roll(step)).unwrap();
    let (topic, tags): (_, &[_]) = match dice.roll(100) {
        0..65 => (
            "orders",
            &[
                Some("created"),
                Some("created"),
                Some("paid"),
                Some("cancelled"),
                None,
            ],
        ),
        65..95 => ("payments", &[Some("settled"), None]),
        _ => ("refunds", &[None]),
    };
    Message {
        msg_id: msg_id(
            topic,
            n,
            stored_at - 3 - i64::try_from(dice.roll(12)).unwrap(),
        ),
        topic,
        tag: tags[usize::try_from(dice.roll(tags.len() as u64)).unwrap()],
        broker: BROKERS[usize::try_from(dice.roll(2)).unwrap()],
        queue_id: dice.roll(QUEUES),
        queue_offset: 0,
        stored_at,
        role: if n % 17 == 16 {
            Role::NotAsked
        } else {
            Role::Asked
        },
    }
}

/// Assigns queues and offsets in the order of store time.
fn place(messages: &mut [Message]) {
    for (topic, first, _) in TOPICS {
        for broker in BROKERS {
            for queue_id in 0..QUEUES {
                messages
                    .iter_mut()
                    .filter(|m| (m.topic, m.broker, m.queue_id) == (topic, broker, queue_id))
                    .zip(first..)
                    .for_each(|(message, offset)| message.queue_offset = offset);
            }
        }
    }
}

/// Returns a message of last Monday that the index still has and the store has deleted.
fn expired() -> Message {
    let (topic, first, kept) = TOPICS[0];
    Message {
        msg_id: java_id(0x0A15_030B, 4367, millis(LONG_EXPIRED) - 4, 0x1F0C),
        topic,
        tag: Some("paid"),
        broker: BROKERS[0],
        queue_id: 2,
        queue_offset: first - kept - 17,
        stored_at: millis(LONG_EXPIRED),
        role: Role::Expired,
    }
}

/// Makes an ID. Orders come from two Java services, payments from a third and from a 5.x client, refunds from a Go
/// service.
fn msg_id(topic: &str, n: u64, born_at: i64) -> String {
    match topic {
        "orders" if n.is_multiple_of(2) => java_id(0x0A15_030B, 4367, born_at, 0x0BA2 + n),
        "orders" => java_id(0x0A15_030C, 5120, born_at, 0x21D0 + n),
        "payments" if n % 29 == 5 => v5_id(0x0242_AC11_0007, 31, born_at, n),
        "payments" => java_id(0x0A15_0421, 902, born_at, 0x7700 + n),
        _ => go_id(0x0A15_0828, 17, born_at, 0x0040 + n),
    }
}

/// Makes the ID of a Java client: address, process, class loader, milliseconds of the month in the producer's zone,
/// counter.
pub(super) fn java_id(ip: u32, pid: u16, born_at: i64, counter: u64) -> String {
    let of_month = born_at - millis(MONTH_START);
    format!("{ip:08X}{pid:04X}18B4AAC2{of_month:08X}{counter:04X}")
}

/// Makes the ID of the Go client: no class loader, whole seconds, and a tail in lower case.
fn go_id(ip: u32, pid: u16, born_at: i64, counter: u64) -> String {
    let of_month = (born_at - millis(MONTH_START)) / 1000 * 1000;
    format!("{ip:08X}{pid:04X}00000000{of_month:08x}{counter:04x}")
}

/// Makes the ID of a 5.x client: version, hardware address, process, seconds since 2021, sequence.
fn v5_id(mac: u64, pid: u16, born_at: i64, sequence: u64) -> String {
    let seconds = (born_at - millis("2021-01-01T00:00:00Z")) / 1000;
    format!("{V5_PREFIX}{mac:012X}{pid:04X}{seconds:08X}{sequence:08X}")
}

/// Splitmix64: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}
