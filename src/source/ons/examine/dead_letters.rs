//! Reads the dead letters of groups, page by page. A window of time with more pages than may be asked for is halved.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::asker::{Asker, is_general, reason};
use super::super::request::Call;
use super::{Api, DeadLetterRequest, fields, plain_name};
use crate::evidence::{Examination, ExaminedTopic, Proof, ProofKind};
use crate::humanize::count;
use crate::source::operation::DEAD_LETTERS;
use crate::source::snapshot::NO_MESSAGE;
use crate::source::{CallPacer, Failure};

/// How long dead letters are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// How much further back the first window begins.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// Messages on a page: the most that the operation allows.
const PAGE_SIZE: u64 = 50;
/// The last page that the operation returns.
const LAST_PAGE: u64 = 50;
/// The length of the shortest window, in milliseconds.
const SHORTEST: i64 = 1000;
/// After so many groups in a row that were not answered, no other group is asked for.
const MOST_UNANSWERED: u32 = 3;

/// Asks for the dead letters of each group.
pub(super) async fn examine<A: Api, P: CallPacer>(
    api: &A,
    request: &DeadLetterRequest<'_>,
    pace: &P,
) -> Examination {
    let kept = |margin| request.to.saturating_sub(KEPT + margin);
    let since = |margin| kept(margin).map_or(request.from, |oldest| oldest.max(request.from));
    let window = TimeWindow {
        begin: since(MARGIN).as_millisecond(),
        end: request.to.as_millisecond(),
    };
    let mut reader = LetterReader {
        api,
        asker: Asker {
            pace: Some(pace),
            calls: 0,
        },
        request,
    };
    let mut examination = Examination::default();
    let mut progress = GroupProgress::default();
    for (instance_id, group) in &request.groups {
        let mut proofs = Vec::new();
        progress.end = progress.end.or_else(|| request.last_call.reason());
        let incomplete = if let Some(reason) = &progress.end {
            Some(Arc::clone(reason))
        } else {
            let named = AskedGroup {
                group,
                instance_id: instance_id.as_ref(),
            };
            progress.note(reader.group(named, window, &mut proofs).await)
        };
        // Windows share their ends, and a message may have been redriven and have failed again.
        proofs.sort_by(|a, b| (&a.key, a.at, a.attempts).cmp(&(&b.key, b.at, b.attempts)));
        proofs.dedup();
        examination.proofs.append(&mut proofs);
        examination.topics.push(ExaminedTopic {
            group: Arc::clone(group),
            instance_id: instance_id.clone(),
            topic: format!("%DLQ%{group}").into(),
            from: Some(since(SignedDuration::ZERO)),
            to: request.to,
            incomplete,
        });
    }
    examination.calls = reader.asker.calls;
    examination
}

/// Whether other groups are still asked for.
#[derive(Default)]
struct GroupProgress {
    /// Number of groups in a row that were not answered.
    unanswered: u32,
    /// Why no other group is asked for.
    end: Option<Arc<str>>,
}

impl GroupProgress {
    /// Notes how a group ended; returns why it is incomplete.
    fn note(&mut self, read: Result<(), GroupStop>) -> Option<Arc<str>> {
        let stop = read.err();
        self.unanswered = match &stop {
            Some(stop) if stop.is_unanswered => self.unanswered + 1,
            _ => 0,
        };
        let stop = stop?;
        if stop.is_general || self.unanswered == MOST_UNANSWERED {
            self.end = Some(Arc::clone(&stop.reason));
        }
        Some(stop.reason)
    }
}

/// Why no more of a group was read.
struct GroupStop {
    reason: Arc<str>,
    /// Whether every other group would fail the same way.
    is_general: bool,
    /// Whether the gateway gave no answer.
    is_unanswered: bool,
}

impl From<Failure> for GroupStop {
    fn from(failure: Failure) -> Self {
        Self {
            reason: reason(&failure, DEAD_LETTERS),
            is_general: is_general(&failure),
            is_unanswered: failure.kind.is_retryable(),
        }
    }
}

impl GroupStop {
    fn because(reason: String) -> Self {
        Self {
            reason: reason.into(),
            is_general: false,
            is_unanswered: false,
        }
    }

    fn unreadable(what: &str) -> Self {
        let name = DEAD_LETTERS.name();
        Self::because(format!("an answer of {name} can't be read: {what}"))
    }
}

