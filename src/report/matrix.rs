//! The matrix CSV: one row per message, one column per group.

use super::cell::push_head;
use super::csv::{begin, push_kept, push_message};
use super::headings::headings;
use super::row::{ReportContext, RowFormat, RowView};

/// `row,msg_id,topic,instance_id,message_verdict,` + kept columns + one column per group in name order. A cell holds
/// the group's verdict; it is empty where the group has nothing to do with the message.
#[derive(Debug)]
pub(super) struct MatrixCsv;

impl RowFormat for MatrixCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        begin(context, out);
        let ours = ["row", "msg_id", "topic", "instance_id", "message_verdict"];
        let names = headings(ours, &context.columns, &context.groups);
        push_head(out, &names, context.csv);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        push_message(out, view, context.csv);
        out.push(context.csv.delimiter);
        out.extend_from_slice(view.verdict().as_str().as_bytes());
        push_kept(out, context, view);
        for verdicts in view.verdicts_in(&context.groups) {
            out.push(context.csv.delimiter);
            out.extend_from_slice(verdicts.as_bytes());
        }
        out.push(b'\n');
    }
}
