//! `verify` refuses a bundle whose bytes other programs could read otherwise: one that has bytes outside of its entries, or
//! headers that do not agree with the directory.

use std::io::{Cursor, Write};
use std::ops::Range;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::bundle::{bundled, bytes_of, entries, streamed_bundle};
use super::tool::Tool;

/// A ZIP whose parts can be changed one by one.
#[derive(Clone)]
struct Zip {
    before: Vec<u8>,
    /// Local header, packed bytes and data descriptor of each entry. More bytes behind them are between two entries.
    entries: Vec<Vec<u8>>,
    directory: Vec<Vec<u8>>,
    end: Vec<u8>,
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn set(bytes: &mut [u8], at: Range<usize>, number: usize) {
    let width = at.len();
    bytes[at].copy_from_slice(&number.to_le_bytes()[..width]);
}

impl Zip {
    /// Takes a ZIP without ZIP64 records apart.
    fn of(bytes: &[u8]) -> Self {
        let (body, end) = bytes.split_at(bytes.len() - 22);
        let (mut body, mut rest) = body.split_at(number(&end[16..20]));
        let mut directory = Vec::new();
        while !rest.is_empty() {
            let variable: usize = [28, 30, 32]
                .map(|at| number(&rest[at..at + 2]))
                .iter()
                .sum();
            let (entry, behind) = rest.split_at(46 + variable);
            directory.push(entry.to_vec());
            rest = behind;
        }
        let mut entries = Vec::new();
        for listed in directory.iter().rev() {
            let (before, entry) = body.split_at(number(&listed[42..46]));
            entries.insert(0, entry.to_vec());
            body = before;
        }
        let (before, end) = (body.to_vec(), end.to_vec());
        Self {
            before,
            entries,
            directory,
            end,
        }
    }

    /// Returns the bytes of a ZIP whose directory says where each entry is, and whose end says where the directory is.
    fn consistent(mut self) -> Vec<u8> {
        let mut offset = self.before.len();
        for (entry, listed) in self.entries.iter().zip(&mut self.directory) {
            set(listed, 42..46, offset);
            offset += entry.len();
        }
        self.joined()
    }

    /// Returns the bytes of a ZIP whose end says where the directory is.
    fn joined(mut self) -> Vec<u8> {
        let mut bytes = [self.before, self.entries.concat()].concat();
        let directory = self.directory.concat();
        for at in [8..10, 10..12] {
            set(&mut self.end, at, self.directory.len());
        }
        set(&mut self.end, 12..16, directory.len());
        set(&mut self.end, 16..20, bytes.len());
        bytes.extend(directory);
        bytes.extend(self.end);
        bytes
    }

    /// Changes the local header and the directory in the same way.
    fn both(&mut self, nth: usize, at: Range<usize>, to: usize) {
        set(&mut self.entries[nth], at.clone(), to);
        set(&mut self.directory[nth], at.start + 2..at.end + 2, to);
    }

