//! The Method sheet: what the words mean, what they do not prove, and where the answers came from.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::look::Look;
use super::page::{Page, lines};
use crate::report::Summary;
use crate::report::lang::phrases;
use crate::report::row::Context;
use crate::verdict::{MessageVerdict, Verdict};

const LABELS: u16 = 26;
const TEXTS: usize = 118;

type Done = Result<(), XlsxError>;

pub(super) fn write(
    sheet: &mut Worksheet,
    look: &Look,
    summary: &Summary<'_>,
    context: &Context,
) -> Done {
    let texts = u16::try_from(TEXTS).unwrap_or(u16::MAX);
    let mut page = Page::begin(sheet, look, &[LABELS, texts])?;
    let entry =
        |page: &mut Page<'_>, label: &str, text: &str| page.entry(label, text, lines(text, TEXTS));
    let voice = &summary.voice;
    page.section(voice.say(phrases::MEANING_OF_VERDICTS))?;
    for verdict in Verdict::ALL {
        let meaning = voice.say(phrases::meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    for verdict in MessageVerdict::ALL {
        let meaning = voice.say(phrases::message_meaning(verdict));
        entry(&mut page, verdict.as_str(), meaning)?;
    }
    page.section(voice.say(phrases::NOT_PROVEN))?;
    let caveats = summary.told().caveats();
    for (nth, caveat) in caveats.iter().enumerate() {
        entry(&mut page, &(nth + 1).to_string(), caveat)?;
    }
    page.section(voice.say(phrases::PROVENANCE))?;
    let contract = serde_json::to_string(&context.expectations).unwrap_or_default();
    for (label, text) in summary.told().facts(&contract) {
        entry(&mut page, label, &text)?;
    }
    Ok(())
}
