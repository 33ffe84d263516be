//! Puts the lines of a partial file in row order, in bounded memory.
//!
//! Drops lines of earlier runs whose row was asked again.
//!
//! Answers come nearly in order: only a query that is retried comes later than its neighbours. Rows are dense, so a
//! line is passed on as soon as all rows before it were. The other lines wait in a heap. When the heap exceeds its
//! bound, its lines are sorted and written to a scratch file as one run. The runs are merged when their rows are next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use super::fast_line_parser::FastLineParser;
use super::{Line, RowSet};
use crate::verdict::AnswerView;

/// Number of bytes that wait in memory before a run is written.
const HEAP_BYTES: usize = 16 * 1024 * 1024;

/// Copies the lines of `lines` to `out` in row order, beginning with row 1. `earlier` is how many of their first bytes
/// come from earlier runs. Unless the rows have gaps (`has_gaps`), a missing row is an error.
pub(super) fn by_row(
    lines: impl BufRead,
    out: &mut impl Write,
    scratch: impl FnOnce() -> io::Result<File>,
    earlier: Earlier,
    has_gaps: bool,
) -> io::Result<()> {
    let lines = PartialLines {
        reader: lines,
        earlier,
        at: 0,
        seen: RowSet::default(),
    };
    let gaps = if has_gaps { Gaps::Allowed } else { Gaps::None };
    sort(lines, out, scratch, (HEAP_BYTES, gaps))
}

/// Calls `each` for the line of each row, without its line end, in the order in which they were written.
pub(super) fn each(
    lines: impl BufRead,
    earlier: Earlier,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut lines = PartialLines {
        reader: lines,
        earlier,
        at: 0,
        seen: RowSet::default(),
    };
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        each(line.trim_ascii_end())?;
    }
    Ok(())
}

/// The lines of earlier runs in front of the lines of this one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Earlier {
    /// Number of bytes of their lines.
    pub(super) bytes: u64,
    /// Number of rows of the inputs.
    pub(super) rows: u64,
}

struct PartialLines<R> {
    reader: R,
    earlier: Earlier,
    at: u64,
    /// Rows of earlier runs that were passed on. If a row has two lines, the first is used.
    seen: RowSet,
}

impl<R: BufRead> PartialLines<R> {
    /// Reads the next line to pass on. Returns false at the end.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            line.clear();
            let read = self.reader.read_until(b'\n', line)?;
            if read == 0 {
                return Ok(false);
            }
            let is_ours = self.at >= self.earlier.bytes;
            self.at += read as u64;
            let row = || settled(line, self.earlier.rows).map(|line| line.row);
            if is_ours || row().is_some_and(|row| self.seen.insert(row)) {
                return Ok(true);
            }
        }
    }
}

/// Returns the line if it settles its row for good: an answer that was asked for, a duplicate or a rejected row. Other rows
/// are asked again, as are rows whose line is damaged.
pub(super) fn settled(line: &[u8], rows: u64) -> Option<Line<'_>> {
    row_of(line).ok()?; // a line that begins otherwise cannot be put in order
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let line = FastLineParser::default()
        .answer(text)
        .or_else(|| serde_json::from_str(text).ok())?;
    let is_answered = !matches!(line.answer(), Some(AnswerView::Unanswered)) && !is_inferred(&line);
    (is_answered && (1..=rows).contains(&line.row)).then_some(line)
}

/// Returns whether the answer follows from others. What a resumed run learns may contradict it, so it is inferred again.
fn is_inferred(line: &Line<'_>) -> bool {
    let tracks = line.tracks.as_deref().unwrap_or_default();
    tracks.iter().any(|track| track.inferred_from.is_some())
}

/// Whether rows may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gaps {
    None,
    Allowed,
}

fn sort(
    mut lines: PartialLines<impl BufRead>,
    out: &mut impl Write,
    scratch: impl FnOnce() -> io::Result<File>,
    (heap_bytes, gaps): (usize, Gaps),
) -> io::Result<()> {
    let mut waiting = BinaryHeap::new();
    let mut waiting_bytes = 0;
    let mut runs = Runs {
        scratch: None,
        heads: BinaryHeap::new(),
    };
    let mut open_scratch = Some(scratch);
    let mut next = 1;
    let mut line = Vec::new();
    loop {
        let ended = !lines.next(&mut line)?;
        if !ended {
            waiting_bytes += line.len();
            waiting.push(Reverse((row_of(&line)?, line.clone())));
        }
        loop {
            if ended && gaps == Gaps::Allowed {
                // Only now it is known which row is next.
                let first = waiting.peek().map(|Reverse((row, _))| *row);
                let first = first.into_iter().chain(runs.first()).min();
                next = first.unwrap_or(next).max(next);
            }
            if waiting.peek().is_some_and(|Reverse((row, _))| *row == next) {
                let Some(Reverse((_, line))) = waiting.pop() else {
                    break;
                };
                waiting_bytes -= line.len();
                out.write_all(&line)?;
            } else if !runs.pass_on(next, out)? {
                break;
            }
            next += 1;
        }
        if ended {
            return if waiting.is_empty() && runs.heads.is_empty() {
                Ok(())
            } else {
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    match gaps {
                        Gaps::None => format!("row {next} is missing from the results file"),
                        Gaps::Allowed => "a row is twice in the results file".to_owned(),
                    },
                ))
            };
        }
        if waiting_bytes > heap_bytes {
            let file = match open_scratch.take() {
                Some(open) => runs.scratch.insert(open()?),
                None => runs
                    .scratch
                    .as_mut()
                    .ok_or_else(|| io::Error::other("scratch file is gone"))?,
            };
            let run = spill(file, &mut waiting)?;
            runs.add(run)?;
            waiting_bytes = 0;
        }
    }
}