/// A time from a millisecond to another.
#[derive(Debug, Clone, Copy)]
struct TimeWindow {
    begin: i64,
    end: i64,
}

impl TimeWindow {
    /// Returns both halves, which share a millisecond: whether the end belongs to a window is not documented. `None` if it
    /// is too short.
    const fn halves(self) -> Option<[Self; 2]> {
        if self.end - self.begin <= SHORTEST {
            return None;
        }
        let middle = self.begin.midpoint(self.end);
        Some([
            Self {
                begin: self.begin,
                end: middle,
            },
            Self {
                begin: middle,
                end: self.end,
            },
        ])
    }
}

#[derive(Clone, Copy)]
struct AskedGroup<'a> {
    group: &'a Arc<str>,
    instance_id: Option<&'a Arc<str>>,
}

/// One page of dead letters.
#[derive(Default)]
struct LetterPage {
    /// The ID of the query, for its other pages.
    task: Option<String>,
    /// Number of pages.
    pages: u64,
    letters: Vec<Value>,
}

struct LetterReader<'a, A, P> {
    api: &'a A,
    asker: Asker<'a, P>,
    request: &'a DeadLetterRequest<'a>,
}

impl<A: Api, P: CallPacer> LetterReader<'_, A, P> {
    /// Reads all dead letters of a group in a window.
    async fn group(
        &mut self,
        group: AskedGroup<'_>,
        window: TimeWindow,
        proofs: &mut Vec<Proof>,
    ) -> Result<(), GroupStop> {
        let mut windows = vec![window];
        let mut has_overflow = false;
        while let Some(window) = windows.pop() {
            self.check_limit(1)?;
            let first = self.page(group, window, 1, None).await?;
            self.check_limit(first.pages.saturating_sub(1))?;
            if first.pages > LAST_PAGE
                && let Some([earlier, later]) = window.halves()
            {
                windows.extend([later, earlier]);
                continue;
            }
            has_overflow |= first.pages > LAST_PAGE;
            self.keep(group, &first, proofs)?;
            for number in 2..=first.pages.min(LAST_PAGE) {
                let page = self
                    .page(group, window, number, first.task.as_deref())
                    .await?;
                if page.letters.is_empty() {
                    let pages = first.pages;
                    return Err(GroupStop::unreadable(&format!(
                        "page {number} of {pages} is empty"
                    )));
                }
                self.keep(group, &page, proofs)?;
            }
        }
        if has_overflow {
            let most = count(LAST_PAGE * PAGE_SIZE);
            return Err(GroupStop::because(format!(
                "more than {most} dead letters were stored within a second"
            )));
        }
        Ok(())
    }

    /// Refuses to read so many more pages if the limit does not allow them.
    fn check_limit(&self, pages: u64) -> Result<(), GroupStop> {
        if self.asker.calls.saturating_add(pages) <= self.request.limit {
            return Ok(());
        }
        Err(GroupStop::because(format!(
            "{} more pages of dead letters, more than the limit of {} calls allows",
            count(pages),
            count(self.request.limit)
        )))
    }

    /// Asks for a page. The first one starts a query, whose ID the others name.
    async fn page(
        &mut self,
        group: AskedGroup<'_>,
        window: TimeWindow,
        number: u64,
        task: Option<&str>,
    ) -> Result<LetterPage, GroupStop> {
        if let Some(reason) = self.request.last_call.reason() {
            return Err(GroupStop {
                reason,
                is_general: true,
                is_unanswered: false,
            });
        }
        let texts = [window.begin, window.end].map(|time| time.to_string());
        let (page, size) = (number.to_string(), PAGE_SIZE.to_string());
        let mut parameters = vec![
            ("GroupId", &**group.group),
            ("BeginTime", &*texts[0]),
            ("EndTime", &*texts[1]),
            ("CurrentPage", &*page),
            ("PageSize", &*size),
        ];
        parameters.extend(task.map(|task| ("TaskId", task)));
        let instance = group.instance_id.map(|instance| &**instance);
        let call = Call::new(DEAD_LETTERS, instance, parameters);
        let attempt = || self.api.attempt(call.clone(), "MsgFoundDo");
        let found = match self.asker.ask(attempt).await {
            // Nothing matches the query.
            Err(failure) if number == 1 && failure.code.as_deref() == Some(NO_MESSAGE) => {
                return Ok(LetterPage::default());
            }
            answer => answer?.ok_or_else(|| GroupStop::unreadable("it has no MsgFoundDo"))?,
        };
        read(&found, number)
    }

    /// Keeps the proofs about messages that are looked for.
    fn keep(
        &self,
        group: AskedGroup<'_>,
        page: &LetterPage,
        proofs: &mut Vec<Proof>,
    ) -> Result<(), GroupStop> {
        for letter in &page.letters {
            let letter = FoundLetter::read(letter)?;
            let instance_id = group.instance_id;
            for key in letter.keys {
                if !self.request.keys.contains(key) {
                    continue;
                }
                let topic = letter
                    .topic
                    .map(|topic| plain_name(topic, instance_id.map(|instance| &**instance)).into());
                proofs.push(Proof {
                    group: Arc::clone(group.group),
                    instance_id: instance_id.cloned(),
                    kind: ProofKind::DeadLettered,
                    key: key.into(),
                    topic,
                    at: letter.at,
                    attempts: letter.attempts,
                    host: None,
                    reason: None,
                });
            }
        }
        Ok(())
    }
}

