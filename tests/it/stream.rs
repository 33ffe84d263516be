//! Streams: rows from standard input are asked as they arrive, and each gets its line as soon as it is answered.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use serde_json::Value;

use super::gateway::{Fault, Gateway};
use super::rocketmq::cluster::{Cluster, key};
use super::rocketmq::state;
use super::tool::{Call, PATIENCE, Tool};

/// A program whose standard input is written and whose standard output is read line by line.
struct Fed {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Fed {
    fn start(call: &Call<'_>) -> Self {
        let (mut fed, stdout) = Self::unread(call);
        let (say, lines) = channel();
        let read = BufReader::new(stdout).lines().map_while(Result::ok);
        std::thread::spawn(move || read.map(|line| say.send(line)).all(|sent| sent.is_ok()));
        fed.lines = lines;
        fed
    }

    /// Starts it without reading its standard output.
    fn unread(call: &Call<'_>) -> (Self, ChildStdout) {
        let mut command = call.command();
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stdout = child.stdout.take().unwrap();
        let listening = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let fed = Self {
            stdin: child.stdin.take(),
            child,
            lines: channel().1,
            stderr: Some(listening),
        };
        (fed, stdout)
    }

    fn write(&mut self, text: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_ref()).unwrap();
        stdin.flush().unwrap();
    }

    /// Returns the next line of standard output.
    #[track_caller]
    fn line(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap(),
            Err(RecvTimeoutError::Timeout) => panic!("no line came"),
            Err(RecvTimeoutError::Disconnected) => panic!("it ended: {}", self.said()),
        }
    }

    fn said(&mut self) -> String {
        self.stderr
            .take()
            .map_or_else(String::new, |stderr| stderr.join().unwrap())
    }

    fn signal(&self, signal: &str) {
        let kill = std::process::Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
    }

    /// Ends its input and waits for its end. Returns the lines that were not read yet, and stderr.
    #[track_caller]
    fn ends(mut self, status: i32) -> (Vec<Value>, String) {
        self.stdin = None;
        let rest = self
            .lines
            .iter()
            .map(|line| serde_json::from_str(&line).unwrap());
        let rest = rest.collect();
        let said = self.said();
        assert_eq!(self.child.wait().unwrap().code(), Some(status), "{said}");
        (rest, said)
    }
}

/// A failed test leaves no process running.
impl Drop for Fed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn id(nth: usize) -> String {
    format!("1E0578FE110F18B4AAC235C0{nth:08X}")
}

/// Returns rows of messages with these numbers.
fn rows(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().fold(String::new(), |mut text, nth| {
        writeln!(text, "{},orders,{nth}", id(nth)).unwrap();
        text
    })
}

/// Returns a gateway that knows so many messages.
fn gateway(messages: usize) -> super::gateway::Setup {
    (0..messages).fold(Gateway::setup(), |setup, nth| {
        setup.knows("orders", &id(nth), "GID_a")
    })
}

fn stream<'t>(tool: &'t Tool, gateway: &Gateway, flags: &str) -> Call<'t> {
    let call = tool
        .call("audit - -o - --rate max --source")
        .arg(&gateway.url());
    call.args(flags).key()
}

const HEADER: &str = "msg_id,topic,n\n";

#[test]
fn a_row_gets_its_line_before_the_next_is_written() {
    for (header, row) in [
        (HEADER, rows as fn(std::ops::Range<usize>) -> String),
        ("msg_id\ttopic\tn\r\n", |numbers| {
            rows(numbers).replace(',', "\t").replace('\n', "\r\n")
        }),
        ("\u{feff}n;topic;msg_id\n", |numbers| {
            let start = numbers.start;
            format!("\"{start}\";orders;{}\n", id(start))
        }),
        ("", |numbers| {
            let start = numbers.start;
            format!(
                "{{\"msg_id\":\"{}\",\"topic\":\"orders\",\"n\":\"{start}\"}}\n",
                id(start)
            )
        }),
    ] {
        let (tool, gateway) = (Tool::new(), gateway(5).start());
        let mut fed = Fed::start(&stream(&tool, &gateway, "--stream"));
        fed.write(header);
        for nth in 0..5 {
            fed.write(row(nth..nth + 1));
            let line = fed.line();
            assert_eq!(line["row"], nth + 1, "{header}");
            assert_eq!(line["msg_id"], id(nth));
            assert_eq!(line["extra"]["n"], nth.to_string());
            assert_eq!(line["verdict"], "reconciled");
        }
        let (rest, said) = fed.ends(0);
        assert!(rest.is_empty(), "{rest:?}");
        assert!(
            said.contains("5 rows = 5 distinct + 0 duplicates + 0 rejected"),
            "{said}"
        );
        assert!(tool.names().is_empty(), "{:?}", tool.names());
    }
}

