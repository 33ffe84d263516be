//! Bodies in JSON and XML, byte for byte what SDKs parse (`facts/ons-api.md` §§1.2, 4.1).

use std::borrow::Cow;

use serde::Serialize;

use super::Refusal;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `Format=JSON`, and every V3 request.
    Json,
    /// What V1 gets if it asks for nothing else.
    Xml,
}

impl Format {
    /// The content type. No blank before `charset`: the official SDK decodes an XML error only if it is exactly so
    /// (`facts/ons-api.md` §4.5).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "text/xml;charset=utf-8",
        }
    }

    /// The answer of an operation.
    pub(super) fn answer<D: Serialize>(self, action: &str, request_id: &str, data: &D) -> Vec<u8> {
        self.write(&format!("{action}Response"), &Answer { request_id, data })
    }

    /// A refusal.
    pub(super) fn refusal(self, refusal: &Refusal, request_id: &str, host: &str) -> Vec<u8> {
        let code = refusal.code();
        let body = Error {
            request_id,
            host_id: host,
            code: &code,
            message: &refusal.to_string(),
        };
        self.write("Error", &body)
    }

    fn write<T: Serialize>(self, root: &str, body: &T) -> Vec<u8> {
        let written = match self {
            Self::Json => serde_json::to_vec(body).ok(),
            Self::Xml => quick_xml::se::to_string_with_root(root, body)
                .ok()
                .map(|text| format!("<?xml version='1.0' encoding='UTF-8'?>{}", allowed(&text)))
                .map(String::into_bytes),
        };
        // Text, numbers and lists of them under fixed names can always be written.
        written.unwrap_or_default()
    }
}

/// XML has no way to write most control characters, not even escaped; a request may bring them, and be quoted.
fn allowed(text: &str) -> Cow<'_, str> {
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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a, D> {
    request_id: &'a str,
    data: &'a D,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error<'a> {
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
    fn a_refusal_is_written_as_the_gateway_writes_it() {
        let refusal = Refusal::not_found("BIZ_NO_MESSAGE", "no \"message\" <here>");
        assert_eq!(
            text(Format::Json.refusal(&refusal, "ID-1", "host")),
            r#"{"RequestId":"ID-1","HostId":"host","Code":"BIZ_NO_MESSAGE","Message":"no \"message\" <here>"}"#
        );
        assert_eq!(
            text(Format::Xml.refusal(&refusal, "ID-1", "host")),
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>ID-1</RequestId><HostId>host</HostId>\
             <Code>BIZ_NO_MESSAGE</Code><Message>no \"message\" &lt;here&gt;</Message></Error>"
        );
    }

    #[test]
    fn what_no_xml_can_hold_is_replaced() {
        let refusal = Refusal::not_found("BIZ_TOPIC_NOT_FOUND", "no topic a\u{1}b\tc\u{FFFF}中");
        let body = text(Format::Xml.refusal(&refusal, "ID-1", "host"));
        assert!(body.contains("no topic a\u{FFFD}b\tc\u{FFFD}中"), "{body}");
        let body = text(Format::Json.refusal(&refusal, "ID-1", "host"));
        assert!(body.contains("no topic a\\u0001b"), "{body}");
    }
}
