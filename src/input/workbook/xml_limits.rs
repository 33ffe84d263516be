//! Limits for XML that is held in memory while it is read.

use std::io::{self, BufReader, Read, Seek, Write};

use memchr::{memchr, memrchr};
use quick_xml::events::Event;
use zip::ZipArchive;

use super::WorkbookError;
use super::ods_xml::attribute;
use super::row::MAX_LENGTH;

/// Largest number of shared strings. Each takes 24 bytes and its text.
const MAX_STRINGS: u64 = 16 << 20;

/// Refuses a part with a text or a tag that is too long, since XML readers hold each of them in memory.
#[derive(Debug, Default)]
pub(super) struct TagGaps {
    /// Number of bytes since the last `<`.
    since: usize,
}

impl Write for TagGaps {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let first = memchr(b'<', bytes).unwrap_or(bytes.len());
        if self.since + first > MAX_LENGTH {
            let reason = "a text in it is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.since = match memrchr(b'<', bytes) {
            Some(last) => bytes.len() - last,
            None => self.since + bytes.len(),
        };
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks the number of shared strings, and that no more are declared: calamine reserves memory for them at once.
pub(super) fn check_string_count<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    index: usize,
) -> Result<(), WorkbookError> {
    let entry = zip.by_index(index).map_err(WorkbookError::damaged)?;
    let mut xml = quick_xml::Reader::from_reader(BufReader::new(entry));
    xml.config_mut().check_end_names = false;
    let mut buffer = Vec::new();
    let mut count = 0_u64;
    while count <= MAX_STRINGS {
        buffer.clear();
        match xml.read_event_into(&mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "si" => count += 1,
                "sst" => {
                    let declared = attribute(&tag, "uniqueCount")?;
                    if declared
                        .is_some_and(|count| count.parse().is_ok_and(|n: u64| n > MAX_STRINGS))
                    {
                        break;
                    }
                }
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
    let reason = format!("it has more than {MAX_STRINGS} shared strings");
    Err(WorkbookError::Damaged(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_end_is_refused() {
        let mut gaps = TagGaps::default();
        let mut write = |text: &[u8]| io::copy(&mut &text[..], &mut gaps).is_ok();
        let long = vec![b'x'; MAX_LENGTH - 4];
        assert!(write(&long) && write(b"</t>") && write(&long));
        assert!(!write(b"x"));
    }
}
