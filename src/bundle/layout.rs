//! The structure of a ZIP, read strictly. Programs read a ZIP from its directory at the end or from its first byte on.
//! Both must see the same entries, so headers and directory must agree, and every byte must belong to one of them.
//!
//! ```text
//! for each entry, in the order of the directory: local header, packed bytes, data descriptor if flag bit 3 is set
//! directory; ZIP64 end record and locator, if there are more than 65,535 entries or 4 GiB; end record without comment
//! ```

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::read::shown;

/// The first bytes of a local header.
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
/// The first bytes of the end record.
pub(super) const END: &[u8] = b"PK\x05\x06";
/// The length of the end record without a comment.
pub(super) const END_LENGTH: u64 = 22;

const LISTED: &[u8] = b"PK\x01\x02";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const WIDE_END: &[u8] = b"PK\x06\x06";
const WIDE_LOCATOR: &[u8] = b"PK\x06\x07";

/// A number of 32 bits that says: the number is in the ZIP64 field.
const LIMIT: u64 = 0xffff_ffff;

/// Flag: crc and sizes are 0 in the local header and stand in a data descriptor behind the packed bytes. Bundles of
/// earlier versions have it.
const STREAMED: u64 = 1 << 3;
/// Flag: the name is UTF-8.
const UTF_8: u64 = 1 << 11;

/// The one compression method of bundles.
const DEFLATE: u64 = 8;

/// The system that made an entry, for its attributes.
const UNIX: u64 = 3;
/// The mode of every entry: a regular file that only its owner may read.
const PRIVATE_FILE: u64 = 0o100_600;
/// 1 January 1980: bundles hold no times of files.
const FIRST_DAY: u64 = 0x21;

/// Why the structure is wrong.
#[derive(Debug)]
pub(super) enum LayoutError {
    Io(io::Error),
    Broken(String),
}

impl From<io::Error> for LayoutError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => broken("it ends within a header"),
            _ => Self::Io(error),
        }
    }
}

fn broken(problem: impl Into<String>) -> LayoutError {
    LayoutError::Broken(problem.into())
}

/// An entry of which local header, data descriptor and directory agree.
#[derive(Debug)]
pub(super) struct PackedEntry {
    pub(super) name: String,
    /// Where its packed bytes begin.
    pub(super) start: u64,
    /// The number of packed bytes.
    pub(super) packed: u64,
    /// The number of unpacked bytes.
    pub(super) size: u64,
    pub(super) crc: u64,
}

/// Returns the entries in the order of the directory.
pub(super) fn entries(file: &File) -> Result<Vec<PackedEntry>, LayoutError> {
    let directory = Directory::find(file)?;
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    let (mut listed_at, mut next) = (directory.start, 0);
    for _ in 0..directory.count {
        let (listed, length) = Listed::read(file, listed_at)?;
        listed_at += length;
        let name = shown(&listed.name);
        if listed_at > directory.end {
            return Err(broken("its directory is longer than its end record says"));
        }
        if !names.insert(listed.name.clone()) {
            return Err(broken(format!("its directory has two entries `{name}`")));
        }
        if listed.offset != next {
            return Err(broken(format!(
                "`{name}` begins at byte {}, expected byte {next}, where the entry before it ends",
                listed.offset
            )));
        }
        let entry;
        (entry, next) = listed.located(file, directory.start)?;
        entries.push(entry);
    }
    if next != directory.start {
        return Err(broken(format!(
            "found {} bytes between the last entry of its directory and the directory, expected none",
            directory.start - next
        )));
    }
    if listed_at != directory.end {
        return Err(broken("its directory is shorter than its end record says"));
    }
    Ok(entries)
}

/// Where the directory is.
struct Directory {
    start: u64,
    end: u64,
    count: u64,
}

