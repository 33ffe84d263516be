"""Fails the system calls of a command one by one, and checks what is left on the disk.

strace makes the N-th call of a kind fail with an error. After each run:
- the exit status is that of a run without faults, or 2 or 3 with an error that names what failed;
- there is no panic, and no report or results file that looks complete but differs;
- the same command with --resume (or, if nothing was kept, again) makes the same files as a run without faults.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]
AUDIT = ["audit", "in.csv", "--source", "cluster.json", "--results", "r.ndjson", "-o", "a.csv", "-o", "a.json",
         "--worklist", "w", "--bundle", "e.zip"]
REPORT = ["report", "kept.ndjson", "-o", "a.csv", "-o", "a.xlsx", "-o", "a.html", "--matrix", "m.csv"]
# Calls that write, sync, name, lock and size files, with an error that the file system may give.
FAULTS = [("write", "EIO"), ("pwrite64", "EIO"), ("fsync", "EIO"), ("fdatasync", "EIO"), ("rename", "EIO"), ("renameat", "EIO"),
          ("renameat2", "EIO"), ("link", "EPERM"), ("linkat", "EPERM"), ("ftruncate", "EIO"), ("flock", "ENOLCK"),
          ("openat", "EROFS"), ("mkdir", "EACCES"), ("unlink", "EBUSY"), ("unlinkat", "EBUSY"), ("lseek", "EIO"),
          ("read", "EIO"), ("pread64", "EIO"), ("copy_file_range", "EIO")]
MOST = 400  # calls of one kind
# What may differ between two runs: their times and their IDs.
OWN = re.compile(rb'"(run_id|started_at|finished_at|sha256|made_at|seal)":\s*"[^"]*"')


def run(folder, words, fault=None):
    command = [TOOL, *words]
    log = os.path.join(os.path.dirname(folder), "strace.log")
    if fault:
        call, error, nth = fault
        command = ["strace", "-f", "-qq", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}",
                   "--", *command]
    env = {"PATH": os.environ["PATH"], "HOME": folder}
    ended = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    injected = ""
    if fault:
        with open(log, errors="replace") as lines:
            injected = "".join(line for line in lines if "(INJECTED)" in line)
    return ended.returncode, ended.stderr.decode(errors="replace"), injected


def contents(folder):
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, folder)] = OWN.sub(b"", file.read())
    return found


def prepared(base, kept):
    folder = os.path.join(base, "run")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    shutil.copy("samples/incident.csv", os.path.join(folder, "in.csv"))
    shutil.copy("samples/cluster.json", os.path.join(folder, "cluster.json"))
    if kept:
        shutil.copy(kept, os.path.join(folder, "kept.ndjson"))
    return folder


def is_evidence(name):
    """Files whose bytes are the same in every run: not the ZIPs, which hold times."""
    return not name.endswith((".zip", ".xlsx"))


def trial(base, words, kept, fault, wanted, shown):
    """Returns what is wrong, or None; and whether the fault happened."""
    folder = prepared(base, kept)
    status, said, injected = run(folder, words, fault)
    if not injected:
        return None, False
    if "error while loading shared libraries" in said:
        return None, True  # the program has not begun
    left = contents(folder)
    if "defect of ons-audit" in said or "panicked" in said:
        return f"a panic:\n{said}", True
    if status not in (1, 2, 3):
        return f"exit status {status}:\n{said}", True
    # strace counts the calls of each thread, so the error itself may have been lost.
    is_lost = " write(2," in injected
    if status != 1 and "error:" not in said and not is_lost:
        return f"exit status {status} without an error:\n{said}", True
    shown.update(re.findall(r"^error: .*(?:\n  - .*)*", said, re.M))
    if status == 1 and set(wanted) - set(left):
        return f"exit status 1, but {set(wanted) - set(left)} are missing", True
    for name, text in wanted.items():
        if name in left and is_evidence(name) and left[name] != text:
            return f"{name} looks complete and differs ({status}):\n{said}", True
    again = words
    if words[0] == "audit" and "r.ndjson.partial" in left:
        again = [*words, "--resume"]
    elif words[0] == "audit" and "r.ndjson" in left:
        again = ["report", "r.ndjson", *words[6:]]
    status, said, _ = run(folder, again)
    if status != 1:
        return f"{' '.join(again)} afterwards: exit status {status}:\n{said}", True
    left = contents(folder)
    for name, text in wanted.items():
        if name not in left:
            return f"{name} is missing afterwards", True
        if is_evidence(name) and left[name] != text:
            return f"{name} differs afterwards", True
    strange = {name for name in left if name not in wanted and not name.startswith((".ons-audit", "r."))}
    return (f"left behind: {strange}" if strange else None), True


def main():
    failed = 0
    shown = set()
    with tempfile.TemporaryDirectory() as base:
        folder = prepared(base, None)
        status, said, _ = run(folder, AUDIT)
        assert status == 1, said
        kept = os.path.join(base, "kept.ndjson")
        shutil.copy(os.path.join(folder, "r.ndjson"), kept)
        wanted_audit = contents(folder)
        folder = prepared(base, kept)
        status, said, _ = run(folder, REPORT)
        assert status == 1, said
        wanted_report = contents(folder)
        for words, with_kept, wanted in [(AUDIT, None, wanted_audit), (REPORT, kept, wanted_report)]:
            for call, error in FAULTS:
                points = 0
                for nth in range(1, MOST):
                    problem, happened = trial(base, words, with_kept, (call, error, nth), wanted, shown)
                    if not happened:
                        break
                    points += 1
                    if problem:
                        failed += 1
                        print(f"FAILED: {words[0]}, {error} by {call} number {nth}: {problem}", flush=True)
                print(f"{words[0]}: {call} failed with {error} at {points} places", flush=True)
    print("the errors of the runs, each once:")
    for error in sorted(shown):
        print(f"  {error}")
    sys.exit(1 if failed else 0)


main()
