//! Gzip and zstd, recognised by their first bytes, never by the file's name. The checksums of both are verified.

use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::Path;

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The last three bytes of a skippable zstd frame's magic number. The low four bits of its first byte are arbitrary.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// Number of bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Returns the content of `file`, decompressed if it is compressed. Reads all gzip members and all zstd frames. A
/// truncated file is an error.
///
/// # Errors
///
/// If the first bytes cannot be read.
pub fn decompressed<'a>(mut file: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut magic = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut magic)?;
    let is_gzip = magic.starts_with(GZIP);
    let is_zstd = magic == ZSTD
        || (magic.first().is_some_and(|byte| byte & 0xf0 == 0x50) && magic[1..] == *ZSTD_SKIPPABLE);
    let whole = Cursor::new(magic).chain(file);
    Ok(if is_gzip {
        Box::new(GzipMembers {
            decoder: Some(GzDecoder::new(BufReader::with_capacity(CHUNK, whole))),
        })
    } else if is_zstd {
        Box::new(ZstdFrames {
            source: BufReader::with_capacity(CHUNK, whole),
            decoder: FrameDecoder::new(),
        })
    } else {
        Box::new(whole)
    })
}

/// Returns whether reading failed because a zstd frame needs more memory than is allowed (`zstd --long=31`).
#[must_use]
pub fn is_long_window(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(error, Some(FrameDecoderError::WindowSizeTooBig { .. }))
}

/// The compression of a written file, chosen by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    None,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// Returns the compression by the ending of the name.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Copies all of `from`, compressed.
    ///
    /// # Errors
    ///
    /// If reading or writing fails.
    pub fn copy(self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        match self {
            Self::None => io::copy(&mut from, &mut to).map(drop),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(to, flate2::Compression::default());
                io::copy(&mut from, &mut encoder)?;
                encoder.finish()?.flush()
            }
            Self::Zstd => {
                let (mut from, mut to) = (Calm::of(from), Calm::of(to));
                compress(&mut from, &mut to, CompressionLevel::Fastest);
                from.end()?;
                to.end()?.flush()
            }
        }
    }
}

/// Keeps an error until the end, since the encoder of zstd panics if reading or writing fails.
struct Calm<T> {
    inner: T,
    error: Option<io::Error>,
}

impl<T> Calm<T> {
    const fn of(inner: T) -> Self {
        Self { inner, error: None }
    }

    fn end(self) -> io::Result<T> {
        self.error.map_or(Ok(self.inner), Err)
    }
}

impl<T: Read> Read for Calm<T> {
    /// Reads nothing more after an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error.get_or_insert(error);
                    return Ok(0);
                }
                read => return read,
            }
        }
    }
}

impl<T: Write> Write for Calm<T> {
    /// Discards the bytes after an error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(bytes)
        {
            self.error = Some(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads one gzip member after another. Zeros after a member are padding, as tapes and some archivers write it.
struct GzipMembers<R: BufRead> {
    /// `None` after the last member.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.decoder = match self.decoder.take() {
                Some(decoder) => next_member(decoder.into_inner())?,
                None => None,
            };
        }
        Ok(0)
    }
}

/// Starts the next member, if there is one.
fn next_member<R: BufRead>(mut source: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let buffer = source.fill_buf()?;
        let (length, zeros) = (
            buffer.len(),
            buffer.iter().take_while(|&&byte| byte == 0).count(),
        );
        if length == 0 {
            return Ok(None);
        }
        if zeros == 0 {
            return Ok(Some(GzDecoder::new(source)));
        }
        source.consume(zeros);
    }
}

/// Reads one zstd frame after another: parallel compressors write many.
struct ZstdFrames<R: Read> {
    source: BufReader<R>,
    decoder: FrameDecoder,
}

impl<R: Read> ZstdFrames<R> {
    /// Checks the size and the checksum of the frame that ended. Both are optional.
    fn check(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_none() || stored == self.decoder.get_calculated_checksum() {
            return Ok(());
        }
        let problem = "the zstd frame does not match its checksum: the file is damaged";
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }

