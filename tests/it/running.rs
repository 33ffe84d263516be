//! A running program: its output is read line by line, and it can be sent signals.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::tool::PATIENCE;

#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// The lines of stderr, or those of stdout if stderr is a terminal.
    lines: Receiver<String>,
    heard: String,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self::reading(child, stderr)
    }

    /// Starts it with a terminal as its stderr. The lines that are read are those of stdout.
    pub(super) fn start_on(mut command: Command, terminal: File) -> Self {
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = streams.stderr(terminal).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self::reading(child, stdout)
    }

    fn reading(child: Child, stream: impl Read + Send + 'static) -> Self {
        let stream = BufReader::new(stream).lines();
        let (say, lines) = channel();
        std::thread::spawn(move || {
            stream
                .map_while(Result::ok)
                .try_for_each(|line| say.send(line))
        });
        Self {
            child,
            lines,
            heard: String::new(),
        }
    }

    /// Waits until it prints a line that contains `words`.
    #[track_caller]
    pub(crate) fn hear(&mut self, words: &str) {
        while !self.heard.contains(words) {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("never said `{words}`, only:\n{}", self.heard)
            };
            self.heard += &line;
            self.heard += "\n";
        }
    }

    /// Returns whether it prints a line that contains `words` within a moment.
    pub(crate) fn hears_soon(&mut self, words: &str) -> bool {
        while !self.heard.contains(words) {
            let line = match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => panic!("it only said:\n{}", self.heard),
            };
            self.heard += &line;
            self.heard += "\n";
        }
        true
    }

    /// Returns its next line.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let line = self
            .lines
            .recv_timeout(PATIENCE)
            .expect("it says something");
        self.heard += &line;
        self.heard += "\n";
        line
    }

    /// Returns its peak memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.peak().unwrap()
    }

    /// Waits for its end. Returns its peak memory, in MiB.
    pub(crate) fn watch_peak(&mut self) -> u64 {
        let mut peak = 0;
        while self.child.try_wait().unwrap().is_none() {
            peak = self.peak().unwrap_or(peak); // none once it has ended
            std::thread::sleep(Duration::from_millis(5));
        }
        peak
    }

    fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        Some(kib / 1024)
    }

    /// Sends a signal to this process only.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(id)
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end, and checks the exit status. Returns stdout and stderr; if stderr is a terminal, nothing and
    /// stdout.
    #[track_caller]
    pub(crate) fn ends(mut self, status: i32) -> (String, String) {
        // The stream is closed when it ends.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.heard = format!("{}{line}\n", self.heard),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("does not end ({error}); it said:\n{}", self.heard),
            }
        }
        let mut stdout = String::new();
        if let Some(mut stream) = self.child.stdout.take() {
            stream.read_to_string(&mut stdout).unwrap();
        }
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(status), "it said:\n{}", self.heard);
        (stdout, std::mem::take(&mut self.heard))
    }
}

/// A failed test leaves no process running.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
