//! The character encoding of an input.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Decoder, DecoderResult, Encoding, GB18030, GBK, ISO_2022_JP, REPLACEMENT, UTF_8,
};

use super::unreadable::Unreadable;

/// Number of bytes that are decoded at once.
const CHUNK: usize = 64 << 10;

/// A byte that UTF-8 does not have. It replaces bytes that are invalid in another encoding, so that a row with them is
/// found in the same way.
const INVALID: u8 = 0xff;

/// The value of `--encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputEncoding {
    /// UTF-8 whose invalid bytes are replaced. They reject a row only in a column that is read.
    Lossy,
    /// An encoding by its WHATWG label. Invalid bytes reject their row.
    Named(&'static Encoding),
}

/// A word that is not the label of an encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an encoding that can be read, expected lossy or a label such as gb18030, big5, shift_jis, windows-1252, \
     utf-16le or utf-16be"
)]
pub struct UnknownEncoding(String);

impl FromStr for InputEncoding {
    type Err = UnknownEncoding;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        if label.eq_ignore_ascii_case("lossy") {
            return Ok(Self::Lossy);
        }
        // Labels of encodings that are not safe to read stand for a decoder that yields nothing. In ISO-2022-JP, one
        // broken line would change how all lines after it are read.
        Encoding::for_label(label.as_bytes())
            .filter(|&encoding| encoding != REPLACEMENT && encoding != ISO_2022_JP)
            .map(Self::Named)
            .ok_or_else(|| UnknownEncoding(label.to_owned()))
    }
}

impl fmt::Display for InputEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lossy => f.write_str("lossy"),
            Self::Named(encoding) => f.write_str(&encoding.name().to_lowercase()),
        }
    }
}

/// How the bytes of one input become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    /// UTF-8. An input with other bytes is refused.
    Utf8,
    /// UTF-8. Other bytes reject a row if they stand in a column that is read.
    Lossy,
    /// The given encoding. Invalid bytes reject their row.
    Named(&'static Encoding),
}

impl Decoding {
    /// Decides by the first decompressed bytes and `--encoding`. A byte order mark takes precedence.
    pub(super) fn of(head: &[u8], flag: Option<InputEncoding>) -> Result<Self, Unreadable> {
        if let Some(name) = utf32(head) {
            return Err(Unreadable::Utf32(name));
        }
        match (Encoding::for_bom(head), flag) {
            (Some((encoding, _)), _) if encoding != UTF_8 => Ok(Self::Named(encoding)),
            (_, Some(InputEncoding::Lossy)) => Ok(Self::Lossy),
            (None, Some(InputEncoding::Named(encoding))) => Ok(Self::Named(encoding)),
            (Some(_), Some(InputEncoding::Named(_))) => Ok(Self::Named(UTF_8)),
            (_, None) => match utf16(head) {
                Some(encoding) => Err(Unreadable::Utf16(encoding)),
                None => Ok(Self::Utf8),
            },
        }
    }

    /// Decodes a stream. Invalid bytes become bytes that are not UTF-8.
    pub(super) fn decode(self, bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Self::Named(encoding) if encoding != UTF_8 => Box::new(DecodedReader {
                bytes,
                decoder: encoding.new_decoder_with_bom_removal(),
                input: vec![0; CHUNK],
                read: 0..0,
                is_ended: false,
                is_finished: false,
                output: Vec::new(),
                given: 0,
            }),
            _ => bytes,
        }
    }

    /// Returns whether the first bytes look like UTF-8 although another encoding was named. Text of other encodings is
    /// seldom valid UTF-8.
    pub(super) fn is_doubtful(self, head: &[u8]) -> bool {
        // The end of the head may cut a character in two.
        let is_utf8 = || match str::from_utf8(head) {
            Ok(text) => !text.is_ascii(),
            Err(error) => error.error_len().is_none() && !head.is_ascii(),
        };
        matches!(self, Self::Named(encoding) if encoding != UTF_8) && is_utf8()
    }

    /// Returns the name of the encoding, for an error.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Named(encoding) => encoding.name(),
            Self::Utf8 | Self::Lossy => UTF_8.name(),
        }
    }
}

