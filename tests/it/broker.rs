//! A server that speaks the remoting protocol and follows the script of a test.
//!
//! It writes its frames itself, byte by byte, so that it can also write wrong ones. The unit tests use it, too.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// A server on a thread. It runs until the process ends.
pub(crate) struct Broker {
    /// Its address, `127.0.0.1:PORT`.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Number of the connection, from 0.
    pub(crate) connection: usize,
    /// Code of the request.
    pub(crate) code: i64,
    /// The number that the response must repeat.
    pub(crate) opaque: i64,
    /// `extFields`.
    pub(crate) fields: BTreeMap<String, String>,
}

/// An action in response to a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Close the connection.
    Close,
}

impl Broker {
    /// Starts a server that handles each request by `script`, in order on each connection.
    pub(crate) fn scripted(script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::over(script, |stream| stream)
    }

    /// Starts a server on streams that are wrapped first, for example in TLS.
    pub(crate) fn over<S: Read + Write>(
        script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (notes, both) = (asked.clone(), Arc::new((script, wrap)));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (notes, both) = (notes.clone(), both.clone());
                let stream = stream.expect("the connection is there");
                std::thread::spawn(move || {
                    let (script, wrap) = &*both;
                    converse(wrap(stream), connection, &notes, script)
                });
            }
        });
        Self { address, asked }
    }

    /// Returns the requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

/// Handles requests until the client closes the connection or the script does.
fn converse(
    mut stream: impl Read + Write,
    connection: usize,
    notes: &Mutex<Vec<Asked>>,
    script: impl Fn(&Asked) -> Vec<Step>,
) -> Option<()> {
    loop {
        let asked = read(&mut stream, connection)?;
        lock(notes).push(asked.clone());
        for step in script(&asked) {
            let Step::Write(bytes) = step else {
                return None;
            };
            stream
                .write_all(&bytes)
                .and_then(|()| stream.flush())
                .ok()?;
        }
    }
}

fn read(stream: &mut impl Read, connection: usize) -> Option<Asked> {
    let mut lengths = [0; 8];
    stream.read_exact(&mut lengths).ok()?;
    let number = |at: usize| u32::from_be_bytes(lengths[at..at + 4].try_into().unwrap()) as usize;
    let mut frame = vec![0; number(0) - 4];
    stream.read_exact(&mut frame).ok()?;
    let head: Value = serde_json::from_slice(&frame[..number(4)]).expect("a head in JSON");
    assert_eq!(head["flag"], 0, "{head}");
    for member in ["language", "serializeTypeCurrentRPC", "version"] {
        assert!(
            !head[member].is_null(),
            "strict servers want `{member}`: {head}"
        );
    }
    let fields = head["extFields"].as_object().into_iter().flatten();
    Some(Asked {
        connection,
        code: head["code"].as_i64()?,
        opaque: head["opaque"].as_i64()?,
        fields: fields
            .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
            .collect(),
    })
}

impl Asked {
    /// Returns a successful response with this body.
    pub(crate) fn ok(&self, body: impl AsRef<[u8]>) -> Step {
        self.answer(0, &[], body)
    }

    /// Returns a response with an error code and a remark.
    pub(crate) fn refuse(&self, code: i64, remark: &str) -> Step {
        let head = json!({
            "code": code, "flag": 1, "language": "JAVA", "opaque": self.opaque, "remark": remark,
            "serializeTypeCurrentRPC": "JSON", "version": 479,
        });
        Step::Write(frame(&head, b""))
    }

    /// Returns a response with any code, fields and a body.
    pub(crate) fn answer(
        &self,
        code: i64,
        fields: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Step {
        let fields: BTreeMap<_, _> = fields.iter().copied().collect();
        let head = json!({
            "code": code, "extFields": fields, "flag": 1, "language": "JAVA", "opaque": self.opaque,
            "serializeTypeCurrentRPC": "JSON", "version": 479,
        });
        Step::Write(frame(&head, body.as_ref()))
    }
}

/// Returns a frame with a JSON header.
pub(crate) fn frame(head: &Value, body: &[u8]) -> Vec<u8> {
    let head = head.to_string();
    let length = |bytes: usize| u32::try_from(bytes).expect("it is short").to_be_bytes();
    let mut frame = length(4 + head.len() + body.len()).to_vec();
    frame.extend(length(head.len()));
    frame.extend(head.as_bytes());
    frame.extend(body);
    frame
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
