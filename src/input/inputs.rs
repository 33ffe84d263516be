//! The inputs of a run. They are opened, recognised and surveyed before the first row is read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::humanize;

use super::InputError;
use super::bytes::Bytes;
use super::input_file::Input;
use super::notes::InputNotes;
use super::options::InputOptions;
use super::query_builder::check_given;
use super::row::{Entry, Reject};
use super::rows::Rows;
use super::shard::Shard;
use super::survey::{Survey, survey};

/// The path of standard input.
const STDIN: &str = "-";

/// All inputs of a run. Their rows can be read more than once.
#[derive(Debug, Clone)]
pub struct Inputs {
    each: Arc<[Input]>,
    surveys: Vec<Survey>,
    given_flags: BTreeMap<String, String>,
    shard: Option<Shard>,
    /// What was noticed by the first pass that read all rows.
    notes: Arc<OnceLock<InputNotes>>,
}

impl Inputs {
    /// Opens files in order. `-`, or no path at all, is standard input. What can be read only once (standard input, a
    /// pipe) is copied to a private temporary file without a name.
    ///
    /// # Errors
    ///
    /// If an input cannot be read or does not fit the options.
    pub fn open(paths: &[PathBuf], options: InputOptions) -> Result<Self, InputError> {
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
                Err(source) => Err(InputError::Open { path: name, source }),
            }
        });
        Self::survey(opened.collect::<Result<_, _>>()?, options)
    }

    /// Makes an input of bytes in memory, as a file called `name`.
    ///
    /// # Errors
    ///
    /// If the bytes are not an input or do not fit the options.
    pub fn from_bytes(name: &str, bytes: &[u8], options: InputOptions) -> Result<Self, InputError> {
        check(&options)?;
        Self::survey(
            vec![(name.to_owned(), Bytes::Memory(bytes.into()))],
            options,
        )
    }

    fn survey(opened: Vec<(String, Bytes)>, options: InputOptions) -> Result<Self, InputError> {
        let options = Arc::new(options);
        let has_sheet_flag = options.sheet.is_some();
        let needs_log = options.trust_coordinates && options.log_column.is_none();
        let mut inputs = Vec::with_capacity(opened.len());
        let mut surveys = Vec::with_capacity(opened.len());
        let mut roles = String::new();
        for mut input in understand(opened, &options)? {
            let survey = survey(&input.name, input.bytes(), || input.count())?;
            tracing::debug!(
                path = survey.path,
                rows = survey.rows,
                sha256 = survey.sha256,
                "surveyed"
            );
            // Shards of one export have the same columns.
            if !input.roles.is_empty() && input.roles != roles {
                let path = humanize::input(Path::new(&survey.path));
                tracing::info!("{path}: {}", input.roles);
                roles.clone_from(&input.roles);
            }
            input.set_survey(&survey);
            inputs.push(input);
            surveys.push(survey);
        }
        if has_sheet_flag && !inputs.iter().any(Input::is_sheet) {
            return Err(InputError::Unused("--sheet", "no input is a workbook"));
        }
        if needs_log && !inputs.iter().any(Input::is_log) {
            return Err(InputError::Unused(
                "--trust-coordinates",
                "no input is a log",
            ));
        }
        if surveys.iter().map(|survey| survey.rows).sum::<u64>() > u32::MAX.into() {
            return Err(InputError::TooManyRows);
        }
        Ok(Self {
            each: inputs.into(),
            surveys,
            given_flags: options.given_flags(),
            shard: options.shard,
            notes: Arc::default(),
        })
    }

    /// Returns the first rejected rows, at most `most`, without those of which `is_settled` returns true by their number.
    ///
    /// # Errors
    ///
    /// If an input cannot be read.
    pub fn first_rejects(
        &self,
        most: usize,
        is_settled: impl Fn(u64) -> bool,
    ) -> Result<Vec<Reject>, InputError> {
        let rejects = self.rows().filter_map(|row| match row {
            Ok(row) => match row.entry {
                Entry::Rejected(reject) if !is_settled(row.row) => Some(Ok(*reject)),
                _ => None,
            },
            Err(error) => Some(Err(error)),
        });
        rejects.take(most).collect()
    }

    /// Returns the survey of each input, in order.
    #[must_use]
    pub fn surveys(&self) -> &[Survey] {
        &self.surveys
    }

    /// Returns the number of data rows of all inputs.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.surveys.iter().map(|survey| survey.rows).sum()
    }

    /// Returns the flags that decide which rows there are, with their values.
    #[must_use]
    pub const fn given_flags(&self) -> &BTreeMap<String, String> {
        &self.given_flags
    }

    /// Returns what was noticed about the inputs. Empty until all rows were read once.
    #[must_use]
    pub fn notes(&self) -> InputNotes {
        self.notes.get().cloned().unwrap_or_default()
    }

    /// Returns the part of the messages that is read, if it is not all of them.
    #[must_use]
    pub const fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Reads all rows of the shard, or of the inputs if no shard is given, beginning with the first.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Rows::new(self.each.clone(), self.notes.clone(), self.shard)
    }

    /// Returns the same inputs with the rows of all shards.
    #[must_use]
    pub fn of_all_shards(&self) -> Self {
        Self {
            shard: None,
            ..self.clone()
        }
    }
}

/// Detects the format of each file. Where nothing else is known of a file and another one is a log, it is a log without
/// messages.
fn understand(
    opened: Vec<(String, Bytes)>,
    options: &Arc<InputOptions>,
) -> Result<Vec<Input>, InputError> {
    let understood = opened.into_iter().map(|(name, bytes)| {
        let input = Input::understand(name.clone(), bytes.clone(), options.clone());
        (name, bytes, input)
    });
    let understood: Vec<_> = understood.collect();
    let has_log = understood
        .iter()
        .any(|(.., input)| input.as_ref().is_ok_and(Input::is_log));
    let inputs = understood
        .into_iter()
        .map(|(name, bytes, input)| match input {
            Err(error) if has_log && error.is_unrecognised() => Input::log(name, bytes, options),
            input => input,
        });
    inputs.collect()
}

/// Checks options that do not depend on an input.
pub(super) fn check(options: &InputOptions) -> Result<(), InputError> {
    if let Some(delimiter) = options.delimiter
        && (!delimiter.is_ascii() || matches!(delimiter, b'"' | b'\r' | b'\n'))
    {
        return Err(InputError::Delimiter(delimiter));
    }
    check_given(options)
}
