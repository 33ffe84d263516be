//! One request through all its steps, without a socket.

use axum::http::header::HOST;

use super::action::{Action, Ask, VERSION};
use super::door::Door;
use super::drill::{Drill, Fault};
use super::quota::Quota;
use super::request::Call;
use super::upstream::Upstream;
use super::{Format, Incoming, Note, Refusal, Reply};
use crate::source::ons::credentials::masked;

/// Answers requests: who may ask, how often, and what the source says.
#[derive(Debug)]
pub struct Gateway {
    /// Who is let in.
    pub door: Door,
    /// How often.
    pub quota: Quota,
    /// What goes wrong on purpose.
    pub drill: Drill,
    /// Who answers.
    pub upstream: Upstream,
}

impl Gateway {
    /// Answers one request.
    pub async fn answer(&self, incoming: &Incoming<'_>) -> Reply {
        let format = incoming.format();
        let mut note = Note {
            request_id: request_id(),
            ..Note::default()
        };
        let answer = match incoming.call() {
            Ok(call) => self.settle(&call, format, &mut note).await,
            Err(refusal) => Err(Fault::Refusal(refusal)),
        };
        let fault = match answer {
            Ok(body) => return Reply::new(200, format.content_type(), body, note),
            Err(fault) => fault,
        };
        match fault {
            Fault::Refusal(refusal) => {
                let host = incoming
                    .headers
                    .get(HOST)
                    .and_then(|host| host.to_str().ok());
                let body = format.refusal(&refusal, &note.request_id, host.unwrap_or_default());
                note.code = Some(refusal.code());
                Reply {
                    retry_after: refusal.retry_after(),
                    ..Reply::new(refusal.status(), format.content_type(), body, note)
                }
            }
            Fault::BadGateway => {
                note.code = Some("drill".into());
                let page = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
                Reply::new(502, "text/html", page.to_vec(), note)
            }
            Fault::Dropped => {
                note.code = Some("drill".into());
                note.dropped = true;
                Reply::new(502, "text/plain", Vec::new(), note)
            }
        }
    }

    /// Names and versions are public, all else needs a key.
    async fn settle(
        &self,
        call: &Call<'_>,
        format: Format,
        note: &mut Note,
    ) -> Result<Vec<u8>, Fault> {
        let id = call.proof.as_ref().map(|proof| &*proof.key_id);
        note.key = id.map(masked);
        let action = Action::named(call.action()?)?;
        note.action = Some(action.name());
        if call.version()? != VERSION {
            return Err(Refusal::UnknownVersion(call.version()?.to_owned()).into());
        }
        let caller = self.door.admit(call.proof.as_ref())?;
        if let Some(ours) = caller.key_id() {
            note.key = Some(ours.to_owned()); // the name of a key of ours is no secret of the client's
        }
        note.topic = call.parameters.get("Topic").map(str::to_owned);
        note.msg_id = call.parameters.get("MsgId").map(str::to_owned);
        if let Some(fault) = self.drill.before_answer().await {
            return Err(fault);
        }
        self.quota.count(&caller.account, action)?;
        let ask = Ask {
            parameters: &call.parameters,
            caller: &caller,
            upstream: &self.upstream,
        };
        Ok(action.answer(&ask, format, &note.request_id).await?)
    }
}

/// As the cloud writes them: `EAE5BE23-37A1-4BEF-8B9C-8E6D2A2D5C53`.
fn request_id() -> String {
    let [a, b, c, d] = [(); 4].map(|()| fastrand::u32(..));
    format!(
        "{a:08X}-{:04X}-4{:03X}-{:04X}-{:04X}{d:08X}",
        b >> 16,
        b & 0xFFF,
        c >> 18 | 0x8000,
        c & 0xFFFF
    )
}
