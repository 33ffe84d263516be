//! Bodies in JSON and XML, byte for byte as SDKs parse them (`docs/facts/ons-api.md` §§1.2, 4.1).

use std::borrow::Cow;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::ApiError;

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// For `Format=JSON` and every V3 request.
    Json,
    /// For V1 requests without `Format=JSON`.
    Xml,
}

impl BodyFormat {
    /// Returns the content type. It has no blank before `charset`, because the official SDK decodes XML errors only
    /// with exactly this type (`docs/facts/ons-api.md` §4.5).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "text/xml;charset=utf-8",
        }
    }

    /// Writes the answer of an operation, whose data are in `field`.
    pub(super) fn answer<D: Serialize>(
        self,
        (action, field): (&str, &'static str),
        request_id: &str,
        data: &D,
    ) -> Vec<u8> {
        let body = ResponseBody {
            request_id,
            field,
            data,
        };
        self.write(&format!("{action}Response"), &body)
    }

    /// Writes an error.
    pub(super) fn error(self, error: &ApiError, request_id: &str, host: &str) -> Vec<u8> {
        let code = error.code();
        let body = ApiErrorBody {
            request_id,
            host_id: host,
            code: &code,
            message: &error.to_string(),
        };
        self.write("Error", &body)
    }

    fn write<T: Serialize>(self, root: &str, body: &T) -> Vec<u8> {
        let written = match self {
            Self::Json => serde_json::to_vec(body).ok(),
            Self::Xml => quick_xml::se::to_string_with_root(root, body)
                .ok()
                .map(|text| format!("<?xml version='1.0' encoding='UTF-8'?>{}", valid_xml(&text)))
                .map(String::into_bytes),
        };
        // Texts, numbers and lists under fixed names can always be serialized.
        written.unwrap_or_default()
    }
}

/// Replaces characters that XML cannot contain, not even escaped. Errors quote requests, which may contain them.
fn valid_xml(text: &str) -> Cow<'_, str> {
    let is_forbidden = |c: char| {
        (c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{FFFE}' | '\u{FFFF}')
    };
    if text.contains(is_forbidden) {
        Cow::Owned(text.replace(is_forbidden, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

struct ResponseBody<'a, D> {
    request_id: &'a str,
    /// The name of the field with the data.
    field: &'static str,
    data: &'a D,
}

impl<D: Serialize> Serialize for ResponseBody<'_, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("ResponseBody", 2)?;
        body.serialize_field("RequestId", self.request_id)?;
        body.serialize_field(self.field, self.data)?;
        body.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ApiErrorBody<'a> {
    request_id: &'a str,
    host_id: &'a str,
    code: &'a str,
    message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn an_error_is_written_as_by_the_cloud() {
        let error = ApiError::not_found("BIZ_NO_MESSAGE", "no \"message\" <here>");
        assert_eq!(
            text(BodyFormat::Json.error(&error, "ID-1", "host")),
            r#"{"RequestId":"ID-1","HostId":"host","Code":"BIZ_NO_MESSAGE","Message":"no \"message\" <here>"}"#
        );
        assert_eq!(
            text(BodyFormat::Xml.error(&error, "ID-1", "host")),
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>ID-1</RequestId><HostId>host</HostId>\
             <Code>BIZ_NO_MESSAGE</Code><Message>no \"message\" &lt;here&gt;</Message></Error>"
        );
    }

    #[test]
    fn characters_that_xml_forbids_are_replaced() {
        let error = ApiError::not_found("BIZ_TOPIC_NOT_FOUND", "no topic a\u{1}b\tc\u{FFFF}中");
        let body = text(BodyFormat::Xml.error(&error, "ID-1", "host"));
        assert!(body.contains("no topic a\u{FFFD}b\tc\u{FFFD}中"), "{body}");
        let body = text(BodyFormat::Json.error(&error, "ID-1", "host"));
        assert!(body.contains("no topic a\\u0001b"), "{body}");
    }
}
