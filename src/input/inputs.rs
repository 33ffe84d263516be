//! The inputs of a run: opened, understood and surveyed before the first row is read.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use super::bytes::Bytes;
use super::columns::Columns;
use super::csv_rows::CsvRows;
use super::error::flag;
use super::format::{HEAD, Shape, sniff};
use super::header::{Role, Unmapped, unique_names};
use super::id_rows::IdRows;
use super::ndjson_rows::NdjsonRows;
use super::options::{ColumnRef, Options};
use super::question::{Questions, check_given};
use super::row::{Entry, Reject};
use super::rows::{Parser, Rows};
use super::survey::{Survey, sha256, survey};
use crate::delimited::{RecordCells, Records};

/// Standard input, among paths.
const STDIN: &str = "-";

/// All inputs of a run. Their rows can be read more than once.
#[derive(Debug)]
pub struct Inputs {
    each: Arc<[Input]>,
    surveys: Vec<Survey>,
    told: BTreeMap<String, String>,
}

/// One input: where it lies and how it is read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: Arc<str>,
    bytes: Bytes,
    layout: Layout,
    options: Arc<Options>,
    /// Rows found by the survey.
    rows: u64,
    /// Its checksum, as the survey found it.
    sha256: String,
}

/// What the records of an input are.
#[derive(Debug)]
enum Layout {
    RecordCells {
        delimiter: u8,
        columns: Arc<Columns>,
    },
    Ndjson,
    Ids,
}

impl Inputs {
    /// Opens files in order; `-`, or no path at all, is standard input. What can be read only once (standard input, a
    /// pipe) is copied to a private temporary file without a name.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, Error> {
        check(&options)?;
        let stdin = [PathBuf::from(STDIN)];
        let paths = if paths.is_empty() { &stdin } else { paths };
        let opened = paths.iter().map(|path| {
            let bytes = if path.as_path() == Path::new(STDIN) {
                Bytes::spool(io::stdin().lock())
            } else {
                Bytes::open(path)
            };
            let name = path.display().to_string();
            match bytes {
                Ok(bytes) => Ok((name, bytes)),
                Err(source) => Err(Error::Open { path: name, source }),
            }
        });
        Self::survey(opened.collect::<Result<_, _>>()?, options)
    }

    /// Takes bytes at hand for a file called `name`.
    pub fn from_bytes(name: &str, bytes: &[u8], options: Options) -> Result<Self, Error> {
        check(&options)?;
        Self::survey(
            vec![(name.to_owned(), Bytes::Memory(bytes.into()))],
            options,
        )
    }

    fn survey(opened: Vec<(String, Bytes)>, options: Options) -> Result<Self, Error> {
        let options = Arc::new(options);
        let mut inputs = Vec::with_capacity(opened.len());
        let mut surveys = Vec::with_capacity(opened.len());
        for (name, bytes) in opened {
            let mut input = Input::understand(name, bytes, options.clone())?;
            let records = input.data()?;
            let survey = survey(&input.name, &input.bytes, records)?;
            tracing::debug!(
                path = survey.path,
                rows = survey.rows,
                sha256 = survey.sha256,
                "surveyed"
            );
            input.rows = survey.rows;
            input.sha256.clone_from(&survey.sha256);
            inputs.push(input);
            surveys.push(survey);
        }
        if surveys.iter().map(|survey| survey.rows).sum::<u64>() > u32::MAX.into() {
            return Err(Error::TooManyRows);
        }
        Ok(Self {
            each: inputs.into(),
            surveys,
            told: options.told(),
        })
    }

    /// The first bad rows, at most so many.
    pub fn first_rejects(&self, most: usize) -> Result<Vec<Reject>, Error> {
        let rejects = self.rows().filter_map(|row| match row {
            Ok(row) => match row.entry {
                Entry::Rejected(reject) => Some(Ok(*reject)),
                _ => None,
            },
            Err(error) => Some(Err(error)),
        });
        rejects.take(most).collect()
    }

    /// What each input is, in order.
    #[must_use]
    pub fn surveys(&self) -> &[Survey] {
        &self.surveys
    }

    /// The flags that decide which rows there are, with their values.
    #[must_use]
    pub const fn told(&self) -> &BTreeMap<String, String> {
        &self.told
    }

    /// Reads all rows, from the first.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Rows::new(self.each.clone())
    }
}

/// What can be said of options before any input is seen.
fn check(options: &Options) -> Result<(), Error> {
    if let Some(delimiter) = options.delimiter
        && (!delimiter.is_ascii() || matches!(delimiter, b'"' | b'\r' | b'\n'))
    {
        return Err(Error::Delimiter(delimiter));
    }
    check_given(options)
}

