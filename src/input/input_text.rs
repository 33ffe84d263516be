//! The text of an input: a file, decompressed and decoded, a sheet of a workbook, or a Parquet file.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::InputError;
use super::bytes::Bytes;
use super::encoding::Decoding;
use super::format::{HEAD, check_is_text};
use super::options::{InputFormat, InputOptions};
use super::parquet::{ParquetFault, ParquetTable, is_parquet};
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
    /// A Parquet file, whose rows become CSV when they are read.
    Parquet(ParquetTable),
}

impl InputText {
    /// Finds the encoding of a file, the sheet of a workbook, or the columns of a Parquet file.
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
        if matches!(options.format, None | Some(InputFormat::Parquet)) && is_parquet(&head) {
            return Self::parquet(name, bytes);
        }
        if options.format == Some(InputFormat::Parquet) {
            return Err(InputError::Parquet {
                path: name.to_owned(),
                reason: ParquetFault::NotParquet,
            });
        }
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

    /// Reads the footer of a Parquet file.
    fn parquet(name: &str, bytes: &Bytes) -> Result<Self, InputError> {
        let plain = plain(bytes).map_err(InputError::unread(name))?;
        let table = ParquetTable::open(&plain).map_err(|reason| InputError::Parquet {
            path: name.to_owned(),
            reason,
        })?;
        Ok(Self::Parquet(table))
    }

    /// Converts a sheet of a workbook.
    fn sheet(name: &str, bytes: &Bytes, options: &InputOptions) -> Result<Self, InputError> {
        let copy = plain(bytes).map_err(InputError::unread(name))?;
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
            Self::Parquet(table) => Ok(table.text()),
        }
    }

    pub(super) const fn decoding(&self) -> Decoding {
        match self {
            Self::File(_, decoding) => *decoding,
            Self::Sheet(..) | Self::Parquet(_) => Decoding::Utf8,
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

/// Returns the bytes of a file that is read from its end. One that is compressed is copied.
fn plain(bytes: &Bytes) -> io::Result<Bytes> {
    if bytes.is_compressed()? {
        bytes.content().and_then(Bytes::spool)
    } else {
        Ok(bytes.clone())
    }
}