/// Reads a `MsgFoundDo`.
fn read(found: &Value, number: u64) -> Result<LetterPage, GroupStop> {
    let letters = match found {
        Value::Object(_) => fields::list(found.get("MsgFoundList"), "OnsRestMessageDo"),
        Value::String(text) if text.trim().is_empty() => Some(Vec::new()),
        _ => None,
    };
    let letters = letters.ok_or_else(|| GroupStop::unreadable("MsgFoundList is no list"))?;
    let stated = found.get("MaxPageCount").filter(|stated| !stated.is_null());
    let pages = fields::number(found, "MaxPageCount");
    let pages = pages.and_then(|pages| u64::try_from(pages).ok());
    if stated.is_some() && pages.is_none() {
        return Err(GroupStop::unreadable("MaxPageCount is no number of pages"));
    }
    let is_last = letters.len() < usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let pages = match pages {
        Some(pages) => pages.max(u64::from(!letters.is_empty())),
        None if is_last => u64::from(!letters.is_empty()),
        None => return Err(GroupStop::unreadable("it has no MaxPageCount")),
    };
    if number == 1 && pages > 1 && letters.is_empty() {
        let what = format!("page 1 of {pages} is empty");
        return Err(GroupStop::unreadable(&what));
    }
    Ok(LetterPage {
        task: fields::id(found, "TaskId"),
        pages,
        letters: letters.into_iter().cloned().collect(),
    })
}

/// What a dead letter says.
struct FoundLetter<'v> {
    /// Every ID by which a row may name the message.
    keys: Vec<&'v str>,
    /// The topic of the original message.
    topic: Option<&'v str>,
    at: Timestamp,
    attempts: u32,
}

impl<'v> FoundLetter<'v> {
    fn read(letter: &'v Value) -> Result<Self, GroupStop> {
        let properties = fields::list(letter.get("PropertyList"), "MessageProperty");
        let properties = properties.unwrap_or_default();
        let property = |name: &str| {
            let is_it = |property: &&&Value| fields::text(property, "Name") == Some(name);
            let found = properties.iter().find(is_it)?;
            fields::text(found, "Value")
        };
        let mut keys: Vec<_> = [
            property("UNIQ_KEY"),
            fields::text(letter, "MsgId"),
            property("DLQ_ORIGIN_MESSAGE_ID"),
            property("ORIGIN_MESSAGE_ID"),
        ]
        .into_iter()
        .flatten()
        .collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Err(GroupStop::unreadable("a message without MsgId"));
        }
        // A born time is earlier than the store time, so a later success still counts.
        let at = fields::time(letter, "StoreTimestamp")
            .or_else(|| fields::time(letter, "BornTimestamp"))
            .ok_or_else(|| GroupStop::unreadable("a message without StoreTimestamp"))?;
        let is_original = |topic: &&str| !topic.contains("%RETRY%") && !topic.contains("%DLQ%");
        Ok(Self {
            keys,
            topic: property("DLQ_ORIGIN_TOPIC")
                .or_else(|| property("RETRY_TOPIC"))
                .filter(is_original),
            at,
            attempts: fields::count(letter, "ReconsumeTimes").unwrap_or(0),
        })
    }
}
