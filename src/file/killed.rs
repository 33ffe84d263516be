//! For tests: runs that are killed between two steps.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Signal, getpid, kill_process};

/// The variable by which a test tells itself the folder, and at which step to kill itself.
const FOLDER: &str = "TEST_KILLED_IN";
const STEP: &str = "TEST_KILLED_BEFORE";

/// Runs `change` in processes that are killed before their first, second, … step, each in a new folder that `prepare` has
/// filled, and lets `check` look at what is left with the number of steps that were done. The last process is not killed.
/// The processes are this test binary again; `test` is the name of the test that calls.
pub(super) fn killed_at_every_step(
    test: &str,
    prepare: impl Fn(&Path),
    change: impl FnOnce(&Path, &mut dyn FnMut()),
    check: impl Fn(&Path, usize),
) {
    if let (Some(folder), Ok(last)) = (std::env::var_os(FOLDER), std::env::var(STEP)) {
        let mut left: usize = last.parse().unwrap();
        change(Path::new(&folder), &mut || match left.checked_sub(1) {
            Some(fewer) => left = fewer,
            None => kill_process(getpid(), Signal::KILL).unwrap(),
        });
        return;
    }
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", test, "--nocapture"]);
        process.env(FOLDER, folder.path());
        process.env(STEP, steps.to_string());
        let ended = process.stdout(Stdio::null()).status().unwrap();
        check(folder.path(), steps);
        if ended.success() {
            assert!(steps > 0, "no step was counted");
            return;
        }
        assert_eq!(ended.code(), None, "it failed by itself");
    }
}
