//! The lines of a stream: those of the NDJSON report, one at a time.

use serde_json::value::RawValue;

use super::Summary;
use super::locale::Locale;
use super::ndjson::Ndjson;
use super::rendered_row::{RenderedRows, RowRenderer};
use super::row::{ReportContext, RowFormat};
use crate::input::InputNotes;
use crate::results::{Header, Line, MessageContexts, ResultsFile};
use crate::verdict::{RowEvidence, Tally};

/// Renders rows as they are answered, and counts them.
pub struct StreamedReport {
    context: ReportContext,
    contexts: MessageContexts,
    rendered: RenderedRows,
}

impl StreamedReport {
    /// Begins the report of a run with this header. Nothing is examined beyond the offsets.
    #[must_use]
    pub fn new(header: &Header, locale: Locale) -> Self {
        Self {
            context: ReportContext {
                locale,
                ..ReportContext::without_groups(header.expectations.clone())
            },
            contexts: MessageContexts::of(header, &header.expectations),
            rendered: RenderedRows::new(1, 0),
        }
    }

    /// Judges and counts a row, and appends its line to `out`. `line` is its own line of a results file, and `asked` is the
    /// line with the answer: the same one, unless the row is a duplicate.
    ///
    /// # Errors
    ///
    /// If `asked` has no answer.
    pub fn row(
        &mut self,
        (line, asked): (&Line<'_>, &Line<'_>),
        out: &mut Vec<u8>,
    ) -> anyhow::Result<()> {
        let formats: [&dyn RowFormat; 1] = [&Ndjson];
        let renderer = RowRenderer {
            context: &self.context,
            contexts: &self.contexts,
            file_value: RawValue::NULL.to_owned(),
            formats: &formats,
        };
        let evidence = asked.with_answer(RowEvidence::default());
        let row = renderer.row((line, asked), evidence, &mut self.rendered);
        row.map_err(anyhow::Error::msg)?;
        for piece in &mut self.rendered.pieces {
            out.append(piece);
        }
        Ok(())
    }

    /// Returns the counts so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.rendered.totals.tally
    }

    /// Returns the summary of all rows.
    #[must_use]
    pub fn summary(self, results_files: &[ResultsFile], input_notes: InputNotes) -> Summary<'_> {
        let totals = self.rendered.totals;
        let expectations = self.context.expectations;
        Summary {
            results_files,
            coverage: expectations.coverage(&totals.tally.topics),
            expectations,
            tally: totals.tally,
            damage: totals.damage,
            input_notes,
            locale: self.context.locale,
        }
    }
}

impl std::fmt::Debug for StreamedReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamedReport").finish_non_exhaustive()
    }
}
