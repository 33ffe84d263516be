//! Flags for the input.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::exit::{self, Failed};
use crate::input::{
    ColumnRef, InputEncoding, InputFormat, InputOptions, Inputs, Shard, SheetRef, StreamedRows,
};
use crate::settings::Settings;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Input")]
pub(in crate::command) struct InputFlags {
    /// Files with message IDs: CSV, TSV, JSON, workbooks, Parquet, producers' logs or bare IDs; `-` is standard input
    ///
    /// The format is detected from the content: CSV or TSV, NDJSON or other JSON, .xlsx or .ods, Parquet, lines of logs in
    /// which RocketMQ clients say that they sent a message, or one ID a line; plain, gzip or zstd.
    ///
    /// Columns are found by name (msg_id, MsgId, Message ID, 消息ID; topic, 主题; instance_id). All other columns are
    /// copied to the report unchanged.
    ///
    /// Examples:
    ///
    /// ons-audit audit ids.txt --topic orders --source ons://cn-hangzhou
    ///
    /// ons-audit audit export.csv --delimiter ';' --msg-id-column 3 --source ons://cn-hangzhou
    ///
    /// ons-audit audit host-*/producer.log* --source ons://cn-hangzhou
    ///
    /// zcat day.csv.gz | ons-audit audit - --source ons://cn-hangzhou
    #[arg(value_name = "INPUT", default_value = "-", hide_default_value = true)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnFlags,
    /// Columns to copy to the report [default: all]
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    keep: Option<Vec<String>>,
    /// Ask only about this part of the messages: I/N, with I from 0 to N-1; `report` puts the parts together
    ///
    /// A message belongs to the same part wherever it stands, and rejected rows belong to part 0. Give every part the same
    /// inputs and options.
    ///
    /// Example, on the second of three machines: ons-audit audit day.csv --source ons://cn-hangzhou --shard 1/3 --results
    /// day-1.ndjson
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Ask nothing when more rows than this are bad: a number, or a share such as 5% [default: 100%]
    #[arg(long, value_name = "N|P%")]
    max_rejects: Option<String>,
}

/// Flags that describe the columns and the format of an input.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Input")]
pub(in crate::command) struct ColumnFlags {
    /// Column with the message ID, by name, by number (the first is 1), or by a path in JSON (payload.msg_id)
    #[arg(long, value_name = "COLUMN")]
    msg_id_column: Option<String>,
    /// Column with the topic
    #[arg(long, value_name = "COLUMN")]
    topic_column: Option<String>,
    /// Column with the instance ID
    #[arg(long, value_name = "COLUMN")]
    instance_column: Option<String>,
    /// Topic of every row that names none
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Instance of every row that names none
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// csv, tsv, ndjson, json, log (lines of producers), ids or parquet; detected by default
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<InputFormat>,
    /// Encoding, such as gb18030 or utf-16le; `lossy` rejects rows that are not UTF-8 [default: UTF-8 only]
    #[arg(long, value_name = "LABEL")]
    encoding: Option<InputEncoding>,
    /// Sheet of a workbook, by name or number [default: the only one with a message-ID column]
    #[arg(long, value_name = "NAME|N", value_parser = sheet)]
    sheet: Option<SheetRef>,
    /// Column with log lines of producers; rows whose line names no sent message are counted and not asked
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["msg_id_column", "no_header"])]
    log_column: Option<String>,
    /// Believe the broker, queue and offset in log lines, without a look-up [default: look up each ID]
    ///
    /// Wrong for messages that are delayed, timed, transactional or sent in a batch: those lines name another place.
    #[arg(long)]
    trust_coordinates: bool,
    /// Character between cells (`\t` is a tab); detected by default
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The first line is data; name columns by number
    #[arg(long)]
    no_header: bool,
}

impl ColumnFlags {
    /// Opens inputs of this form. `keep` names the columns that are kept, `source_instance` the instance of rows that name
    /// none where `--instance` names none either.
    pub(in crate::command) fn open(
        self,
        paths: &[PathBuf],
        keep: Option<Vec<String>>,
        source_instance: Option<&str>,
    ) -> Result<Inputs, Failed> {
        say_prompt(paths);
        Ok(Inputs::open(paths, self.options(keep, source_instance))?)
    }

    /// Returns how inputs of this form are read.
    fn options(self, keep: Option<Vec<String>>, source_instance: Option<&str>) -> InputOptions {
        let column = |text: Option<String>| text.as_deref().map(ColumnRef::from);
        InputOptions {
            format: self.input_format,
            encoding: self.encoding,
            sheet: self.sheet,
            log_column: column(self.log_column),
            trust_coordinates: self.trust_coordinates,
            delimiter: self.delimiter,
            no_header: self.no_header,
            msg_id_column: column(self.msg_id_column),
            topic_column: column(self.topic_column),
            instance_column: column(self.instance_column),
            topic: self.topic,
            instance: self.instance,
            source_instance: source_instance.map(str::to_owned),
            keep,
            shard: None,
        }
    }
}

fn say_prompt(paths: &[PathBuf]) {
    if let Some(prompt) = prompt(paths, std::io::stdin().is_terminal()) {
        if exit::is_json() {
            exit::say_json("INFO", prompt.trim(), &serde_json::Value::Null);
        } else {
            exit::say(prompt);
        }
    }
}

/// Returns what is shown while the program waits for input on a terminal.
fn prompt(paths: &[PathBuf], is_terminal: bool) -> Option<&'static str> {
    let reads_stdin = paths.is_empty() || paths.iter().any(|path| path == Path::new("-"));
    (reads_stdin && is_terminal)
        .then_some("reading message IDs from standard input (Ctrl-D ends it)\n")
}

#[expect(clippy::unnecessary_wraps, reason = "clap calls it")]
fn sheet(text: &str) -> Result<SheetRef, String> {
    Ok(SheetRef::from(text))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err(format!("`{text}` is not one ASCII character")),
    }
}

impl InputFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("max_rejects", self.max_rejects.as_ref());
    }

    /// Opens all inputs: maps their columns and counts their rows. `source_instance` is the instance of rows that name none.
    pub(in crate::command) fn open(&self, source_instance: Option<&str>) -> Result<Inputs, Failed> {
        say_prompt(&self.inputs);
        Ok(Inputs::open(&self.inputs, self.options(source_instance))?)
    }

    /// Returns how the inputs are read.
    pub(in crate::command) fn options(&self, source_instance: Option<&str>) -> InputOptions {
        let columns = self.columns.clone();
        InputOptions {
            shard: self.shard,
            ..columns.options(self.keep.clone(), source_instance)
        }
    }

    /// Returns the part of the messages that is asked about, if it is not all of them.
    pub(in crate::command) const fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Starts to read standard input as a stream.
    pub(in crate::command) fn stream(&self, options: InputOptions) -> Result<StreamedRows, Failed> {
        say_prompt(&self.inputs);
        Ok(StreamedRows::start("-", std::io::stdin(), options)?)
    }

    /// Returns the paths, in order.
    pub(in crate::command) fn paths(&self) -> &[PathBuf] {
        &self.inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_gets_a_prompt() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        for (names, is_terminal, has_prompt) in [
            (vec!["-"], true, true),
            (vec![], true, true),
            (vec!["a.csv", "-"], true, true),
            (vec!["-"], false, false),
            (vec!["a.csv"], true, false),
        ] {
            let text = prompt(&paths(&names), is_terminal);
            assert_eq!(text.is_some(), has_prompt, "{names:?} {is_terminal}");
        }
    }
}
