//! The page in the making.

use std::io::{self, Write};
use std::path::PathBuf;

use askama::Template;

use super::gathered::Gathered;
use super::view::View;
use crate::file::Output;
use crate::report::Summary;
use crate::report::row::Context;
use crate::report::sink::{Made, Sink};

/// A page in the making.
pub(in crate::report) struct Page {
    path: PathBuf,
    output: Output,
    columns: Vec<String>,
    contract: String,
    gathered: Gathered,
}

impl Page {
    pub(in crate::report) fn new(path: PathBuf, output: Output, context: &Context) -> Self {
        Self {
            path,
            output,
            columns: context.columns.clone(),
            contract: serde_json::to_string(&context.expectations).unwrap_or_default(),
            gathered: Gathered::default(),
        }
    }
}

impl Sink for Page {
    fn begin(&mut self, _head: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let lines = piece
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        for line in lines {
            self.gathered.add(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    fn close(&mut self, _foot: &[u8], summary: &Summary<'_>) -> io::Result<()> {
        let story = summary.told();
        let view = View::of(&story, &self.gathered, &self.columns, &self.contract);
        view.write_into(&mut self.output)
            .map_err(io::Error::other)?;
        self.output.write_all(b"\n")
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<Made>> {
        self.output.commit()?;
        Ok(vec![Made {
            path: self.path,
            rows: None,
        }])
    }
}
