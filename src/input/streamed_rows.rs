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
            let reading = StreamReader::of(name, stream, Arc::new(options));
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
struct StreamReader<R> {
    name: &'static str,
    stream: R,
    options: Arc<InputOptions>,
}

impl<R: Read + Send + 'static> StreamReader<R> {
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::input::Inputs;

    const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

    /// Returns one piece for each read.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(mut piece) = self.0.pop_front() else {
                return Ok(0);
            };
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece[..length]);
            if length < piece.len() {
                self.0.push_front(piece.split_off(length));
            }
            Ok(length)
        }
    }

    /// Returns the rows of a stream in pieces, and what it was, or the error.
    fn streamed(bytes: &[u8], cuts: &[usize], options: &InputOptions) -> Vec<String> {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut pieces, mut from) = (VecDeque::new(), 0);
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push_back(bytes[from..cut].to_vec());
            from = cut;
        }
        pieces.retain(|piece| !piece.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let mut found = Vec::new();
            let mut rows = StreamedRows::start("-", Pieces(pieces), options.clone()).unwrap();
            if let Err(error) = rows.begun().await {
                return vec![error.to_string()];
            }
            loop {
                match rows.next().await {
                    Ok(Some(row)) => found.push(format!("{row:?}")),
                    Ok(None) => break,
                    Err(error) => found.push(error.to_string()),
                }
            }
            found.extend(
                rows.into_end()
                    .map(|(survey, notes)| format!("{survey:?} {notes:?}")),
            );
            found
        })
    }

    /// Returns the same of a file.
    fn of_file(bytes: &[u8], options: &InputOptions) -> Vec<String> {
        let inputs = match Inputs::from_bytes("-", bytes, options.clone()) {
            Ok(inputs) => inputs,
            Err(error) => return vec![error.to_string()],
        };
        let rows = inputs.rows().map(|row| format!("{:?}", row.unwrap()));
        let mut found: Vec<_> = rows.collect();
        found.push(format!("{:?} {:?}", inputs.surveys()[0], inputs.notes()));
        found
    }

    fn with(change: impl FnOnce(&mut InputOptions)) -> InputOptions {
        let mut options = InputOptions::default();
        change(&mut options);
        options
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// Returns inputs of every form that can be streamed.
    fn inputs() -> Vec<(Vec<u8>, InputOptions)> {
        let none = InputOptions::default;
        let topic = || with(|options| options.topic = Some("orders".to_owned()));
        let encoding = |label: &str| {
            let label = label.parse().unwrap();
            with(|options| options.encoding = Some(label))
        };
        let chinese = format!("消息ID,主题,备注\n{ID},订单,已付款\r\n{ID},订单,二\n");
        let gb18030 = encoding_rs::GB18030.encode(&chinese).0.into_owned();
        let sent = format!(
            "2026-11-20 up\n[INFO] sent, SendResult [sendStatus=SEND_OK, msgId={ID}, queueOffset=3]\n"
        );
        vec![
            (format!("msg_id,topic,n\n{ID},a,1\n{ID},a,2\n").into(), none()),
            (format!("\u{feff}topic\tmsg_id\r\na\t{ID}\r\n\r\nb\t{ID}").into(), none()),
            (format!("n,\"note\nof it\",msg_id,topic\n1,\"x\n\ny\",{ID},a\n2,\"\",bad,a\n").into(), none()),
            (format!("Orders\n\n# week 47\nsep=;\nmsg_id;topic\n{ID};a\n").into(), none()),
            (format!("msg_id,topic\r{ID},a\r{ID},b\r").into(), none()),
            (format!("{ID},a,\"b\nc\"\n{ID},d,e\n").into(), with(|options| {
                options.no_header = true;
                options.msg_id_column = Some("1".into());
                options.topic_column = Some("2".into());
            })),
            (format!("{{\"msg_id\":\"{ID}\",\"topic\":\"a\"}}\n\nbad\n{{\"msg_id\":\"{ID}\",\"topic\":\"b\",\"n\":[1]}}").into(), none()),
            (format!("# IDs\n{ID}\nnone\n{ID}\n").into(), topic()),
            (sent.into(), topic()),
            (gb18030, encoding("gb18030")),
            (utf16(&chinese), encoding("utf-16le")),
            ([b"\xff\xfe".to_vec(), utf16(&chinese)].concat(), none()),
            (b"order,topic\n1,a\n".to_vec(), none()),
            (b"msg_id,topic\n".to_vec(), none()),
            (b" \n\n".to_vec(), none()),
            (b"<html>\n".to_vec(), none()),
            (chinese.into_bytes(), none()),
        ]
    }

    #[test]
    fn rows_of_a_stream_are_those_of_a_file() {
        for (bytes, options) in inputs() {
            let expected = of_file(&bytes, &options);
            assert_eq!(
                streamed(&bytes, &[], &options),
                expected,
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_make_the_same_rows(
            which in 0..17_usize,
            cuts in prop::collection::vec(any::<usize>(), 0..200),
        ) {
            let (bytes, options) = inputs().swap_remove(which);
            prop_assert_eq!(streamed(&bytes, &cuts, &options), of_file(&bytes, &options));
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_reject_their_row() {
        let text = [
            b"msg_id,topic,n\n",
            ID.as_bytes(),
            b",a,\xff\n",
            ID.as_bytes(),
            b",b,1\n",
        ];
        let rows = streamed(&text.concat(), &[], &InputOptions::default());
        assert!(rows[0].contains("is not valid UTF-8"), "{}", rows[0]);
        assert!(rows[1].contains("Query"), "{}", rows[1]);
    }

    #[test]
    fn what_has_to_be_read_as_a_whole_is_refused() {
        for (bytes, what) in [
            (b"[{\"msg_id\":1}]\n".as_slice(), "JSON of several lines"),
            (b"{\n\"msg_id\":1}\n", "JSON of several lines"),
            (b"PK\x03\x04\x14\0\0\0", "a workbook or a Parquet file"),
            (b"PAR1\x15\x04", "a workbook or a Parquet file"),
        ] {
            let error = streamed(bytes, &[1], &InputOptions::default());
            let said = format!("standard input is {what}, which can't be read while it arrives");
            assert_eq!(error, [said]);
        }
    }

    #[test]
    fn a_compressed_stream_is_hashed_as_it_is_stored() {
        use std::io::Write as _;
        let text = format!("msg_id,topic\n{ID},a\n{ID},b\n");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap();
        let options = InputOptions::default();
        assert_eq!(
            streamed(&bytes, &[5, 30], &options),
            of_file(&bytes, &options)
        );
    }
}
