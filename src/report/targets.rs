//! Reports in the making: what is to be written, and what writes it.

use std::io;
use std::path::PathBuf;

use super::error::RenderError;
use super::html::HtmlSink;
use super::row::{ReportContext, RowFormat};
use super::sink::{PartFiles, ReportSink, SingleFile, WrittenFile};
use super::worklist::{WorklistRows, WorklistSink};
use super::xlsx::{COLUMNS_MOST, XlsxSink, widest};
use super::{FormatWriter, ReportFormat, Summary};
use crate::file::{FileSet, Output, Parts};

/// A report to be made.
#[derive(Debug)]
pub struct Target {
    /// What it looks like.
    pub format: ReportFormat,
    /// As the person named it.
    pub path: PathBuf,
    /// Opened before anything was asked, so that a bad path costs no call.
    pub output: Output,
}

/// Everything to be made.
#[derive(Debug, Default)]
pub struct Targets {
    /// Reports in one file each.
    pub files: Vec<Target>,
    /// A folder of worklists, as the person named it.
    pub worklist: Option<(PathBuf, FileSet)>,
}

impl Targets {
    /// Does any report go where it can't be taken back?
    pub(super) fn has_stream(&self) -> bool {
        self.files.iter().any(|file| file.output.is_stream())
    }

    /// Writes all heads.
    pub(super) fn begin(self, context: &ReportContext) -> Result<Vec<Report>, RenderError> {
        let files = self.files.into_iter().map(|file| Report::of(file, context));
        let worklist = self.worklist.map(|(path, set)| {
            Ok(Report {
                sink: Box::new(WorklistSink::new(path.clone(), set, context)),
                path,
                rows: Some(&WorklistRows),
            })
        });
        let mut reports = files.chain(worklist).collect::<Result<Vec<_>, _>>()?;
        for report in &mut reports {
            report.begin(context)?;
        }
        Ok(reports)
    }
}

/// A report in the making.
pub(super) struct Report {
    path: PathBuf,
    pub(super) rows: Option<&'static dyn RowFormat>,
    sink: Box<dyn ReportSink>,
}

impl Report {
    fn of(target: Target, context: &ReportContext) -> Result<Self, RenderError> {
        let Target {
            format,
            path,
            output,
        } = target;
        let (rows, summary) = match format.writer() {
            FormatWriter::Rows(rows) => (Some(rows), None),
            FormatWriter::Summary(summary) => (None, Some(summary)),
        };
        let sink: Box<dyn ReportSink> = match context.csv.split {
            _ if format == ReportFormat::Html => {
                Box::new(HtmlSink::new(path.clone(), output, context))
            }
            _ if format == ReportFormat::Xlsx => Box::new(book(&path, output, context)?),
            Some(most) if format.is_csv() && !output.is_stream() => {
                let parts = Parts::of(output).expect("no stream");
                Box::new(PartFiles::new(parts, most))
            }
            _ => Box::new(SingleFile {
                path: path.clone(),
                output,
                summary,
            }),
        };
        Ok(Self { path, rows, sink })
    }

    fn begin(&mut self, context: &ReportContext) -> Result<(), RenderError> {
        let mut head = Vec::new();
        if let Some(rows) = self.rows {
            rows.head(context, &mut head);
        }
        self.did(|sink| sink.begin(&head))
    }

    /// Takes a rendered piece.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), RenderError> {
        self.did(|sink| sink.take(piece))
    }

    /// Writes the rest of it, unseen.
    pub(super) fn close(&mut self, summary: &Summary<'_>) -> Result<(), RenderError> {
        let mut foot = Vec::new();
        if let Some(rows) = self.rows {
            rows.foot(summary, &mut foot);
        }
        self.did(|sink| sink.close(&foot, summary))
    }

    /// Lets it be seen.
    pub(super) fn commit(self) -> Result<Vec<WrittenFile>, RenderError> {
        let Self { path, sink, .. } = self;
        sink.commit()
            .map_err(|source| RenderError::Write { path, source })
    }

    fn did(
        &mut self,
        step: impl FnOnce(&mut dyn ReportSink) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        step(&mut *self.sink).map_err(|source| RenderError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

fn book(
    path: &std::path::Path,
    output: Output,
    context: &ReportContext,
) -> Result<XlsxSink, RenderError> {
    let (path, columns) = (path.to_owned(), widest(context));
    if columns > COLUMNS_MOST {
        return Err(RenderError::Wide { path, columns });
    }
    XlsxSink::new(path.clone(), output, context)
        .map_err(|source| RenderError::Write { path, source })
}
