//! Reads the pages of one column of one row group.
//!
//! The crate's own reader of pages trusts the sizes that their headers name, and its decompressors unpack as much as there
//! is. Here a page never takes more memory than [`PAGE_LIMIT`] or than its bytes unpack to, and its checksum is verified.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes as Buffer;
use flate2::Crc;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use snap::raw::{Decoder, decompress_len};

use super::fault::{PAGE_LIMIT, ParquetFault};
use super::footer::read_at;
use super::thrift::{STRUCT, Thrift, ThriftFault};
use crate::exit::contained;
use crate::file::decompressed;
use crate::input::bytes::Bytes;

/// How many bytes are read in the hope that a header ends within them. Statistics may make it longer.
const HEADER: u64 = 1 << 10;

/// The longest header.
const HEADER_LIMIT: u64 = 16 << 20;

/// The most bytes that one compressed byte of snappy can unpack to, rounded up.
const SNAPPY_RATIO: usize = 64;

/// How a page is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    None,
    Snappy,
    /// Gzip or zstd, which name themselves.
    Stream,
}

/// What a page contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageKind {
    Data,
    Index,
    Dictionary,
    DataV2,
}

/// The header of a page.
#[derive(Debug)]
struct PageHeader {
    kind: PageKind,
    /// The size of the page as it is stored.
    stored: u64,
    /// The size of the page when it is unpacked.
    unpacked: usize,
    crc: Option<u32>,
    /// The numbers of the header of the page's kind, by their IDs.
    numbers: [Option<i64>; 10],
}

/// The pages of a column, in order.
pub(super) struct Pages {
    bytes: Bytes,
    column: Arc<str>,
    codec: Codec,
    /// The smallest number of bytes of a value in a dictionary.
    width: usize,
    at: u64,
    left: u64,
    peeked: Option<PageHeader>,
}

impl Pages {
    /// Starts at the first page of a column.
    pub(super) fn new(
        bytes: &Bytes,
        column: Arc<str>,
        chunk: &ColumnChunkMetaData,
    ) -> Result<Self, ParquetFault> {
        let damaged = |problem: String| ParquetFault::in_column(&column, &problem);
        let (at, left) = contained(|| chunk.byte_range()).map_err(damaged)?;
        let codec = codec_of(&column, chunk)?;
        let width = match chunk.column_type() {
            Type::BOOLEAN => 1,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => {
                usize::try_from(chunk.column_descr().type_length()).unwrap_or_default()
            }
        };
        if width == 0 {
            return Err(damaged("its values have no bytes".to_owned()));
        }
        Ok(Self {
            bytes: bytes.clone(),
            column,
            codec,
            width,
            at,
            left,
            peeked: None,
        })
    }

    fn damaged(&self, problem: &str) -> ParquetFault {
        ParquetFault::in_column(&self.column, problem)
    }

