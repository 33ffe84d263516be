//! Refuses Parquet files in a build without the Cargo feature `parquet`.

use std::convert::Infallible;
use std::io::Read;

use super::ParquetFault;
use crate::input::bytes::Bytes;

/// A file that cannot be read, so there is none.
#[derive(Debug, Clone)]
pub(in crate::input) struct NoParquet(Infallible);

impl NoParquet {
    /// Refuses the file.
    pub(in crate::input) const fn open(_bytes: &Bytes) -> Result<Self, ParquetFault> {
        Err(ParquetFault::NoFeature)
    }

    pub(in crate::input) const fn names(&self) -> Vec<String> {
        match self.0 {}
    }

    pub(in crate::input) fn keep_only(&mut self, _is_read: impl Fn(usize) -> bool) {
        match self.0 {}
    }

    pub(in crate::input) fn text(&self) -> Box<dyn Read + Send> {
        match self.0 {}
    }
}