/// Recognises UTF-32 by its mark, or without one by the zeros of ASCII. Returns its name for `iconv`.
fn utf32(head: &[u8]) -> Option<&'static str> {
    let is_ascii = |index: usize| {
        let mut units = head.get(..16).unwrap_or_default().chunks_exact(4);
        let is_ascii = |unit: &[u8]| (0..4).all(|at| (unit[at] == 0) != (at == index));
        units.len() > 0 && units.all(is_ascii)
    };
    if head.starts_with(b"\xff\xfe\0\0") || is_ascii(0) {
        Some("UTF-32LE")
    } else if head.starts_with(b"\0\0\xfe\xff") || is_ascii(3) {
        Some("UTF-32BE")
    } else {
        None
    }
}

/// Recognises UTF-16 without a mark: ASCII makes every second byte zero, and no other byte is. Returns its label.
fn utf16(head: &[u8]) -> Option<&'static str> {
    let begins = head.get(..head.len().min(1024) & !1).unwrap_or_default();
    let zeros = |from: usize| {
        begins
            .iter()
            .skip(from)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let few = begins.len() / 2 / 4;
    match (begins.is_empty(), zeros(0), zeros(1)) {
        (false, high, 0) if high > few => Some("utf-16be"),
        (false, 0, high) if high > few => Some("utf-16le"),
        _ => None,
    }
}

/// Guesses the encoding of bytes that are not UTF-8. Returns its label for `--encoding`.
pub(super) fn guess(bytes: &[u8]) -> String {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // Windows' Chinese code page is GBK, of which GB 18030 is a superset.
    let guess = if guess == GBK { GB18030 } else { guess };
    guess.name().to_lowercase()
}

/// Decodes a stream into UTF-8, with [`INVALID`] for each invalid sequence.
struct DecodedReader {
    bytes: Box<dyn Read + Send>,
    decoder: Decoder,
    input: Vec<u8>,
    /// The part of `input` that is not decoded yet.
    read: std::ops::Range<usize>,
    is_ended: bool,
    is_finished: bool,
    output: Vec<u8>,
    /// Number of bytes of `output` that were returned.
    given: usize,
}

