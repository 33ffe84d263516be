//! Judges, counts and renders single rows, for reports of results files and for streams.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::row::{ReportContext, RowFormat, RowView};
use crate::clock::TimeText;
use crate::results::{ColumnOrder, Line, MessageContexts, SpreadsheetDamage};
use crate::verdict::{AnswerView, MessageContext, RowEvidence, RowFacts, Tally, judge};

/// What a walk counts.
#[derive(Default)]
pub(super) struct WalkTotals {
    pub(super) tally: Tally,
    pub(super) damage: SpreadsheetDamage,
    pub(super) columns: ColumnOrder,
}

impl WalkTotals {
    /// Adds the counts of the part that follows this one.
    pub(super) fn append(&mut self, next: Self) {
        self.tally.append(next.tally);
        self.damage.append(next.damage);
        self.columns.append(next.columns);
    }
}

/// Rendered rows: one piece per row format, in their order.
pub(super) struct RenderedRows {
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) totals: WalkTotals,
    born_at: TimeText,
}

impl RenderedRows {
    /// Makes a piece with room for so many bytes for each of the formats.
    pub(super) fn new(formats: usize, room: usize) -> Self {
        Self {
            pieces: vec![Vec::with_capacity(room); formats],
            totals: WalkTotals::default(),
            born_at: TimeText::default(),
        }
    }
}

/// Renders rows into all formats.
pub(super) struct RowRenderer<'a> {
    pub(super) context: &'a ReportContext,
    pub(super) contexts: &'a MessageContexts,
    /// The value of the column that names the results file.
    pub(super) file_value: Box<RawValue>,
    pub(super) formats: &'a [&'a dyn RowFormat],
}

impl RowRenderer<'_> {
    /// Judges, counts and renders one row. `line` is its own line, and `asked` is the line with the answer. Returns what is
    /// wrong with a line that cannot be a row.
    pub(super) fn row(
        &self,
        (line, asked): (&Line<'_>, &Line<'_>),
        evidence: RowEvidence<'_>,
        rendered: &mut RenderedRows,
    ) -> Result<(), &'static str> {
        let answer = asked.answer().ok_or("its answer is a duplicate itself")?;
        if line.same_as.is_some() && matches!(answer, AnswerView::Rejected) {
            // The row would be listed with the bad rows, where it is not counted.
            return Err("it is the same as a bad row, which was never asked");
        }
        let subject = self.contexts.of_line(asked);
        let judged = judge(answer, &subject, &self.context.expectations, evidence);
        let (born, totals) = (subject.born, &mut rendered.totals);
        if line.same_as.is_some() {
            totals.tally.add_duplicate();
        } else {
            totals.tally.add(facts(asked, &subject), &judged);
        }
        totals.damage.add_fields(line.row, &line.extra.0);
        totals.columns.add_kept(line.row, &line.extra.0);
        let named = self.context.file_column.as_deref().map(|name| {
            let file = (Cow::Borrowed(name), &*self.file_value);
            let kept = line.extra.0.iter().cloned();
            std::iter::once(file).chain(kept).collect::<Vec<_>>()
        });
        let view = RowView {
            row: line.row,
            same_as: line.same_as,
            line: asked,
            judged: &judged,
            born,
            born_at: born.map(|born| rendered.born_at.of(born)),
            kept: named.as_deref().unwrap_or(&line.extra.0),
        };
        for (format, piece) in self.formats.iter().zip(&mut rendered.pieces) {
            format.row(self.context, &view, piece);
        }
        Ok(())
    }
}

fn facts<'a>(line: &'a Line<'_>, subject: &MessageContext<'_>) -> RowFacts<'a> {
    RowFacts {
        row: line.row,
        msg_id: &line.msg_id,
        topic: &line.topic,
        born: subject.born,
        is_born_decoded: subject.is_born_decoded,
        observed_at: &line.observed_at,
        error: line.error.as_ref().map(|error| {
            if error.code.is_empty() {
                &*error.kind
            } else {
                &*error.code
            }
        }),
        is_carried: !line.carried_from.is_empty(),
        passed: line.previously.as_ref().map(|earlier| &*earlier.passed),
        attempts: (line.attempts.unwrap_or_default(), line.throttled),
        more_calls: line.more_calls,
    }
}
