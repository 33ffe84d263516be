//! Encodings: the rows of a text are the same in every encoding that can write it, and any bytes can be read in any.
//!
//! The first byte is the encoding in which the rest is read, the second one the format.
#![no_main]

use encoding_rs::GB18030;
use libfuzzer_sys::fuzz_target;
use ons_audit::input::{InputEncoding, InputFormat, InputOptions, Inputs};
use ons_audit_fuzz::{checked_rows, described};

const LABELS: [&str; 12] = [
    "lossy",
    "utf-8",
    "gb18030",
    "gbk",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "windows-1252",
    "utf-16le",
    "utf-16be",
    "x-user-defined",
];

fuzz_target!(|bytes: &[u8]| {
    let [label, format, bytes @ ..] = bytes else {
        return;
    };
    let label = LABELS[usize::from(*label) % LABELS.len()];
    if let Ok(inputs) = Inputs::from_bytes("in", bytes, options(*format, label)) {
        checked_rows(&inputs);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        compare(text, *format);
    }
});

/// Compares the rows of a text in several encodings.
fn compare(text: &str, format: u8) {
    let read = |bytes: &[u8], label| rows(bytes, options(format, label));
    // A second mark is removed from UTF-8 only.
    let text = text.trim_start_matches('\u{feff}');
    let marked = format!("\u{feff}{text}");
    let expected = read(marked.as_bytes(), "utf-8");
    let utf_16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    if !text.starts_with('\0') {
        assert_eq!(expected, read(&utf_16, "utf-8"), "UTF-16LE with a mark");
    }
    let utf_16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(expected, read(&utf_16, "lossy"), "UTF-16BE with a mark");
    let (gb18030, _, is_lossy) = GB18030.encode(text);
    // Bytes that begin like a compressed file, UTF-32 or a mark are not read as text of the encoding.
    let is_text = gb18030.first().is_none_or(|byte| byte.is_ascii_graphic());
    let looks_different = text.contains('\0') || text.starts_with("BZh") || text.starts_with("PK");
    if !is_lossy && is_text && !looks_different {
        assert_eq!(expected, read(&gb18030, "gb18030"), "GB 18030");
    }
}

/// Returns the rows as text. An input that is refused has none.
fn rows(bytes: &[u8], options: InputOptions) -> Option<Vec<String>> {
    let inputs = Inputs::from_bytes("in", bytes, options).ok()?;
    Some(described(&checked_rows(&inputs)))
}

fn options(format: u8, label: &str) -> InputOptions {
    InputOptions {
        format: match format % 8 {
            1 => Some(InputFormat::Csv),
            2 => Some(InputFormat::Tsv),
            3 => Some(InputFormat::Ndjson),
            4 => Some(InputFormat::Ids),
            5 => Some(InputFormat::Json),
            6 => Some(InputFormat::Log),
            _ => None,
        },
        encoding: Some(label.parse::<InputEncoding>().expect("it is a label")),
        topic: (format & 0x40 != 0).then(|| "orders".into()),
        ..InputOptions::default()
    }
}
