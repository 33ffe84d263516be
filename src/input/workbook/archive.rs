//! Checks an archive before its parts are read: what kind of workbook it is, and how much it really unpacks to.
//!
//! Declared sizes can be wrong, so every entry is unpacked once, which also verifies its checksum. The limits are by
//! the names that all programs give to the parts:
//!
//! | what | at most |
//! |---|--:|
//! | all entries together | 2 GiB |
//! | `sharedStrings.xml`, held in memory | 512 MiB and 16,777,216 strings |
//! | styles, theme, relations, `workbook.xml` and the manifest, held in memory | 32 MiB each |
//! | text or tag in a part, held in memory | 16 MiB |

use std::io::{self, Read, Seek};

use memchr::memmem;
use zip::ZipArchive;

use super::WorkbookError;
use super::ole::{self, is_ole};
use super::xml_limits::{TagGaps, check_string_count};

/// Largest number of bytes that all entries unpack to, and that the converted sheet may have.
pub(super) const LIMIT: u64 = 2 << 30;
const SHARED_STRINGS_LIMIT: u64 = 512 << 20;
const PART_LIMIT: u64 = 32 << 20;

const SHARED_STRINGS: &str = "sharedstrings.xml";
const MANIFEST: &str = "META-INF/manifest.xml";
/// Beginning of the media type of a spreadsheet and of a template for spreadsheets.
const ODS: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";

/// The format of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xlsx,
    Ods,
}

/// Determines the format of a workbook, and checks its limits.
pub(super) fn check(file: &mut (impl Read + Seek)) -> Result<Kind, WorkbookError> {
    let mut head = [0; 8];
    file.rewind().map_err(WorkbookError::damaged)?;
    match file.read_exact(&mut head) {
        Ok(()) if is_ole(&head) => {
            return Err(ole::refusal(file));
        }
        _ => {}
    }
    let mut zip = ZipArchive::new(file).map_err(WorkbookError::damaged)?;
    let kind = kind(&mut zip)?;
    check_sizes(&mut zip, LIMIT)?;
    if kind == Kind::Ods && is_encrypted_ods(&mut zip)? {
        return Err(WorkbookError::Encrypted);
    }
    Ok(kind)
}

fn kind<R: Read + Seek>(zip: &mut ZipArchive<R>) -> Result<Kind, WorkbookError> {
    if let Ok(entry) = zip.by_name("mimetype") {
        let mut found = Vec::new();
        (entry.take(ODS.len() as u64))
            .read_to_end(&mut found)
            .map_err(WorkbookError::damaged)?;
        return if found == ODS {
            Ok(Kind::Ods)
        } else {
            Err(WorkbookError::NoWorkbook)
        };
    }
    let mut has_relations = false;
    for name in zip.file_names() {
        let name = normalized(&name.map_err(WorkbookError::damaged)?);
        if name.ends_with("/workbook.bin") {
            return Err(WorkbookError::Binary);
        }
        has_relations |= name == "_rels/.rels";
    }
    if has_relations {
        Ok(Kind::Xlsx)
    } else {
        Err(WorkbookError::NoWorkbook)
    }
}

/// Writes a name as it is compared: some programs write backslashes, and case does not matter.
fn normalized(name: &str) -> String {
    name.replace('\\', "/").to_ascii_lowercase()
}

/// Unpacks every entry, and counts what comes out.
fn check_sizes<R: Read + Seek>(zip: &mut ZipArchive<R>, limit: u64) -> Result<(), WorkbookError> {
    let mut left = limit;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(WorkbookError::damaged)?;
        let name = entry.name().map_err(WorkbookError::damaged)?.into_owned();
        let most = part_limit(&name);
        let mut unpacked = entry.by_ref().take(left.min(most) + 1);
        let mut gaps = TagGaps::default();
        let size = io::copy(&mut unpacked, &mut gaps).map_err(|error| {
            WorkbookError::Damaged(format!("its part `{name}` can't be unpacked: {error}"))
        })?;
        drop(entry);
        if size > left {
            return Err(WorkbookError::TooLarge);
        }
        if size > most {
            return Err(WorkbookError::PartTooLarge { name, limit: most });
        }
        left -= size;
        if normalized(&name).ends_with(SHARED_STRINGS) {
            check_string_count(zip, index)?;
        }
    }
    Ok(())
}

