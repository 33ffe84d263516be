//! Files and folders that are write-protected: refused before the first query, or reported when it happens. The results
//! file stays intact.
//!
//! Permissions do not apply to root, so root runs the program as the user `nobody`. Where that is impossible, these
//! tests say so.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Fault, Gateway};
use super::tool;
use super::tool::Tool;

const NOBODY: u32 = 65534;
const AS_NOBODY: &str =
    "exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs -- \"$@\"";

/// Calls the program as a user to whom permissions apply and who owns the folder.
#[derive(Clone, Copy)]
struct Bound {
    is_root: bool,
}

impl Bound {
    /// Returns `None` if root cannot become `nobody`, or `nobody` cannot reach the program.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn owner_of(tool: &Tool) -> Option<Self> {
        let bound = Self {
            is_root: rustix::process::geteuid().is_root(),
        };
        if bound.is_root {
            let paths = tool.names().into_iter().map(|name| tool.path(&name));
            for path in paths.chain([tool.path(".")]) {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let can = bound
            .call(tool.call("--version"))
            .status()
            .is_some_and(|status| status == 0);
        if !can {
            eprintln!("skipped: nobody can't run the program here");
        }
        can.then_some(bound)
    }

    fn call(self, call: tool::Call<'_>) -> tool::Call<'_> {
        if self.is_root {
            call.under(AS_NOBODY)
        } else {
            call
        }
    }
}

fn forbid(tool: &Tool, name: &str, mode: u32) {
    fs::set_permissions(tool.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_written_is_refused_before_anything_is_asked() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    tool.write("sealed.csv", "the auditor's copy\n");
    tool.write("shut.ndjson.partial", "");
    fs::create_dir(tool.path("sub")).unwrap();
    let Some(bound) = Bound::owner_of(&tool) else {
        return;
    };
    forbid(&tool, "sealed.csv", 0o444);
    forbid(&tool, "shut.ndjson.partial", 0o444);
    forbid(&tool, "sub", 0o555);
    for (flags, named) in [
        ("-o sealed.csv --results r.ndjson", "sealed.csv"),
        ("-o sub/out.csv --results r.ndjson", "sub/out.csv"),
        ("-o out.csv --results sub/r.ndjson", "sub/r.ndjson.partial"),
        (
            "-o out.csv --results shut.ndjson --resume",
            "shut.ndjson.partial",
        ),
        (
            "-o out.csv --results shut.ndjson --restart",
            "shut.ndjson.partial",
        ),
    ] {
        let refused = |command: &str| {
            let call = tool.call(&format!("{command} in.csv --rate max --source"));
            let call = call.arg(&gateway.url()).args(flags).key();
            let said = bound.call(call).ends(2);
            // An audit also says whose key it has, and which outputs stay as they were.
            let (_, error) = said.stderr.split_once("error: ").unwrap();
            let (error, _) = error.split_once("\nhint: this run").unwrap_or((error, ""));
            error.trim_end().to_owned()
        };
        let said = refused("audit");
        let says = format!("{named}: Permission denied");
        assert!(said.contains(&says), "{flags}: {said}");
        assert!(said.contains("\nhint: "), "{flags}: {said}");
        assert_eq!(refused("plan"), said, "{flags}");
    }
    assert_eq!(gateway.calls(), 0);
    assert_eq!(tool.read("sealed.csv"), "the auditor's copy\n");
    assert_eq!(
        tool.names(),
        ["in.csv", "sealed.csv", "shut.ndjson.partial", "sub"]
    );
    forbid(&tool, "sub", 0o755);
}

#[test]
fn a_folder_closed_during_the_run_keeps_the_answers() {
    let tool = Tool::new();
    let held = |call: Call<'_>| (call.number == 20).then_some(Fault::Held);
    let gateway = some_messages(&tool, 20, Gateway::setup().plan(held)).start();
    let Some(bound) = Bound::owner_of(&tool) else {
        return;
    };
    let call = || {
        bound.call(audit(
            &tool,
            &gateway,
            "--rate max --concurrency 1 --resume",
        ))
    };
    let running = call().start();
    gateway.wait_for_calls(20);
    forbid(&tool, ".", 0o555);
    gateway.release();
    let (_, stderr) = running.ends(3);
    for part in [
        "Permission denied",
        "the answers so far are in out.results.ndjson.partial; make its folder writable, then run the same command \
         with --resume",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
    forbid(&tool, ".", 0o755);
    call().ends(0);
    assert_eq!(gateway.calls(), 20, "every answer was kept");
    tool.call("verify out.results.ndjson").ends(0);
}