#[test]
fn encodings_are_streamed() {
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let gb18030 = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    for (label, encode) in [
        ("utf-16le", &utf16 as &dyn Fn(&str) -> Vec<u8>),
        ("gb18030", &gb18030),
    ] {
        let (tool, gateway) = (Tool::new(), gateway(2).start());
        let flags = format!("--stream --encoding {label}");
        let mut fed = Fed::start(&stream(&tool, &gateway, &flags));
        fed.write(encode("消息ID,主题,备注\n"));
        for nth in 0..2 {
            fed.write(encode(&format!("{},orders,\"已付款\n{nth}\"\n", id(nth))));
            assert_eq!(
                fed.line()["extra"]["备注"],
                format!("已付款\n{nth}"),
                "{label}"
            );
        }
        fed.ends(0);
    }
}

#[test]
fn lines_are_those_of_the_ndjson_report() {
    let tool = Tool::new();
    let incident = tool.read("samples/incident.csv");
    for order in ["", "=ordered", "=unordered"] {
        let flags =
            format!("--stream{order} --expect-file samples/expected.csv --results s.ndjson");
        let call = tool
            .call("audit - -o - --source samples/cluster.json")
            .args(&flags);
        let said = call.stdin(incident.clone()).ends(1);
        tool.call("report s.ndjson -o r.ndjson").ends(1);
        let report = tool.read("r.ndjson");
        let (rows, _summary) = report.trim_end().rsplit_once('\n').unwrap();
        assert!(said.stdout.trim_end() == rows, "{order}");
        assert!(
            said.stderr
                .contains("1,000 rows = 986 distinct + 8 duplicates + 6 rejected")
        );
    }
}

#[test]
fn ordered_lines_stand_in_the_order_of_the_rows() {
    let (tool, gateway) = (Tool::new(), {
        let slow = |call: super::gateway::Call<'_>| (call.msg_id == id(0)).then_some(Fault::Held);
        gateway(6).plan(slow).start()
    });
    // The gate lets nothing pass before the first answer.
    let input = HEADER.to_owned() + &rows([5, 0, 1, 2, 1, 3]) + "bad,orders,9\n" + &rows([0, 4]);
    let mut unordered = Fed::start(&stream(&tool, &gateway, "--stream"));
    unordered.write(&input);
    let mut found: Vec<_> = (0..7)
        .map(|_| unordered.line()["row"].as_u64().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, [1, 3, 4, 5, 6, 7, 9], "a slow answer holds no other");
    let mut ordered = Fed::start(&stream(&tool, &gateway, "--stream=ordered"));
    ordered.write(&input);
    assert_eq!(ordered.line()["row"], 1);
    gateway.wait_for_calls(6 + 6);
    assert!(ordered.lines.try_recv().is_err(), "row 2 has no answer");
    gateway.release();
    let (rest, _) = ordered.ends(1);
    let found: Vec<_> = rest
        .iter()
        .map(|line| line["row"].as_u64().unwrap())
        .collect();
    assert_eq!(found, [2, 3, 4, 5, 6, 7, 8, 9]);
    let (rest, _) = unordered.ends(1);
    let mut found: Vec<_> = rest
        .iter()
        .map(|line| line["row"].as_u64().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, [2, 8]);
}

#[test]
fn a_duplicate_gets_the_answer_of_its_first_row() {
    let held = |call: super::gateway::Call<'_>| (call.msg_id == id(1)).then_some(Fault::Held);
    let (tool, gateway) = (Tool::new(), gateway(3).plan(held).start());
    let mut fed = Fed::start(&stream(&tool, &gateway, "--stream"));
    fed.write(HEADER.to_owned() + &rows([0, 1, 1, 0]));
    let lines = [fed.line(), fed.line()];
    assert_eq!([&lines[0]["row"], &lines[1]["row"]], [1, 4]);
    assert_eq!(
        lines[1]["same_as"], 1,
        "long after the first row was written"
    );
    assert_eq!(lines[1]["tracks"], lines[0]["tracks"]);
    assert_eq!(lines[1]["request_id"], lines[0]["request_id"]);
    gateway.release();
    let lines = [fed.line(), fed.line()];
    assert_eq!([&lines[0]["row"], &lines[1]["row"]], [2, 3]);
    assert_eq!(lines[1]["same_as"], 2, "with the answer that it waited for");
    fed.write(rows([1]));
    assert_eq!(fed.line()["same_as"], 2);
    fed.ends(0);
    assert_eq!(gateway.calls(), 2);
}

