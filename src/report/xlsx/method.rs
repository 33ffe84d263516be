//! The Method sheet: what the words mean, what they do not prove, and where the answers came from.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::look::Look;
use super::page::{Page, lines};
use crate::record::Record;
use crate::report::Summary;
use crate::report::lang::{Voice, phrases};
use crate::report::row::Context;
use crate::verdict::{MessageVerdict, Verdict};
use crate::words::count;

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
    entry(&mut page, voice.say(phrases::TIMES), voice.clock.label())?;
    for record in summary.records {
        for (label, text) in facts(record, voice) {
            entry(&mut page, label, &text)?;
        }
    }
    let contract = serde_json::to_string(&context.expectations).unwrap_or_default();
    entry(&mut page, voice.say(phrases::EXPECTATIONS), &contract)
}

/// The labels are the names that the record itself has for them.
fn facts(record: &Record, voice: &Voice) -> Vec<(&'static str, String)> {
    let (header, trailer) = (record.header(), record.trailer());
    let mut facts = vec![
        ("run_id", header.run_id.clone()),
        ("tool", header.tool.clone()),
        ("source", header.source.clone()),
        ("started_at", voice.recorded(&header.started_at)),
        ("finished_at", voice.recorded(&trailer.finished_at)),
        ("producer_zone", header.producer_zone.clone()),
        ("record sha256", trailer.sha256.clone()),
    ];
    facts.extend(header.inputs.iter().map(|input| {
        let text = format!(
            "{}: {} rows, sha256 {}",
            input.path,
            count(input.rows),
            input.sha256
        );
        ("input", text)
    }));
    facts
}
