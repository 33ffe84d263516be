//! Opens reports and feeds their sinks.

use std::io;
use std::path::PathBuf;

use super::error::RenderError;
use super::html::HtmlSink;
use super::row::{ReportContext, RowFormat};
use super::sink::{PartFiles, ReportSink, SingleFile, WrittenFile};
use super::worklist::{WorklistRows, WorklistSink};
use super::xlsx::{MAX_COLUMNS, XlsxSink, widest};
use super::{FormatWriter, ReportFormat, Summary};
use crate::file::{FileSet, Output, Parts};

/// A report that is to be written.
#[derive(Debug)]
pub struct Target {
    /// The report's format.
    pub format: ReportFormat,
    /// The path as given on the command line.
    pub path: PathBuf,
    /// The output. It is opened before the first query, so that a bad path costs no call.
    pub output: Output,
}

/// All reports that are to be written.
#[derive(Debug, Default)]
pub struct Targets {
    /// The reports in one file each.
    pub files: Vec<Target>,
    /// The folder of worklists, with its path as given on the command line.
    pub worklist: Option<(PathBuf, FileSet)>,
}

impl Targets {
    /// Returns whether any report goes to a stream, where it cannot be taken back.
    pub(super) fn has_stream(&self) -> bool {
        self.files.iter().any(|file| file.output.is_stream())
    }

    /// Opens all reports and writes the text before the first row.
    pub(super) fn begin(self, context: &ReportContext) -> Result<Vec<Report>, RenderError> {
        let files = self.files.into_iter().map(|file| Report::of(file, context));
        let worklist = self.worklist.map(|(path, set)| {
            let sink = WorklistSink::new(path.clone(), set, context);
            Ok(Report {
                writer: FormatWriter::Rows(&WorklistRows),
                file: OpenReport::new(path, sink),
            })
        });
        let mut reports = files.chain(worklist).collect::<Result<Vec<_>, _>>()?;
        for report in &mut reports {
            report.begin(context)?;
        }
        Ok(reports)
    }
}

/// A report that is being written.
pub(super) struct Report {
    writer: FormatWriter,
    file: OpenReport,
}

impl Report {
    fn of(target: Target, context: &ReportContext) -> Result<Self, RenderError> {
        let writer = target.format.writer();
        let is_split = target.format.is_csv() && !target.output.is_stream();
        let file = match (target.format, context.csv.split) {
            (ReportFormat::Html, _) => {
                let Target { path, output, .. } = target;
                OpenReport::new(path.clone(), HtmlSink::new(path, output, context))
            }
            (ReportFormat::Xlsx, _) => {
                let Target { path, output, .. } = target;
                let sink = workbook(&path, output, context)?;
                OpenReport::new(path, sink)
            }
            (_, Some(most)) if is_split => {
                let parts = Parts::of(target.output).expect("no stream");
                OpenReport::new(target.path, PartFiles::new(parts, most))
            }
            _ => OpenReport::single_file(target),
        };
        Ok(Self { writer, file })
    }

    /// Returns the format of its rows, if it has rows.
    pub(super) const fn rows(&self) -> Option<&'static dyn RowFormat> {
        match self.writer {
            FormatWriter::Rows(rows) => Some(rows),
            FormatWriter::Summary(_) => None,
        }
    }

    fn begin(&mut self, context: &ReportContext) -> Result<(), RenderError> {
        let mut head = Vec::new();
        if let Some(rows) = self.rows() {
            rows.head(context, &mut head);
        }
        self.file.begin(&head)
    }

    /// Writes rendered rows.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), RenderError> {
        self.file.take(piece)
    }

    /// Writes what is left. The report is not visible yet.
    pub(super) fn close(&mut self, summary: &Summary<'_>) -> Result<(), RenderError> {
        let mut foot = Vec::new();
        match self.writer {
            FormatWriter::Rows(rows) => rows.foot(summary, &mut foot),
            FormatWriter::Summary(format) => {
                self.file.step(|_| format.render(summary, &mut foot))?;
            }
        }
        self.file.step(|sink| sink.summarise(summary))?;
        self.file.end(&foot)
    }

    /// Makes the report visible.
    pub(super) fn commit(self) -> Result<Vec<WrittenFile>, RenderError> {
        self.file.commit()
    }
}

/// A sink with the path that its errors name.
pub(crate) struct OpenReport {
    path: PathBuf,
    sink: Box<dyn ReportSink>,
}

impl OpenReport {
    fn new(path: PathBuf, sink: impl ReportSink + 'static) -> Self {
        Self {
            path,
            sink: Box::new(sink),
        }
    }

    /// Opens a report that is one file, whatever its format.
    pub(crate) fn single_file(target: Target) -> Self {
        let Target { path, output, .. } = target;
        let sink = SingleFile {
            path: path.clone(),
            output,
        };
        Self::new(path, sink)
    }

    pub(crate) fn begin(&mut self, head: &[u8]) -> Result<(), RenderError> {
        self.step(|sink| sink.begin(head))
    }

    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), RenderError> {
        self.step(|sink| sink.take(piece))
    }

    pub(crate) fn end(&mut self, foot: &[u8]) -> Result<(), RenderError> {
        self.step(|sink| sink.end(foot))
    }

    pub(crate) fn commit(self) -> Result<Vec<WrittenFile>, RenderError> {
        let Self { path, sink } = self;
        sink.commit()
            .map_err(|source| RenderError::Write { path, source })
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut dyn ReportSink) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        step(&mut *self.sink).map_err(|source| RenderError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

fn workbook(
    path: &std::path::Path,
    output: Output,
    context: &ReportContext,
) -> Result<XlsxSink, RenderError> {
    let (path, columns) = (path.to_owned(), widest(context));
    if columns > MAX_COLUMNS {
        return Err(RenderError::Wide { path, columns });
    }
    XlsxSink::new(path.clone(), output, context)
        .map_err(|source| RenderError::Write { path, source })
}