impl Input {
    /// Finds out what an input is and which of its columns is what.
    fn understand(name: String, bytes: Bytes, options: Arc<Options>) -> Result<Self, Error> {
        let mut head = Vec::new();
        let content = bytes.content().map(|content| content.take(HEAD));
        content
            .and_then(|mut content| content.read_to_end(&mut head))
            .map_err(Error::unread(&name))?;
        let shape = sniff(&head, &options).map_err(|reason| Error::Unreadable {
            path: name.clone(),
            reason,
        })?;
        let layout = match shape {
            Shape::RecordCells { delimiter } => Layout::RecordCells {
                delimiter,
                columns: Arc::new(columns(&name, &bytes, delimiter, &options)?),
            },
            Shape::Ndjson => {
                check_keys(&name, &options)?;
                Layout::Ndjson
            }
            Shape::Ids => {
                check_ids(&name, &options)?;
                Layout::Ids
            }
        };
        Ok(Self {
            name: name.into(),
            bytes,
            layout,
            options,
            rows: 0,
            sha256: String::new(),
        })
    }

    /// Its data records: the header is behind.
    pub(super) fn data(&self) -> Result<Records, Error> {
        let shape = match self.layout {
            Layout::RecordCells { delimiter, .. } => Shape::RecordCells { delimiter },
            Layout::Ndjson => Shape::Ndjson,
            Layout::Ids => Shape::Ids,
        };
        let content = self.bytes.content().map_err(Error::unread(&self.name))?;
        let mut records = Records::new(content, shape.cut());
        if matches!(self.layout, Layout::RecordCells { .. }) && !self.options.no_header {
            records.next().map_err(Error::unread(&self.name))?;
        }
        Ok(records)
    }

    /// What turns its records into rows.
    pub(super) fn parser(&self) -> Parser {
        let questions = Questions::new(self.name.clone(), &self.options);
        match &self.layout {
            Layout::RecordCells { delimiter, columns } => {
                Parser::Csv(CsvRows::new(columns.clone(), *delimiter, questions))
            }
            Layout::Ndjson => Parser::Ndjson(NdjsonRows::new(self.options.clone(), questions)),
            Layout::Ids => Parser::Ids(IdRows::new(questions)),
        }
    }

    /// Read to its end, `found` rows: is it what was surveyed? The record names its checksum, and answers about other rows
    /// must not stand below that.
    pub(super) fn check_unchanged(&self, found: u64) -> Result<(), Error> {
        let path = || self.name.to_string();
        if found != self.rows {
            return Err(Error::Changed {
                path: path(),
                expected: self.rows,
                found,
            });
        }
        if self.bytes.is_touched() {
            let now = sha256(self.bytes.raw()).map_err(Error::unread(&self.name))?;
            if now != self.sha256 {
                return Err(Error::Rewritten { path: path() });
            }
        }
        Ok(())
    }
}

/// Maps the columns of a table by its first record.
fn columns(path: &str, bytes: &Bytes, delimiter: u8, options: &Options) -> Result<Columns, Error> {
    let content = bytes.content().map_err(Error::unread(path))?;
    let mut records = Records::new(content, Shape::RecordCells { delimiter }.cut());
    let mut cells = RecordCells::default();
    if let Some(first) = records.next().map_err(Error::unread(path))? {
        cells.split(&first.text(), delimiter);
    }
    let names: Vec<&str> = if options.no_header {
        vec![""; cells.len()]
    } else {
        cells.iter().collect()
    };
    let mapped = if options.no_header {
        Columns::numbered(names.len(), options)
    } else {
        Columns::named(&names, options)
    };
    let complete = mapped.and_then(|columns| columns.require(&names, options).map(|()| columns));
    complete.map_err(|reason| Error::Columns {
        path: path.to_owned(),
        columns: unique_names(&names).into_iter().map(String::from).collect(),
        reason,
    })
}

fn check_keys(path: &str, options: &Options) -> Result<(), Error> {
    let wanted = [
        (Role::MsgId, &options.msg_id_column),
        (Role::Topic, &options.topic_column),
        (Role::Instance, &options.instance_column),
    ];
    match wanted
        .into_iter()
        .find(|(_, wanted)| matches!(wanted, Some(ColumnRef::Number(_))))
    {
        Some((role, _)) => Err(Error::NumberedKey {
            path: path.to_owned(),
            flag: flag(role),
        }),
        None => Ok(()),
    }
}

/// Bare IDs need a topic, and have nothing to keep.
fn check_ids(path: &str, options: &Options) -> Result<(), Error> {
    if options.topic.is_none() {
        return Err(Error::NoTopic {
            path: path.to_owned(),
        });
    }
    match options.keep.iter().flatten().next() {
        Some(name) => Err(Error::Columns {
            path: path.to_owned(),
            columns: Vec::new(),
            reason: Unmapped::Keep(name.clone()),
        }),
        None => Ok(()),
    }
}
