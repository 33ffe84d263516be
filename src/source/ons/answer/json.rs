//! The JSON body (`facts/ons-api.md` §1.2), in all the shapes it comes in.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Body, track};
use crate::source::Track;

pub(super) fn read(body: &[u8]) -> Result<Body, String> {
    let Envelope {
        request_id,
        code,
        message,
        data,
        is_empty,
    } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let tracks = match data {
        Some(data) => serde_json::from_str::<Tracks>(data.get())
            .map(|tracks| tracks.0)
            .map_err(|error| format!("Data: {error}")),
        None => Ok(Vec::new()),
    };
    Ok(Body {
        is_answer: is_empty || request_id.0.is_some() || data.is_some(),
        request_id: request_id.into_string(),
        code: code.into_string(),
        message: message.into_string(),
        tracks,
    })
}

/// The top level. Official SDKs read both spellings of the error fields; unknown fields are passed over.
#[derive(Default)]
struct Envelope<'a> {
    request_id: Text<'a>,
    code: Text<'a>,
    message: Text<'a>,
    data: Option<&'a RawValue>,
    is_empty: bool,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with RequestId and Data")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope {
                    is_empty: true,
                    ..Envelope::default()
                };
                while let Some(key) = map.next_key::<Text<'_>>()? {
                    envelope.is_empty = false;
                    match key.as_str() {
                        Some("RequestId" | "requestId") => {
                            envelope.request_id = map.next_value()?;
                        }
                        Some("Code" | "code") => envelope.code = map.next_value()?,
                        Some("Message" | "message") => envelope.message = map.next_value()?,
                        Some("Data" | "data") => envelope.data = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// `Data` or `MessageTrack`: null, "", a list of tracks, one track in place of a list, or an object that holds any
/// of these as its `MessageTrack`.
struct Tracks(Vec<Track>);

impl<'de> Deserialize<'de> for Tracks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyShape;
        impl<'de> Visitor<'de> for AnyShape {
            type Value = Tracks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of message tracks")
            }

            fn visit_unit<E: Error>(self) -> Result<Tracks, E> {
                Ok(Tracks(Vec::new()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tracks, E> {
                if text.trim().is_empty() {
                    self.visit_unit()
                } else {
                    Err(E::custom("a text in place of a list of message tracks"))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tracks, A::Error> {
                let mut tracks = Vec::with_capacity(list.size_hint().unwrap_or(8));
                while let Some(Object { group, word, .. }) = list.next_element()? {
                    tracks.push(track(group.as_str(), word.as_str()).map_err(A::Error::custom)?);
                }
                Ok(Tracks(tracks))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tracks, A::Error> {
                let object = Object::read(map)?;
                if let Some(nested) = object.nested {
                    Ok(nested)
                } else if object.is_track {
                    track(object.group.as_str(), object.word.as_str())
                        .map(|track| Tracks(vec![track]))
                        .map_err(A::Error::custom)
                } else {
                    Ok(Tracks(Vec::new()))
                }
            }
        }
        deserializer.deserialize_any(AnyShape)
    }
}

/// A track, or the object around a list of them.
#[derive(Default)]
struct Object<'a> {
    group: Text<'a>,
    word: Text<'a>,
    nested: Option<Tracks>,
    is_track: bool,
}

impl<'de> Object<'de> {
    fn read<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut object = Self::default();
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match key.as_str() {
                Some("ConsumerGroup") => {
                    object.group = map.next_value()?;
                    object.is_track = true;
                }
                Some("TrackType") => {
                    object.word = map.next_value()?;
                    object.is_track = true;
                }
                Some("MessageTrack") => object.nested = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(object)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message track")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Object::read(map)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A scalar as text; null and anything that is no scalar count as missing.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn into_string(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl<'de> Visitor<'de> for Scalar {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(list).map(|_| Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Text(None))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}