#[test]
fn a_slow_reader_slows_the_asking() {
    const MESSAGES: usize = 3_000;
    let (tool, gateway) = (Tool::new(), gateway(MESSAGES).start());
    let call = stream(&tool, &gateway, "--stream --concurrency 8");
    let (mut fed, stdout) = Fed::unread(&call);
    let mut stdin = fed.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        let text = HEADER.to_owned() + &rows(0..MESSAGES);
        stdin.write_all(text.as_bytes()).unwrap();
    });
    // A pipe takes 64 KiB, which is less than a third of the lines; the window has 264 rows.
    gateway.wait_for_calls(264);
    let stalled = || {
        let before = gateway.calls();
        std::thread::sleep(std::time::Duration::from_millis(300));
        gateway.calls() == before
    };
    let mut tries = 0;
    while !stalled() {
        tries += 1;
        assert!(tries < 100, "it never stops");
    }
    let asked = gateway.calls();
    assert!(
        asked < MESSAGES / 2,
        "{asked} messages were asked that nobody reads about"
    );
    let mut text = String::new();
    { stdout }.read_to_string(&mut text).unwrap();
    writing.join().unwrap();
    assert_eq!(text.lines().count(), MESSAGES);
    fed.ends(0);
}

#[test]
fn a_closed_pipe_ends_the_stream() {
    let held = |call: super::gateway::Call<'_>| (call.number > 1).then_some(Fault::Held);
    let (tool, gateway) = (Tool::new(), gateway(3).plan(held).start());
    let (mut fed, stdout) = Fed::unread(&stream(&tool, &gateway, "--stream --results r.ndjson"));
    let mut stdout = BufReader::new(stdout);
    fed.write(HEADER.to_owned() + &rows([0]));
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    fed.write(rows([1]));
    gateway.wait_for_calls(2);
    drop(stdout);
    gateway.release();
    let said = fed.said();
    assert_eq!(fed.child.wait().unwrap().code(), Some(3), "{said}");
    assert!(
        said.contains("error: can't write standard output: Broken pipe"),
        "{said}"
    );
    assert!(
        said.contains("hint: the reader has closed the pipe"),
        "{said}"
    );
    assert!(said.contains("hint: at most the lines of 2 rows are written (2 answered, also in r.ndjson.partial); a stream can't be resumed"), "{said}");
    assert_eq!(tool.names(), ["r.ndjson.partial"]);
}

#[test]
fn a_closed_pipe_is_noticed_although_no_row_comes() {
    let (tool, gateway) = (Tool::new(), gateway(1).start());
    let (mut fed, stdout) = Fed::unread(&stream(&tool, &gateway, "--stream"));
    let mut stdout = BufReader::new(stdout);
    fed.write(HEADER.to_owned() + &rows([0]));
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    let begun = std::time::Instant::now();
    while fed.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it waits for rows");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(fed.child.wait().unwrap().code(), Some(3));
    let said = fed.said();
    assert!(
        said.contains("error: can't write standard output: Broken pipe"),
        "{said}"
    );
}

#[test]
fn a_standard_output_that_is_closed_is_refused() {
    let closed = |flags: &str| {
        let (tool, gateway) = (Tool::new(), gateway(1).start());
        tool.write("in.csv", HEADER.to_owned() + &rows([0]));
        let call = stream(&tool, &gateway, flags).command();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" < in.csv >&-"]);
        shell.arg(call.get_program()).args(call.get_args());
        for (name, value) in call.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let ended = shell
            .current_dir(call.get_current_dir().unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code(), said, gateway.calls())
    };
    let (status, said, calls) = closed("--stream");
    assert_eq!((status, calls), (Some(2), 0), "{said}");
    assert!(said.contains("error: standard output is closed"), "{said}");
    let (status, said, calls) = closed("--stream --results r.ndjson");
    assert_eq!((status, calls), (Some(0), 1), "{said}");
}