impl Directory {
    fn find(file: &File) -> Result<Self, LayoutError> {
        let length = file.metadata()?.len();
        let no_end = || broken("it does not end as a ZIP does: it is cut off, or bytes follow");
        let end_at = length.checked_sub(END_LENGTH).ok_or_else(no_end)?;
        let record = bytes::<22>(file, end_at)?;
        if !record.starts_with(END) || number(&record[20..]) != 0 {
            return Err(no_end());
        }
        let narrow = [
            &record[8..10],
            &record[10..12],
            &record[12..16],
            &record[16..20],
        ];
        let (numbers, end) = match wide_end(file, end_at, narrow)? {
            Some(wide) => wide,
            None => (narrow.map(number), end_at),
        };
        let [here, count, size, start] = numbers;
        if here != count || record[4..8] != [0; 4] {
            return Err(broken("it is one of several volumes"));
        }
        let foreign = end
            .checked_sub(size)
            .and_then(|begin| begin.checked_sub(start));
        match foreign {
            Some(0) => Ok(Self { start, end, count }),
            Some(foreign) => Err(broken(format!(
                "found {foreign} bytes that belong to no entry, before, between or behind the entries"
            ))),
            None => Err(broken("its directory would end behind its end record")),
        }
    }
}

/// Returns the numbers of the ZIP64 end record and where it begins, if there is one.
fn wide_end(
    file: &File,
    end_at: u64,
    narrow: [&[u8]; 4],
) -> Result<Option<([u64; 4], u64)>, LayoutError> {
    let Some(locator_at) = end_at.checked_sub(20) else {
        return Ok(None);
    };
    let locator = bytes::<20>(file, locator_at)?;
    if !locator.starts_with(WIDE_LOCATOR) {
        return Ok(None);
    }
    let wrong = || broken("its ZIP64 end record does not agree with its end record");
    let begin = locator_at.checked_sub(56).ok_or_else(wrong)?;
    let record = bytes::<56>(file, begin)?;
    let one_volume = [&locator[4..8], &record[16..24]].map(number) == [0, 0];
    if !record.starts_with(WIDE_END)
        || number(&record[4..12]) != 44
        || number(&locator[8..16]) != begin
        || number(&locator[16..]) != 1
        || !one_volume
    {
        return Err(wrong());
    }
    let wide = [24, 32, 40, 48].map(|at| number(&record[at..at + 8]));
    let agrees = |(narrow, wide): (&[u8], u64)| {
        number(narrow) == wide || narrow.iter().all(|byte| *byte == 0xff)
    };
    if !narrow.into_iter().zip(wide).all(agrees) {
        return Err(wrong());
    }
    Ok(Some((wide, begin)))
}

/// What a local header and the directory both say about an entry.
#[derive(Clone, Copy)]
struct Described {
    flags: u64,
    method: u64,
    stamp: u64,
    crc: u64,
    packed: u64,
    size: u64,
}

impl Described {
    /// Reads the fields from the flags to the size, which stand in both in the same order.
    fn of(fields: &[u8]) -> Self {
        Self {
            flags: number(&fields[..2]),
            method: number(&fields[2..4]),
            stamp: number(&fields[4..8]),
            crc: number(&fields[8..12]),
            packed: number(&fields[12..16]),
            size: number(&fields[16..20]),
        }
    }

    /// Compares what a header says with the directory.
    fn compared(&self, header: &str, directory: &Self) -> Result<(), String> {
        let fields = [
            ("flags", self.flags, directory.flags),
            ("method", self.method, directory.method),
            ("time", self.stamp, directory.stamp),
            ("crc", self.crc, directory.crc),
            ("packed size", self.packed, directory.packed),
            ("size", self.size, directory.size),
        ];
        match fields
            .into_iter()
            .find(|(_, found, expected)| found != expected)
        {
            Some((field, found, expected)) => Err(format!(
                "its {header} has the {field} {found}, expected {expected} by the directory"
            )),
            None => Ok(()),
        }
    }

    /// Returns what a local header says if a data descriptor follows.
    const fn streamed(self) -> Self {
        Self {
            crc: 0,
            packed: 0,
            size: 0,
            ..self
        }
    }
}