    /// Starts the next frame. Returns false if there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    skip(&mut self.source, length.into())?;
                }
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if self.decoder.is_finished() {
                self.check()?;
                if !self.next_frame()? {
                    return Ok(0);
                }
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(broken)?;
        }
        self.decoder.read(buffer)
    }
}

fn skip(source: &mut impl Read, length: u64) -> io::Result<()> {
    match io::copy(&mut source.take(length), &mut io::sink())? {
        skipped if skipped == length => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn broken(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruzstd::encoding::compress_to_vec;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
    }

    fn read(bytes: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        decompressed(Cursor::new(bytes))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn every_member_and_every_frame_is_read() {
        let skippable = b"\x53\x2a\x4d\x18\x03\x00\x00\x00abc".to_vec();
        let long = "a line that repeats\n".repeat(50_000);
        for (bytes, text) in [
            (b"plain".to_vec(), "plain"),
            (b"\x1f".to_vec(), "\x1f"),
            (Vec::new(), ""),
            (
                [gzip("one\n"), gzip(""), gzip("two\n")].concat(),
                "one\ntwo\n",
            ),
            (
                [zstd("one\n"), skippable.clone(), zstd("two\n")].concat(),
                "one\ntwo\n",
            ),
            ([skippable, zstd(""), zstd("two\n")].concat(), "two\n"),
            (
                [gzip("one\n"), vec![0; 1024], gzip("two\n"), vec![0; 9]].concat(),
                "one\ntwo\n",
            ),
            (gzip(&long), long.as_str()),
            (zstd(&long), long.as_str()),
        ] {
            assert_eq!(read(bytes).unwrap(), text);
        }
    }

    #[test]
    fn what_is_written_is_compressed_by_its_name() {
        let long = "a line that repeats\n".repeat(50_000);
        for (name, begins) in [
            ("a.json", &b"a line"[..]),
            ("a.json.gz", GZIP),
            ("a.zst", ZSTD),
        ] {
            let mut bytes = Vec::new();
            let compression = Compression::of(Path::new(name));
            compression.copy(long.as_bytes(), &mut bytes).unwrap();
            assert!(bytes.starts_with(begins), "{name}");
            assert_eq!(read(bytes).unwrap(), long);
        }
    }

    #[test]
    fn what_can_not_be_written_or_read_is_an_error() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StaleNetworkFileHandle.into())
            }
        }
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let full = compression.copy(&b"text"[..], Broken).unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{compression:?}");
            let stale = compression.copy(Broken, io::sink()).unwrap_err();
            assert_eq!(stale.kind(), io::ErrorKind::StaleNetworkFileHandle);
        }
    }

    #[test]
    fn truncation_is_an_error() {
        for whole in [
            gzip("some text that is long enough\n"),
            zstd("some text that is long enough\n"),
        ] {
            for length in 4..whole.len() {
                assert!(
                    read(whole[..length].to_vec()).is_err(),
                    "{length} of {whole:x?}"
                );
            }
        }
    }

    #[test]
    fn a_bit_that_fell_over_is_an_error() {
        let text = "0A15030B110F18B4AAC264BE6C450001,orders\n";
        for whole in [gzip(text), zstd(text)] {
            let at = whole.len() / 2;
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                assert!(read(damaged).is_err(), "bit {bit} of {whole:x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(magic in prop::sample::select(vec![GZIP, ZSTD, b"\x50\x2a\x4d\x18", b""]), rest: Vec<u8>) {
            let _ = read([magic, &rest].concat());
        }

        #[test]
        fn a_damaged_file_is_an_error_or_reads_as_it_was(at in 10_usize..100, byte: u8) {
            for mut bytes in [gzip("the quick brown fox, the lazy dog"), zstd("the quick brown fox, the lazy dog")] {
                let at = at % bytes.len();
                bytes[at] = byte;
                if let Ok(text) = read(bytes) {
                    prop_assert!(text == "the quick brown fox, the lazy dog" || at < 10, "{}", text);
                }
            }
        }
    }
}