    /// Reads the header of the next page that is not an index, and stays before its content.
    fn header(&mut self) -> Result<Option<PageHeader>, ParquetFault> {
        if self.peeked.is_some() {
            return Ok(self.peeked.take());
        }
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            let (header, length) = self.read_header()?;
            self.pass(length);
            if header.stored > self.left {
                return Err(self.damaged("a page is longer than its column"));
            }
            if header.kind != PageKind::Index {
                return Ok(Some(header));
            }
            self.pass(header.stored);
        }
    }

    fn read_header(&self) -> Result<(PageHeader, u64), ParquetFault> {
        let mut length = HEADER;
        loop {
            let most = length.min(self.left);
            let read = read_at(&self.bytes, self.at, most)?;
            let mut thrift = Thrift::new(&read);
            match PageHeader::read(&mut thrift) {
                Ok(header) => return Ok((header, thrift.position() as u64)),
                Err(ThriftFault::Short) if most < self.left && length < HEADER_LIMIT => {
                    length *= 8;
                }
                Err(_) => return Err(self.damaged("the header of a page cannot be read")),
            }
        }
    }

    const fn pass(&mut self, length: u64) {
        self.at += length;
        self.left -= length;
    }

    fn next_page(&mut self) -> Result<Option<Page>, ParquetFault> {
        let Some(header) = self.header()? else {
            return Ok(None);
        };
        if header.unpacked > PAGE_LIMIT {
            return Err(ParquetFault::LargePage {
                column: self.column.to_string(),
                found: header.unpacked as u64,
            });
        }
        let stored = read_at(&self.bytes, self.at, header.stored)?;
        self.pass(header.stored);
        if let Some(said) = header.crc {
            let mut crc = Crc::new();
            crc.update(&stored);
            if crc.sum() != said {
                return Err(self.damaged("a page does not match its checksum"));
            }
        }
        self.page(&header, stored).map(Some)
    }

    fn page(&self, header: &PageHeader, stored: Vec<u8>) -> Result<Page, ParquetFault> {
        let number = |id: usize| {
            let number = header.numbers.get(id).copied().flatten();
            let number = number.and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| self.damaged("the header of a page lacks a number"))
        };
        let encoding = |id: usize| {
            let encoding = number(id).ok().and_then(encoding_of);
            encoding.ok_or_else(|| self.damaged("a page has an unknown encoding"))
        };
        match header.kind {
            PageKind::Dictionary => {
                let buf = self.unpack(stored, 0, header.unpacked)?;
                let num_values = number(1)?;
                if (num_values as usize).saturating_mul(self.width) > buf.len() {
                    return Err(self.damaged("a dictionary has fewer values than it is said to"));
                }
                Ok(Page::DictionaryPage {
                    buf,
                    num_values,
                    encoding: encoding(2)?,
                    is_sorted: header.numbers[3] == Some(1),
                })
            }
            PageKind::DataV2 => {
                let (def_levels_byte_len, rep_levels_byte_len) = (number(5)?, number(6)?);
                let levels = def_levels_byte_len.checked_add(rep_levels_byte_len);
                let levels = levels.ok_or_else(|| self.damaged("a page has too many levels"))?;
                let is_compressed = header.numbers[7] != Some(0);
                let unpacked = if is_compressed {
                    self.unpack(stored, levels as usize, header.unpacked)?
                } else {
                    stored.into()
                };
                if levels as usize > unpacked.len() {
                    return Err(self.damaged("the levels of a page are longer than the page"));
                }
                Ok(Page::DataPageV2 {
                    buf: unpacked,
                    num_values: number(1)?,
                    encoding: encoding(4)?,
                    num_nulls: number(2)?,
                    num_rows: number(3)?,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    statistics: None,
                })
            }
            PageKind::Data | PageKind::Index => Ok(Page::DataPage {
                buf: self.unpack(stored, 0, header.unpacked)?,
                num_values: number(1)?,
                encoding: encoding(2)?,
                def_level_encoding: encoding(3)?,
                rep_level_encoding: encoding(4)?,
                statistics: None,
            }),
        }
    }

    /// Unpacks a page whose first bytes, its levels, are not compressed.
    fn unpack(
        &self,
        stored: Vec<u8>,
        levels: usize,
        unpacked: usize,
    ) -> Result<Buffer, ParquetFault> {
        let wrong = || self.damaged("a page does not unpack to the size that it is said to have");
        if self.codec == Codec::None {
            let is_right = stored.len() == unpacked;
            return is_right.then(|| stored.into()).ok_or_else(wrong);
        }
        let (levels, packed) = stored.split_at_checked(levels).ok_or_else(wrong)?;
        let length = unpacked.checked_sub(levels.len()).ok_or_else(wrong)?;
        let mut page = levels.to_vec();
        if length > 0 {
            let content = match self.codec {
                Codec::Snappy => unsnap(packed, length),
                Codec::None | Codec::Stream => unzip(packed, length),
            };
            page.extend(content.ok_or_else(wrong)?);
        }
        Ok(page.into())
    }
}

