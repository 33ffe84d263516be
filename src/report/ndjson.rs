//! The NDJSON report: the lines of the results file with verdicts. Text is never altered.

use std::num::{NonZeroU32, NonZeroU64};

use serde::Serialize;
use serde_json::value::RawValue;

use super::Summary;
use super::json::SummaryView;
use super::row::{ReportContext, RowFormat, RowView};
use crate::clock::rfc3339;
use crate::results::PreviouslyView;
use crate::verdict::{Evidence, GroupFinding};

/// Writes one object per row; the last line is the summary.
#[derive(Debug)]
pub(super) struct Ndjson;

#[derive(Serialize)]
struct RowObject<'a> {
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<u64>,
    msg_id: &'a str,
    topic: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instance_id: &'a str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tracks: Vec<TrackObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    born_at: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    observed_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    carried_from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previously: Option<&'a PreviouslyView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<ExtraFields<'a>>,
}

#[derive(Serialize)]
struct TrackObject<'a> {
    group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    track_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    mark: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    mqadmin_track_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inferred_from: Option<NonZeroU64>,
    verdict: &'static str,
    expected: bool,
    #[serde(skip_serializing_if = "is_false")]
    unexpected: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceFields<'a>>,
}

/// What a verdict rests on. A field without a value is left out.
#[derive(Serialize)]
pub(super) struct EvidenceFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_seen: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_at: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    evidence_host: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    evidence_note: String,
}

impl<'a> EvidenceFields<'a> {
    /// Returns the fields of a group's verdict if more than the offsets was examined.
    pub(super) fn of(context: &ReportContext, finding: &GroupFinding<'a>) -> Option<Self> {
        context.evidence.then(|| Self {
            evidence: finding.evidence.map(Evidence::as_str),
            attempts_seen: NonZeroU32::new(finding.attempts),
            evidence_at: finding.at.map(rfc3339),
            evidence_host: finding.host,
            evidence_note: finding.note.to_string(),
        })
    }
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'a str,
    message: &'a str,
}

/// The kept columns in the row's own order, with unchanged values.
pub(super) struct ExtraFields<'a>(&'a [(std::borrow::Cow<'a, str>, &'a RawValue)]);

impl<'a> ExtraFields<'a> {
    /// Returns the kept columns of a row, if it has any.
    pub(super) fn of(view: &RowView<'a>) -> Option<Self> {
        (!view.kept.is_empty()).then_some(Self(view.kept))
    }
}

impl Serialize for ExtraFields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl RowFormat for Ndjson {
    fn head(&self, _context: &ReportContext, _out: &mut Vec<u8>) {}

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        let (code, message) = view.error();
        let tracks = view.judged.groups.iter().map(|seen| TrackObject {
            group: seen.group,
            track_type: seen.track_type,
            mark: seen.mark,
            mqadmin_track_type: seen.mqadmin_track_type,
            inferred_from: seen.inferred_from,
            verdict: seen.verdict().as_str(),
            expected: seen.expected,
            unexpected: seen.unexpected,
            evidence: EvidenceFields::of(context, &seen.finding),
        });
        let object = RowObject {
            row: view.row,
            same_as: view.same_as,
            msg_id: &view.line.msg_id,
            topic: &view.line.topic,
            instance_id: &view.line.instance_id,
            verdict: view.verdict().as_str(),
            tracks: tracks.collect(),
            error: (!code.is_empty()).then_some(ErrorObject {
                code: &code,
                message: &message,
            }),
            born_at: view.born_at,
            observed_at: &view.line.observed_at,
            attempts: view.line.attempts,
            request_id: &view.line.request_id,
            carried_from: &view.line.carried_from,
            previously: view.line.previously.as_ref(),
            extra: ExtraFields::of(view),
        };
        push(out, &object);
    }

    fn foot(&self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct SummaryLine<'a> {
            summary: SummaryView<'a>,
        }
        push(
            out,
            &SummaryLine {
                summary: SummaryView::of(summary),
            },
        );
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(truth: &bool) -> bool {
    !*truth
}

fn push(out: &mut Vec<u8>, object: &impl Serialize) {
    serde_json::to_writer(&mut *out, object)
        .expect("our own types serialise, and writing to memory cannot fail");
    out.push(b'\n');
}
