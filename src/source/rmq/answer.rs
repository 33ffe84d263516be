//! Tells answers from errors. An error may come with HTTP 200, and as an error of the gateway, which spells its fields with
//! capitals. Anything that is not an object of this API (a login page, an error in XML, the answer of another service) is
//! unreadable and asked for again.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fields::Text;
use crate::source::ons::answer::{
    refusal, says_success, shown, shown_id, unreadable, without_code,
};
use crate::source::ons::errors;
use crate::source::ons::redact::Redactor;
use crate::source::operation::Operation;
use crate::source::{Failure, FailureKind};

/// What an operation has answered.
#[derive(Debug)]
pub(super) struct ServiceAnswer<T> {
    pub(super) request_id: Option<String>,
    /// `None` if there is no data.
    pub(super) data: Option<T>,
}

/// The top level of every answer.
#[derive(Debug)]
struct TopLevel {
    request_id: Text,
    success: Text,
    code: Text,
    message: Text,
    dynamic_code: Text,
    dynamic_message: Text,
    http_status_code: Text,
    data: Value,
}

impl TopLevel {
    fn read(mut body: Map<String, Value>) -> Result<Self, &'static str> {
        let data = body.remove("data").unwrap_or_default();
        // The gateway spells its fields with capitals.
        let text = |names: [&'static str; 2]| {
            let fields = names.iter().filter_map(|name| body.get(*name));
            let field = fields.into_iter().find(|field| !field.is_null());
            let text = Text::deserialize(field.unwrap_or(&Value::Null));
            text.map_err(|_| names[0])
        };
        Ok(Self {
            request_id: text(["requestId", "RequestId"])?,
            success: text(["success", "Success"])?,
            code: text(["code", "Code"])?,
            message: text(["message", "Message"])?,
            dynamic_code: text(["dynamicCode", "DynamicCode"])?,
            dynamic_message: text(["dynamicMessage", "DynamicMessage"])?,
            http_status_code: text(["httpStatusCode", "HttpStatusCode"])?,
            data,
        })
    }

    /// Returns whether there is data with something in it.
    fn has_data(&self) -> bool {
        match &self.data {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => false,
        }
    }

    fn is_denied(&self) -> bool {
        self.success.flag() == Some(false)
    }

    /// Returns the code, if it does not stand for success.
    fn code(&self) -> Option<&str> {
        let codes = [&self.code, &self.dynamic_code];
        let mut said = codes.into_iter().filter_map(Text::said).map(str::trim);
        said.find(|code| !says_success(code))
    }

    /// Returns the message. The dynamic one names the parameter that is wrong.
    fn message(&self) -> Option<String> {
        match (self.message.said(), self.dynamic_message.said()) {
            (Some(message), Some(dynamic))
                if !message.contains(dynamic) && self.code() != Some(dynamic.trim()) =>
            {
                Some(format!("{message} ({dynamic})"))
            }
            (message, dynamic) => message.or(dynamic).map(str::to_owned),
        }
    }

    /// Returns the failure that this is, if it is one.
    fn failure(&self, status: u16, redactor: &Redactor) -> Option<Failure> {
        let is_success = (200..300).contains(&status);
        if is_success && !self.is_denied() {
            let is_answer = self.success.flag() == Some(true) || self.has_data();
            self.code().filter(|_| !is_answer)?;
        }
        // An error with HTTP 200 has the status that it would otherwise have come with.
        let stated = self.http_status_code.count();
        let stated = stated.and_then(|stated| u16::try_from(stated).ok());
        let meant = stated.filter(|_| is_success).unwrap_or(status);
        let message = self.message();
        let message = message.as_deref();
        let failure = match self.code() {
            Some(code) => {
                let failure = refusal(code, message, redactor);
                // The codes of failures are not documented, so the status decides. 404: something on the way may have
                // answered.
                let is_lost = matches!(meant, 404 | 500..) && !errors::is_known(code);
                Failure {
                    kind: if is_lost {
                        FailureKind::Server
                    } else {
                        failure.kind
                    },
                    ..failure
                }
            }
            None => without_code(status, &shown(message, redactor)),
        };
        let id = self.request_id.said();
        Some(Failure {
            request_id: id.map(|id| shown_id(id, redactor).into()),
            ..failure
        })
    }
}

/// Parses the status and the body of a response.
///
/// # Errors
///
/// If the service reports an error, or the body is not an answer of the operation.
pub(super) fn parse<T: DeserializeOwned>(
    operation: &Operation,
    (status, body): (u16, &[u8]),
    redactor: &Redactor,
) -> Result<ServiceAnswer<T>, Failure> {
    let judged = read(operation, (status, body), redactor);
    judged.map_err(|failure| Failure {
        http_status: Some(status),
        ..failure
    })
}

fn read<T: DeserializeOwned>(
    operation: &Operation,
    (status, body): (u16, &[u8]),
    redactor: &Redactor,
) -> Result<ServiceAnswer<T>, Failure> {
    let text = body
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(body)
        .trim_ascii();
    // What is not a page or an error in XML may have the body of a message, so nothing of it is shown.
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    let excerpt = if text.starts_with(b"<") {
        text
    } else {
        &[][..]
    };
    let strange = |reason: &str| unreadable(operation, status, reason, excerpt, redactor);
    if text.is_empty() {
        return Err(strange("an empty body"));
    }
    let fields = match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err(strange("no object")),
        Err(_) if is_json => return Err(strange("JSON that is damaged")),
        Err(_) => return Err(strange("not JSON")),
    };
    let envelope = TopLevel::read(fields);
    let envelope = envelope.map_err(|name| strange(&format!("{name} is no single value")))?;
    if let Some(failure) = envelope.failure(status, redactor) {
        return Err(failure);
    }
    if envelope.request_id.said().is_none() && envelope.data.is_null() {
        return Err(strange("neither requestId nor data in it"));
    }
    let data = Option::<T>::deserialize(envelope.data);
    let data = data.map_err(|_| strange("its data has another shape"))?;
    let id = envelope.request_id.said();
    Ok(ServiceAnswer {
        request_id: id.map(|id| shown_id(id, redactor)),
        data,
    })
}
