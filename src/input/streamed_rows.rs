//! The rows of a stream that is read once, as they arrive.
//!
//! A thread of its own reads the stream, because reading blocks. It decides what the input is by the first lines
//! ([`StreamHead`]), makes rows, and finds duplicates. A short channel passes the rows on: if nobody takes them, nothing
//! more is read.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::InputError;
use super::bytes::Bytes;
use super::dedupe::{DedupIndex, Fingerprint};
use super::input_file::Input;
use super::inputs::check;
use super::notes::InputNotes;
use super::options::{InputFormat, InputOptions};
use super::row::{Entry, ParsedRow, Row};
use super::streamed_head::StreamHead;
use super::survey::Survey;
use crate::file::{Sha256, decompressed};
use crate::humanize;

/// Number of rows that wait.
const WAITING: usize = 256;

/// What the reading thread sends.
#[expect(
    clippy::large_enum_variant,
    reason = "almost every value is a row, and a box would be an allocation for each"
)]
enum Arrival {
    /// The format is decided.
    Begun,
    Row(Row),
    End(Survey, InputNotes),
}

/// The rows of a stream.
pub struct StreamedRows {
    arrivals: Receiver<Result<Arrival, InputError>>,
    reader: Option<JoinHandle<()>>,
    end: Option<(Survey, InputNotes)>,
}

impl StreamedRows {
    /// Starts to read a stream, which is called `name` in messages and in results files.
    ///
    /// # Errors
    ///
    /// If the options cannot be used, or the system cannot start a thread.
    pub fn start(
        name: &'static str,
        stream: impl Read + Send + 'static,
        options: InputOptions,
    ) -> Result<Self, InputError> {
        check(&options)?;
        if options.format == Some(InputFormat::Json) {
            return Err(whole(name, "JSON of several lines"));
        }
        let (outbox, arrivals) = channel(WAITING);
        let read = move || {
            let reading = Reading::of(name, stream, Arc::new(options));
            if let Err(error) = reading.run(&outbox) {
                let _ = outbox.blocking_send(Err(error)); // nobody takes rows any more
            }
        };
        let reader = thread::Builder::new().name("input".to_owned()).spawn(read);
        Ok(Self {
            arrivals,
            reader: Some(reader.map_err(InputError::unread(name))?),
            end: None,
        })
    }

    /// Waits until the first lines have decided what the input is.
    ///
    /// # Errors
    ///
    /// If the stream cannot be read, or does not fit the options.
    pub async fn begun(&mut self) -> Result<(), InputError> {
        match self.next_arrival().await? {
            Arrival::Begun => Ok(()),
            Arrival::Row(_) | Arrival::End(..) => unreachable!("rows follow the decision"),
        }
    }

    /// Waits for the next row. Returns `None` behind the last one.
    ///
    /// # Errors
    ///
    /// If the stream cannot be read. Nothing follows.
    pub async fn next(&mut self) -> Result<Option<Row>, InputError> {
        if self.end.is_some() {
            return Ok(None);
        }
        match self.next_arrival().await? {
            Arrival::Row(row) => Ok(Some(row)),
            Arrival::End(survey, notes) => {
                self.end = Some((survey, notes));
                Ok(None)
            }
            Arrival::Begun => unreachable!("the decision comes once"),
        }
    }

    /// Returns what the stream was and what was noticed in it. `None` before its end.
    #[must_use]
    pub fn into_end(self) -> Option<(Survey, InputNotes)> {
        self.end
    }

    async fn next_arrival(&mut self) -> Result<Arrival, InputError> {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            // Without an end the reading thread has panicked.
            None => match self.reader.take().map(JoinHandle::join) {
                Some(Err(panic)) => resume_unwind(panic),
                _ => Err(whole("-", "at its end already")),
            },
        }
    }
}

impl fmt::Debug for StreamedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedRows")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

fn whole(path: &str, what: &'static str) -> InputError {
    InputError::Whole {
        path: path.to_owned(),
        what,
    }
}

/// The state of the reading thread.
struct Reading<R> {
    name: &'static str,
    stream: R,
    options: Arc<InputOptions>,
}

impl<R: Read + Send + 'static> Reading<R> {
    const fn of(name: &'static str, stream: R, options: Arc<InputOptions>) -> Self {
        Self {
            name,
            stream,
            options,
        }
    }

    /// Reads to the end of the stream, or until nobody takes rows any more.
    fn run(self, outbox: &Sender<Result<Arrival, InputError>>) -> Result<(), InputError> {
        let name = self.name;
        let hash = Arc::new(Mutex::new(Sha256::new()));
        let stream = Hashed {
            stream: self.stream,
            hash: hash.clone(),
        };
        let mut stream = decompressed(stream).map_err(InputError::unread(name))?;
        let head = StreamHead::read(&mut stream, &self.options);
        let head = head.map_err(InputError::unread(name))?;
        if head.is_file() {
            return Err(whole(name, "a workbook or a Parquet file"));
        }
        let lines = Bytes::Memory(head.bytes[..head.end].into());
        let input = Input::understand(name.to_owned(), lines, self.options.clone())?;
        if input.is_json_values() {
            return Err(whole(name, "JSON of several lines"));
        }
        if !input.roles.is_empty() {
            tracing::info!("{}: {}", humanize::input(name.as_ref()), input.roles);
        }
        let input = input.rejecting_other_bytes();
        let mut reader = input.reader_of_stream(Box::new(Cursor::new(head.bytes).chain(stream)))?;
        if outbox.blocking_send(Ok(Arrival::Begun)).is_err() {
            return Ok(());
        }
        let (mut dedupe, mut number) = (DedupIndex::new(), 0);
        while let Some(row) = reader.next().map_err(InputError::bad_record(name))? {
            number += 1;
            let row = numbered(row, number, &mut dedupe)?;
            if outbox.blocking_send(Ok(Arrival::Row(row))).is_err() {
                return Ok(());
            }
        }
        let hash = std::mem::take(&mut *hash.lock().unwrap_or_else(PoisonError::into_inner));
        let survey = Survey {
            path: name.to_owned(),
            sha256: hash.hex(),
            rows: number,
        };
        let _ = outbox.blocking_send(Ok(Arrival::End(survey, reader.take_notes())));
        Ok(())
    }
}

/// Numbers a row, and marks it if it asks the same as an earlier one.
fn numbered(row: ParsedRow, number: u64, dedupe: &mut DedupIndex) -> Result<Row, InputError> {
    let ParsedRow { kept, query } = row;
    let entry = match query {
        Err(reject) => Entry::Rejected(reject),
        Ok(query) => {
            let first = dedupe.first(Fingerprint::of_query(&query), number);
            match first.map_err(|_| InputError::TooManyRows)? {
                Some(of) => Entry::Duplicate { of },
                None => Entry::Query(query),
            }
        }
    };
    Ok(Row {
        row: number,
        kept,
        entry,
    })
}

/// Hashes the bytes that are read.
struct Hashed<R> {
    stream: R,
    hash: Arc<Mutex<Sha256>>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        let mut hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        hash.update(&buffer[..read]);
        Ok(read)
    }
}
