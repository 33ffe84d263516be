//! A terminal that disappears, as with a lost SSH session: writes to stderr fail, and commands end in order all the same.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::channel;

use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

use super::audit_http::some_messages;
use super::gateway::Gateway;
use super::interrupted::{ANSWERED, gateway, kept};
use super::tool::{PATIENCE, Tool};

/// The master of a pseudoterminal. The terminal is lost when this is dropped.
struct Terminal(File);

impl Terminal {
    /// Returns the terminal, and the file for its program.
    fn open() -> (Self, File) {
        // No program that another test starts may keep the terminal alive.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let mut options = File::options();
        let slave = options.read(true).write(true);
        let slave = slave.open(OsStr::from_bytes(name.to_bytes())).unwrap();
        (Self(File::from(master)), slave)
    }

    /// Waits until the program shows `words`. Returns the terminal and what was shown.
    #[track_caller]
    fn show(mut self, words: &'static str) -> (Self, String) {
        let (say, shown) = channel();
        std::thread::spawn(move || {
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&bytes).contains(words) {
                let length = self.0.read(&mut chunk).unwrap();
                bytes.extend_from_slice(&chunk[..length]);
            }
            say.send((self, String::from_utf8_lossy(&bytes).into_owned()))
        });
        let shown = shown.recv_timeout(PATIENCE);
        shown.unwrap_or_else(|_| panic!("never showed `{words}`"))
    }
}

#[test]
fn a_run_that_is_asked_to_stop_keeps_its_answers() {
    // With the variable, a panic would print a backtrace, and would wait for the progress bar to do so.
    for (signal, backtrace) in [("TERM", "1"), ("HUP", "0")] {
        let tool = Tool::new();
        let gateway = some_messages(&tool, 1000, Gateway::setup()).start();
        let call = tool.call("audit in.csv --results kept.ndjson --rate 20 --source");
        let call = call.arg(&gateway.url()).key();
        let (terminal, slave) = Terminal::open();
        let running = call.env("RUST_BACKTRACE", backtrace).start_on(slave);
        let (terminal, _) = terminal.show("/1000 ");
        drop(terminal);
        running.signal(signal);
        running.ends(3);
        std::fs::remove_file(tool.path("in.csv")).unwrap();
        kept(&tool, gateway.calls());
    }
}

#[test]
fn a_run_that_ignores_the_hang_up_goes_on_to_its_end() {
    let (tool, gateway) = (Tool::new(), gateway());
    let call =
        tool.call("audit samples/incident.csv -o out.csv --rate max --concurrency 4 --source");
    let call = call.arg(&gateway.url()).key();
    let (terminal, slave) = Terminal::open();
    let running = call.under("trap '' HUP; exec \"$@\"").start_on(slave);
    let (terminal, _) = terminal.show("/1000 ");
    gateway.wait_for_calls(ANSWERED + 4);
    drop(terminal);
    running.signal("HUP");
    gateway.release();
    running.ends(1);
    assert_eq!(gateway.calls(), 986);
    tool.call("verify out.results.ndjson").ends(0);
    assert!(tool.has("out.csv"));
}

#[test]
fn a_server_without_its_terminal_answers_and_ends() {
    let tool = Tool::new();
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let (terminal, slave) = Terminal::open();
    let running = call.start_on(slave);
    let (terminal, shown) = terminal.show("no access keys");
    let address = shown
        .lines()
        .find_map(|line| line.trim_end().strip_prefix("listening on http://"));
    let address = address.unwrap().to_owned();
    drop(terminal);
    running.signal("HUP");
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&*address).unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
    }
    running.signal("TERM");
    running.ends(0);
}

#[test]
fn other_commands_end_as_with_a_terminal() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json";
    for (command, status) in [
        (&*format!("{audit} -o r.csv --results r.ndjson"), 1),
        ("report r.ndjson -o again.csv", 1),
        ("verify r.ndjson", 0),
        ("diff r.ndjson r.ndjson", 0),
        (
            "plan samples/incident.csv --source samples/cluster.json -o new.csv",
            0,
        ),
        ("plan samples/incident.csv --source samples/missing.json", 2),
        ("audit --no-such-flag", 2),
    ] {
        let (terminal, slave) = Terminal::open();
        drop(terminal);
        tool.call(command).start_on(slave).ends(status);
    }
    assert_eq!(tool.read("again.csv"), tool.read("r.csv"));
}
