//! Measures whole processes: wall time, processor time and peak memory of a command, and medians of paired rounds. The
//! speed of machines drifts, so only ratios between commands of the same minute are meaningful.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The cost of one run of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) wall: Duration,
    /// User and system time of the process and its children.
    pub(crate) cpu: Duration,
    /// Peak resident memory, in MiB.
    pub(crate) peak_mib: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s wall, {:.2} s CPU, {:.0} MiB",
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.peak_mib
        )
    }
}

/// Returns the program to be measured. `cargo bench` builds it with the features that tests need (tokio's clock can be
/// paused, which costs time in every call), so `.ci/run` names a plain release build here.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("ONS_AUDIT_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_ons-audit").into(), PathBuf::from)
}

/// Runs `command` to its end and measures it. Discards its output.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let before = children_cpu();
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let id = child.id();
    let mut peak_mib = 0.0_f64;
    while child.try_wait().expect("a child of ours").is_none() {
        peak_mib = peak_mib.max(peak_mib_of(id));
        std::thread::sleep(Duration::from_millis(5));
    }
    Cost {
        wall: start.elapsed(),
        cpu: children_cpu().saturating_sub(before),
        peak_mib,
    }
}

/// Returns the median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns whether the program is installed. Prints what is skipped if it is not.
pub(crate) fn have(program: &str, what: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let found = found.and_then(|mut child| child.wait()).is_ok();
    if !found {
        println!("SKIPPED: {what}: `{program}` is not installed");
    }
    found
}

/// Returns the processor time of all children that have ended, from fields 16 and 17 of their parent's stat.
fn children_cpu() -> Duration {
    ticks("self", 13)
}

/// Returns the processor time of a running process, from fields 14 and 15 of its stat.
pub(crate) fn cpu_of(id: u32) -> Duration {
    ticks(&id.to_string(), 11)
}

/// Returns the sum of two fields of /proc/PROCESS/stat, user and system time, in ticks of 10 ms.
fn ticks(process: &str, skip: usize) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let after_name = stat.rsplit_once(") ").expect("pid (name) …").1;
    let ticks = after_name
        .split(' ')
        .skip(skip)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// Returns the peak resident memory of a running process, in MiB.
pub(crate) fn peak_mib_of(id: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.unwrap_or(0.0) / 1024.0
}