#[test]
fn a_killed_stream_can_only_be_thrown_away() {
    let (tool, gateway) = (Tool::new(), gateway(2).start());
    let flags = "--stream --results r.ndjson";
    let mut fed = Fed::start(&stream(&tool, &gateway, flags));
    fed.write(HEADER.to_owned() + &rows([0]));
    fed.line();
    fed.signal("KILL");
    fed.child.wait().unwrap();
    let input = HEADER.to_owned() + &rows([0, 1]);
    let again = |flags| stream(&tool, &gateway, flags).stdin(input.clone());
    let said = again(flags).ends(2).stderr;
    assert!(
        said.contains("hint: throw them away with --restart, or name another results file with --results: a stream can't be resumed"),
        "{said}"
    );
    again("--stream --results r.ndjson --restart").ends(0);
}

#[test]
fn a_signal_ends_the_wait_for_rows() {
    for signal in ["INT", "TERM", "HUP"] {
        let (tool, gateway) = (Tool::new(), gateway(2).start());
        let mut fed = Fed::start(&stream(&tool, &gateway, "--stream"));
        fed.write(HEADER.to_owned() + &rows([0]));
        fed.line();
        fed.signal(signal);
        let said = fed.said();
        assert_eq!(fed.child.wait().unwrap().code(), Some(3), "{said}");
        assert!(said.contains("error: stopped as asked"), "{said}");
        assert!(
            said.contains(
                "hint: the line of 1 row is written (1 answered); a stream can't be resumed"
            ),
            "{said}"
        );
    }
}

#[test]
fn a_signal_before_the_first_row_ends_the_wait_too() {
    let (tool, gateway) = (Tool::new(), gateway(1).start());
    let mut fed = Fed::start(&stream(&tool, &gateway, "--stream"));
    fed.write("msg");
    // It reads once its log says so; before, a signal ends it as well, with the signal's own status.
    std::thread::sleep(std::time::Duration::from_millis(500));
    fed.signal("INT");
    let said = fed.said();
    assert_eq!(fed.child.wait().unwrap().code(), Some(3), "{said}");
}

#[test]
fn answers_in_flight_are_awaited_when_a_signal_comes() {
    let held = |call: super::gateway::Call<'_>| (call.number > 1).then_some(Fault::Held);
    let (tool, gateway) = (Tool::new(), gateway(4).plan(held).start());
    let mut fed = Fed::start(&stream(&tool, &gateway, "--stream=ordered"));
    fed.write(HEADER.to_owned() + &rows([0, 1, 2]));
    fed.line();
    gateway.wait_for_calls(3);
    fed.signal("TERM");
    gateway.release();
    assert_eq!(
        [fed.line()["row"].clone(), fed.line()["row"].clone()],
        [2, 3]
    );
    let said = fed.said();
    assert_eq!(fed.child.wait().unwrap().code(), Some(3), "{said}");
}

#[test]
fn a_source_that_refuses_ends_the_stream() {
    let (tool, gateway) = (Tool::new(), gateway(1).secret("another").start());
    let mut fed = Fed::start(&stream(&tool, &gateway, "--stream --results r.ndjson"));
    fed.write(HEADER.to_owned() + &rows([0]));
    let said = fed.said();
    assert_eq!(fed.child.wait().unwrap().code(), Some(2), "{said}");
    assert!(
        said.contains("error: the source refuses to answer: "),
        "{said}"
    );
    assert!(tool.names().is_empty(), "{:?}", tool.names());
}

#[test]
fn an_empty_stream_is_refused() {
    for input in ["", "\n \n", HEADER] {
        let (tool, gateway) = (Tool::new(), gateway(1).start());
        let call = stream(&tool, &gateway, "--stream --results r.ndjson");
        let said = call.stdin(input).ends(2);
        assert_eq!(said.stdout, "");
        assert!(tool.names().is_empty(), "{:?}", tool.names());
    }
}