    fn rename(&mut self, nth: usize, name: &str) {
        let length = number(&self.entries[nth][26..28]);
        assert_eq!(name.len(), length, "{name}");
        self.entries[nth][30..30 + length].copy_from_slice(name.as_bytes());
        self.directory[nth][46..46 + length].copy_from_slice(name.as_bytes());
    }
}

/// The message of `verify`, and the change of a bundle that it is about.
type Case<'c> = (&'c str, &'c dyn Fn(&mut Zip));

/// Checks that each change of a bundle is refused with its message and a hint.
fn refused(whole: &[u8], cases: &[Case<'_>]) {
    for (says, change) in cases {
        let mut zip = Zip::of(whole);
        change(&mut zip);
        bytes_are_refused(says, zip.consistent());
    }
}

fn bytes_are_refused(says: &str, bytes: Vec<u8>) {
    let tool = Tool::new();
    tool.write("b.zip", bytes);
    let said = tool.call("verify b.zip").ends(2);
    let hint = "hint: don't rely on this bundle";
    assert!(said.stderr.contains(says), "{says}: {}", said.stderr);
    assert!(said.stderr.contains(hint), "{says}: {}", said.stderr);
    assert!(said.stdout.is_empty(), "{says}: {}", said.stdout);
}

/// Returns the bytes of a bundle without data descriptors.
fn whole() -> Vec<u8> {
    let tool = bundled();
    let bytes = bytes_of(&tool, "b.zip");
    assert!(Zip::of(&bytes).consistent() == bytes);
    bytes
}

/// The entry `reports/report.csv` of [`whole`].
const REPORT: usize = 1;

#[test]
fn bytes_outside_of_entries_are_refused() {
    let whole = whole();
    let zip = Zip::of(&whole);
    let end = zip.entries[0].len();
    let second = format!(
        "`reports/report.csv` begins at byte {}, expected byte {end}, where the entry before it ends",
        end + 4
    );
    let last = zip.entries.len() - 1;
    refused(
        &whole,
        &[
            (
                "`records/1-report.results.ndjson` begins at byte 4, expected byte 0",
                &|zip| zip.before.extend(b"more"),
            ),
            (&second, &|zip| zip.entries[0].extend(b"more")),
            (
                "found 4 bytes between the last entry of its directory and the directory",
                &|zip| zip.entries[last].extend(b"more"),
            ),
            ("its directory is shorter than", &|zip| {
                zip.directory[last].extend(b"more");
            }),
            ("it does not end as a ZIP does", &|zip| zip.end.extend(b"x")),
        ],
    );
    let foreign = "found 4 bytes that belong to no entry";
    let with = |at: usize| [&whole[..at], b"more", &whole[at..]].concat();
    bytes_are_refused(foreign, with(0));
    bytes_are_refused(foreign, with(end));
    bytes_are_refused(foreign, with(whole.len() - 22));
    let mut comment = with(whole.len());
    let length = whole.len() - 2;
    set(&mut comment, length..length + 2, 4);
    bytes_are_refused("it does not end as a ZIP does", comment);
}

#[test]
fn entries_that_are_not_in_the_directory_are_refused() {
    let whole = whole();
    let last = Zip::of(&whole).entries.len() - 1;
    let gap = "where the entry before it ends";
    let behind = "bytes between the last entry of its directory and the directory";
    for (nth, says) in [(0, gap), (REPORT, gap), (last, behind)] {
        let mut zip = Zip::of(&whole);
        let unlisted = zip.directory.remove(nth);
        bytes_are_refused(says, zip.clone().joined());
        zip.directory.insert(last - nth, unlisted);
        bytes_are_refused("where the entry before it ends", zip.joined());
    }
    let mut doubled = Zip::of(&whole);
    doubled.directory.push(doubled.directory[REPORT].clone());
    bytes_are_refused(
        "its directory has two entries `reports/report.csv`",
        doubled.joined(),
    );
}

#[test]
fn local_headers_that_differ_from_the_directory_are_refused() {
    refused(
        &whole(),
        &[
            (
                "an entry's local header names `reports/report.xsv`, the directory names `reports/report.csv`",
                &|zip| zip.entries[REPORT][30 + 15] = b'x',
            ),
            (
                "`reports/report.csv`: its local header has the flags 8, expected 0",
                &|zip| {
                    set(&mut zip.entries[REPORT], 6..8, 8);
                },
            ),
            (
                "`reports/report.csv`: its local header has the method 0, expected 8",
                &|zip| {
                    set(&mut zip.entries[REPORT], 8..10, 0);
                },
            ),
            ("its local header has the time 7, expected ", &|zip| {
                set(&mut zip.entries[REPORT], 10..14, 7);
            }),
            ("its local header has the crc 7, expected ", &|zip| {
                set(&mut zip.entries[REPORT], 14..18, 7);
            }),
            (
                "its local header has the packed size 7, expected ",
                &|zip| {
                    set(&mut zip.entries[REPORT], 18..22, 7);
                },
            ),
            ("its local header has the size 7, expected ", &|zip| {
                set(&mut zip.entries[REPORT], 22..26, 7);
            }),
            ("its local header has an extra field", &|zip| {
                let name = number(&zip.entries[REPORT][26..28]);
                zip.entries[REPORT].splice(30 + name..30 + name, *b"ab\x00\x00");
                set(&mut zip.entries[REPORT], 28..30, 4);
            }),
            (
                "`reports/report.csv`: no local header is at byte ",
                &|zip| {
                    zip.entries[REPORT][0] = b'Q';
                },
            ),
        ],
    );
}

#[test]
fn headers_that_no_bundle_has_are_refused() {
    refused(
        &whole(),
        &[
            ("its directory entry has the flags 0x1", &|zip| {
                zip.both(REPORT, 6..8, 1);
            }),
            ("its directory entry has the method 0, expected 8", &|zip| {
                zip.both(REPORT, 8..10, 0);
            }),
            ("its directory entry has a comment", &|zip| {
                set(&mut zip.directory[REPORT], 32..34, 4);
                zip.directory[REPORT].extend(b"more");
            }),
            ("its directory entry has an extra field", &|zip| {
                set(&mut zip.directory[REPORT], 30..32, 4);
                zip.directory[REPORT].extend(b"ab\x00\x00");
            }),
            ("its directory entry has external attributes ", &|zip| {
                set(&mut zip.directory[REPORT], 40..42, 0o120_777);
            }),
            ("its directory entry has external attributes ", &|zip| {
                set(&mut zip.directory[REPORT], 38..39, 0x10); // a folder of MS-DOS
            }),
            ("its directory entry has internal attributes 1", &|zip| {
                set(&mut zip.directory[REPORT], 36..38, 1);
            }),
            ("its directory entry has the system 0, expected 3", &|zip| {
                set(&mut zip.directory[REPORT], 5..6, 0);
            }),
            ("its directory entry has the time ", &|zip| {
                zip.both(REPORT, 10..12, 77);
            }),
            ("its directory entry has the versions [20, 63]", &|zip| {
                zip.both(REPORT, 4..6, 63);
            }),
            (
                "its local header needs another version than its directory entry",
                &|zip| set(&mut zip.entries[REPORT], 4..6, 10),
            ),
            (
                "its directory entry has a name that is not marked as UTF-8",
                &|zip| {
                    zip.rename(REPORT, "reports/rep\u{e9}rt.cs");
                },
            ),
            ("found the entry `reports/../port.cs`, expected", &|zip| {
                zip.rename(REPORT, "reports/../port.cs");
            }),
            ("found the entry `/eports/report.csv`, expected", &|zip| {
                zip.rename(REPORT, "/eports/report.csv");
            }),
            (
                "found the entry `reports\\\\report.csv`, expected",
                &|zip| {
                    zip.rename(REPORT, "reports\\report.csv");
                },
            ),
        ],
    );
}

#[test]
fn packed_bytes_that_differ_from_their_headers_are_refused() {
    let whole = whole();
    let zip = Zip::of(&whole);
    let packed = number(&zip.entries[REPORT][18..22]);
    let size = number(&zip.entries[REPORT][22..26]);
    let longer = format!(
        "it has {packed} packed bytes, the directory says {}",
        packed + 4
    );
    let shorter = format!("it has {size} bytes, the directory says {}", size + 1);
    refused(
        &whole,
        &[
            ("as its crc, the directory says 7", &|zip| {
                zip.both(REPORT, 14..18, 7);
            }),
            (&shorter, &|zip| zip.both(REPORT, 22..26, size + 1)),
            (&longer, &|zip| {
                zip.both(REPORT, 18..22, packed + 4);
                zip.entries[REPORT].extend(b"more");
            }),
            (
                "`reports/report.csv`: it reaches into the directory",
                &|zip| {
                    zip.both(REPORT, 18..22, 0xffff_fffe);
                },
            ),
        ],
    );
}

#[test]
fn data_descriptors_must_agree_with_the_directory() {
    let whole = streamed_bundle();
    let at = Zip::of(&whole).entries[0].len() - 24;
    let name = "`records/1-a.results.ndjson`: its data descriptor has the";
    refused(
        &whole,
        &[
            (&format!("{name} crc 7, expected "), &|zip| {
                set(&mut zip.entries[0], at + 4..at + 8, 7);
            }),
            (&format!("{name} packed size 7, expected "), &|zip| {
                set(&mut zip.entries[0], at + 8..at + 16, 7);
            }),
            (&format!("{name} size 7, expected "), &|zip| {
                set(&mut zip.entries[0], at + 16..at + 24, 7);
            }),
            ("no data descriptor follows its packed bytes", &|zip| {
                zip.entries[0][at] = b'Q';
            }),
            ("its local header has the size 7, expected 0", &|zip| {
                zip.entries[0].drain(30 + 26..30 + 46);
                set(&mut zip.entries[0], 22..30, (26 << 32) | 7);
            }),
        ],
    );
}

/// Returns the bytes of a ZIP with the records that more than 65,535 entries or 4 GiB need.
fn widened(whole: &[u8]) -> Vec<u8> {
    let (body, end) = whole.split_at(whole.len() - 22);
    let wide = |number: usize| (number as u64).to_le_bytes();
    let mut bytes = body.to_vec();
    bytes.extend(b"PK\x06\x06");
    bytes.extend(wide(44));
    bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for at in [8..10, 10..12, 12..16, 16..20] {
        bytes.extend(wide(number(&end[at])));
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(wide(body.len()));
    bytes.extend([1, 0, 0, 0]);
    bytes.extend(&end[..8]);
    bytes.extend([0xff; 12]);
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn zip64_bundles_verify_and_are_checked_as_strictly() {
    let tool = bundled();
    let large = {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .unix_permissions(0o600)
            .large_file(true);
        for (name, content) in entries(&bytes_of(&tool, "b.zip")) {
            zip.start_file(name, options).unwrap();
            zip.write_all(&content).unwrap();
        }
        widened(&zip.finish().unwrap().into_inner())
    };
    tool.write("b.zip", &large);
    tool.call("verify b.zip").ends(0);

    let locator = large.len() - 42;
    let disagrees = "its ZIP64 end record does not agree";
    for (says, at) in [
        (disagrees, locator + 8),
        (disagrees, locator + 16),
        (disagrees, locator - 56),
        (disagrees, locator - 52),
        ("it is one of several volumes", locator - 24),
        ("bytes that belong to no entry", locator - 15),
    ] {
        let mut bytes = large.clone();
        bytes[at] = bytes[at].wrapping_sub(1);
        bytes_are_refused(says, bytes);
    }
}
