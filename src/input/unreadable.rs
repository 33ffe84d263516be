//! Files that are not an input in any format.

/// A kind of file that is not an input in any format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// UTF-16 without a byte order mark, by its label.
    #[error("looks like {0} without a byte order mark")]
    Utf16(&'static str),
    /// UTF-32, by its name for `iconv`.
    #[error("is {0}, expected UTF-8")]
    Utf32(&'static str),
    /// A compression other than gzip and zstd.
    #[error("is compressed with {0}, expected gzip, zstd or plain text")]
    Compressed(&'static str),
    /// Compressed data within compressed data.
    #[error("is compressed twice")]
    CompressedTwice,
    /// A page, for example of a proxy that refused the download.
    #[error("is an HTML page, expected a list of messages")]
    Html,
    /// A table whose header does not end within the first bytes.
    #[error("has no header that ends within the first MiB")]
    LongHeader,
    /// XML, for example of a spreadsheet program.
    #[error("is XML, expected a list of messages")]
    Xml,
    /// A file that is not text.
    #[error("is a {0}, expected text")]
    Binary(&'static str),
}

impl Unreadable {
    /// Returns what to do about it.
    pub(super) fn hint(self) -> String {
        match self {
            Self::Empty => "if the export failed, run it again".to_owned(),
            Self::Utf16(label) => format!("--encoding {label}"),
            Self::Utf32(name) => format!("convert it: iconv -f {name} -t UTF-8 FILE | ons-audit COMMAND -"),
            Self::Compressed(program) => {
                format!("decompress it: {program} -dc FILE | ons-audit COMMAND -")
            }
            Self::CompressedTwice => {
                "decompress it once: gzip -dc FILE | ons-audit COMMAND -, or zstd -dc FILE".to_owned()
            }
            Self::Html => {
                "open it in a browser: if it is the error page of a server, fetch the list again; if it is a table, save it as .xlsx or CSV".to_owned()
            }
            Self::Xml => "open it in a spreadsheet program and save it as .xlsx or CSV".to_owned(),
            Self::LongHeader => "is this the list of messages? --no-header if its first line is data".to_owned(),
            Self::Binary(_) => {
                "give the list as CSV, TSV, JSON, a workbook (.xlsx, .ods), a producer's log or bare message IDs".to_owned()
            }
        }
    }
}
