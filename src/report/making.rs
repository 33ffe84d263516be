//! Reports in the making: what is to be written, and what writes it.

use std::io;
use std::path::PathBuf;

use super::error::RenderError;
use super::html::Page;
use super::row::{Context, RowFormat};
use super::sink::{Made, Sink, Split, Whole};
use super::worklist::{Folder, Worklist};
use super::xlsx::{Book, COLUMNS_MOST, widest};
use super::{Format, Summary, Writer};
use crate::file::{FileSet, Output, Parts};

/// A report to be made.
#[derive(Debug)]
pub struct Target {
    /// What it looks like.
    pub format: Format,
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
    pub(super) fn begin(self, context: &Context) -> Result<Vec<Report>, RenderError> {
        let files = self.files.into_iter().map(|file| Report::of(file, context));
        let worklist = self.worklist.map(|(path, set)| {
            Ok(Report {
                sink: Box::new(Folder::new(path.clone(), set, context)),
                path,
                rows: Some(&Worklist),
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
    sink: Box<dyn Sink>,
}

impl Report {
    fn of(target: Target, context: &Context) -> Result<Self, RenderError> {
        let Target {
            format,
            path,
            output,
        } = target;
        let (rows, summary) = match format.writer() {
            Writer::Rows(rows) => (Some(rows), None),
            Writer::Summary(summary) => (None, Some(summary)),
        };
        let sink: Box<dyn Sink> = match context.csv.split {
            _ if format == Format::Html => Box::new(Page::new(path.clone(), output, context)),
            _ if format == Format::Xlsx => Box::new(book(&path, output, context)?),
            Some(most) if format.is_csv() && !output.is_stream() => {
                let parts = Parts::of(output).expect("no stream");
                Box::new(Split::new(parts, most))
            }
            _ => Box::new(Whole {
                path: path.clone(),
                output,
                summary,
            }),
        };
        Ok(Self { path, rows, sink })
    }

    fn begin(&mut self, context: &Context) -> Result<(), RenderError> {
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
    pub(super) fn commit(self) -> Result<Vec<Made>, RenderError> {
        let Self { path, sink, .. } = self;
        sink.commit()
            .map_err(|source| RenderError::Write { path, source })
    }

    fn did(
        &mut self,
        step: impl FnOnce(&mut dyn Sink) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        step(&mut *self.sink).map_err(|source| RenderError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

fn book(path: &std::path::Path, output: Output, context: &Context) -> Result<Book, RenderError> {
    let (path, columns) = (path.to_owned(), widest(context));
    if columns > COLUMNS_MOST {
        return Err(RenderError::Wide { path, columns });
    }
    Book::new(path.clone(), output, context).map_err(|source| RenderError::Write { path, source })
}
