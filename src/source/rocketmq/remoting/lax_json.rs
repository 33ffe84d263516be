//! Converts the lax JSON of fastjson into JSON (`docs/facts/rocketmq.md` §3.3).
//!
//! Fastjson writes map keys that are not text without quotes: `{0:"…"}`, `{{"queueId":0}:{…}}`. Here they are
//! quoted; an object becomes the text of its JSON, to be parsed by [`from_key`]. `NaN`, which some versions
//! write, becomes `null`. Valid JSON passes unchanged.

use std::borrow::Cow;

use memchr::memchr2;
use serde::de::DeserializeOwned;

/// Limit for nesting: deeper than any response, and the limit of `serde_json`.
const DEEPEST: usize = 127;

/// Parses a value from lax JSON.
///
/// # Errors
///
/// If the text is not JSON even after the conversion, or does not match the type.
pub fn from_slice<T: DeserializeOwned>(lax: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&strict(lax))
}

/// Parses a map key that is an object.
///
/// # Errors
///
/// If the key does not match the type.
pub fn from_key<T: DeserializeOwned>(key: &str) -> Result<T, serde_json::Error> {
    from_slice(key.as_bytes())
}

/// Converts lax JSON into JSON. Text that is neither stays invalid, so that the parser reports it.
#[must_use]
pub fn strict(lax: &[u8]) -> Cow<'_, [u8]> {
    let mut scanner = Scanner::new(lax);
    scanner.run();
    scanner.finish()
}

/// Visits the members of an object in place, without a copy of the text. Keys and values are handed over as they are
/// written; a key that is text has its quotes.
///
/// # Errors
///
/// If the text is not an object, or a visit fails.
pub(super) fn visit_members<'a>(
    lax: &'a [u8],
    mut visit: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let wrong = || serde::de::Error::custom("an object that ends too early");
    let rest = lax.trim_ascii().strip_prefix(b"{").ok_or_else(wrong)?;
    let mut rest = rest.strip_suffix(b"}").ok_or_else(wrong)?.trim_ascii();
    while !rest.is_empty() {
        let key = value_end(rest, b':');
        let (key, after) = (rest[..key].trim_ascii(), &rest[key..]);
        let after = after.strip_prefix(b":").ok_or_else(wrong)?;
        let end = value_end(after, b',');
        let (value, after) = (after[..end].trim_ascii(), &after[end..]);
        if key.is_empty() || value.is_empty() {
            return Err(wrong());
        }
        visit(key, value)?;
        rest = match after.strip_prefix(b",") {
            Some(next) if next.trim_ascii().is_empty() => return Err(wrong()),
            Some(next) => next.trim_ascii_start(),
            None => after,
        };
    }
    Ok(())
}

/// Visits the items of a list in place, without a copy of the text; `null` has none.
///
/// # Errors
///
/// If the text is not a list, or a visit fails.
pub(super) fn visit_items<'a>(
    lax: &'a [u8],
    mut visit: impl FnMut(&'a [u8]) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let wrong = || serde::de::Error::custom("a list that ends too early");
    if lax == b"null" {
        return Ok(());
    }
    let rest = lax.strip_prefix(b"[").ok_or_else(wrong)?;
    let mut rest = rest.strip_suffix(b"]").ok_or_else(wrong)?;
    if rest.trim_ascii().is_empty() {
        return Ok(());
    }
    loop {
        let (item, after) = rest.split_at(value_end(rest, b','));
        visit(item.trim_ascii())?;
        match after.strip_prefix(b",") {
            Some(next) => rest = next,
            None => return Ok(()),
        }
    }
}

/// Returns the position of the byte that ends a value, outside of strings and brackets, or the end of the text.
fn value_end(text: &[u8], end: u8) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if byte == end && depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    at.min(text.len())
}

