//! Frames: total length, form and length of the header, header, body (`docs/facts/rocketmq.md` §3.1).

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::Decoder;

use super::header::{CommandHeader, Form, HeaderError, RequestHeader};
use super::{Request, RequestCode};

/// Maximum length of a frame: that of the longest response to any request ([`RequestCode::longest_answer`]).
pub const LONGEST: usize = RequestCode::GetAllConsumerOffset.longest_answer();

/// Maximum length of a header. It has a code, a remark and some fields.
const LONGEST_HEAD: usize = 256 * 1024;

/// Frames of more bytes are checked as soon as their header is there.
const SHORT: usize = 64 * 1024;

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
    /// Bytes of a frame without a waiting call, which are dropped as they arrive.
    skipped: usize,
    /// Whether the header of the frame at the beginning was checked.
    is_checked: bool,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl FrameDecoder {
    /// Creates a decoder for frames of at most `longest` bytes.
    #[must_use]
    pub const fn up_to(longest: usize) -> Self {
        Self {
            longest,
            skipped: 0,
            is_checked: false,
        }
    }

    /// Returns how many bytes to make room for. Once a sixteenth of a long frame has arrived, this is the rest of it, so
    /// that two copies of a long frame are never in memory.
    #[must_use]
    pub fn room(&self, bytes: &BytesMut) -> usize {
        let announced = bytes.first_chunk::<4>().filter(|_| self.is_checked);
        let length = announced.map_or(0, |length| {
            u32::from_be_bytes(*length) as usize + size_of::<u32>()
        });
        if bytes.len() < length / 16 {
            return 0;
        }
        length.saturating_sub(bytes.len())
    }

    /// Returns the next frame, if it is complete. `waiting` returns the request that a frame with this header answers,
    /// if one waits for it. Its limit applies, and other long frames are skipped.
    ///
    /// # Errors
    ///
    /// If the bytes are not a frame, or one that is longer than the response to its request may be.
    pub fn next(
        &mut self,
        bytes: &mut BytesMut,
        waiting: impl Fn(&CommandHeader) -> Option<RequestCode>,
    ) -> Result<Option<Frame>, FrameError> {
        loop {
            let dropped = self.skipped.min(bytes.len());
            bytes.advance(dropped);
            self.skipped -= dropped;
            let Some(announced) = bytes.first_chunk::<4>() else {
                return Ok(None);
            };
            let announced = u32::from_be_bytes(*announced);
            let length = announced as usize;
            if length < MARK || length > self.longest {
                return Err(FrameError::Length(announced));
            }
            if let Some((_, mark)) = bytes.split_first_chunk::<4>()
                && let Some(mark) = mark.first_chunk()
            {
                form_of(u32::from_be_bytes(*mark), length)?;
            }
            if length > SHORT && !self.is_checked {
                let Some(header) = header_of(&bytes[size_of::<u32>()..], length)? else {
                    return Ok(None);
                };
                let Some(request) = waiting(&header) else {
                    self.skipped = size_of::<u32>() + length;
                    continue;
                };
                if length > request.longest_answer() {
                    return Err(FrameError::TooLong(length, request));
                }
                self.is_checked = true;
            }
            if bytes.len() < size_of::<u32>() + length {
                return Ok(None);
            }
            self.is_checked = false;
            bytes.advance(size_of::<u32>());
            return read(bytes.split_to(length).freeze()).map(Some);
        }
    }
}

impl Decoder for FrameDecoder {
    type Item = Frame;
    type Error = FrameError;

    /// Decodes any frame, as if the request with the longest responses waited for it.
    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        self.next(bytes, |_| Some(RequestCode::GetAllConsumerOffset))
    }
}

/// Parses the form and the length of the header of a frame of `length` bytes.
fn form_of(mark: u32, length: usize) -> Result<(Form, usize), FrameError> {
    let [form, ..] = mark.to_be_bytes();
    let head = (mark & 0x00FF_FFFF) as usize;
    let form = Form::from_byte(form).ok_or(HeaderError::Form(form))?;
    if head > (length - MARK).min(LONGEST_HEAD) {
        return Err(FrameError::HeaderLength(head, length - MARK));
    }
    Ok((form, head))
}

/// Parses the header at the beginning of a frame of `length` bytes; `None` if it has not arrived yet.
fn header_of(mut bytes: &[u8], length: usize) -> Result<Option<CommandHeader>, FrameError> {
    let Ok(mark) = bytes.try_get_u32() else {
        return Ok(None);
    };
    let (form, head) = form_of(mark, length)?;
    match bytes.get(..head) {
        Some(head) => Ok(Some(CommandHeader::read(form, head)?)),
        None => Ok(None),
    }
}

fn read(mut frame: Bytes) -> Result<Frame, FrameError> {
    let length = frame.len();
    let (form, head) = form_of(frame.get_u32(), length)?;
    let header = CommandHeader::read(form, &frame.split_to(head))?;
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
    /// The frame is longer than a response to its request.
    #[error("a frame of {0} bytes, expected at most {limit} for {1}", limit = .1.longest_answer())]
    TooLong(usize, RequestCode),
    /// The header is longer than its frame, or than a header may be.
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
        bytes.put_u32(15 << 20);
        bytes.put_u32(HEAD.len().try_into().unwrap());
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

    #[test]
    fn the_limit_is_that_of_the_request() {
        let limit = RequestCode::GetRouteInfoByTopic.longest_answer();
        for length in [limit - 4 - HEAD.len(), limit - 3 - HEAD.len()] {
            let whole = frame(HEAD, &vec![b' '; length]);
            let mut bytes = BytesMut::from(&whole[..8 + HEAD.len()]);
            let mut decoder = FrameDecoder::default();
            let route = |header: &CommandHeader| {
                (header.opaque == 3).then_some(RequestCode::GetRouteInfoByTopic)
            };
            let first = decoder.next(&mut bytes, route);
            if whole.len() - 4 > limit {
                let error = first.unwrap_err().to_string();
                let says = "a frame of 1048577 bytes, expected at most 1048576 for GET_ROUTEINFO_BY_TOPIC (105)";
                assert_eq!(error, says);
                continue;
            }
            assert!(first.unwrap().is_none());
            bytes.extend_from_slice(&whole[8 + HEAD.len()..]);
            let frame = decoder.next(&mut bytes, route).unwrap().unwrap();
            assert_eq!(frame.body.len(), length);
        }
    }

    #[test]
    fn long_frames_without_a_call_are_dropped_as_they_arrive() {
        let whole = [frame(HEAD, &vec![b' '; 1 << 20]), frame(HEAD, b"next")].concat();
        let (mut bytes, mut decoder) = (BytesMut::new(), FrameDecoder::default());
        let mut read = Vec::new();
        for piece in whole.chunks(1000) {
            bytes.extend_from_slice(piece);
            read.extend(decoder.next(&mut bytes, |_| None).unwrap());
            assert!(bytes.len() <= 1000);
        }
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].body, "next");
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
