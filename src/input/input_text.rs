//! The text of an input: a file, decompressed and decoded, or a sheet of a workbook.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::InputError;
use super::bytes::Bytes;
use super::encoding::Decoding;
use super::format::{HEAD, check_is_text};
use super::options::InputOptions;
use super::table_start::names_id;
use super::workbook::{is_ole, is_zip, read_sheet};
use crate::delimited::BOM;
use crate::humanize;

/// The text of an input.
#[derive(Debug, Clone)]
pub(super) enum InputText {
    /// The file, decompressed and decoded.
    File(Bytes, Decoding),
    /// A sheet of a workbook, converted to CSV.
    Sheet(Bytes, Arc<str>),
}

impl InputText {
    /// Finds the encoding of a file, or the sheet of a workbook.
    pub(super) fn of(
        name: &str,
        bytes: &Bytes,
        options: &InputOptions,
    ) -> Result<Self, InputError> {
        let unread = || InputError::unread(name);
        let mut head = Vec::new();
        let content = bytes.content().map(|content| content.take(HEAD));
        content
            .and_then(|mut content| content.read_to_end(&mut head))
            .map_err(unread())?;
        if is_zip(&head) || is_ole(&head) {
            return Self::sheet(name, bytes, options);
        }
        let decoding = check_is_text(&head).and_then(|()| Decoding::of(&head, options.encoding));
        let decoding = decoding.map_err(|reason| InputError::Unreadable {
            path: name.to_owned(),
            reason,
        })?;
        if decoding.is_doubtful(&head) {
            let path = humanize::input(Path::new(name));
            tracing::warn!(
                "{path} looks like UTF-8, but is read as {}",
                decoding.name()
            );
        }
        Ok(Self::File(bytes.clone(), decoding))
    }

    /// Converts a sheet of a workbook.
    fn sheet(name: &str, bytes: &Bytes, options: &InputOptions) -> Result<Self, InputError> {
        // A workbook is read from its end, so one that is compressed is copied.
        let copy = match bytes.is_compressed() {
            Ok(false) => Ok(bytes.clone()),
            Ok(true) => bytes.content().and_then(Bytes::spool),
            Err(error) => Err(error),
        };
        let copy = copy.map_err(InputError::unread(name))?;
        let has_id_column = |cells: &[String]| {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            names_id(&cells, options)
        };
        let sheet = read_sheet(&mut copy.raw(), options.sheet.as_ref(), &has_id_column);
        let sheet = sheet.map_err(|reason| InputError::Workbook {
            path: name.to_owned(),
            reason,
        })?;
        Ok(Self::Sheet(
            Bytes::temporary(sheet.csv, sheet.length),
            sheet.name.into(),
        ))
    }

    /// Opens the text at its beginning.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(bytes, decoding) => Ok(decoding.decode(bytes.content()?)),
            Self::Sheet(csv, _) => Ok(Box::new(csv.raw())),
        }
    }

    pub(super) const fn decoding(&self) -> Decoding {
        match self {
            Self::File(_, decoding) => *decoding,
            Self::Sheet(..) => Decoding::Utf8,
        }
    }

    /// Returns the first bytes, without byte order marks.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.open()?.take(HEAD).read_to_end(&mut head)?;
        let marks = head
            .chunks(BOM.len())
            .take_while(|chunk| *chunk == BOM)
            .count();
        head.drain(..marks * BOM.len());
        Ok(head)
    }
}