/// Scans the text once and copies the parts that need no change.
struct Scanner<'a> {
    lax: &'a [u8],
    at: usize,
    /// The output so far; contains everything before `copied`.
    out: Vec<u8>,
    copied: usize,
    /// Whether each open bracket is that of an object: one bit per level.
    objects: u128,
    depth: usize,
}

impl<'a> Scanner<'a> {
    const fn new(lax: &'a [u8]) -> Self {
        Self {
            lax,
            at: 0,
            out: Vec::new(),
            copied: 0,
            objects: 0,
            depth: 0,
        }
    }

    fn run(&mut self) {
        while let Some(&byte) = self.lax.get(self.at) {
            match byte {
                b'"' => self.at = string_end(self.lax, self.at),
                b'{' => {
                    if !self.descend(true) {
                        return;
                    }
                    self.key();
                }
                b'[' => {
                    if !self.descend(false) {
                        return;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.objects >>= 1;
                    self.at += 1;
                }
                b',' => {
                    self.at += 1;
                    if self.objects & 1 == 1 {
                        self.key();
                    }
                }
                b'N' if self.lax[self.at..].starts_with(b"NaN") => {
                    self.replace(self.at, self.at + 3, |out| out.extend_from_slice(b"null"));
                }
                _ => self.at += 1,
            }
        }
    }

    /// Skips an opening bracket, unless the nesting is too deep.
    fn descend(&mut self, is_object: bool) -> bool {
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        self.at += 1;
        self.depth <= DEEPEST
    }

    /// Handles the position where a key begins or the object ends.
    fn key(&mut self) {
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        self.at += self.lax[self.at..].iter().take_while(|b| blank(b)).count();
        match self.lax.get(self.at) {
            None | Some(b'"' | b'}') => {}
            Some(b'{') => self.object_key(),
            Some(_) => self.bare_key(),
        }
    }

    /// Quotes a number or a name: everything up to the colon.
    fn bare_key(&mut self) {
        let rest = &self.lax[self.at..];
        let stops = |byte: &u8| matches!(byte, b':' | b',' | b'{' | b'}' | b'[' | b']' | b'"');
        let Some(length) = rest.iter().position(stops) else {
            self.at = self.lax.len();
            return;
        };
        if rest[length] == b':' {
            let key = rest[..length].trim_ascii_end();
            self.replace(self.at, self.at + length, |out| quote(key, out));
        } else {
            self.at += length;
        }
    }

    /// Quotes a complete object.
    fn object_key(&mut self) {
        let Some(end) = object_end(self.lax, self.at) else {
            self.at = self.lax.len();
            return;
        };
        let key = &self.lax[self.at..end];
        self.replace(self.at, end, |out| quote(key, out));
    }

    /// Replaces `start..end` in the output and continues after it.
    fn replace(&mut self, start: usize, end: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.out.is_empty() {
            self.out.reserve(self.lax.len() + self.lax.len() / 8);
        }
        self.out.extend_from_slice(&self.lax[self.copied..start]);
        write(&mut self.out);
        self.copied = end;
        self.at = end;
    }

    fn finish(mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.lax);
        }
        self.out.extend_from_slice(&self.lax[self.copied..]);
        Cow::Owned(self.out)
    }
}

