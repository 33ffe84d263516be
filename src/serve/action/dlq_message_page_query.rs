//! `OnsDLQMessagePageQueryByGroupId`: the dead letters of a group, page by page.
//!
//! The first call names times and page size, the others the task that it has started. A task is nothing but these values,
//! so none has to be kept.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::ActionContext;
use super::examined_group::{DeadLetterMessage, ExaminedGroup};
use crate::serve::ApiError;

/// The pages that may be asked for. There may be more, which only shorter times show.
const PAGES: RangeInclusive<i64> = 1..=50;
/// The number of messages that a page may have.
const SIZES: RangeInclusive<i64> = 5..=50;
/// The number of messages on a page if the call names none.
const SIZE: i64 = 20;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data<'a> {
    task_id: String,
    max_page_count: usize,
    current_page: i64,
    msg_found_list: DeadLetterList<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterList<'a> {
    ons_rest_message_do: Vec<DeadLetterMessage<'a>>,
}

pub(super) fn answer<'a>(context: &'a ActionContext<'_>) -> Result<Data<'a>, ApiError> {
    let group = ExaminedGroup::of(context)?;
    let task = match context.parameters.get("TaskId") {
        Some(id) => PageTask::named(id)
            .ok_or_else(|| ApiError::invalid_field(format!("there is no task {id}")))?,
        None => PageTask::started(context)?,
    };
    let page = context.number("CurrentPage")?;
    let page = page.ok_or(ApiError::MissingField("CurrentPage"))?;
    let page = within("CurrentPage", page, PAGES)?;
    group.check_complete_since(*task.period.start())?;
    let mut letters = group.dead_letters()?;
    letters.retain(|letter| task.period.contains(&letter.at.as_millisecond()));
    let mut pages = letters.chunks(task.size);
    let max_page_count = pages.len();
    let last = i64::try_from(max_page_count.max(1)).unwrap_or(i64::MAX);
    within("CurrentPage", page, 1..=last)?;
    let nth = usize::try_from(page - 1).unwrap_or(usize::MAX);
    let letters = pages.nth(nth).unwrap_or_default().iter();
    let messages: Result<_, _> = letters.map(|letter| group.message(letter)).collect();
    Ok(Data {
        task_id: task.id(),
        max_page_count,
        current_page: page,
        msg_found_list: DeadLetterList {
            ons_rest_message_do: messages?,
        },
    })
}

fn within(name: &str, number: i64, range: RangeInclusive<i64>) -> Result<i64, ApiError> {
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = range.into_inner();
    let message = format!("{name} is {number}, expected {least} to {most}");
    Err(ApiError::invalid_field(message))
}

/// A query: what its first call has named.
struct PageTask {
    /// In milliseconds.
    period: RangeInclusive<i64>,
    size: usize,
}

impl PageTask {
    fn started(context: &ActionContext<'_>) -> Result<Self, ApiError> {
        let size = context.number("PageSize")?.unwrap_or(SIZE);
        let size = within("PageSize", size, SIZES)?;
        Ok(Self {
            period: context.period()?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        })
    }

    /// Returns the ID: times and page size in hex digits.
    fn id(&self) -> String {
        let (begin, end) = (self.period.start(), self.period.end());
        format!(
            "{:016X}{:016X}{:02X}",
            begin.cast_unsigned(),
            end.cast_unsigned(),
            self.size
        )
    }

    /// Returns the task with this ID.
    fn named(id: &str) -> Option<Self> {
        if id.len() != 34 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let time = |text: &str| Some(u64::from_str_radix(text, 16).ok()?.cast_signed());
        let (begin, end) = (time(&id[..16])?, time(&id[16..32])?);
        let size = i64::from_str_radix(&id[32..], 16).ok()?;
        let is_valid = begin <= end && SIZES.contains(&size);
        is_valid.then_some(Self {
            period: begin..=end,
            size: size.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_task_is_read_from_its_id(begin in any::<i64>(), length in 0..i64::MAX, size in 5_usize..=50) {
            let end = begin.saturating_add(length);
            let id = PageTask { period: begin..=end, size }.id();
            let read = PageTask::named(&id).unwrap();
            prop_assert_eq!((read.period, read.size), (begin..=end, size));
        }

        #[test]
        fn any_text_is_a_task_or_refused(id in ".{0,40}|[0-9A-F]{34}") {
            if let Some(task) = PageTask::named(&id) {
                prop_assert!(task.period.start() <= task.period.end() && (5..=50).contains(&task.size));
            }
        }
    }
}
