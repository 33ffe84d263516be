//! Message IDs: the three kinds and what each contains (`docs/facts/ons-api.md` §8.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::bad_id;
use super::{BadId, BornClock};

/// 2021-01-01T00:00:00Z in seconds of the Unix epoch: the epoch of 5.x IDs.
const V1_EPOCH: i64 = 1_609_459_200;

/// Lowest plausible port of a broker.
const LOWEST_PORT: u16 = 1024;

/// Commit-log offsets of offset IDs are below 2⁴⁸ bytes (256 TiB); no broker stores that much.
const OFFSET_BITS: u32 = 48;

/// A decoded message ID. Queries and comparisons use the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageId {
    /// Made by the producer's 4.x client (`UNIQ_KEY`).
    UniqKey(UniqKey),
    /// Made by the broker (`offsetMsgId`): the position of one stored copy.
    OffsetId(OffsetId),
    /// Made by the producer's 5.x client, version 1.
    V1(V1),
}

/// The unique key of a 4.x client: 32 hex digits, or 56 with an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UniqKey {
    /// Address of the producer; invented by the client if it has none.
    pub producer: IpAddr,
    /// The low 16 bits of the producer's process ID; 0 from Java clients that wrote the high 16 bits.
    pub pid: u16,
    /// Hash of the client's class loader; 0 from the Go client.
    #[serde(serialize_with = "as_hex")]
    pub class_loader: u32,
    /// Milliseconds since the month began in the producer's time zone. Unsigned: from day 25 on it exceeds 2³¹.
    pub month_millis: u32,
    /// The client's message counter, modulo 2¹⁶.
    pub counter: u16,
}

/// The position of a stored message: 32 hex digits, or 56 with an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OffsetId {
    /// Address and port of the broker that stored it.
    pub store: SocketAddr,
    /// Byte offset in that broker's commit log.
    pub commit_log_offset: u64,
}

/// The ID of a 5.x client: 34 hex digits that begin with `01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct V1 {
    /// Hardware address of the producer.
    pub mac: Mac,
    /// The low 16 bits of the producer's process ID.
    pub pid: u16,
    /// Seconds since 2021-01-01 UTC.
    pub seconds: u32,
    /// The client's message counter.
    pub sequence: u32,
}

impl MessageId {
    /// Checks whether a text can be a message ID, like [`Self::parse`] without decoding: about 20 ns, no
    /// allocation.
    ///
    /// # Errors
    ///
    /// If the text cannot be a message ID.
    pub fn check(text: &str) -> Result<(), BadId> {
        bad_id::check(text)
    }

    /// Decodes an ID of any kind.
    ///
    /// A unique key and an offset ID have the same length. An ID is taken for an offset ID if the four bytes
    /// after the address are a plausible port and the last eight a plausible offset. Only a unique key of process 0 can
    /// look like that, and 1 of 65,536 does.
    ///
    /// # Errors
    ///
    /// If the text cannot be a message ID.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        Self::check(text)?;
        Ok(match text.len() {
            34 => Self::V1(V1::from_bytes(number(&text[2..]).to_be_bytes())),
            32 => {
                let bytes = number(text).to_be_bytes();
                let [a, b, c, d, ..] = bytes;
                Self::behind(Ipv4Addr::new(a, b, c, d).into(), bytes)
            }
            _ => {
                let host = Ipv6Addr::from(number(&text[..32]));
                Self::behind(host.into(), number(&text[32..]).to_be_bytes())
            }
        })
    }

    /// Decodes the kinds that begin with an address, from the last twelve of these bytes.
    fn behind(host: IpAddr, [_, _, _, _, rest @ ..]: [u8; 16]) -> Self {
        let [p0, p1, p2, p3, o @ ..] = rest;
        let port = u16::from_be_bytes([p2, p3]);
        let commit_log_offset = u64::from_be_bytes(o);
        let is_offset_id =
            [p0, p1] == [0, 0] && port >= LOWEST_PORT && commit_log_offset >> OFFSET_BITS == 0;
        if is_offset_id {
            Self::OffsetId(OffsetId {
                store: SocketAddr::new(host, port),
                commit_log_offset,
            })
        } else {
            Self::UniqKey(UniqKey::from_bytes(host, rest))
        }
    }

    /// Returns when the message was made, according to its ID. Only a hint; the broker's record is
    /// authoritative.
    ///
    /// A unique key contains the time since the start of a month in the producer's zone. The month is that of
    /// `now`, or the previous one if the result would be in the future. So a message older than two months gets
    /// a wrong date. An offset ID contains no time.
    #[must_use]
    pub fn born(&self, clock: &BornClock) -> Option<Timestamp> {
        match self {
            Self::UniqKey(key) => clock.since_month(key.month_millis),
            Self::OffsetId(_) => None,
            Self::V1(id) => Timestamp::from_second(V1_EPOCH + i64::from(id.seconds)).ok(),
        }
    }
}

impl UniqKey {
    fn from_bytes(producer: IpAddr, bytes: [u8; 12]) -> Self {
        let [p0, p1, h0, h1, h2, h3, m0, m1, m2, m3, c0, c1] = bytes;
        Self {
            producer,
            pid: u16::from_be_bytes([p0, p1]),
            class_loader: u32::from_be_bytes([h0, h1, h2, h3]),
            month_millis: u32::from_be_bytes([m0, m1, m2, m3]),
            counter: u16::from_be_bytes([c0, c1]),
        }
    }
}

impl V1 {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        let [mac @ .., p0, p1, s0, s1, s2, s3, n0, n1, n2, n3] = bytes;
        Self {
            mac: Mac(mac),
            pid: u16::from_be_bytes([p0, p1]),
            seconds: u32::from_be_bytes([s0, s1, s2, s3]),
            sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        }
    }
}

/// A hardware address, written `56:f7:e7:1c:36:1b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.into_iter()
            .try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses up to 32 hex digits.
fn number(hex: &str) -> u128 {
    hex.chars()
        .filter_map(|digit| digit.to_digit(16))
        .fold(0, |number, digit| number << 4 | u128::from(digit))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn as_hex<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:08x}"))
}

#[cfg(test)]
mod tests;
