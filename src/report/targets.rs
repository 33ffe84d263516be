//! Opens reports and feeds their sinks.

use std::io;
use std::path::PathBuf;

use super::error::ReportError;
use super::html::HtmlSink;
#[cfg(feature = "parquet")]
use super::parquet::ParquetSink;
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

    /// Returns whether any report is a workbook.
    pub(super) fn has_workbook(&self) -> bool {
        let mut formats = self.files.iter().map(|file| file.format);
        formats.any(|format| format == ReportFormat::Xlsx)
    }

    /// Opens all reports and writes the text before the first row.
    pub(super) fn begin(self, context: &ReportContext) -> Vec<Report> {
        let files = self.files.into_iter().map(|file| Report::of(file, context));
        let worklist = self.worklist.map(|(path, set)| {
            let sink = WorklistSink::new(path.clone(), set, context);
            Report {
                writer: FormatWriter::Rows(&WorklistRows),
                file: OpenReport::new(path, sink),
            }
        });
        let mut reports: Vec<_> = files.chain(worklist).collect();
        for report in &mut reports {
            report.begin(context);
        }
        reports
    }
}

/// A report that is being written.
pub(super) struct Report {
    writer: FormatWriter,
    file: OpenReport,
}

impl Report {
    fn of(target: Target, context: &ReportContext) -> Self {
        let writer = target.format.writer();
        let is_split = target.format.is_csv() && !target.output.is_stream();
        let file = match (target.format, context.csv.split) {
            (ReportFormat::Html, _) => {
                let Target { path, output, .. } = target;
                OpenReport::new(path.clone(), HtmlSink::new(path, output, context))
            }
            (ReportFormat::Xlsx, _) => {
                let Target { path, output, .. } = target;
                workbook(path, output, context)
            }
            #[cfg(feature = "parquet")]
            (ReportFormat::Parquet, _) => {
                let Target { path, output, .. } = target;
                OpenReport::new(path.clone(), ParquetSink::long(path, output, context))
            }
            #[cfg(feature = "parquet")]
            (ReportFormat::ParquetMatrix, _) => {
                let Target { path, output, .. } = target;
                OpenReport::new(path.clone(), ParquetSink::matrix(path, output, context))
            }
            (_, Some(most)) if is_split => {
                let parts = Parts::of(target.output).expect("no stream");
                OpenReport::new(
                    target.path.clone(),
                    PartFiles::new(target.path, parts, most),
                )
            }
            _ => OpenReport::single_file(target),
        };
        Self { writer, file }
    }

    /// Returns the format of its rows, if it has rows.
    pub(super) const fn rows(&self) -> Option<&'static dyn RowFormat> {
        match self.writer {
            FormatWriter::Rows(rows) => Some(rows),
            FormatWriter::Summary(_) => None,
        }
    }

    fn begin(&mut self, context: &ReportContext) {
        let mut head = Vec::new();
        if let Some(rows) = self.rows() {
            rows.head(context, &mut head);
        }
        self.file.begin(&head);
    }

    /// Writes rendered rows.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.file.take(piece);
    }

    /// Writes what is left. The report is not visible yet.
    pub(super) fn close(&mut self, summary: &Summary<'_>) {
        let mut foot = Vec::new();
        match self.writer {
            FormatWriter::Rows(rows) => rows.foot(summary, &mut foot),
            FormatWriter::Summary(format) => {
                self.file.step(|_| format.render(summary, &mut foot));
            }
        }
        self.file.step(|sink| sink.summarise(summary));
        self.file.end(&foot);
    }

    /// Makes the report visible.
    pub(super) fn commit(self) -> Result<Vec<WrittenFile>, ReportError> {
        self.file.commit()
    }
}

/// A sink with the path that its errors name. After an error, nothing more is written, and [`commit`](Self::commit)
/// returns the error.
pub(crate) struct OpenReport {
    path: PathBuf,
    sink: Result<Box<dyn ReportSink>, ReportError>,
}

impl OpenReport {
    fn new(path: PathBuf, sink: impl ReportSink + 'static) -> Self {
        Self {
            path,
            sink: Ok(Box::new(sink)),
        }
    }

    fn failed(error: ReportError) -> Self {
        Self {
            path: error.path().to_owned(),
            sink: Err(error),
        }
    }

    /// Opens a report that is one file, whatever its format.
    pub(crate) fn single_file(target: Target) -> Self {
        let Target {
            path,
            output,
            format,
        } = target;
        let sink = SingleFile {
            path: path.clone(),
            replaces_parts: format.is_csv() && !output.is_stream(),
            output,
        };
        Self::new(path, sink)
    }

    pub(crate) fn begin(&mut self, head: &[u8]) {
        self.step(|sink| sink.begin(head));
    }

    pub(crate) fn take(&mut self, piece: &[u8]) {
        self.step(|sink| sink.take(piece));
    }

    pub(crate) fn end(&mut self, foot: &[u8]) {
        self.step(|sink| sink.end(foot));
    }

    /// Makes the report visible.
    pub(crate) fn commit(self) -> Result<Vec<WrittenFile>, ReportError> {
        let path = self.path;
        self.sink?
            .commit()
            .map_err(|source| ReportError::Write { path, source })
    }

    fn step(&mut self, step: impl FnOnce(&mut dyn ReportSink) -> io::Result<()>) {
        if let Ok(sink) = &mut self.sink
            && let Err(source) = step(&mut **sink)
        {
            // The sink removes its temporary files, which leaves their room to the other reports.
            self.sink = Err(ReportError::Write {
                path: self.path.clone(),
                source,
            });
        }
    }
}

fn workbook(path: PathBuf, output: Output, context: &ReportContext) -> OpenReport {
    let columns = widest(context);
    if columns > MAX_COLUMNS {
        return OpenReport::failed(ReportError::Wide { path, columns });
    }
    match XlsxSink::new(path.clone(), output, context) {
        Ok(sink) => OpenReport::new(path, sink),
        Err(source) => OpenReport::failed(ReportError::Write { path, source }),
    }
}