/// Returns the position after the string that begins here, or the end of the text.
fn string_end(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(skipped) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += skipped + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Returns the position after the object that begins here, if it ends.
fn object_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => string_end(text, at),
            _ => at + 1,
        };
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Writes text as a JSON string.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(lax: &str) -> String {
        String::from_utf8(strict(lax.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn keys_that_are_no_text_become_text() {
        let table = [
            (r#"{0:"a",1:"b"}"#, r#"{"0":"a","1":"b"}"#),
            (r#"{"t@g":{0:5,-1:9}}"#, r#"{"t@g":{"0":5,"-1":9}}"#),
            ("{ 0 : 5 , 1 : 9 }", r#"{ "0": 5 , "1": 9 }"#),
            (r#"{{"q":0}:{"o":1}}"#, r#"{"{\"q\":0}":{"o":1}}"#),
            (
                r#"{{"q":"}\"{"}:1,{"q":{"r":2}}:3}"#,
                r#"{"{\"q\":\"}\\\"{\"}":1,"{\"q\":{\"r\":2}}":3}"#,
            ),
            (
                r#"[{0:[1,2,{3:4}]},5,"6,{7:8"]"#,
                r#"[{"0":[1,2,{"3":4}]},5,"6,{7:8"]"#,
            ),
            (r"{true:1,null:2,name:3}", r#"{"true":1,"null":2,"name":3}"#),
            (
                r#"{"a":NaN,"NaN":[NaN,"NaN"]}"#,
                r#"{"a":null,"NaN":[null,"NaN"]}"#,
            ),
        ];
        for (lax, json) in table {
            assert_eq!(text(lax), json);
            serde_json::from_str::<Value>(json).unwrap();
            assert_eq!(text(json), json, "what is JSON already stays");
        }
    }

    #[test]
    fn what_is_neither_stays_wrong() {
        for wrong in [
            "",
            "{",
            "{0",
            "{0:",
            "{{",
            r#"{{"a":1}"#,
            r#"{"a"#,
            "{0,1}",
            "{,}",
            "]",
            "}}",
            r#"{"a":1}}"#,
        ] {
            assert!(
                from_slice::<Value>(wrong.as_bytes()).is_err(),
                "{wrong}: {}",
                text(wrong)
            );
        }
        let deep = "{0:".repeat(100_000);
        assert!(from_slice::<Value>(deep.as_bytes()).is_err());
        let deep = "{".repeat(100_000);
        assert!(from_slice::<Value>(deep.as_bytes()).is_err());
        let deep = "[".repeat(1000);
        assert!(from_slice::<Value>(deep.as_bytes()).is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}|[\\\\\"{}:,\\[\\]N]{0,6}|NaN".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}|-?[0-9]{1,3}|[{}\",:]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Formats a value like fastjson, with bare numbers as keys.
    fn lax(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let members = map.iter().map(|(key, value)| {
                    let is_number = key.parse::<i64>().is_ok();
                    let key = if is_number {
                        key.clone()
                    } else {
                        Value::from(&**key).to_string()
                    };
                    format!("{key}:{}", lax(value))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Value::Array(list) => {
                format!("[{}]", list.iter().map(lax).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn json_passes_unchanged(value in json()) {
            let compact = value.to_string();
            prop_assert!(matches!(strict(compact.as_bytes()), Cow::Borrowed(_)));
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(matches!(strict(pretty.as_bytes()), Cow::Borrowed(_)));
        }

        #[test]
        fn lax_json_is_what_it_stands_for(value in json()) {
            let text = lax(&value);
            prop_assert_eq!(from_slice::<Value>(text.as_bytes()).unwrap(), value);
        }

        /// A key that is an object is preserved completely.
        #[test]
        fn objects_are_keys(key in json(), value in json()) {
            let key = serde_json::json!({ "key": key });
            let text = format!("{{{key}:{value}}}");
            let map: std::collections::BTreeMap<String, Value> = from_slice(text.as_bytes()).unwrap();
            let (found, of) = map.into_iter().next().unwrap();
            prop_assert_eq!(from_key::<Value>(&found).unwrap(), key);
            prop_assert_eq!(of, value);
        }

        #[test]
        fn nothing_makes_it_panic_or_grow(lax in "[{}\\[\\],:\"\\\\N0-9a ]{0,60}") {
            let strict = strict(lax.as_bytes());
            prop_assert!(strict.len() <= 3 * lax.len());
            let again = super::strict(&strict);
            // Converting twice changes nothing once the text is JSON.
            if serde_json::from_slice::<Value>(&strict).is_ok() {
                prop_assert_eq!(&*again, &*strict);
            }
        }
    }
}