/// Unpacks snappy. `None` if the bytes do not unpack to this length.
fn unsnap(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let is_plausible = decompress_len(packed).ok()? == length
        && length <= packed.len().saturating_mul(SNAPPY_RATIO);
    let unpacked = is_plausible.then(|| Decoder::new().decompress_vec(packed));
    unpacked?.ok()
}

/// Unpacks gzip or zstd. `None` if the bytes do not unpack to this length.
fn unzip(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let unpack = || {
        let mut unpacked = Vec::new();
        let content = decompressed(packed)?.take(length as u64 + 1);
        { content }.read_to_end(&mut unpacked).map(|_| unpacked)
    };
    let unpacked = contained(unpack).ok()?.ok()?;
    (unpacked.len() == length).then_some(unpacked)
}

fn codec_of(column: &str, chunk: &ColumnChunkMetaData) -> Result<Codec, ParquetFault> {
    match chunk.compression() {
        Compression::UNCOMPRESSED => Ok(Codec::None),
        Compression::SNAPPY => Ok(Codec::Snappy),
        Compression::GZIP(_) | Compression::ZSTD(_) => Ok(Codec::Stream),
        other => Err(ParquetFault::Codec {
            column: column.to_owned(),
            codec: name_of(other),
        }),
    }
}

/// Returns the name of a compression without its level.
fn name_of(compression: Compression) -> String {
    let name = compression.to_string();
    name.split('(').next().unwrap_or_default().to_owned()
}

#[expect(deprecated, reason = "old files have levels in this encoding")]
const fn encoding_of(number: u32) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}

impl PageHeader {
    fn read(thrift: &mut Thrift<'_>) -> Result<Self, ThriftFault> {
        let (mut kind, mut stored, mut unpacked, mut crc) = (None, None, None, None);
        let (mut numbers, mut last) = ([None; 10], 0);
        while let Some(field) = thrift.field(&mut last)? {
            match field.id {
                1 => kind = thrift.number(field.kind)?,
                2 => unpacked = thrift.number(field.kind)?,
                3 => stored = thrift.number(field.kind)?,
                4 => crc = thrift.number(field.kind)?,
                5 | 7 | 8 if field.kind == STRUCT => numbers = thrift.numbers()?,
                _ => thrift.skip(field.kind)?,
            }
        }
        let size = |number: Option<i64>| {
            let number = number.and_then(|number| i32::try_from(number).ok());
            let number = number.and_then(|number| u32::try_from(number).ok());
            number.ok_or(ThriftFault::Invalid)
        };
        Ok(Self {
            kind: match kind {
                Some(0) => PageKind::Data,
                Some(1) => PageKind::Index,
                Some(2) => PageKind::Dictionary,
                Some(3) => PageKind::DataV2,
                _ => return Err(ThriftFault::Invalid),
            },
            stored: size(stored)?.into(),
            unpacked: size(unpacked)? as usize,
            crc: crc
                .and_then(|crc| i32::try_from(crc).ok())
                .map(i32::cast_unsigned),
            numbers,
        })
    }
}

fn external(fault: ParquetFault) -> ParquetError {
    ParquetError::External(Box::new(fault))
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        self.next_page().map_err(external)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        self.peeked = self.header().map_err(external)?;
        Ok(self.peeked.as_ref().map(|header| {
            let number =
                |id: usize| header.numbers[id].and_then(|number| usize::try_from(number).ok());
            PageMetadata {
                num_rows: number(3).filter(|_| header.kind == PageKind::DataV2),
                num_levels: number(1),
                is_dict: header.kind == PageKind::Dictionary,
            }
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        if let Some(header) = self.header().map_err(external)? {
            self.pass(header.stored);
        }
        Ok(())
    }
}
