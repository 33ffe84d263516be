//! The JSON body (`facts/ons-api.md` §1.2), in all the shapes it comes in.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Body, track};
use crate::source::Track;

pub(super) fn read(body: &[u8]) -> Result<Body, String> {
    // Nearly every answer is read in one pass. An error may stand in `Data` alone, and then the rest still counts.
    if let Ok(envelope) = serde_json::from_slice::<Envelope<'_, Tracks>>(body) {
        return Ok(envelope.open(|tracks| Ok(tracks.0)));
    }
    let envelope: Envelope<'_, &RawValue> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(envelope.open(|data| {
        serde_json::from_str::<Tracks>(data.get())
            .map(|tracks| tracks.0)
            .map_err(|error| format!("Data: {error}"))
    }))
}

/// The top level. Official SDKs read both spellings of the error fields; unknown fields are passed over.
struct Envelope<'a, Data> {
    request_id: Text<'a>,
    code: Text<'a>,
    message: Text<'a>,
    data: Option<Data>,
    is_empty: bool,
}

impl<Data> Envelope<'_, Data> {
    fn open(self, tracks: impl FnOnce(Data) -> Result<Vec<Track>, String>) -> Body {
        Body {
            is_answer: self.is_empty || self.request_id.0.is_some() || self.data.is_some(),
            request_id: self.request_id.into_string(),
            code: self.code.into_string(),
            message: self.message.into_string(),
            tracks: self.data.map_or(Ok(Vec::new()), tracks),
        }
    }
}

impl<'de, Data: Deserialize<'de>> Deserialize<'de> for Envelope<'de, Data> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<Data>(PhantomData<Data>);
        impl<'de, Data: Deserialize<'de>> Visitor<'de> for Fields<Data> {
            type Value = Envelope<'de, Data>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with RequestId and Data")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope {
                    request_id: Text::default(),
                    code: Text::default(),
                    message: Text::default(),
                    data: None,
                    is_empty: true,
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
        deserializer.deserialize_map(Fields(PhantomData))
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
