//! `OnsTraceQueryByMsgId`: starts the query for a trace. A query is nothing but its message, so none has to be kept.

use data_encoding::HEXUPPER;

use super::ActionContext;
use crate::serve::ApiError;

pub(super) fn answer(context: &ActionContext<'_>) -> Result<String, ApiError> {
    context.examination()?;
    let (topic, _) = context.topic_state()?;
    let msg_id = context.parameters.required("MsgId")?;
    context.period()?;
    Ok(query_id(topic, msg_id))
}

/// Returns the ID of a query: topic and message ID, which have no line breaks, in hex digits.
fn query_id(topic: &str, msg_id: &str) -> String {
    HEXUPPER.encode(format!("{topic}\n{msg_id}").as_bytes())
}

/// Returns topic and message ID of a query.
pub(super) fn message_of(query_id: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(HEXUPPER.decode(query_id.as_bytes()).ok()?).ok()?;
    let (topic, msg_id) = decoded.split_once('\n')?;
    Some((topic.to_owned(), msg_id.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_query_is_read_from_its_id(topic in "[^\n]{0,20}", msg_id in ".{0,40}") {
            let read = message_of(&query_id(&topic, &msg_id));
            prop_assert_eq!(read, Some((topic, msg_id)));
        }

        #[test]
        fn any_text_is_a_query_or_refused(id in ".{0,40}|[0-9A-F]{0,40}") {
            if let Some((topic, msg_id)) = message_of(&id) {
                prop_assert_eq!(query_id(&topic, &msg_id), id);
            }
        }
    }
}
