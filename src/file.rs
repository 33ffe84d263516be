//! Files in: plain, gzip or zstd, told by their first bytes and never by their name.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The text inside `raw`, whether it is plain, gzip or zstd (several members or frames included).
///
/// Streams: nothing but the decoder's window is held. Damage shows up as an error of a later read.
pub fn decompressed<'a>(mut raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::with_capacity(ZSTD.len());
    raw.by_ref()
        .take(ZSTD.len() as u64)
        .read_to_end(&mut magic)?;
    let (gzip, zstd) = (magic.starts_with(&GZIP), magic == ZSTD);
    let whole = BufReader::with_capacity(64 * 1024, Cursor::new(magic).chain(raw));
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else if zstd {
        Box::new(ZstdFrames {
            source: whole,
            frame: FrameDecoder::new(),
        })
    } else {
        Box::new(whole)
    })
}

/// Zstd frames one after another: parallel compressors write many, and ruzstd's own reader stops after the first.
struct ZstdFrames<R> {
    source: R,
    frame: FrameDecoder,
}

impl<R: BufRead> ZstdFrames<R> {
    /// Moves to the next frame that holds data, or says that there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut self.source.by_ref().take(length.into()),
                        &mut io::sink(),
                    )?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.frame.can_collect() == 0 {
            if self.frame.is_finished() {
                if !self.next_frame()? {
                    return Ok(0);
                }
            } else {
                self.frame
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
        }
        self.frame.read(out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(raw: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        decompressed(raw)?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
    }

    #[test]
    fn the_first_bytes_decide() {
        let long = "orders,".repeat(50_000);
        for text in ["", "{", "{}", "msg_id\n", &long] {
            assert_eq!(read(text.as_bytes()).unwrap(), text);
            assert_eq!(read(&gzip(text)).unwrap(), text);
            assert_eq!(read(&zstd(text)).unwrap(), text);
        }
    }

    #[test]
    fn members_and_frames_are_joined() {
        assert_eq!(read(&[gzip("a"), gzip("b")].concat()).unwrap(), "ab");
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
        let frames = [zstd("a"), skippable, zstd(""), zstd("b")].concat();
        assert_eq!(read(&frames).unwrap(), "ab");
    }

    #[test]
    fn a_torn_file_is_an_error() {
        for whole in [gzip("orders and payments"), zstd("orders and payments")] {
            assert!(read(&whole[..whole.len() - 1]).is_err());
        }
    }
}
