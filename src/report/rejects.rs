//! The bad rows, for whoever mends the input (`--rejects`).

use super::cell::{push, push_head, push_number};
use super::csv::{begin, push_kept};
use super::headings::headings;
use super::row::{ReportContext, RowFormat, RowView};

/// `row,file,line,column,found,reason,` + kept columns; only rejected rows.
#[derive(Debug)]
pub(super) struct RejectsCsv;

impl RowFormat for RejectsCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        begin(context, out);
        let ours = ["row", "file", "line", "column", "found", "reason"];
        push_head(out, &headings(ours, &context.columns, &[]), context.csv);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        let Some(reject) = &view.line.rejected else {
            return;
        };
        push_number(out, view.row);
        out.push(context.csv.delimiter);
        push(out, &reject.file, context.csv);
        out.push(context.csv.delimiter);
        if let Some(line) = reject.line {
            push_number(out, line);
        }
        for text in [&reject.column, &reject.found, &reject.reason] {
            out.push(context.csv.delimiter);
            push(out, text, context.csv);
        }
        push_kept(out, context, view);
        out.push(b'\n');
    }
}
