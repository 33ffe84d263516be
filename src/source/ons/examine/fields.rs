//! Reads the fields of answers. Gateways write numbers as texts, and the only element of a list without the list
//! (`docs/facts/ons-api.md`, trap 15).

use jiff::Timestamp;
use serde_json::Value;

/// Returns the elements of the list `inner` that is inside `outer`. Nothing, an empty text and an empty object are a list
/// without elements. `None` if it is something else.
pub(in crate::source::ons) fn list<'v>(
    outer: Option<&'v Value>,
    inner: &str,
) -> Option<Vec<&'v Value>> {
    match outer {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
        Some(Value::Array(list)) => Some(list.iter().collect()),
        Some(Value::Object(fields)) if fields.is_empty() => Some(Vec::new()),
        Some(Value::Object(fields)) => match fields.get(inner)? {
            Value::Array(list) => Some(list.iter().collect()),
            Value::Null => Some(Vec::new()),
            Value::String(text) if text.trim().is_empty() => Some(Vec::new()),
            only @ Value::Object(_) => Some(vec![only]),
            _ => None,
        },
        Some(_) => None,
    }
}

/// Returns a text that is not blank.
pub(in crate::source::ons) fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    let text = object.get(name)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// Returns a text, or a number as text.
pub(in crate::source::ons) fn id(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::Number(number) => Some(number.to_string()),
        _ => text(object, name).map(str::to_owned),
    }
}

/// Returns a number, which may be written as text.
pub(in crate::source::ons) fn number(object: &Value, name: &str) -> Option<i64> {
    match object.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns a number that counts something.
pub(in crate::source::ons) fn count(object: &Value, name: &str) -> Option<u32> {
    number(object, name)?.try_into().ok()
}

/// Returns a time in milliseconds of the Unix epoch; 0 stands for none.
pub(in crate::source::ons) fn time(object: &Value, name: &str) -> Option<Timestamp> {
    let millis = number(object, name).filter(|millis| *millis > 0)?;
    Timestamp::from_millisecond(millis).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_a_list_is_read() {
        for (outer, elements) in [
            (json!(null), Some(0)),
            (json!(""), Some(0)),
            (json!({}), Some(0)),
            (json!([]), Some(0)),
            (json!([1, 2]), Some(2)),
            (json!({"Do": [1, 2, 3]}), Some(3)),
            (json!({"Do": {"MsgId": "A"}}), Some(1)),
            (json!({"Do": null}), Some(0)),
            (json!({"Do": ""}), Some(0)),
            (json!({"Do": "A"}), None),
            (json!({"Other": []}), None),
            (json!("A"), None),
            (json!(7), None),
        ] {
            let found = list(Some(&outer), "Do").map(|list| list.len());
            assert_eq!(found, elements, "{outer}");
        }
        assert_eq!(list(None, "Do"), Some(Vec::new()));
    }

    #[test]
    fn numbers_may_be_texts() {
        let object =
            json!({"a": 7, "b": " 7 ", "c": "x", "d": -1, "e": 7.5, "f": 0, "g": null, "h": "H"});
        let numbers = ["a", "b", "c", "d", "e", "z"].map(|name| number(&object, name));
        assert_eq!(numbers, [Some(7), Some(7), None, Some(-1), None, None]);
        assert_eq!(count(&object, "d"), None);
        assert_eq!(time(&object, "f"), None);
        assert_eq!(time(&object, "a").map(Timestamp::as_millisecond), Some(7));
        let ids = ["a", "h", "g"].map(|name| id(&object, name));
        assert_eq!(ids, [Some("7".to_owned()), Some("H".to_owned()), None]);
    }
}
