//! The format in which brokers store and send messages (`docs/facts/rocketmq.md` §4).

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Buf;
use flate2::read::ZlibDecoder;
use thiserror::Error;

const VERSION_1: u32 = 0xDAA3_20A7;
/// Format for topics of more than 127 bytes.
const VERSION_2: u32 = 0xDAA3_20AB;
/// Not a message: padding at the end of a commit log file.
const BLANK: u32 = 0xCBD4_3194;

const BORN_IPV6: i32 = 0x10;
const STORED_IPV6: i32 = 0x20;

/// Set if the body is compressed.
const COMPRESSED: i32 = 0x1;
/// The bits that name the compression.
const COMPRESSION: i32 = 0x700;
/// Clients before 4.9.4 leave the name out.
const UNNAMED: i32 = 0;
const ZLIB: i32 = 0x300;

/// Limit for a body after decompression. Bodies are read for trace records, which clients send in messages of at most
/// 128,000 bytes.
const LONGEST_BODY: u64 = 1024 * 1024;

const AFTER_NAME: char = '\u{1}';
const AFTER_VALUE: char = '\u{2}';

/// A stored message, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Size in the commit log, in bytes.
    pub size: u32,
    /// Number of the queue on its broker.
    pub queue_id: u32,
    /// Offset in the queue.
    pub queue_offset: i64,
    /// Position in the commit log.
    pub physical_offset: i64,
    /// Compression, kind of transaction, address families.
    pub sys_flag: i32,
    /// The time when the producer sent it, in ms of the Unix epoch, by the producer's clock.
    pub born_timestamp: i64,
    /// Address of the producer.
    pub born_host: SocketAddr,
    /// The time when the broker stored it, in ms of the Unix epoch.
    pub store_timestamp: i64,
    /// Address of the broker when it stored the message.
    pub store_host: SocketAddr,
    /// Number of redeliveries.
    pub reconsume_times: i32,
    /// CRC-32 of the body.
    pub body_crc: u32,
    /// Length of the body, in bytes.
    pub body_length: u32,
    /// The topic it is stored under, which may be a retry or delay topic.
    pub topic: String,
    /// Properties of the message.
    pub properties: MessageProperties,
}

impl StoredMessage {
    /// Parses the message at the beginning of `bytes` and advances past it.
    ///
    /// # Errors
    ///
    /// If the bytes are not a message.
    pub fn read(bytes: &mut &[u8]) -> Result<Self, BadMessage> {
        next(bytes).map(|(message, _)| message)
    }

    /// Parses consecutive messages up to the end, at most `most`.
    ///
    /// # Errors
    ///
    /// If the bytes are not messages, or there are more.
    pub fn read_all(bytes: &[u8], most: usize) -> Result<Vec<Self>, BadMessage> {
        all(bytes, most, |(message, _)| message)
    }

    /// Returns the key that the producer's client made (`UNIQ_KEY`).
    #[must_use]
    pub fn unique_key(&self) -> Option<&str> {
        self.properties.get("UNIQ_KEY")
    }

    /// Returns the tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.properties.get("TAGS")
    }
}

/// A stored message and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithBody {
    /// The message.
    pub message: StoredMessage,
    /// Its body, decompressed. `None` if that is not possible.
    pub body: Option<Vec<u8>>,
}

impl WithBody {
    /// Parses consecutive messages up to the end, at most `most`.
    ///
    /// # Errors
    ///
    /// If the bytes are not messages, or there are more.
    pub fn read_all(bytes: &[u8], most: usize) -> Result<Vec<Self>, BadMessage> {
        all(bytes, most, |(message, body)| Self {
            body: decompressed(body, message.sys_flag),
            message,
        })
    }
}

impl AsRef<Self> for StoredMessage {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsRef<StoredMessage> for WithBody {
    fn as_ref(&self) -> &StoredMessage {
        &self.message
    }
}

/// Returns the body, decompressed; `None` if its compression is unknown, it is damaged, or it is too long.
fn decompressed(body: &[u8], sys_flag: i32) -> Option<Vec<u8>> {
    if sys_flag & COMPRESSED == 0 {
        return Some(body.to_vec());
    }
    if !matches!(sys_flag & COMPRESSION, UNNAMED | ZLIB) {
        return None;
    }
    let mut text = Vec::new();
    let inflater = ZlibDecoder::new(body);
    inflater
        .take(LONGEST_BODY + 1)
        .read_to_end(&mut text)
        .ok()?;
    (text.len() as u64 <= LONGEST_BODY).then_some(text)
}

/// Parses consecutive messages up to the end, at most `most`, and keeps `kept` of each and its body.
fn all<T>(
    mut bytes: &[u8],
    most: usize,
    kept: impl Fn((StoredMessage, &[u8])) -> T,
) -> Result<Vec<T>, BadMessage> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        if messages.len() == most {
            return Err(BadMessage::TooMany(most));
        }
        messages.push(kept(next(&mut bytes)?));
    }
    Ok(messages)
}