/// An entry of the directory.
struct Listed {
    name: String,
    described: Described,
    offset: u64,
    /// The version of the format that a reader needs.
    version: u64,
}

impl Listed {
    /// Reads the entry at a place of the directory. Returns its length, too.
    fn read(file: &File, at: u64) -> Result<(Self, u64), LayoutError> {
        let fixed = bytes::<46>(file, at)?;
        if !fixed.starts_with(LISTED) {
            return Err(broken(format!(
                "its directory has no entry at byte {at}, where its end record expects one"
            )));
        }
        let lengths = [28, 30, 32].map(|at| number(&fixed[at..at + 2]));
        let [name_length, extra_length, _] = lengths;
        let name = some_bytes(file, at + 46, name_length)?;
        let extra = some_bytes(file, at + 46 + name_length, extra_length)?;
        let mut described = Described::of(&fixed[8..28]);
        let mut offset = number(&fixed[42..46]);
        let shown_name = shown(&String::from_utf8_lossy(&name));
        let unusual = |what: &str| broken(format!("`{shown_name}`: its directory entry {what}"));
        let is_text = name.is_ascii() || described.flags & UTF_8 != 0;
        let Some(name) = String::from_utf8(name).ok().filter(|_| is_text) else {
            return Err(unusual("has a name that is not marked as UTF-8"));
        };
        let wide = [&mut described.size, &mut described.packed, &mut offset];
        let wide = wide.into_iter().filter(|number| **number == LIMIT);
        if !widen(&extra, wide.collect()) {
            return Err(unusual(
                "has an extra field, expected at most sizes for ZIP64",
            ));
        }
        if let Some(what) = unusual_field(&fixed, described) {
            return Err(unusual(&what));
        }
        // The versions that made it and that are needed: with or without ZIP64.
        let versions = [&fixed[4..5], &fixed[6..8]].map(number);
        if !matches!(versions, [20, 20] | [45, 45]) {
            return Err(unusual(&format!(
                "has the versions {versions:?}, expected 20 or 45"
            )));
        }
        let listed = Self {
            name,
            described,
            offset,
            version: versions[1],
        };
        Ok((listed, 46 + lengths.iter().sum::<u64>()))
    }

    /// Compares the local header and the data descriptor, if any, with the directory. Returns where the entry ends, too.
    /// All entries end before `limit`.
    fn located(self, file: &File, limit: u64) -> Result<(PackedEntry, u64), LayoutError> {
        let name = shown(&self.name);
        let wrong = |problem: String| broken(format!("`{name}`: {problem}"));
        let fixed = bytes::<30>(file, self.offset)?;
        if !fixed.starts_with(LOCAL) {
            let at = self.offset;
            return Err(wrong(format!("no local header is at byte {at}")));
        }
        let [name_length, extra_length] = [26, 28].map(|at| number(&fixed[at..at + 2]));
        let local_name = some_bytes(file, self.offset + 30, name_length)?;
        if local_name != self.name.as_bytes() {
            let local_name = shown(&String::from_utf8_lossy(&local_name));
            return Err(broken(format!(
                "an entry's local header names `{local_name}`, the directory names `{name}`"
            )));
        }
        if number(&fixed[4..6]) != self.version {
            return Err(wrong(
                "its local header needs another version than its directory entry".to_owned(),
            ));
        }
        let extra = some_bytes(file, self.offset + 30 + name_length, extra_length)?;
        let described = self.described;
        let is_streamed = described.flags & STREAMED != 0;
        let mut local = Described::of(&fixed[6..26]);
        if !extra.is_empty() {
            let narrow = if is_streamed { 0 } else { LIMIT };
            let is_wide = [local.packed, local.size] == [narrow; 2];
            if !is_wide || !widen(&extra, vec![&mut local.size, &mut local.packed]) {
                let problem =
                    "its local header has an extra field, expected at most sizes for ZIP64";
                return Err(wrong(problem.to_owned()));
            }
        }
        let expected = if is_streamed {
            described.streamed()
        } else {
            described
        };
        local.compared("local header", &expected).map_err(wrong)?;
        let start = self.offset + 30 + name_length + extra_length;
        let mut end = start.saturating_add(described.packed);
        if end <= limit && is_streamed {
            let width = if extra.is_empty() { 4 } else { 8 };
            let descriptor = some_bytes(file, end, 8 + 2 * width)?;
            end += descriptor.len() as u64;
            descriptor_compared(&descriptor, described).map_err(wrong)?;
        }
        if end > limit {
            return Err(wrong("it reaches into the directory".to_owned()));
        }
        let entry = PackedEntry {
            name: self.name,
            start,
            packed: described.packed,
            size: described.size,
            crc: described.crc,
        };
        Ok((entry, end))
    }
}

