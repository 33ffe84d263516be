//! Frames: total length, form and length of the header, header, body (`docs/facts/rocketmq.md` §3.1).

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::Decoder;

use super::Request;
use super::header::{CommandHeader, Form, HeaderError, RequestHeader};

/// Maximum length of a frame. Servers and the Java client allow 16 MiB, but the offsets of a large broker come
/// in one frame.
pub const LONGEST: usize = 256 * 1024 * 1024;

/// Size of the header's form and length.
const MARK: usize = 4;

/// A received frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The header.
    pub header: CommandHeader,
    /// The bytes after the header.
    pub body: Bytes,
}

/// Splits a byte stream into frames. Allocates for bytes that have arrived, never for an announced length.
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    longest: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self { longest: LONGEST }
    }
}

impl FrameDecoder {
    /// Creates a decoder for frames of at most `longest` bytes.
    #[must_use]
    pub const fn up_to(longest: usize) -> Self {
        Self { longest }
    }
}

impl Decoder for FrameDecoder {
    type Item = Frame;
    type Error = FrameError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(announced) = bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let announced = u32::from_be_bytes(*announced);
        let length = announced as usize;
        if length < MARK || length > self.longest {
            return Err(FrameError::Length(announced));
        }
        if bytes.len() < size_of::<u32>() + length {
            return Ok(None);
        }
        bytes.advance(size_of::<u32>());
        read(bytes.split_to(length).freeze()).map(Some)
    }
}

fn read(mut frame: Bytes) -> Result<Frame, FrameError> {
    let mark = frame.get_u32();
    let [form, ..] = mark.to_be_bytes();
    let length = (mark & 0x00FF_FFFF) as usize;
    let form = Form::from_byte(form).ok_or(HeaderError::Form(form))?;
    if length > frame.len() {
        return Err(FrameError::HeaderLength(length, frame.len()));
    }
    let header = CommandHeader::read(form, &frame.split_to(length))?;
    Ok(Frame {
        header,
        body: frame,
    })
}

/// Appends a request to `out`, with a JSON header, which every server supports.
pub(super) fn write(request: &Request, opaque: i32, out: &mut BytesMut) {
    let header = RequestHeader::new(request.code.number(), opaque, &request.fields);
    let start = out.len();
    out.put_u64(0);
    serde_json::to_writer(out.writer(), &header).expect("text can be written to memory");
    let head = out.len() - start - 2 * size_of::<u32>();
    // Fields are names and numbers: far below the limit of 16 MiB.
    let head = u32::try_from(head).expect("a head is short");
    out[start..start + 4].copy_from_slice(&(head + 4).to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&head.to_be_bytes());
}

/// The reason why bytes are not a frame. The rest of the connection cannot be read either.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The length is out of range: the server speaks another protocol.
    #[error("a frame of {0} bytes, which no RocketMQ server sends")]
    Length(u32),
    /// The header is longer than its frame.
    #[error("a frame whose head has {0} bytes of {1}")]
    HeaderLength(usize, usize),
    /// The header cannot be read.
    #[error("a frame that can't be read: {0}")]
    Header(#[from] HeaderError),
    /// The connection is lost.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::RequestCode;
    use super::*;

    const HEAD: &[u8] = br#"{"code":0,"flag":1,"opaque":3}"#;

    fn frame(head: &[u8], body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.put_u32((4 + head.len() + body.len()).try_into().unwrap());
        frame.put_u32(head.len().try_into().unwrap());
        frame.put_slice(head);
        frame.put_slice(body);
        frame
    }

    #[test]
    fn a_request_is_written_as_servers_read_it() {
        let request = Request::new(RequestCode::GetMaxOffset)
            .with("topic", "orders")
            .with("queueId", 3);
        let mut bytes = BytesMut::from(&b"before"[..]);
        write(&request, 7, &mut bytes);
        let head = br#"{"code":30,"language":"OTHER","version":479,"opaque":7,"flag":0,"extFields":{"queueId":"3","topic":"orders"},"serializeTypeCurrentRPC":"JSON"}"#;
        assert_eq!(bytes[6..], frame(head, b""));
        let read = FrameDecoder::default()
            .decode(&mut bytes.split_off(6))
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                read.header.code,
                read.header.opaque,
                read.header.is_answer()
            ),
            (30, 7, false)
        );
    }

    #[test]
    fn lengths_that_no_server_sends_are_refused_at_once() {
        for length in [0, 3, 1001, u32::MAX, u32::from_be_bytes(*b"HTTP")] {
            let mut bytes = BytesMut::from(&length.to_be_bytes()[..]);
            let refused = FrameDecoder::up_to(1000).decode(&mut bytes);
            assert!(
                matches!(refused, Err(FrameError::Length(found)) if found == length),
                "{length}"
            );
        }
    }

    #[test]
    fn no_room_is_made_on_the_word_of_a_length() {
        let mut bytes = BytesMut::new();
        bytes.put_u32(200 << 20);
        bytes.put_slice(HEAD);
        let before = bytes.capacity();
        assert!(
            FrameDecoder::default()
                .decode(&mut bytes)
                .unwrap()
                .is_none()
        );
        assert_eq!(bytes.capacity(), before);
    }

    proptest! {
        /// Frames are the same, however the stream is split.
        #[test]
        fn frames_come_out_however_they_arrive(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..6),
            cut in 1..40_usize,
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(HEAD, body)).collect();
            let mut decoder = FrameDecoder::default();
            let (mut bytes, mut read) = (BytesMut::new(), Vec::new());
            for piece in stream.chunks(cut) {
                bytes.extend_from_slice(piece);
                while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
                    read.push(frame.body.to_vec());
                }
            }
            prop_assert_eq!(read, bodies);
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut bytes = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = FrameDecoder::default().decode(&mut bytes) {}
        }
    }
}
