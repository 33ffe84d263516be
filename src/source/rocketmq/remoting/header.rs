//! The header of a frame, in JSON or binary form (`docs/facts/rocketmq.md` §3.1).
//!
//! The server chooses the form of its responses independently of the request, so both are supported; a byte in
//! front tells them apart.

use std::collections::{BTreeMap, HashMap};

use bytes::Buf;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// Bit 0 of [`CommandHeader::flag`]: this frame is a response.
pub const IS_ANSWER: i32 = 1;

/// The encoding of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// Binary, called `ROCKETMQ` in the settings of servers.
    Binary,
}

impl Form {
    /// Returns the form that the fifth byte of a frame announces.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Json),
            1 => Some(Self::Binary),
            _ => None,
        }
    }
}

/// The used fields of a header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct CommandHeader {
    /// Code of the response or of the request.
    pub code: i32,
    /// Number that assigns a response to its request.
    pub opaque: i32,
    /// [`IS_ANSWER`] and other bits.
    #[serde(default)]
    pub flag: i32,
    /// Text of the server about the code.
    #[serde(default)]
    pub remark: Option<String>,
    /// The fields.
    #[serde(rename = "extFields", default, deserialize_with = "fields")]
    pub fields: HashMap<String, String>,
}

impl CommandHeader {
    /// Parses a header that fills `bytes`.
    ///
    /// # Errors
    ///
    /// If the bytes are not a header of that form.
    pub fn read(form: Form, bytes: &[u8]) -> Result<Self, HeaderError> {
        match form {
            Form::Json => Ok(serde_json::from_slice(bytes)?),
            Form::Binary => binary(bytes).ok_or(HeaderError::Short),
        }
    }

    /// Returns whether the frame is a response. Requests of servers are ignored.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.flag & IS_ANSWER != 0
    }
}

/// The reason why a header cannot be read.
#[derive(Debug, Error)]
pub enum HeaderError {
    /// The bytes are not the JSON of a header.
    #[error("its head is not the JSON of a head: {0}")]
    Json(#[from] serde_json::Error),
    /// A length points past the end of the header.
    #[error("its binary head ends too early")]
    Short,
    /// The form is unknown.
    #[error("its head is of form {0}, expected 0 (JSON) or 1 (binary)")]
    Form(u8),
}

/// Parses `code i16, language u8, version i16, opaque i32, flag i32, remark (i32 n, n bytes), fields (i32 n, n
/// bytes)`.
fn binary(mut bytes: &[u8]) -> Option<CommandHeader> {
    let code = bytes.try_get_i16().ok()?.into();
    let _language = bytes.try_get_u8().ok()?;
    let _version = bytes.try_get_i16().ok()?;
    let opaque = bytes.try_get_i32().ok()?;
    let flag = bytes.try_get_i32().ok()?;
    let remark = text(long(&mut bytes)?);
    let mut table = long(&mut bytes)?;
    let mut fields = HashMap::new();
    while !table.is_empty() {
        let length = table.try_get_i16().ok()?;
        let name = take(&mut table, length.into())?;
        let value = long(&mut table)?;
        fields.insert(text(name), text(value));
    }
    Some(CommandHeader {
        code,
        opaque,
        flag,
        remark: Some(remark).filter(|remark| !remark.is_empty()),
        fields,
    })
}

fn long<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.try_get_i32().ok()?;
    take(bytes, length)
}

fn take<'a>(bytes: &mut &'a [u8], length: i32) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Parses the fields of a JSON header; `null` means no fields, or a missing field.
fn fields<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<String, String>, D::Error> {
    let fields: Option<HashMap<String, Option<String>>> = Deserialize::deserialize(from)?;
    let fields = fields.unwrap_or_default().into_iter();
    Ok(fields
        .filter_map(|(name, value)| Some((name, value?)))
        .collect())
}

/// The header of a request, in JSON. Some servers close the connection if a member is missing.
#[derive(Debug, Serialize)]
pub(super) struct RequestHeader<'a> {
    code: i32,
    language: &'static str,
    version: i32,
    opaque: i32,
    flag: i32,
    #[serde(rename = "extFields", skip_serializing_if = "BTreeMap::is_empty")]
    fields: &'a BTreeMap<&'static str, String>,
    #[serde(rename = "serializeTypeCurrentRPC")]
    form: &'static str,
}

impl<'a> RequestHeader<'a> {
    /// The ordinal of `V5_3_3`. From 401 (`V4_9_4`) on, routes come in standard JSON. Above 475 (`V5_3_1`), a
    /// server that is shutting down sends `GO_AWAY`.
    const VERSION: i32 = 479;

