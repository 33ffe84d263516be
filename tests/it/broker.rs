//! A server that speaks the remoting protocol and does what a test tells it to.
//!
//! It writes its frames itself, byte by byte, so that it can also write wrong ones. Used by the unit tests, too.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// A server on a thread, as long as the process lives.
pub(crate) struct Broker {
    /// Where it listens, `127.0.0.1:PORT`.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The number of the connection, from 0 on.
    pub(crate) connection: usize,
    /// What is asked.
    pub(crate) code: i64,
    /// The number that the answer must have.
    pub(crate) opaque: i64,
    /// `extFields`.
    pub(crate) fields: BTreeMap<String, String>,
}

/// What to do about a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Close the connection.
    Close,
}

impl Broker {
    /// Does with each request what `script` says, one after another on each connection.
    pub(crate) fn scripted(script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::over(script, |stream| stream)
    }

    /// The same on streams that are wrapped first, in TLS for instance.
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

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

/// Until the client has gone, or something is to be closed.
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
    /// Success, with this body.
    pub(crate) fn ok(&self, body: impl AsRef<[u8]>) -> Step {
        self.answer(0, &[], body)
    }

    /// A code that is not success, and why.
    pub(crate) fn refuse(&self, code: i64, remark: &str) -> Step {
        let head = json!({
            "code": code, "flag": 1, "language": "JAVA", "opaque": self.opaque, "remark": remark,
            "serializeTypeCurrentRPC": "JSON", "version": 479,
        });
        Step::Write(frame(&head, b""))
    }

    /// Any code, with fields and a body.
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

/// A frame with a head in JSON.
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