/// Parses the message at the beginning, and its body, and advances past it.
fn next<'a>(bytes: &mut &'a [u8]) -> Result<(StoredMessage, &'a [u8]), BadMessage> {
    let Some(length) = bytes.first_chunk::<4>() else {
        return Err(BadMessage::Short);
    };
    let length = u32::from_be_bytes(*length);
    let (mut message, rest) = bytes
        .split_at_checked(length as usize)
        .ok_or(BadMessage::Short)?;
    *bytes = rest;
    fields(&mut message)
}

/// The properties of a message, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageProperties(Box<str>);

impl MessageProperties {
    /// Creates properties of their text on brokers.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the value of a property. If a name occurs twice, the last value counts, as on brokers.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = self.iter().filter(|(is, _)| *is == name);
        named.last().map(|(_, value)| value)
    }

    /// Returns names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .split(AFTER_VALUE)
            .filter_map(|property| property.split_once(AFTER_NAME))
    }
}

/// Parses `size, magic, CRC, queue, flag, queue offset, physical offset, system flag, born, from, stored, at,
/// reconsumed, transaction, body, topic, properties`.
fn fields<'a>(bytes: &mut &'a [u8]) -> Result<(StoredMessage, &'a [u8]), BadMessage> {
    let size = u32_of(bytes)?;
    let magic = u32_of(bytes)?;
    if !matches!(magic, VERSION_1 | VERSION_2) {
        return Err(match magic {
            BLANK => BadMessage::Blank,
            magic => BadMessage::Magic(magic),
        });
    }
    let body_crc = u32_of(bytes)?;
    let queue_id = u32_of(bytes)?;
    let _flag = u32_of(bytes)?;
    let queue_offset = i64_of(bytes)?;
    let physical_offset = i64_of(bytes)?;
    let sys_flag = i32_of(bytes)?;
    let born_timestamp = i64_of(bytes)?;
    let born_host = host(bytes, sys_flag & BORN_IPV6 != 0)?;
    let store_timestamp = i64_of(bytes)?;
    let store_host = host(bytes, sys_flag & STORED_IPV6 != 0)?;
    let reconsume_times = i32_of(bytes)?;
    let _prepared_transaction_offset = i64_of(bytes)?;
    let body_length = u32_of(bytes)?;
    let body = take(bytes, body_length as usize)?;
    let topic_length = if magic == VERSION_2 {
        bytes.try_get_u16().map_err(|_| BadMessage::Short)?.into()
    } else {
        usize::from(bytes.try_get_u8().map_err(|_| BadMessage::Short)?)
    };
    let topic = text(take(bytes, topic_length)?);
    let length = bytes.try_get_u16().map_err(|_| BadMessage::Short)?;
    let properties = MessageProperties::new(&text(take(bytes, length.into())?));
    let message = StoredMessage {
        size,
        queue_id,
        queue_offset,
        physical_offset,
        sys_flag,
        born_timestamp,
        born_host,
        store_timestamp,
        store_host,
        reconsume_times,
        body_crc,
        body_length,
        topic,
        properties,
    };
    Ok((message, body))
}

fn u32_of(bytes: &mut &[u8]) -> Result<u32, BadMessage> {
    bytes.try_get_u32().map_err(|_| BadMessage::Short)
}

fn i32_of(bytes: &mut &[u8]) -> Result<i32, BadMessage> {
    bytes.try_get_i32().map_err(|_| BadMessage::Short)
}

fn i64_of(bytes: &mut &[u8]) -> Result<i64, BadMessage> {
    bytes.try_get_i64().map_err(|_| BadMessage::Short)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], BadMessage> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(BadMessage::Short)?;
    *bytes = rest;
    Ok(taken)
}

/// Decodes text. Clients may use any encoding; like Java, this replaces what is not UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Parses an address with a port of four bytes.
fn host(bytes: &mut &[u8], is_ipv6: bool) -> Result<SocketAddr, BadMessage> {
    let address = if is_ipv6 {
        let bits = bytes.try_get_u128().map_err(|_| BadMessage::Short)?;
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(u32_of(bytes)?))
    };
    let port = u32_of(bytes)?;
    let port = u16::try_from(port).map_err(|_| BadMessage::Port(port))?;
    Ok(SocketAddr::new(address, port))
}

