//! One JSON object, whose values are not parsed.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::kept_cells::push_string;

/// Keys and raw values in the order of the text, repeated keys included.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(FieldName<'a>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads a line that should be one object. The error says what is wrong and at which character of the line.
    pub(super) fn read(line: &'a str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| {
            let message = fault(&error);
            if error.is_data() {
                return format!("is no JSON object: {message}");
            }
            format!("is broken JSON at column {}: {message}", error.column())
        })
    }

    /// Returns the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &*key.0)
    }

    /// Appends the text of a value by its index as one line: line ends within it are white space. A value with a number
    /// that no reader could hold, such as `1e400`, becomes a string of its text.
    pub(super) fn push_raw(&self, place: usize, json: &mut String) {
        let raw = self.raw(place);
        if is_out_of_range(raw) {
            push_string(json, raw);
        } else if memchr2(b'\n', b'\r', raw.as_bytes()).is_some() {
            json.extend(
                raw.chars()
                    .map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }),
            );
        } else {
            json.push_str(raw);
        }
    }

    /// Returns the text of a value by its index.
    pub(super) fn raw(&self, place: usize) -> &'a str {
        self.0.get(place).map_or("null", |(_, value)| value.get())
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Returns whether a value contains a number beyond the range of a double.
pub(super) fn is_out_of_range(raw: &str) -> bool {
    // Shorter numbers without an exponent are in range.
    let may_be =
        !raw.starts_with('"') && (raw.len() > 308 || memchr2(b'e', b'E', raw.as_bytes()).is_some());
    let error = || serde_json::from_str::<serde_json::Value>(raw).err();
    may_be && error().is_some_and(|error| error.to_string().starts_with("number out of range"))
}

/// Returns the fault of a piece of JSON without its position, which would count from the start of that piece.
pub(super) fn fault(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    message
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Object(pairs))
    }
}

/// A key. It is borrowed from the text unless it has escapes; a plain `Cow` would always be owned.
#[derive(Debug)]
struct FieldName<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for FieldName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyText)
    }
}

struct KeyText;

impl<'de> Visitor<'de> for KeyText {
    type Value = FieldName<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(FieldName(Cow::Borrowed(key)))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(FieldName(Cow::Owned(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_were_written() {
        let object = Object::read(r#" {"a":1.50, "b\n": {"x" : [1, 2]},"a":"\u00e9"} "#).unwrap();
        assert_eq!(object.keys().collect::<Vec<_>>(), ["a", "b\n", "a"]);
        let raw: Vec<_> = (0..4).map(|place| object.raw(place)).collect();
        assert_eq!(raw, ["1.50", r#"{"x" : [1, 2]}"#, r#""\u00e9""#, "null"]);
    }

    #[test]
    fn faults_have_a_place() {
        for (line, reason) in [
            (
                "[1]",
                "is no JSON object: invalid type: sequence, expected an object",
            ),
            (
                r#""x""#,
                "is no JSON object: invalid type: string \"x\", expected an object",
            ),
            (
                r#"{"a":1"#,
                "is broken JSON at column 6: EOF while parsing an object",
            ),
            (r#"{"a":}"#, "is broken JSON at column 6: expected value"),
            ("{} {}", "is broken JSON at column 4: trailing characters"),
        ] {
            assert_eq!(Object::read(line).unwrap_err(), reason, "{line}");
        }
    }
}