#[test]
fn too_many_bad_rows_end_the_stream() {
    let bad = |count: usize| "bad,orders,x\n".repeat(count);
    for (flags, input, status, says, calls) in [
        // A number ends the stream as soon as it is exceeded.
        (
            "--max-rejects 2",
            bad(3),
            2,
            "all 3 rows are bad, the first is standard input:2, column msg_id",
            0,
        ),
        (
            "--max-rejects 2",
            rows([0]) + &bad(2) + &rows([1]),
            1,
            "2 rejected",
            2,
        ),
        // A share is known at the end.
        (
            "--max-rejects 40%",
            rows([0]) + &bad(1),
            3,
            "1 of 2 rows are bad, more than --max-rejects allows",
            1,
        ),
        ("", bad(2), 2, "all 2 rows are bad", 0),
        ("", bad(2) + &rows([0]), 1, "2 rejected", 1),
    ] {
        let (tool, gateway) = (Tool::new(), gateway(2).start());
        let call = stream(&tool, &gateway, &format!("--stream {flags}"));
        let lines = input.lines().count();
        let said = call.stdin(HEADER.to_owned() + &input).ends(status);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert_eq!(
            said.stdout.lines().count(),
            lines,
            "{flags}: each row has its line"
        );
        assert_eq!(gateway.calls(), calls, "{flags}");
    }
}

/// Arguments that are refused with `--stream`, and what is said.
const REFUSED: [(&str, &str); 19] = [
    ("- --resume", "--resume can't be used with --stream"),
    (
        "- --previous old.ndjson",
        "--previous can't be used with --stream",
    ),
    ("- --infer", "--infer can't be used with --stream"),
    (
        "- --infer --recheck 5%",
        "--infer can't be used with --stream",
    ),
    (
        "- --finish-by 06:00",
        "--finish-by can't be used with --stream",
    ),
    ("- --max-time 2h", "--max-time can't be used with --stream"),
    (
        "- --born-column n",
        "--born-column can't be used with --stream",
    ),
    (
        "- --examine failures",
        "--examine failures can't be used with --stream",
    ),
    (
        "- --trace-sample 5",
        "--trace-sample can't be used with --stream",
    ),
    ("- --split 5", "--split can't be used with --stream"),
    (
        "- -o report.csv",
        "-o report.csv can't be used with --stream",
    ),
    (
        "- --matrix m.csv",
        "--matrix m.csv can't be used with --stream",
    ),
    (
        "- --rejects r.csv",
        "--rejects r.csv can't be used with --stream",
    ),
    (
        "- --bundle b.zip",
        "--bundle b.zip can't be used with --stream",
    ),
    (
        "- --worklist folder",
        "--worklist folder can't be used with --stream",
    ),
    (
        "- --input-format json",
        "standard input is JSON of several lines, which can't be read while it arrives",
    ),
    ("in.csv", "--stream reads standard input alone"),
    ("- in.csv", "--stream reads standard input alone"),
    (
        "- --source rmq://cn-hangzhou",
        "--source rmq:// can't be used with --stream",
    ),
];

#[test]
fn options_that_need_the_whole_run_are_refused_by_name() {
    let tool = Tool::new();
    tool.write("in.csv", HEADER.to_owned() + &rows([0]));
    for (flags, says) in REFUSED {
        let source = if flags.contains("--source") {
            ""
        } else {
            "--source ons://cn-hangzhou"
        };
        let call = tool
            .call("audit --stream")
            .args(flags)
            .args(source)
            .examining_key();
        let said = call.ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{flags}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    let call = tool
        .call("audit - --stream --source ons://cn-hangzhou")
        .examining_key();
    let said = call.env("ONS_AUDIT_MAX_TIME", "2h").ends(2);
    assert!(
        said.stderr
            .contains("ONS_AUDIT_MAX_TIME can't be used with --stream"),
        "{}",
        said.stderr
    );
    let said = tool
        .call("plan - --stream --source ons://cn-hangzhou")
        .ends(2);
    assert!(said.stderr.contains("--stream"), "{}", said.stderr);
}

#[test]
fn the_results_file_of_a_stream_is_complete_and_not_resumed() {
    let fails = |call: super::gateway::Call<'_>| (call.msg_id == id(1)).then_some(Fault::Internal);
    let (tool, gateway) = (Tool::new(), gateway(3).plan(fails).start());
    let input = HEADER.to_owned() + &rows([2, 0, 1, 0]);
    let flags = "--stream --results r.ndjson --max-attempts 1";
    stream(&tool, &gateway, flags).stdin(input.clone()).ends(3);
    assert_eq!(tool.names(), ["r.ndjson"]);
    let text = tool.read("r.ndjson");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["inputs"], serde_json::json!([{"path": "-"}]));
    let read = &lines[5]["inputs"][0];
    assert_eq!(
        [&read["path"], &read["rows"]],
        [&Value::from("-"), &Value::from(4)]
    );
    let numbers: Vec<_> = lines[1..5]
        .iter()
        .map(|line| line["row"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4], "in the order of the rows");
    tool.call("verify r.ndjson").ends(0);
    tool.call("report r.ndjson -o r.csv").ends(3);
    tool.call("diff r.ndjson r.ndjson -o d.csv").ends(3);

    // The same command reads other rows.
    let said = stream(&tool, &gateway, "--results r.ndjson --resume")
        .stdin(input)
        .ends(2);
    assert!(
        said.stderr.contains(
            "r.ndjson holds the answers about a stream (--stream), which can't be read again"
        ),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("hint: leave --resume out"),
        "{}",
        said.stderr
    );
    let calls = gateway.calls();
    let previous = "--previous r.ndjson -o next.csv --source";
    tool.write("in.csv", HEADER.to_owned() + &rows([2, 0]));
    let call = tool.call("audit in.csv").args(previous).arg(&gateway.url());
    call.key().ends(0);
    assert_eq!(gateway.calls(), calls, "its answers are carried over");
}