/// The reason why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadMessage {
    /// The bytes end too early, or a length points past the end.
    #[error("a message that ends too early")]
    Short,
    /// The magic number is unknown.
    #[error("bytes with the mark {0:#010x}, which is not that of a message")]
    Magic(u32),
    /// More messages than were requested.
    #[error("more messages than the {0} that were requested")]
    TooMany(usize),
    /// The bytes are padding at the end of a commit log file.
    #[error("the unused rest of a commit log file")]
    Blank,
    /// The port of an address is out of range.
    #[error("a message from port {0}, which is out of range")]
    Port(u32),
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::BufMut as _;
    use proptest::prelude::*;

    use super::*;

    /// A message, written independently of the code that reads it.
    #[derive(Debug, Clone)]
    pub(in super::super) struct Written<'a> {
        pub(in super::super) magic: u32,
        pub(in super::super) born: SocketAddr,
        pub(in super::super) store: SocketAddr,
        pub(in super::super) body: &'a [u8],
        pub(in super::super) topic: &'a str,
        pub(in super::super) properties: &'a str,
        pub(in super::super) sys_flag: i32,
    }

    impl Default for Written<'_> {
        fn default() -> Self {
            Self {
                magic: VERSION_1,
                born: "192.0.2.7:50680".parse().unwrap(),
                store: "192.0.2.1:10911".parse().unwrap(),
                body: b"message 1",
                topic: "orders",
                properties: "UNIQ_KEY\u{1}KEY-1\u{2}TAGS\u{1}paid\u{2}",
                sys_flag: 0,
            }
        }
    }

    impl Written<'_> {
        /// At offset 17 of queue 3, and at 43,690 of the commit log.
        pub(in super::super) fn bytes(&self) -> Vec<u8> {
            let family = |host: SocketAddr, bit| if host.is_ipv6() { bit } else { 0 };
            let mut bytes = Vec::new();
            bytes.put_u32(0);
            bytes.put_u32(self.magic);
            bytes.put_u32(0xCAFE);
            bytes.put_u32(3);
            bytes.put_u32(0);
            bytes.put_i64(17);
            bytes.put_i64(43_690);
            bytes.put_i32(self.sys_flag | family(self.born, 0x10) | family(self.store, 0x20));
            bytes.put_i64(1_795_602_633_470);
            put_host(self.born, &mut bytes);
            bytes.put_i64(1_795_602_633_478);
            put_host(self.store, &mut bytes);
            bytes.put_i32(2);
            bytes.put_i64(0);
            bytes.put_u32(self.body.len().try_into().unwrap());
            bytes.put_slice(self.body);
            match self.magic {
                VERSION_2 => bytes.put_u16(self.topic.len().try_into().unwrap()),
                _ => bytes.put_u8(self.topic.len().try_into().unwrap()),
            }
            bytes.put_slice(self.topic.as_bytes());
            bytes.put_u16(self.properties.len().try_into().unwrap());
            bytes.put_slice(self.properties.as_bytes());
            let size = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&size.to_be_bytes());
            bytes
        }
    }

    fn put_host(host: SocketAddr, bytes: &mut Vec<u8>) {
        match host.ip() {
            IpAddr::V4(address) => bytes.put_slice(&address.octets()),
            IpAddr::V6(address) => bytes.put_slice(&address.octets()),
        }
        bytes.put_u32(host.port().into());
    }

    fn read(bytes: &[u8]) -> Result<StoredMessage, BadMessage> {
        StoredMessage::read(&mut &*bytes)
    }

    #[test]
    fn every_field_is_where_brokers_put_it() {
        let written = Written::default();
        let bytes = written.bytes();
        // The fixed positions of `docs/facts/rocketmq.md` §4.1.
        assert_eq!(bytes[20..28], 17_i64.to_be_bytes());
        assert_eq!(bytes[28..36], 43_690_i64.to_be_bytes());
        assert_eq!(bytes[56..64], 1_795_602_633_478_i64.to_be_bytes());
        let message = read(&bytes).unwrap();
        assert_eq!(message.size as usize, bytes.len());
        assert_eq!(
            (
                message.queue_id,
                message.queue_offset,
                message.physical_offset
            ),
            (3, 17, 43_690)
        );
        assert_eq!(
            (message.born_host, message.store_host),
            (written.born, written.store)
        );
        assert_eq!(
            (message.born_timestamp, message.store_timestamp),
            (1_795_602_633_470, 1_795_602_633_478)
        );
        assert_eq!(
            (
                message.reconsume_times,
                message.body_crc,
                message.body_length
            ),
            (2, 0xCAFE, 9)
        );
        assert_eq!(message.topic, "orders");
        assert_eq!(
            (message.unique_key(), message.tag()),
            (Some("KEY-1"), Some("paid"))
        );
    }

    #[test]
    fn properties_are_read_as_brokers_read_them() {
        let of = |text: &str| MessageProperties(text.into());
        assert_eq!(of("").get("TAGS"), None);
        assert_eq!(
            of("TAGS\u{1}a").get("TAGS"),
            Some("a"),
            "the last end may be missing"
        );
        assert_eq!(of("TAGS\u{1}a\u{2}TAGS\u{1}b\u{2}").get("TAGS"), Some("b"));
        assert_eq!(of("TAGS\u{1}\u{2}K\u{1}v\u{2}").get("TAGS"), Some(""));
        assert_eq!(
            of("no end\u{2}K\u{1}v").iter().collect::<Vec<_>>(),
            [("K", "v")]
        );
    }

    #[test]
    fn bodies_are_decompressed_within_a_limit() {
        let zlib = |text: &[u8]| {
            let to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            let mut encoder = to;
            std::io::Write::write_all(&mut encoder, text).unwrap();
            encoder.finish().unwrap()
        };
        let long = vec![b'a'; 1024 * 1024 + 1];
        let text = &b"text"[..];
        let table = [
            (0, text.to_vec(), Some(text)),
            (769, zlib(text), Some(text)), // as 5.5 clients write
            (1, zlib(text), Some(text)),
            (513, b"zstd".to_vec(), None),
            (257, b"LZ4".to_vec(), None),
            (769, b"damaged".to_vec(), None),
            (769, zlib(&long), None),
            (769, zlib(&long[1..]), Some(&long[1..])),
        ];
        for (sys_flag, body, expected) in table {
            let written = Written {
                sys_flag,
                body: &body,
                ..Written::default()
            };
            let read = WithBody::read_all(&written.bytes(), 1).unwrap();
            assert!(read[0].body.as_deref() == expected, "{sys_flag}");
            assert_eq!(read[0].message.topic, "orders");
        }
    }

    #[test]
    fn what_is_no_message_says_what_it_is() {
        let whole = Written::default().bytes();
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(BadMessage::Short), "{end}");
        }
        let magic = |magic| {
            Written {
                magic,
                ..Written::default()
            }
            .bytes()
        };
        assert_eq!(read(&magic(BLANK)), Err(BadMessage::Blank));
        assert_eq!(read(&magic(7)), Err(BadMessage::Magic(7)));
        let mut port = whole.clone();
        port[52] = 1;
        assert!(matches!(read(&port), Err(BadMessage::Port(_))));
        let mut body = whole.clone();
        body[84] = 0xFF;
        assert_eq!(read(&body), Err(BadMessage::Short));
        // A size that ends inside the message; a size of zero.
        for size in [0_u32, 4, 90] {
            let mut short = whole.clone();
            short[..4].copy_from_slice(&size.to_be_bytes());
            assert_eq!(read(&short), Err(BadMessage::Short));
        }
        // Not UTF-8: replaced, as in Java.
        let mut odd = whole.clone();
        let at = odd.len() - 2;
        odd[at] = 0xFF;
        assert_eq!(read(&odd).unwrap().tag(), Some("pai\u{FFFD}"));
    }

    fn host() -> impl Strategy<Value = SocketAddr> {
        let address = prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from),
        ];
        (address, any::<u16>()).prop_map(SocketAddr::from)
    }

    proptest! {
        #[test]
        fn messages_that_follow_one_another_are_all_read(
            parts in prop::collection::vec(
                (any::<bool>(), host(), host(), prop::collection::vec(any::<u8>(), 0..40), "[%a-z]{1,60}", "[a-z\u{1}\u{2}]{0,40}"),
                0..5,
            ),
        ) {
            let written: Vec<_> = parts.iter().map(|(is_long, born, store, body, topic, properties)| Written {
                magic: if *is_long { VERSION_2 } else { VERSION_1 },
                born: *born, store: *store, body, topic, properties, sys_flag: 0,
            }).collect();
            let bytes = written.iter().flat_map(Written::bytes).collect::<Vec<_>>();
            let read = StoredMessage::read_all(&bytes, usize::MAX).unwrap();
            prop_assert_eq!(read.len(), written.len());
            for (message, written) in read.iter().zip(&written) {
                prop_assert_eq!(message.born_host, written.born);
                prop_assert_eq!(message.store_host, written.store);
                prop_assert_eq!(message.body_length as usize, written.body.len());
                prop_assert_eq!(&message.topic, written.topic);
                prop_assert_eq!(&*message.properties.0, written.properties);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(at in 0..200_usize, with: [u8; 4], bytes: Vec<u8>) {
            let _ = StoredMessage::read_all(&bytes, usize::MAX);
            let mut message = Written::default().bytes();
            let at = at % (message.len() - 4);
            message[at..at + 4].copy_from_slice(&with);
            let _ = StoredMessage::read_all(&message, usize::MAX);
        }
    }
}
