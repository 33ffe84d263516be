//! Parser for JSON bodies (`docs/facts/ons-api.md` §1.2), in all their shapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Body, ERROR_CODE, NO_SUCCESS, track};
use crate::source::Track;

pub(super) fn read(body: &[u8]) -> Result<Body, String> {
    // Nearly every response is parsed in one pass. If only `Data` is malformed, the other fields still
    // count.
    if let Ok(envelope) = serde_json::from_slice::<Envelope<'_, JsonTracks>>(body) {
        return Ok(envelope.open(|tracks| Ok(tracks.0)));
    }
    let envelope: Envelope<'_, &RawValue> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(envelope.open(|data| {
        serde_json::from_str::<JsonTracks>(data.get())
            .map(|tracks| tracks.0)
            .map_err(|error| format!("Data: {error}"))
    }))
}

/// The top level. The official SDKs read both spellings of the error fields, but only one of `RequestId` and
/// `Data`: the other spelling is common in responses of other services. Unknown fields are ignored.
struct Envelope<'a, Data> {
    request_id: JsonText<'a>,
    /// The request ID in the spelling of error responses.
    small_request_id: JsonText<'a>,
    code: JsonText<'a>,
    message: JsonText<'a>,
    data: Option<Data>,
    denial: Option<&'static str>,
}

impl<Data> Envelope<'_, Data> {
    const fn new() -> Self {
        Self {
            request_id: JsonText(None),
            small_request_id: JsonText(None),
            code: JsonText(None),
            message: JsonText(None),
            data: None,
            denial: None,
        }
    }

    fn open(self, tracks: impl FnOnce(Data) -> Result<Option<Vec<Track>>, String>) -> Body {
        let request_id = self.request_id.into_string();
        Body {
            is_answer: request_id.is_some() || self.data.is_some(),
            request_id: request_id.or_else(|| self.small_request_id.into_string()),
            code: self.code.into_string(),
            message: self.message.into_string(),
            tracks: self.data.map_or(Ok(None), tracks),
            denial: self.denial,
        }
    }
}

impl<'de, Data: Deserialize<'de>> Deserialize<'de> for Envelope<'de, Data> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor<Data>(PhantomData<Data>);
        impl<'de, Data: Deserialize<'de>> Visitor<'de> for EnvelopeVisitor<Data> {
            type Value = Envelope<'de, Data>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with RequestId and Data")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::new();
                while let Some(key) = map.next_key::<JsonText<'_>>()? {
                    match key.as_str() {
                        Some("RequestId") => envelope.request_id = map.next_value()?,
                        Some("requestId") => envelope.small_request_id = map.next_value()?,
                        Some("Code" | "code") => envelope.code = map.next_value()?,
                        Some("Message" | "message") => envelope.message = map.next_value()?,
                        Some("Data") => once(&mut envelope.data, map.next_value()?, "Data")?,
                        Some("data") => {
                            map.next_value::<IgnoredAny>()?;
                            envelope.denial = Some("a field data instead of Data");
                        }
                        Some("Success" | "success") => {
                            if is_false(&map.next_value()?) {
                                envelope.denial = Some(NO_SUCCESS);
                            }
                        }
                        Some("ErrorCode" | "errorCode") => {
                            if map.next_value::<JsonText<'_>>()?.is_said() {
                                envelope.denial = Some(ERROR_CODE);
                            }
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(EnvelopeVisitor(PhantomData))
    }
}

/// Stores a value that may occur once: of two different ones, neither can be trusted.
fn once<T, E: Error>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    match slot.replace(value) {
        Some(_) => Err(E::duplicate_field(name)),
        None => Ok(()),
    }
}

fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false)
        || value
            .as_str()
            .is_some_and(|s| s.eq_ignore_ascii_case("false"))
}

/// `Data` or `MessageTrack`: null, "", a list of tracks, a single track, or an object that contains any of
/// these as its `MessageTrack`. `None` for null, "" or an empty object.
struct JsonTracks(Option<Vec<Track>>);

impl<'de> Deserialize<'de> for JsonTracks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TracksVisitor;
        impl<'de> Visitor<'de> for TracksVisitor {
            type Value = JsonTracks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of message tracks")
            }

            fn visit_unit<E: Error>(self) -> Result<JsonTracks, E> {
                Ok(JsonTracks(None))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<JsonTracks, E> {
                if text.trim().is_empty() {
                    self.visit_unit()
                } else {
                    Err(E::custom("a text instead of a list of message tracks"))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<JsonTracks, A::Error> {
                let mut tracks = Vec::with_capacity(list.size_hint().unwrap_or(8));
                while let Some(object) = list.next_element::<ErrorBody<'_>>()? {
                    tracks.push(object.track().map_err(A::Error::custom)?);
                }
                Ok(JsonTracks(Some(tracks)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonTracks, A::Error> {
                let object = ErrorBody::read(map)?;
                if let Some(JsonTracks(nested)) = object.nested {
                    Ok(JsonTracks(Some(nested.unwrap_or_default())))
                } else if object.group.is_some() || object.word.is_some() {
                    let track = object.track().map_err(A::Error::custom)?;
                    Ok(JsonTracks(Some(vec![track])))
                } else if object.is_empty {
                    Ok(JsonTracks(None))
                } else {
                    Err(A::Error::custom("an object without MessageTrack"))
                }
            }
        }
        deserializer.deserialize_any(TracksVisitor)
    }
}

/// A track, or the object around a list of tracks.
struct ErrorBody<'a> {
    group: Option<JsonText<'a>>,
    word: Option<JsonText<'a>>,
    nested: Option<JsonTracks>,
    is_empty: bool,
}

impl<'de> ErrorBody<'de> {
    fn read<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut object = Self {
            group: None,
            word: None,
            nested: None,
            is_empty: true,
        };
        while let Some(key) = map.next_key::<JsonText<'_>>()? {
            object.is_empty = false;
            match key.as_str() {
                Some("ConsumerGroup") => {
                    once(&mut object.group, map.next_value()?, "ConsumerGroup")?;
                }
                Some("TrackType") => once(&mut object.word, map.next_value()?, "TrackType")?,
                Some("MessageTrack") => {
                    once(&mut object.nested, map.next_value()?, "MessageTrack")?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(object)
    }

    fn track(&self) -> Result<Track, &'static str> {
        let [group, word] = [&self.group, &self.word].map(|text| text.as_ref()?.as_str());
        track(group, word)
    }
}

impl<'de> Deserialize<'de> for ErrorBody<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ErrorBodyVisitor;
        impl<'de> Visitor<'de> for ErrorBodyVisitor {
            type Value = ErrorBody<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message track")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                ErrorBody::read(map)
            }
        }
        deserializer.deserialize_map(ErrorBodyVisitor)
    }
}

/// A scalar as text; null and everything else count as missing.
struct JsonText<'a>(Option<Cow<'a, str>>);

impl JsonText<'_> {
    fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn into_string(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }

    fn is_said(&self) -> bool {
        self.as_str().is_some_and(|text| !text.trim().is_empty())
    }
}

impl<'de> Deserialize<'de> for JsonText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = JsonText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(JsonText(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(JsonText(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(JsonText(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(JsonText(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(JsonText(None))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(JsonText(None))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(JsonText(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(list).map(|_| JsonText(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map).map(|_| JsonText(None))
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}