/// Returns what no bundle has in an entry of its directory.
fn unusual_field(fixed: &[u8; 46], described: Described) -> Option<String> {
    if described.flags & !(STREAMED | UTF_8) != 0 {
        return Some(format!("has the flags {:#x}", described.flags));
    }
    if described.method != DEFLATE {
        let method = described.method;
        return Some(format!("has the method {method}, expected {DEFLATE}"));
    }
    if number(&fixed[32..34]) != 0 {
        return Some("has a comment".to_owned());
    }
    // Readers act on these fields: they skip volume labels and unknown versions, make folders and links, and set modes.
    let fields = [
        ("the volume", &fixed[34..36], 0),
        ("the system", &fixed[5..6], UNIX),
        ("internal attributes", &fixed[36..38], 0),
        ("external attributes", &fixed[38..42], PRIVATE_FILE << 16),
        ("the time", &fixed[12..16], FIRST_DAY << 16),
    ];
    let mut fields = fields.into_iter();
    let (what, found, expected) = fields.find(|(_, found, expected)| number(found) != *expected)?;
    let found = number(found);
    Some(format!("has {what} {found}, expected {expected}"))
}

/// Compares a data descriptor with the directory.
fn descriptor_compared(descriptor: &[u8], described: Described) -> Result<(), String> {
    let Some(numbers) = descriptor.strip_prefix(DESCRIPTOR) else {
        return Err("no data descriptor follows its packed bytes".to_owned());
    };
    let (crc, sizes) = numbers.split_at(4);
    let (packed, size) = sizes.split_at(sizes.len() / 2);
    let found = Described {
        crc: number(crc),
        packed: number(packed),
        size: number(size),
        ..described
    };
    found.compared("data descriptor", &described)
}

/// Takes the numbers that a header leaves to its ZIP64 field. Returns false if there is another field, or the field has
/// other numbers.
fn widen(extra: &[u8], numbers: Vec<&mut u64>) -> bool {
    if numbers.is_empty() {
        return extra.is_empty();
    }
    let Some((head, wide)) = extra.split_first_chunk::<4>() else {
        return false;
    };
    let fits = [number(&head[..2]), number(&head[2..])] == [1, wide.len() as u64];
    if !fits || wide.len() != 8 * numbers.len() {
        return false;
    }
    for (number_of_header, bytes) in numbers.into_iter().zip(wide.chunks_exact(8)) {
        *number_of_header = number(bytes);
    }
    true
}

/// Returns the number that little-endian bytes say.
fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn bytes<const N: usize>(file: &File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// Reads as many bytes as a length of 16 bits says.
fn some_bytes(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    #[test]
    fn more_entries_than_16_bits_can_count_are_read() {
        for count in [0xffff, 0x1_0001] {
            let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
            for nth in 0..count {
                let name = format!("records/{nth}");
                let options = SimpleFileOptions::default().unix_permissions(0o600);
                zip.start_file(name, options).unwrap();
            }
            zip.write_all(b"last").unwrap();
            let entries = entries(&zip.finish().unwrap()).unwrap();
            assert_eq!(entries.len(), count);
            assert_eq!(entries[count - 1].size, 4);
        }
    }
}