impl DecodedReader {
    /// Decodes the next bytes into `output`, which is empty.
    fn decode(&mut self) -> io::Result<()> {
        if self.read.is_empty() && !self.is_ended {
            let read = loop {
                match self.bytes.read(&mut self.input) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            self.read = 0..read;
            self.is_ended = read == 0;
        }
        self.output.resize(CHUNK, 0);
        let input = &self.input[self.read.clone()];
        let (result, read, mut written) = self.decoder.decode_to_utf8_without_replacement(
            input,
            &mut self.output[..CHUNK - 1],
            self.is_ended,
        );
        self.read.start += read;
        match result {
            DecoderResult::Malformed(..) => {
                self.output[written] = INVALID;
                written += 1;
            }
            DecoderResult::InputEmpty => self.is_finished = self.is_ended,
            DecoderResult::OutputFull => {}
        }
        self.output.truncate(written);
        self.given = 0;
        Ok(())
    }
}

impl Read for DecodedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() {
            if self.is_finished {
                return Ok(0);
            }
            self.decode()?;
        }
        let length = buffer.len().min(self.output.len() - self.given);
        buffer[..length].copy_from_slice(&self.output[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use encoding_rs::{UTF_16BE, UTF_16LE};
    use proptest::prelude::*;

    use super::*;

    fn decoded(label: &str, bytes: &[u8]) -> Vec<u8> {
        let flag = label.parse().unwrap();
        let decoding = Decoding::of(bytes, Some(flag)).unwrap();
        let mut text = Vec::new();
        let reader = Box::new(Cursor::new(bytes.to_vec()));
        decoding.decode(reader).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn labels_name_encodings() {
        for (label, name) in [
            ("gb18030", Some("gb18030")),
            ("GBK", Some("gbk")),
            ("latin1", Some("windows-1252")),
            ("UTF-16LE", Some("utf-16le")),
            ("Lossy", Some("lossy")),
            ("iso-2022-kr", None), // decodes to nothing
            ("iso-2022-jp", None), // a state that spans lines
            ("replacement", None),
            ("utf-32", None),
            ("", None),
        ] {
            let parsed = label.parse::<InputEncoding>().ok();
            assert_eq!(parsed.map(|it| it.to_string()).as_deref(), name, "{label}");
        }
    }

    #[test]
    fn marks_take_precedence_over_the_flag() {
        let named = |label: &[u8]| Some(InputEncoding::Named(Encoding::for_label(label).unwrap()));
        let gbk = named(b"gbk");
        for (head, flag, decoding) in [
            (b"\xef\xbb\xbfa".as_slice(), gbk, Ok(Decoding::Named(UTF_8))),
            (b"\xff\xfea\0b\0", gbk, Ok(Decoding::Named(UTF_16LE))),
            (
                b"\xfe\xff\0a",
                Some(InputEncoding::Lossy),
                Ok(Decoding::Named(UTF_16BE)),
            ),
            (b"msg_id,t", gbk, Ok(Decoding::Named(GBK))),
            (b"msg_id,t", Some(InputEncoding::Lossy), Ok(Decoding::Lossy)),
            (b"msg_id\xff", None, Ok(Decoding::Utf8)),
            (b"", None, Ok(Decoding::Utf8)),
            (b"m\0s\0g\0_\0", None, Err(Unreadable::Utf16("utf-16le"))),
            (b"\0m\0s\0g\0_", None, Err(Unreadable::Utf16("utf-16be"))),
            (
                b"\x88\x6d\x6f\x60I\0D\0,\0t\0",
                None,
                Err(Unreadable::Utf16("utf-16le")),
            ),
            (
                b"\0m\0s\0g\0_",
                named(b"utf-16be"),
                Ok(Decoding::Named(UTF_16BE)),
            ),
            (
                b"\xff\xfe\0\0m\0\0\0",
                None,
                Err(Unreadable::Utf32("UTF-32LE")),
            ),
            (
                b"\0\0\xfe\xff\0\0\0m",
                gbk,
                Err(Unreadable::Utf32("UTF-32BE")),
            ),
            (
                b"m\0\0\0s\0\0\0g\0\0\0_\0\0\0",
                None,
                Err(Unreadable::Utf32("UTF-32LE")),
            ),
            (
                b"\0\0\0m\0\0\0s\0\0\0g\0\0\0_",
                None,
                Err(Unreadable::Utf32("UTF-32BE")),
            ),
        ] {
            assert_eq!(Decoding::of(head, flag), decoding, "{head:?}");
        }
    }

    #[test]
    fn utf8_that_is_read_as_another_encoding_is_doubtful() {
        let gbk = Decoding::Named(GBK);
        assert!(gbk.is_doubtful("消息ID".as_bytes()));
        assert!(
            gbk.is_doubtful(&"消息ID,主题".as_bytes()[..13]),
            "cut within a character"
        );
        assert!(!gbk.is_doubtful(b"msg_id"));
        assert!(!gbk.is_doubtful(b"\xcf\xfb\xcf\xa2"));
        assert!(!Decoding::Utf8.is_doubtful("消息ID".as_bytes()));
    }

    #[test]
    fn invalid_bytes_stay_recognisable() {
        assert_eq!(
            decoded("gb18030", b"\xcf\xfb\xcf\xa2,a"),
            "消息,a".as_bytes()
        );
        assert_eq!(decoded("gb18030", b"a\xff,b\xcf"), b"a\xff,b\xff");
        assert_eq!(decoded("utf-16le", b"a\0\x00\xd8b\0c"), b"a\xffb\xff");
        assert_eq!(decoded("shift_jis", b"\x93\xfa\n"), "日\n".as_bytes());
    }

    #[test]
    fn the_encoding_of_a_chinese_list_is_guessed() {
        let text = "消息ID,主题,备注\n0A15030B110F18B4AAC264BE6C450BA2,orders,已经付款的订单\n";
        let (gbk, _, _) = GBK.encode(text);
        assert_eq!(guess(&gbk), "gb18030");
    }

    proptest! {
        #[test]
        fn text_survives_its_encoding(text in "(a|é|消|\n|,|\u{1f600}){0,30000}", label in prop::sample::select(vec!["gb18030", "utf-16le", "utf-16be"])) {
            let bytes: Vec<u8> = match label {
                "gb18030" => GB18030.encode(&text).0.into_owned(),
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            };
            prop_assert_eq!(String::from_utf8(decoded(label, &bytes)).unwrap(), text);
        }
    }
}
