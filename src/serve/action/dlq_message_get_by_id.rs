//! `OnsDLQMessageGetById`: a dead letter of a group. If the message was dead-lettered more than once, the newest one.

use super::ActionContext;
use super::examined_group::{DeadLetterMessage, ExaminedGroup};
use crate::serve::ApiError;
use crate::source::snapshot::NO_MESSAGE;

pub(super) fn answer<'a>(
    context: &'a ActionContext<'_>,
) -> Result<DeadLetterMessage<'a>, ApiError> {
    let group = ExaminedGroup::of(context)?;
    let msg_id = context.parameters.required("MsgId")?;
    let letters = group.dead_letters()?;
    if let Some(letter) = letters.iter().rev().find(|letter| *letter.key == *msg_id) {
        return group.message(letter);
    }
    group.check_complete_since(i64::MAX)?;
    let message = format!("no dead letter with this ID in group {}", group.name);
    Err(ApiError::not_found(NO_MESSAGE, message))
}
