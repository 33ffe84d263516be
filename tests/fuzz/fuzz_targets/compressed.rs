//! Compressed files: what was compressed is read back, and how much is read at once changes nothing.
#![no_main]

use std::io::{self, Read, Write};

use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use ons_audit::file::decompressed;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// A kilobyte can hold a gigabyte of zeros.
const ENOUGH: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let (at_once, error) = read(bytes, 64 << 10);
    let (in_pieces, error_in_pieces) = read(bytes, 7);
    assert_eq!(error.is_some(), error_in_pieces.is_some());
    // How much of a damaged file comes out before the damage is noticed is the decoder's affair.
    let common = at_once.len().min(in_pieces.len());
    assert_eq!(at_once[..common], in_pieces[..common]);
    assert!(error.is_some() || at_once.len() == in_pieces.len());
    if !matches!(
        bytes,
        [0x1f, 0x8b, ..] | [_, 0xb5, 0x2f, 0xfd, ..] | [_, 0x2a, 0x4d, 0x18, ..]
    ) {
        assert_eq!((&*at_once, error), (bytes, None));
    }
    for packed in [
        gzip(bytes),
        compress_to_vec(bytes, CompressionLevel::Fastest),
    ] {
        assert_eq!(read(&packed, 64 << 10), (bytes.to_vec(), None));
        if let Some(cut) = packed.len().checked_sub(1) {
            assert!(
                read(&packed[..cut], 64 << 10).1.is_some(),
                "a cut file is not whole"
            );
        }
    }
});

fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut content = Vec::new();
    let mut reader = match decompressed(bytes) {
        Ok(reader) => reader.take(ENOUGH),
        Err(error) => return (content, Some(error.kind())),
    };
    let mut buffer = vec![0; piece];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (content, None),
            Ok(read) => content.extend_from_slice(&buffer[..read]),
            Err(error) => return (content, Some(error.kind())),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}
