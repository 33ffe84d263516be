//! The matrix CSV: one row per message, one column per group.

use super::cell::push_head;
use super::csv::{begin, push_kept, push_message};
use super::row::{Context, RowFormat, RowView};

/// `row,msg_id,topic,instance_id,message_verdict,` + kept columns + one column per group in name order. A cell holds
/// the group's verdict; it is empty where the group has nothing to do with the message.
#[derive(Debug)]
pub(super) struct MatrixCsv;

impl RowFormat for MatrixCsv {
    fn head(&self, context: &Context, out: &mut Vec<u8>) {
        begin(context, out);
        let names = ["row", "msg_id", "topic", "instance_id", "message_verdict"].into_iter();
        let names = names.chain(
            context
                .columns
                .iter()
                .chain(&context.groups)
                .map(String::as_str),
        );
        push_head(out, names, context.csv);
    }

    fn row(&self, context: &Context, view: &RowView<'_>, out: &mut Vec<u8>) {
        push_message(out, view, context.csv);
        out.push(context.csv.delimiter);
        out.extend_from_slice(view.verdict().as_str().as_bytes());
        push_kept(out, context, view);
        // Both are in name order, so one walk over the groups fills the columns.
        let mut seen = view.judged.groups.iter().peekable();
        for group in &context.groups {
            out.push(context.csv.delimiter);
            let mut first = true;
            while let Some(own) = seen.next_if(|own| own.group == group) {
                // A source that names a group twice with different words gets both shown.
                if !first {
                    out.push(b'|');
                }
                out.extend_from_slice(own.verdict.as_str().as_bytes());
                first = false;
            }
        }
        out.push(b'\n');
    }
}
