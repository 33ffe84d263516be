//! Runs the real program in a folder of its own, without the environment of this machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::gateway::{KEY_ID, SECRET};
use super::running::Running;

/// A program that hangs fails its test after this time. No run of the suite takes nearly as long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with a copy of `samples/`. The program runs in it, and it is also the user's home.
#[derive(Debug)]
pub(crate) struct Tool {
    folder: TempDir,
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}

impl Tool {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        copy_folder(&samples, &folder.path().join("samples"));
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "plain files for the program to find"
    )]
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write_private(&self, name: &str, content: &str) {
        self.write(name, content);
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path(name), private).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Returns the names in the folder without the samples, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "samples").collect();
        names.sort();
        names
    }

    /// Returns a file's permissions.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    /// Replaces what each run has of its own by `[FOLDER]`, `[VERSION]` and `[TIME]`.
    pub(crate) fn plain(&self, text: &str) -> String {
        plain(text, self.folder.path())
    }

    /// Makes a call of the program with the blank-separated words of `line`.
    pub(crate) fn call(&self, line: &str) -> Call<'_> {
        Call {
            tool: self,
            args: line.split_whitespace().map(str::to_owned).collect(),
            env: BTreeMap::new(),
            stdin: Vec::new(),
            script: None,
        }
    }
}

/// A call of the program that is being prepared.
#[derive(Debug)]
#[must_use]
pub(crate) struct Call<'t> {
    tool: &'t Tool,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    stdin: Vec<u8>,
    script: Option<String>,
}

impl Call<'_> {
    /// Adds blank-separated arguments.
    pub(crate) fn args(mut self, words: &str) -> Self {
        self.args
            .extend(words.split_whitespace().map(str::to_owned));
        self
    }

    /// Adds one argument, which may contain blanks.
    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds the key that the gateway accepts. Only the answers about messages are asked for: what is examined beyond them
    /// has tests of its own.
    pub(crate) fn key(self) -> Self {
        self.examining_key().env("ONS_AUDIT_EXAMINE", "none")
    }

    /// Adds the key that the gateway accepts.
    pub(crate) fn examining_key(self) -> Self {
        self.env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY_ID)
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)
    }

    /// Calls the program from a shell script, as its `"$@"`.
    pub(crate) fn under(mut self, script: &str) -> Self {
        self.script = Some(script.to_owned());
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs it to its end and checks the exit status.
    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Said {
        let output = assert_cmd::Command::from_std(self.command())
            .write_stdin(self.stdin)
            .timeout(PATIENCE)
            .output()
            .unwrap();
        let said = Said {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            folder: self.tool.folder.path().to_owned(),
        };
        assert_eq!(
            output.status.code(),
            Some(status),
            "{:?} ended otherwise; it said:\n{}",
            self.args,
            said.stderr
        );
        said
    }

    /// Returns the exit status. `None` if the program cannot be run.
    pub(crate) fn status(self) -> Option<i32> {
        self.command().output().ok()?.status.code()
    }

    /// Starts it without waiting for its end.
    pub(crate) fn start(self) -> Running {
        Running::start(self.command())
    }

    /// Starts it with a terminal as its stderr.
    pub(crate) fn start_on(self, terminal: File) -> Running {
        let call = self.env("TERM", "xterm");
        Running::start_on(call.command(), terminal)
    }

    /// Returns the command, for a test that has its own way to run it.
    pub(crate) fn command(&self) -> std::process::Command {
        let program =
            released().unwrap_or_else(|| assert_cmd::cargo::cargo_bin!("ons-audit").to_owned());
        let mut command = match &self.script {
            None => std::process::Command::new(program),
            Some(script) => {
                let mut shell = std::process::Command::new("sh");
                shell.args(["-c", script, "sh"]).arg(program);
                shell
            }
        };
        command
            .args(&self.args)
            .current_dir(self.tool.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.tool.folder.path())
            .envs(&self.env);
        command
    }
}

/// The output of a call.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    folder: PathBuf,
}

impl Said {
    /// Returns stderr with `[FOLDER]`, `[VERSION]` and `[TIME]` for what each run has of its own.
    pub(crate) fn plain_stderr(&self) -> String {
        plain(&self.stderr, &self.folder)
    }

    /// Returns stdout with the same replacements.
    pub(crate) fn plain_stdout(&self) -> String {
        plain(&self.stdout, &self.folder)
    }
}

fn plain(text: &str, folder: &Path) -> String {
    let mut rest = &*text
        .replace(folder.to_str().unwrap(), "[FOLDER]")
        .replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    let mut plain = String::new();
    while let Some(next) = rest.chars().next() {
        let length = time_at(rest.as_bytes());
        if length > 0 {
            plain.push_str("[TIME]");
            rest = &rest[length..];
        } else {
            plain.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    plain
}

/// Returns the length of the RFC 3339 time (UTC) at the start of the text; 0 if there is none.
fn time_at(text: &[u8]) -> usize {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let fits = text.len() >= SHAPE.len()
        && SHAPE.iter().zip(text).all(|(shape, found)| match shape {
            b'0' => found.is_ascii_digit(),
            b'T' => matches!(found, b'T' | b' '),
            _ => shape == found,
        });
    if !fits {
        return 0;
    }
    // Texts for people have whole seconds, in a time zone that is named once.
    if text[10] == b' ' {
        return SHAPE.len();
    }
    let tail = &text[SHAPE.len()..];
    let fraction = tail
        .iter()
        .take_while(|found| **found == b'.' || found.is_ascii_digit())
        .count();
    if tail.get(fraction) == Some(&b'Z') {
        SHAPE.len() + fraction + 1
    } else {
        0
    }
}

/// A row of a CSV file by column names.
pub(crate) type Row = BTreeMap<String, String>;

/// Reads a CSV file with the `csv` crate.
pub(crate) fn table(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = |results_file: csv::StringRecord| {
        let pairs = header.iter().zip(&results_file);
        pairs
            .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
            .collect()
    };
    reader
        .records()
        .map(|results_file| row(results_file.unwrap()))
        .collect()
}

/// Returns the release build that the step `faults` of `.ci/run` measures instead of the debug build.
pub(crate) fn released() -> Option<PathBuf> {
    std::env::var_os("ONS_AUDIT_BINARY").map(PathBuf::from)
}
