//! The Method sheet: the meaning of the verdicts, the caveats, and the sources.

use rust_xlsxwriter::Worksheet;

use super::formats::SheetFormats;
use super::sheet_writer::{SheetWriter, XlsxResult, lines};
use crate::report::Summary;
use crate::report::locale::phrases;
use crate::report::row::ReportContext;
use crate::verdict::{MessageVerdict, Verdict};

const LABELS: u16 = 26;
const TEXTS: usize = 118;

pub(super) fn write(
    sheet: &mut Worksheet,
    formats: &SheetFormats,
    summary: &Summary<'_>,
    context: &ReportContext,
) -> XlsxResult {
    let texts = u16::try_from(TEXTS).unwrap_or(u16::MAX);
    let mut page = SheetWriter::begin(sheet, formats, &[LABELS, texts])?;
    let entry = |page: &mut SheetWriter<'_>, label: &str, text: &str| {
        page.entry(label, text, lines(text, TEXTS))
    };
    let locale = &summary.locale;
    page.section(locale.text(phrases::MEANING_OF_VERDICTS))?;
    for verdict in Verdict::ALL {
        let meaning = locale.text(phrases::meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    for verdict in MessageVerdict::ALL {
        let meaning = locale.text(phrases::message_meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    page.section(locale.text(phrases::NOT_PROVEN))?;
    let caveats = summary.text().caveats();
    for (nth, caveat) in caveats.iter().enumerate() {
        entry(&mut page, &(nth + 1).to_string(), caveat)?;
    }
    page.section(locale.text(phrases::PROVENANCE))?;
    let expectations = serde_json::to_string(&context.expectations).unwrap_or_default();
    for (label, text) in summary.text().facts(&expectations) {
        entry(&mut page, label, &text)?;
    }
    Ok(())
}
