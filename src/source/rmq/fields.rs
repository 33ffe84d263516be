//! Reads values of answers. No field is certain to be there, numbers may be written as texts, and lists may have null
//! elements. A list or an object in place of a single value is an error, and so is the reverse.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Times without a zone are those of China, whatever the region.
pub(super) const ZONE: Offset = Offset::constant(8);
/// Number of characters of `2026-11-22 12:00:00`: a text that is shorter has no time of day.
const WITH_SECONDS: usize = 19;
/// The least number of milliseconds that counts as a time: 1973. Numbers of seconds are less.
const FIRST_MILLIS: i64 = 100_000_000_000;

/// A text; a number or a truth value becomes its text. `None` if it is missing or null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<String>);

impl Text {
    /// Returns the text, if it is not blank.
    pub(super) fn said(&self) -> Option<&str> {
        let text = self.0.as_deref()?;
        (!text.trim().is_empty()).then_some(text)
    }

    /// Returns the truth value that the text says, if it says one.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.said()?.trim() {
            text if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
            text if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
            _ => None,
        }
    }

    /// Returns the number that the text says, if it says one that counts something.
    pub(super) fn count(&self) -> Option<u64> {
        self.said()?.trim().parse().ok()
    }

    /// Returns the time that the text says, if it says one: `2026-11-22 12:00:00` in China, RFC 3339, or milliseconds since
    /// 1970.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let text = self.said()?.trim();
        if let Ok(millis) = text.parse::<i64>() {
            let millis = Some(millis).filter(|millis| *millis >= FIRST_MILLIS);
            return Timestamp::from_millisecond(millis?).ok();
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(time);
        }
        if text.len() < WITH_SECONDS {
            return None;
        }
        let time: DateTime = text.parse().ok()?;
        TimeZone::fixed(ZONE).to_timestamp(time).ok()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_unit<E: Error>(self) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_none<E: Error>(self) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Text, D::Error> {
                value.deserialize_any(self)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text(Some(value.to_owned())))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<Text, E> {
                Ok(Text(Some(value)))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// An object; null is one without fields. What is derived would take a list for an object, too.
#[derive(Debug, Default)]
pub(super) struct Fields<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for FieldsVisitor<T> {
            type Value = Fields<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E: Error>(self) -> Result<Fields<T>, E> {
                Ok(Fields::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Fields<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Fields)
            }
        }
        deserializer.deserialize_any(FieldsVisitor(PhantomData))
    }
}

/// A list of objects, without its null elements; empty if it is missing or null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Items<T>(pub(super) Vec<T>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ItemsVisitor<T> {
            type Value = Items<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E: Error>(self) -> Result<Items<T>, E> {
                Ok(Items::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Items<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element::<Option<Fields<T>>>()? {
                    list.extend(element.map(|Fields(fields)| fields));
                }
                Ok(Items(list))
            }
        }
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

/// Reads a field that is there, even if it is null. A field that is missing is `None`.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads an object; null is one without fields.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Fields::deserialize(deserializer).map(|Fields(fields)| fields)
}