/// Writes the waiting lines in order to the end of the scratch file.
fn spill(file: &mut File, waiting: &mut BinaryHeap<Reverse<(u64, Vec<u8>)>>) -> io::Result<Run> {
    let start = file.seek(SeekFrom::End(0))?;
    let mut writer = BufWriter::new(&mut *file);
    while let Some(Reverse((_, line))) = waiting.pop() {
        writer.write_all(&line)?;
    }
    writer.flush()?;
    drop(writer);
    let end = file.stream_position()?;
    Ok(Run {
        lines: BufReader::new(Slice {
            file: file.try_clone()?,
            at: start,
            end,
        }),
        line: Vec::new(),
    })
}

/// The runs in the scratch file, by the row of their first line.
struct Runs {
    scratch: Option<File>,
    heads: BinaryHeap<Reverse<(u64, RunOrd)>>,
}

impl Runs {
    /// Returns the first row of all runs.
    fn first(&self) -> Option<u64> {
        self.heads.peek().map(|Reverse((row, _))| *row)
    }

    fn add(&mut self, mut run: Run) -> io::Result<()> {
        run.line.clear();
        if run.lines.read_until(b'\n', &mut run.line)? > 0 {
            self.heads.push(Reverse((row_of(&run.line)?, RunOrd(run))));
        }
        Ok(())
    }

    /// Passes on the line of row `next` if it is the first one of a run.
    fn pass_on(&mut self, next: u64, out: &mut impl Write) -> io::Result<bool> {
        if self
            .heads
            .peek()
            .is_none_or(|Reverse((row, _))| *row != next)
        {
            return Ok(false);
        }
        if let Some(Reverse((_, RunOrd(run)))) = self.heads.pop() {
            out.write_all(&run.line)?;
            self.add(run)?;
        }
        Ok(true)
    }
}

struct Run {
    lines: BufReader<Slice>,
    line: Vec<u8>,
}

/// Orders runs by their row. Rows differ, so the runs themselves are never compared.
struct RunOrd(Run);

impl PartialEq for RunOrd {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for RunOrd {}
impl PartialOrd for RunOrd {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for RunOrd {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// A part of a file with a position of its own, so that many runs share one scratch file.
struct Slice {
    file: File,
    at: u64,
    end: u64,
}

impl io::Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Returns the row of a line, which always begins with `{"row":N`.
pub(super) fn row_of(line: &[u8]) -> io::Result<u64> {
    line.strip_prefix(b"{\"row\":")
        .and_then(|rest| {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
        })
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a line of the results file does not begin with its row",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_that_could_not_be_put_in_order_settles_nothing() {
        let line = r#"{"row":2,"same_as":1}"#.to_owned() + "\n";
        let is_settled = |line: &str| settled(line.as_bytes(), 3).is_some();
        assert!(is_settled(&line));
        assert!(!is_settled(&line.replace('{', "{ ")), "an edited line");
        let turned = r#"{"same_as":1,"row":2}"#.to_owned() + "\n";
        assert!(!is_settled(&turned), "other fields first");
        assert!(!is_settled(line.trim_end()), "without its end");
        assert!(
            !is_settled(&line.replace(":2", ":4")),
            "no row of the input"
        );
    }

    fn sorted(rows: &[u64], heap_bytes: usize, gaps: Gaps) -> io::Result<Vec<u64>> {
        let lines: Vec<_> = rows
            .iter()
            .map(|row| format!("{{\"row\":{row},\"msg_id\":\"{row:032X}\"}}\n"))
            .collect();
        let mut out = Vec::new();
        let lines = lines.concat();
        let lines = PartialLines {
            reader: lines.as_bytes(),
            earlier: Earlier::default(),
            at: 0,
            seen: RowSet::default(),
        };
        sort(lines, &mut out, tempfile::tempfile, (heap_bytes, gaps))?;
        out.split_inclusive(|&byte| byte == b'\n')
            .map(row_of)
            .collect()
    }

    proptest! {
        #[test]
        fn any_order_comes_out_as_input_order(rows in Just((1..=200_u64).collect::<Vec<_>>()).prop_shuffle(), heap in 0..8_000_usize) {
            prop_assert_eq!(sorted(&rows, heap, Gaps::None).unwrap(), (1..=200).collect::<Vec<_>>());
        }

        #[test]
        fn rows_with_gaps_come_in_order_and_none_comes_twice(
            rows in Just((1..=200_u64).collect::<Vec<_>>()).prop_shuffle(), some in 0..200_usize, heap in 0..8_000_usize,
        ) {
            let mut rows = rows[..some].to_vec();
            let mut in_order = rows.clone();
            in_order.sort_unstable();
            prop_assert_eq!(sorted(&rows, heap, Gaps::Allowed).unwrap(), in_order);
            if let Some(first) = rows.first().copied() {
                rows.push(first);
                prop_assert!(sorted(&rows, heap, Gaps::Allowed).is_err());
            }
        }
    }

    #[test]
    fn a_missing_row_is_an_error_and_not_a_shorter_file() {
        for heap in [0, 1_000_000] {
            let error = sorted(&[1, 2, 4, 5], heap, Gaps::None).unwrap_err();
            assert_eq!(error.to_string(), "row 3 is missing from the results file");
        }
        assert!(row_of(b"{\"totals\":{}}").is_err());
    }
}
