//! Collects the breaks and writes the page.

use std::io::{self, Write};
use std::path::PathBuf;

use askama::Template;

use super::collected::CollectedBreaks;
use super::view::PageView;
use crate::file::Output;
use crate::report::Summary;
use crate::report::row::ReportContext;
use crate::report::sink::{ReportSink, WrittenFile};

/// A page that is being written.
pub(in crate::report) struct HtmlSink {
    path: PathBuf,
    output: Output,
    columns: Vec<String>,
    collected: CollectedBreaks,
}

impl HtmlSink {
    pub(in crate::report) fn new(path: PathBuf, output: Output, context: &ReportContext) -> Self {
        Self {
            path,
            output,
            columns: context.columns.clone(),
            collected: CollectedBreaks::default(),
        }
    }
}

impl ReportSink for HtmlSink {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let lines = piece
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        for line in lines {
            self.collected.add(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    fn summarise(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let text = summary.text();
        let view = PageView::of(&text, &self.collected, &self.columns);
        view.write_into(&mut self.output)
            .map_err(io::Error::other)?;
        self.output.write_all(b"\n")
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        self.output.commit()?;
        Ok(vec![WrittenFile {
            path: self.path,
            rows: None,
        }])
    }
}
