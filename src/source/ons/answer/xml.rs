//! The XML body, success or error (`facts/ons-api.md` §§1.2, 4.1): what a V1 call without `Format` gets, and what
//! some gateways answer whatever was asked.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

use super::{Body, track};

/// No answer nests deeper; a hostile one shall not cost us memory.
const DEPTH: usize = 32;

pub(super) fn read(body: &[u8]) -> Result<Body, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    let mut document = Document::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => document.open(tag.local_name().as_ref())?,
            Event::Empty(tag) => {
                document.open(tag.local_name().as_ref())?;
                document.close();
            }
            Event::End(_) => document.close(),
            Event::Text(text) => document.text.push_str(&text.xml10_content()),
            Event::CData(text) => document.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => document.text.push_str(&resolve(&reference)),
            Event::Eof => return document.end(),
            _ => {}
        }
    }
}

/// What `&name;` or `&#number;` stands for; one we don't know stays as it is.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Some(known) = resolve_predefined_entity(reference) {
        return known.to_owned();
    }
    match reference.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => format!("&{};", &**reference),
    }
}

/// What was read so far.
struct Document {
    /// Names of the open elements.
    path: Vec<String>,
    /// Text since the last tag.
    text: String,
    group: Option<String>,
    word: Option<String>,
    body: Body,
}

impl Document {
    fn new() -> Self {
        Self {
            path: Vec::new(),
            text: String::new(),
            group: None,
            word: None,
            body: Body {
                request_id: None,
                code: None,
                message: None,
                tracks: Ok(Vec::new()),
                is_answer: false,
            },
        }
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.path.is_empty() {
            self.body.is_answer = name.ends_with("Response");
            if !self.body.is_answer && name != "Error" {
                return Err(format!("a document of type {name}"));
            }
        } else if self.path.len() == DEPTH {
            return Err(format!("elements in elements, {DEPTH} deep"));
        }
        self.path.push(name.to_owned());
        self.text.clear();
        Ok(())
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let text = self.text.trim();
        let parent = self.path.last().map(String::as_str);
        match (self.path.len(), parent, name.as_str()) {
            (1, _, "RequestId") => self.body.request_id = Some(text.to_owned()),
            (1, _, "Code") => self.body.code = Some(text.to_owned()),
            (1, _, "Message") => self.body.message = Some(text.to_owned()),
            (_, Some("MessageTrack"), "ConsumerGroup") => self.group = Some(text.to_owned()),
            (_, Some("MessageTrack"), "TrackType") => self.word = Some(text.to_owned()),
            (_, Some("Data"), "MessageTrack") => self.close_track(),
            _ => {}
        }
        self.text.clear();
    }

    fn close_track(&mut self) {
        let (group, word) = (self.group.take(), self.word.take());
        // `<MessageTrack/>` is how some bridges write an empty list.
        if group.is_none() && word.is_none() {
            return;
        }
        if let Ok(tracks) = &mut self.body.tracks {
            match track(group.as_deref(), word.as_deref()) {
                Ok(track) => tracks.push(track),
                Err(reason) => self.body.tracks = Err(reason.to_owned()),
            }
        }
    }

    fn end(self) -> Result<Body, String> {
        match self.path.last() {
            Some(open) => Err(format!("the document ends inside {open}")),
            None => Ok(self.body),
        }
    }
}
