//! Files of old versions of Office, and encrypted workbooks, which are stored in the same container.

use std::io::{self, Read, Seek};

use memchr::memmem;

use super::WorkbookError;

/// Returns whether decompressed bytes begin like an `.xls` or an encrypted workbook. [`read_sheet`](super::read_sheet)
/// says which.
pub(in crate::input) fn is_ole(head: &[u8]) -> bool {
    head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
}

/// Says why the file is not read.
pub(super) fn refusal(file: &mut (impl Read + Seek)) -> WorkbookError {
    match is_encrypted(file) {
        Ok(true) => WorkbookError::Encrypted,
        Ok(false) => WorkbookError::Old,
        Err(error) => WorkbookError::damaged(error),
    }
}

/// Searches an OLE file for the stream of an encrypted workbook. Names are stored as UTF-16.
fn is_encrypted(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let name: Vec<u8> = "EncryptedPackage".bytes().flat_map(|c| [c, 0]).collect();
    let finder = memmem::Finder::new(&name);
    file.rewind()?;
    let mut window = Vec::new();
    loop {
        let read = file.by_ref().take(256 << 10).read_to_end(&mut window)?;
        if read == 0 || finder.find(&window).is_some() {
            return Ok(read > 0);
        }
        let kept = window.len().saturating_sub(name.len());
        window.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn ole_files_are_distinguished() {
        let name: Vec<u8> = "EncryptedPackage".bytes().flat_map(|c| [c, 0]).collect();
        for before in [8, 100, (256 << 10) - 5] {
            let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
            bytes.resize(before, 7);
            bytes.extend(&name);
            bytes.resize(600 << 10, 0);
            assert_eq!(
                refusal(&mut Cursor::new(&bytes)).to_string(),
                "is an encrypted workbook"
            );
            bytes[before] = b'e';
            let old = "is a file of an old Office version, such as .xls, expected .xlsx or .ods";
            assert_eq!(refusal(&mut Cursor::new(&bytes)).to_string(), old);
        }
    }
}