fn part_limit(name: &str) -> u64 {
    let name = normalized(name);
    let is_held = [".rels", "styles.xml", "theme1.xml", "workbook.xml"]
        .iter()
        .any(|end| name.ends_with(end));
    if name.ends_with(SHARED_STRINGS) {
        SHARED_STRINGS_LIMIT
    } else if is_held || name == normalized(MANIFEST) {
        PART_LIMIT
    } else {
        LIMIT
    }
}

/// Returns whether parts of an ODS are encrypted. The manifest, which says so, is not.
fn is_encrypted_ods<R: Read + Seek>(zip: &mut ZipArchive<R>) -> Result<bool, WorkbookError> {
    let Ok(mut entry) = zip.by_name(MANIFEST) else {
        return Ok(false);
    };
    let mut manifest = Vec::new();
    (entry.read_to_end(&mut manifest)).map_err(WorkbookError::damaged)?;
    Ok(memmem::find(&manifest, b"encryption-data").is_some())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn checked(bytes: &[u8]) -> Result<Kind, String> {
        check(&mut Cursor::new(bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn kinds_are_known_by_their_parts() {
        let refused = |reason: &str| Err(reason.to_owned());
        for (entries, kind) in [
            (&[("_rels/.rels", &b""[..])][..], Ok(Kind::Xlsx)),
            (&[("mimetype", ODS)], Ok(Kind::Ods)),
            (
                &[("mimetype", b"application/vnd.oasis.opendocument.text")],
                refused("is a zip archive, but no workbook"),
            ),
            (
                &[("a.csv", b"msg_id")],
                refused("is a zip archive, but no workbook"),
            ),
            (&[], refused("is a zip archive, but no workbook")),
            (
                &[("_rels/.rels", b""), ("xl\\Workbook.bin", b"")],
                refused("is a binary workbook (.xlsb), expected .xlsx or .ods"),
            ),
            (
                &[
                    ("mimetype", ODS),
                    (MANIFEST, b"<a><manifest:encryption-data/></a>"),
                ],
                refused("is an encrypted workbook"),
            ),
        ] {
            assert_eq!(checked(&archive(entries)), kind, "{entries:?}");
        }
    }

    #[test]
    fn unpacked_bytes_are_counted_and_not_understated() {
        let content = vec![0; 100_000];
        let mut bytes = archive(&[("_rels/.rels", b""), ("a", &content), ("b", &content)]);
        let of = |bytes: &[u8], limit| {
            let mut zip = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
            check_sizes(&mut zip, limit).map_err(|error| error.to_string())
        };
        assert_eq!(of(&bytes, 200_000), Ok(()));
        let too_large = Err("unpacks to more than 2 GiB".to_owned());
        assert_eq!(of(&bytes, 199_999), too_large);
        // The entries declare 7 bytes.
        let declared = 100_000_u32.to_le_bytes();
        while let Some(at) = memmem::find(&bytes, &declared) {
            bytes[at..at + 4].copy_from_slice(&7_u32.to_le_bytes());
        }
        let reason = of(&bytes, 200_000).unwrap_err();
        assert!(
            reason.contains("`a` can't be unpacked: File is larger than"),
            "{reason}"
        );
    }

    #[test]
    fn a_wrong_byte_is_found() {
        let mut bytes = archive(&[("_rels/.rels", b"some text")]);
        let at = memmem::find(&bytes, b"text").unwrap_or(45);
        bytes[at] ^= 1;
        let reason = checked(&bytes).unwrap_err();
        assert!(
            reason.starts_with("is a damaged workbook: its part `_rels/.rels` can't be unpacked: "),
            "{reason}"
        );
    }

    #[test]
    fn declared_strings_are_limited() {
        let of = |count: &str| {
            let strings = format!("<?xml version='1.0'?><sst uniqueCount='{count}'><si/></sst>");
            let shared = ("xl/SharedStrings.xml", strings.as_bytes());
            checked(&archive(&[("_rels/.rels", b""), shared]))
        };
        for count in ["1", "x", "16777216"] {
            assert_eq!(of(count), Ok(Kind::Xlsx), "{count}");
        }
        for count in ["16777217", "18446744073709551615"] {
            let reason = "is a damaged workbook: it has more than 16777216 shared strings";
            assert_eq!(of(count), Err(reason.to_owned()));
        }
    }
}
