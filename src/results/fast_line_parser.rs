//! Parses the most common form of line: an answer whose texts have no escapes, in the layout of
//! [`ResultsWriter`](super::ResultsWriter). This saves a third of the processor time of a report over a million
//! answers. For every other line it returns `None`, and serde parses the line.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::line::{KeptFields, Line};
use crate::message::CowText;
use crate::verdict::TrackView;

/// Parses lines one after the other. Consecutive messages often have the same tracks, so the tracks of the previous
/// line are reused where the text is the same.
#[derive(Debug, Default)]
pub(super) struct FastLineParser<'a> {
    last: Option<(&'a str, Rc<[TrackView<'a>]>)>,
}

impl<'a> FastLineParser<'a> {
    /// Returns the line if it has the common form.
    pub(super) fn answer(&mut self, line: &'a str) -> Option<Line<'a>> {
        let mut rest = Rest(line);
        rest.skip("{\"row\":")?;
        let row = rest.number()?;
        let msg_id = rest.text_of(",\"msg_id\":")?;
        let topic = rest.text_of(",\"topic\":")?;
        let instance_id = rest.text_if_any(",\"instance_id\":")?;
        let tracks = self.tracks(&mut rest)?;
        let born_at = rest.text_if_any(",\"born_at\":")?;
        let observed_at = rest.text_of(",\"observed_at\":")?;
        rest.skip(",\"attempts\":")?;
        let attempts = u32::try_from(rest.number()?).ok()?;
        let request_id = rest.text_if_any(",\"request_id\":")?;
        let extra = rest.kept()?;
        (rest.0 == "}").then_some(Line {
            row,
            msg_id,
            topic,
            instance_id,
            tracks: Some(tracks),
            born_at,
            observed_at,
            attempts: Some(attempts),
            request_id,
            extra,
            ..Line::default() // serde parses a line that has any other field
        })
    }

    fn tracks(&mut self, rest: &mut Rest<'a>) -> Option<Rc<[TrackView<'a>]>> {
        if let Some((text, tracks)) = &self.last
            && rest.skip(text).is_some()
        {
            return Some(tracks.clone());
        }
        let before = rest.0;
        let tracks: Rc<[_]> = rest.tracks()?.into();
        let text = &before[..before.len() - rest.0.len()];
        self.last = Some((text, tracks.clone()));
        Some(tracks)
    }
}

/// The part of the line that is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Reads a number as JSON has it: without a leading zero.
    fn number(&mut self) -> Option<u64> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        if digits > 1 && number.starts_with('0') {
            return None;
        }
        self.0 = rest;
        number.parse().ok()
    }

    /// Reads a string without escapes and control characters. Returns it without its quotes.
    fn plain(&mut self) -> Option<&'a str> {
        let text = self.0.strip_prefix('"')?;
        let end = text
            .bytes()
            .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
        let (plain, rest) = text.split_at(end);
        self.0 = rest.strip_prefix('"')?;
        Some(plain)
    }

    fn text_of(&mut self, name: &str) -> Option<CowText<'a>> {
        self.skip(name)?;
        Some(CowText(Cow::Borrowed(self.plain()?)))
    }

    /// Reads an optional text field. Returns an empty text if the field is missing, and `None` if the text has escapes.
    fn text_if_any(&mut self, name: &str) -> Option<CowText<'a>> {
        if self.0.starts_with(name) {
            self.text_of(name)
        } else {
            Some(CowText::default())
        }
    }

    fn tracks(&mut self) -> Option<Vec<TrackView<'a>>> {
        self.skip(",\"tracks\":[")?;
        let mut tracks = Vec::with_capacity(8);
        while self.skip("]").is_none() {
            if !tracks.is_empty() {
                self.skip(",")?;
            }
            self.skip("{\"group\":")?;
            let group = Cow::Borrowed(self.plain()?);
            self.skip(",\"track_type\":")?;
            let track_type = Cow::Borrowed(self.plain()?);
            let mark = self.text_if_any(",\"mark\":")?.0;
            let mqadmin_track_type = self.text_if_any(",\"mqadmin_track_type\":")?.0;
            let inferred_from = match self.skip(",\"inferred_from\":") {
                Some(()) => Some(NonZeroU64::new(self.number()?)?),
                None => None,
            };
            self.skip("}")?;
            tracks.push(TrackView {
                group,
                track_type,
                mark,
                mqadmin_track_type,
                deliveries: None,
                inferred_from,
            });
        }
        Some(tracks)
    }

    /// Reads the kept columns if all of them are texts without escapes.
    fn kept(&mut self) -> Option<KeptFields<'a>> {
        let mut kept = Vec::new();
        if self.skip(",\"extra\":{").is_none() {
            return Some(KeptFields(kept));
        }
        while self.skip("}").is_none() {
            if !kept.is_empty() {
                self.skip(",")?;
            }
            let name = Cow::Borrowed(self.plain()?);
            self.skip(":")?;
            let before = self.0;
            self.plain()?;
            let value = &before[..before.len() - self.0.len()];
            kept.push((name, serde_json::from_str::<&RawValue>(value).ok()?));
        }
        Some(KeptFields(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(line: &str) -> Option<Line<'_>> {
        FastLineParser::default().answer(line)
    }

    const PLAIN: &str = r#"{"row":12,"msg_id":"AA","topic":"orders","instance_id":"MQ","tracks":[{"group":"a","track_type":"CONSUMED"},{"group":"b","track_type":"PULL"},{"group":"c","track_type":"CONSUMED","mark":"offline","mqadmin_track_type":"NOT_ONLINE","inferred_from":7}],"born_at":"2026-11-22T11:59:59.900Z","observed_at":"2026-11-22T12:00:00.123Z","attempts":1,"request_id":"R","extra":{"order":"A-1","name":"李娜"}}"#;

    fn by_serde(line: &str) -> Option<String> {
        serde_json::from_str::<Line<'_>>(line)
            .ok()
            .map(|line| format!("{line:?}"))
    }

    #[test]
    fn plain_answers_are_read_and_everything_else_is_left_to_serde() {
        for shorter in [
            "",
            r#","instance_id":"MQ""#,
            r#","born_at":"2026-11-22T11:59:59.900Z""#,
            r#","request_id":"R""#,
            r#","extra":{"order":"A-1","name":"李娜"}"#,
        ] {
            let line = PLAIN.replace(shorter, "");
            assert_eq!(
                answer(&line).map(|line| format!("{line:?}")),
                by_serde(&line),
                "{line}"
            );
        }
        for other in [
            PLAIN.replace("AA", r"A\u0041"),
            PLAIN.replace(r#""A-1""#, "7"),
            PLAIN.replace(":12,", ":012,"),
            PLAIN.replace(",\"topic\"", ", \"topic\""),
            PLAIN.replace("}}", "}} "),
            PLAIN.replace(r#""MQ""#, ""),
            PLAIN.replace(r#""offline""#, ""),
            PLAIN.replace(r#""NOT_ONLINE""#, ""),
            PLAIN.replace(":7}", ":0}"),
            PLAIN.replace(":7}", ":07}"),
            PLAIN.replace(r#""R""#, ""),
            r#"{"row":3,"same_as":1,"extra":{}}"#.to_owned(),
        ] {
            assert!(answer(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn tracks_of_the_previous_line_are_reused_for_equal_text_only() {
        let none = PLAIN.replace("CONSUMED", "PULL");
        let fewer = PLAIN.replace(r#",{"group":"b","track_type":"PULL"}"#, "");
        let lines = [
            PLAIN,
            PLAIN,
            &none,
            &fewer,
            &fewer,
            "",
            PLAIN,
            &PLAIN[..150],
        ];
        let mut plain = FastLineParser::default();
        for line in lines {
            assert_eq!(
                plain.answer(line).map(|line| format!("{line:?}")),
                by_serde(line)
            );
        }
    }

    proptest! {
        /// Wherever a plain answer is damaged, nothing is read that serde would not read the same way.
        #[test]
        fn it_never_reads_what_serde_reads_otherwise(at in 0..PLAIN.len(), with in "[\\PC\\pC]?", cut in 0..16_usize) {
            let end = (at + cut).min(PLAIN.len());
            prop_assume!(PLAIN.is_char_boundary(at) && PLAIN.is_char_boundary(end));
            let mut line = PLAIN.to_owned();
            line.replace_range(at..end, &with);
            if let Some(read) = answer(&line) {
                prop_assert_eq!(Some(format!("{read:?}")), by_serde(&line));
            }
        }
    }
}
