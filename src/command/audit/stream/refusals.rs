//! Refuses options that need the whole input, or the whole run, before the first answer is written.

use std::path::Path;

use anyhow::anyhow;

use super::super::Args;
use crate::command::flags::SourceKind;
use crate::exit::Failed;
use crate::file::stdout_is_closed;
use crate::settings::{Origin, Settings};

/// Settings that need the whole run, with what to do instead.
const WHOLE_RUN: [(&str, &str); 5] = [
    (
        "finish_by",
        "the oldest messages can't be asked first; end the program that writes the rows instead",
    ),
    (
        "max_time",
        "the oldest messages can't be asked first; end the program that writes the rows instead",
    ),
    (
        "born_column",
        "it puts the oldest messages first; without it the times in the IDs are used",
    ),
    (
        "trace_sample",
        "a sample is drawn when all messages are answered; audit a file instead",
    ),
    (
        "split",
        "a stream has no parts; split the rows that it writes",
    ),
];

/// Refuses what cannot be done with rows that are answered one by one.
pub(super) fn refuse(args: &Args, settings: &Settings) -> Result<(), Failed> {
    let is_stdin = matches!(args.input.paths(), [path] if path == Path::new("-"));
    if !is_stdin {
        let error = anyhow!("--stream reads standard input alone");
        let hint = "give - as the only input: cat FILE | ons-audit audit - --stream; for lines in the order of the rows, --stream=ordered";
        return Err(Failed::refused(error, hint.to_owned()));
    }
    if args.results.is_none() && stdout_is_closed().unwrap_or(false) {
        let error = anyhow!("standard output is closed or /dev/null, so the lines would be lost");
        let hint = "read them (-o - | PROGRAM), or keep the answers with --results FILE";
        return Err(Failed::refused(error, hint.to_owned()));
    }
    if let Some(flag) = args.reports.beside_stdout() {
        let hint = "rows are written to standard output as they are answered (-o -); \
                    `ons-audit report` makes other reports from the file of --results";
        return refused(&flag, hint);
    }
    if let Some((flag, hint)) = args.start.beyond_stream() {
        return refused(flag, hint);
    }
    if args.input.shard().is_some() {
        let hint = "give each process a part of the rows; it needs no shard";
        return refused("--shard", hint);
    }
    for (key, hint) in WHOLE_RUN {
        let (value, origin) = settings.text(key);
        if origin != Origin::Default && !value.is_empty() && value != "0" {
            return refused(&named(key, &origin), hint);
        }
    }
    let (value, origin) = settings.text("examine");
    if origin != Origin::Default && value != "none" {
        let flag = format!("{} {value}", named("examine", &origin));
        let hint = "what became of messages beyond the offsets is examined when all are answered: --examine none";
        return refused(&flag, hint);
    }
    Ok(())
}

/// Refuses a source whose verdicts rest on what is read when all messages are answered.
pub(super) fn refuse_source(kind: SourceKind) -> Result<(), Failed> {
    if kind == SourceKind::Rmq {
        let hint = "its verdicts rest on lags that are read when all messages are answered: audit a file instead";
        return refused("--source rmq://", hint);
    }
    Ok(())
}

fn refused(flag: &str, hint: &str) -> Result<(), Failed> {
    let error = anyhow!("{flag} can't be used with --stream");
    Err(Failed::refused(error, hint.to_owned()))
}

/// Returns the name of a setting at its origin.
fn named(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::File(path) => format!("{key} in {}", path.display()),
        origin => origin.to_string(),
    }
}