    pub(super) const fn new(
        code: i32,
        opaque: i32,
        fields: &'a BTreeMap<&'static str, String>,
    ) -> Self {
        Self {
            code,
            // Every server knows this language, unlike Rust.
            language: "OTHER",
            version: Self::VERSION,
            opaque,
            flag: 0,
            fields,
            form: "JSON",
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut as _;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Writes the binary form, independently of the code that reads it.
    fn written(header: &CommandHeader) -> Vec<u8> {
        let mut fields = Vec::new();
        for (name, value) in &header.fields {
            fields.put_i16(name.len().try_into().unwrap());
            fields.put_slice(name.as_bytes());
            fields.put_i32(value.len().try_into().unwrap());
            fields.put_slice(value.as_bytes());
        }
        let remark = header.remark.as_deref().unwrap_or_default();
        let mut bytes = Vec::new();
        bytes.put_i16(header.code.try_into().unwrap());
        bytes.put_u8(0);
        bytes.put_i16(407);
        bytes.put_i32(header.opaque);
        bytes.put_i32(header.flag);
        bytes.put_i32(remark.len().try_into().unwrap());
        bytes.put_slice(remark.as_bytes());
        bytes.put_i32(fields.len().try_into().unwrap());
        bytes.put_slice(&fields);
        bytes
    }

    #[test]
    fn heads_are_read_as_servers_write_them() {
        let java = r#"{"code":22,"extFields":{"offset":"7"},"flag":1,"language":"JAVA","opaque":-5,"remark":"gone","serializeTypeCurrentRPC":"JSON","version":407}"#;
        let read = CommandHeader::read(Form::Json, java.as_bytes()).unwrap();
        assert_eq!(
            (read.code, read.opaque, &*read.remark.clone().unwrap()),
            (22, -5, "gone")
        );
        assert_eq!(read.fields["offset"], "7");
        assert!(read.is_answer());
        let port = r#"{"code":0,"language":"RUST","version":474,"opaque":1,"flag":1,"remark":null,"extFields":null,"serializeTypeCurrentRPC":"JSON","x":[1]}"#;
        let read = CommandHeader::read(Form::Json, port.as_bytes()).unwrap();
        assert!(read.remark.is_none() && read.fields.is_empty());
        // Written by a 4.9 name server that is set to binary responses.
        let binary = b"\0\0\0\x01\x97\0\0\0\x16\0\0\0\x01\0\0\0\0\0\0\0\0";
        let read = CommandHeader::read(Form::Binary, binary).unwrap();
        assert_eq!(
            read,
            CommandHeader {
                opaque: 22,
                flag: 1,
                ..CommandHeader::default()
            }
        );
    }

    #[test]
    fn heads_that_lie_are_refused() {
        let whole = written(&CommandHeader {
            fields: [("offset".to_owned(), "7".to_owned())].into(),
            remark: Some("gone".to_owned()),
            ..CommandHeader::default()
        });
        for end in 0..whole.len() {
            assert!(
                CommandHeader::read(Form::Binary, &whole[..end]).is_err(),
                "{end}"
            );
        }
        let mut negative = whole.clone();
        negative[13] = 0xFF;
        assert!(CommandHeader::read(Form::Binary, &negative).is_err());
        for json in [
            "",
            "{}",
            "[]",
            r#"{"code":0}"#,
            r#"{"code":0,"opaque":1,"extFields":{"a":1}}"#,
        ] {
            assert!(
                CommandHeader::read(Form::Json, json.as_bytes()).is_err(),
                "{json}"
            );
        }
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(
            code in any::<i16>(),
            opaque: i32,
            flag: i32,
            remark in prop::option::of("\\PC{1,20}"),
            fields in prop::collection::hash_map("[a-zA-Z]{1,9}", "\\PC{0,20}", 0..6),
        ) {
            let header = CommandHeader { code: code.into(), opaque, flag, remark, fields };
            let json = json!({
                "code": header.code, "opaque": opaque, "flag": flag, "remark": header.remark, "extFields": header.fields,
            });
            prop_assert_eq!(&CommandHeader::read(Form::Json, json.to_string().as_bytes()).unwrap(), &header);
            prop_assert_eq!(&CommandHeader::read(Form::Binary, &written(&header)).unwrap(), &header);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = CommandHeader::read(Form::Binary, &bytes);
            let _ = CommandHeader::read(Form::Json, &bytes);
        }
    }
}
