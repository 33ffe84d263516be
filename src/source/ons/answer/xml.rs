//! Parser for XML bodies, success or error (`docs/facts/ons-api.md` §§1.2, 4.1). A V1 call without `Format`
//! gets XML, and some gateways always send it. As with JSON, a body without groups must be a response of the
//! operation, so the root element and the shape of `Data` are checked.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};

use super::{Body, ERROR_CODE, NO_SUCCESS, track};

/// Limit for nesting; it bounds the memory that a hostile response can use.
const DEPTH: usize = 32;

/// Reads a response of an operation.
pub(super) fn read(body: &[u8], action: &str) -> Result<Body, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    let mut document = XmlAnswer::new(action);
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

/// Returns the elements inside the root. An element becomes an object, or a text if it has no elements inside; elements
/// of the same name become a list.
pub(super) fn fields(body: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    // The document itself, then the open elements.
    let mut open = vec![OpenElement::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if open.len() <= DEPTH => open.push(OpenElement {
                name: tag.local_name().as_ref().to_owned(),
                ..OpenElement::default()
            }),
            Event::Start(_) => return Err(format!("elements nested more than {DEPTH} deep")),
            Event::Empty(tag) => {
                let name = tag.local_name().as_ref().to_owned();
                OpenElement::add(&mut open, name, Value::String(String::new()));
            }
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    let (name, value) = closed.close();
                    OpenElement::add(&mut open, name, value);
                }
            }
            Event::Text(text) => OpenElement::append(&mut open, &text.xml10_content()),
            Event::CData(text) => OpenElement::append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => OpenElement::append(&mut open, &resolve(&reference)),
            Event::Eof => break,
            _ => {}
        }
    }
    let root = open
        .pop()
        .and_then(|document| document.inside.into_iter().next());
    match root {
        Some((_, Value::Object(fields))) => Ok(fields),
        _ => Err("a document without elements".into()),
    }
}

/// An element whose end has not been read.
#[derive(Default)]
struct OpenElement {
    name: String,
    text: String,
    inside: Map<String, Value>,
}

impl OpenElement {
    fn close(self) -> (String, Value) {
        let value = if self.inside.is_empty() {
            Value::String(self.text.trim().to_owned())
        } else {
            Value::Object(self.inside)
        };
        (self.name, value)
    }

    /// Appends a text to the innermost element.
    fn append(open: &mut [Self], text: &str) {
        if let Some(element) = open.last_mut() {
            element.text.push_str(text);
        }
    }

    /// Adds a closed element to the innermost one.
    fn add(open: &mut [Self], name: String, value: Value) {
        let Some(around) = open.last_mut() else {
            return;
        };
        match around.inside.get_mut(&name) {
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => drop(around.inside.insert(name, value)),
        }
    }
}

/// Resolves `&name;` or `&#number;`; keeps an unknown reference verbatim.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Some(known) = resolve_predefined_entity(reference) {
        return known.to_owned();
    }
    match reference.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => format!("&{};", &**reference),
    }
}

/// State of the parser.
struct XmlAnswer<'a> {
    /// The operation.
    action: &'a str,
    /// Names of the open elements.
    path: Vec<String>,
    /// Text since the last tag.
    text: String,
    group: Option<String>,
    word: Option<String>,
    has_data: bool,
    /// Whether the root element is that of the operation.
    is_operation: bool,
    body: Body,
}

impl<'a> XmlAnswer<'a> {
    fn new(action: &'a str) -> Self {
        Self {
            action,
            path: Vec::new(),
            text: String::new(),
            group: None,
            word: None,
            has_data: false,
            is_operation: false,
            body: Body {
                request_id: None,
                code: None,
                message: None,
                tracks: Ok(None),
                is_answer: false,
                denial: None,
            },
        }
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.path.is_empty() {
            self.is_operation = name.strip_suffix("Response") == Some(self.action);
            if !self.is_operation && name != "Error" {
                return Err(format!("a document of type {name}"));
            }
        } else if self.path.len() == DEPTH {
            return Err(format!("elements nested more than {DEPTH} deep"));
        }
        self.path.push(name.to_owned());
        self.text.clear();
        Ok(())
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let closed = match self.path.get(1).map(String::as_str) {
            Some("Data") => self.close_in_data(&name, text),
            None if self.path.len() == 1 => self.close_field(&name, text),
            _ => Ok(()),
        };
        if let Err(reason) = closed {
            self.body.tracks = Err(reason.to_owned());
        }
    }

    fn close_field(&mut self, name: &str, text: &str) -> Result<(), &'static str> {
        let body = &mut self.body;
        match name {
            "RequestId" => body.request_id = Some(text.to_owned()),
            "Code" => body.code = Some(text.to_owned()),
            "Message" => body.message = Some(text.to_owned()),
            "Success" if text.eq_ignore_ascii_case("false") => body.denial = Some(NO_SUCCESS),
            "ErrorCode" | "errorCode" if !text.is_empty() => body.denial = Some(ERROR_CODE),
            "Data" if std::mem::replace(&mut self.has_data, true) => return Err("Data twice"),
            "Data" if !text.is_empty() => return Err("a text instead of MessageTrack"),
            _ => {}
        }
        Ok(())
    }

    /// Handles the end of an element inside `Data`, at any depth.
    fn close_in_data(&mut self, name: &str, text: &str) -> Result<(), &'static str> {
        match (self.path.len(), name) {
            (2, "MessageTrack") => self.close_track(),
            (2, _) => Err("Data holds something other than MessageTrack"),
            (3, "ConsumerGroup") => once(&mut self.group, text, "ConsumerGroup twice"),
            (3, "TrackType") => once(&mut self.word, text, "TrackType twice"),
            (3, "MessageTrack") => Err("a MessageTrack inside another"),
            _ => Ok(()),
        }
    }

    fn close_track(&mut self) -> Result<(), &'static str> {
        let (group, word) = (self.group.take(), self.word.take());
        let Ok(tracks) = &mut self.body.tracks else {
            return Ok(()); // an earlier track could not be read
        };
        let tracks = tracks.get_or_insert_default();
        // `<MessageTrack/>` is an empty list in the responses of some bridges.
        if group.is_some() || word.is_some() {
            tracks.push(track(group.as_deref(), word.as_deref())?);
        }
        Ok(())
    }

    fn end(mut self) -> Result<Body, String> {
        if let Some(open) = self.path.last() {
            return Err(format!("the document ends inside {open}"));
        }
        let has_answer = self.has_data || self.body.request_id.is_some();
        self.body.is_answer = self.is_operation && has_answer;
        Ok(self.body)
    }
}

/// Stores a text that may occur once: of two different ones, neither can be trusted.
fn once(slot: &mut Option<String>, text: &str, twice: &'static str) -> Result<(), &'static str> {
    match slot.replace(text.to_owned()) {
        Some(_) => Err(twice),
        None => Ok(()),
    }
}
