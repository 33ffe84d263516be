//! The Method sheet: the meaning of the verdicts, the caveats, and the sources.

use rust_xlsxwriter::Worksheet;

use super::formats::SheetFormats;
use super::sheet_writer::{SheetWriter, XlsxResult, lines};
use crate::report::Summary;
use crate::report::locale::phrases;
use crate::verdict::MessageVerdict;

const LABELS: u16 = 26;
const TEXTS: usize = 118;

pub(super) fn write(
    sheet: &mut Worksheet,
    formats: &SheetFormats,
    summary: &Summary<'_>,
) -> XlsxResult {
    let texts = u16::try_from(TEXTS).unwrap_or(u16::MAX);
    let mut page = SheetWriter::begin(sheet, formats, &[LABELS, texts])?;
    let entry = |page: &mut SheetWriter<'_>, label: &str, text: &str| {
        page.entry(label, text, lines(text, TEXTS))
    };
    let locale = &summary.locale;
    let text = summary.text();
    let about = |phrase| {
        let title = locale.text(phrases::MEANING_OF_VERDICTS).to_owned();
        title + locale.text(phrases::COLON) + locale.text(phrase)
    };
    page.section(&about(phrases::ABOUT_GROUP))?;
    for &verdict in summary.group_verdicts() {
        let meaning = locale.text(text.group_meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    page.section(&about(phrases::ABOUT_MESSAGE))?;
    for verdict in MessageVerdict::ALL {
        let meaning = locale.text(text.message_meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    page.section(locale.text(phrases::NOT_PROVEN))?;
    let caveats = text.caveats();
    for (nth, caveat) in caveats.iter().enumerate() {
        entry(&mut page, &(nth + 1).to_string(), caveat)?;
    }
    page.section(locale.text(phrases::PROVENANCE))?;
    for (label, text) in text.facts() {
        entry(&mut page, label, &text)?;
    }
    let expectations = text.expectation_rows();
    if !expectations.is_empty() {
        page.section(locale.text(phrases::EXPECTATIONS))?;
        for [topic, group, tags, from, to] in expectations {
            let conditions = [
                (phrases::TAGS, tags),
                (phrases::BORN_FROM, from),
                (phrases::BORN_TO, to),
            ];
            let conditions = conditions
                .into_iter()
                .filter(|(_, value)| !value.is_empty());
            let conditions: Vec<_> = conditions
                .map(|(name, value)| {
                    locale.text(name).to_owned() + locale.text(phrases::COLON) + &value
                })
                .collect();
            let remark = (!conditions.is_empty())
                .then(|| locale.in_brackets(&conditions.join(locale.text(phrases::SEMICOLON))));
            entry(&mut page, &topic, &(group + &remark.unwrap_or_default()))?;
        }
    }
    Ok(())
}