#[test]
fn an_edited_trailer_of_a_stream_is_refused() {
    let tool = Tool::new();
    let call = tool.call("audit - --stream --results r.ndjson --source samples/cluster.json");
    call.stdin(tool.read("samples/incident.csv")).ends(1);
    let text = tool.read("r.ndjson");
    let inputs = text.rfind(",\"inputs\":[").unwrap();
    let end = text.rfind("],\"finished_at\"").unwrap() + 1;
    tool.write("cut.ndjson", format!("{}{}", &text[..inputs], &text[end..]));
    let said = tool.call("verify cut.ndjson").ends(2);
    assert!(
        said.stderr
            .contains("the inputs with a SHA-256 in the trailer"),
        "{}",
        said.stderr
    );
    tool.write(
        "more.ndjson",
        text.replace("\"rows\":1000}]", "\"rows\":1001}]"),
    );
    let said = tool.call("verify more.ndjson").ends(2);
    assert!(
        said.stderr.contains("the rows of its inputs are 1000"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_cluster_is_judged_row_by_row() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let call = tool.call("audit - --stream --exit-zero --results r.ndjson --source");
    let mut fed = Fed::start(&call.arg(&cluster.source()));
    fed.write("msg_id,topic\n");
    for nth in [0, 1, 0] {
        fed.write(format!("{},orders\n", key(nth)));
        let line = fed.line();
        let tracks = line["tracks"].as_array().unwrap();
        let words: Vec<_> = tracks
            .iter()
            .map(|track| track["track_type"].as_str().unwrap())
            .collect();
        assert!(
            words.contains(&"NOT_CONSUME_YET") && words.contains(&"CONSUMED"),
            "{line}"
        );
    }
    fed.ends(0);
    tool.call("report r.ndjson -o r.csv --exit-zero").ends(0);
    assert!(tool.read("r.csv").contains("mqadmin_track_type"));
}

#[test]
fn messages_take_no_more_memory_than_their_fingerprints() {
    const MESSAGES: usize = 200_000;
    /// What waits, and what the allocator keeps.
    const ROOM: usize = 4 << 20;
    let tool = Tool::new();
    let peak = |messages: usize| {
        let call = tool.call("audit - --stream --source samples/cluster.json");
        let (mut fed, stdout) = Fed::unread(&call);
        let mut stdin = fed.stdin.take().unwrap();
        let writing = std::thread::spawn(move || {
            stdin.write_all(HEADER.as_bytes()).unwrap();
            for chunk in 0..messages / 1000 {
                stdin
                    .write_all(rows(chunk * 1000..(chunk + 1) * 1000).as_bytes())
                    .unwrap();
            }
            stdin
        });
        let mut lines = BufReader::new(stdout).lines();
        assert_eq!(lines.by_ref().take(messages).count(), messages);
        let stdin = writing.join().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", fed.child.id())).unwrap();
        drop(stdin);
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        fed.said();
        kib * 1024
    };
    let few = peak(20_000);
    let many = peak(MESSAGES);
    let most = few + 48 * MESSAGES + ROOM;
    assert!(
        many <= most,
        "{many} bytes for {MESSAGES} messages, {few} for 20,000"
    );
}
