#!/usr/bin/env python3
"""Mutation testing of the parts that promise something: do the tests notice when a line of them is wrong?

Takes a seeded sample of what cargo-mutants can change in the files below, and runs the tests of the crate that each
change belongs to. Prints what no test noticed, fails when less than 95 % are caught. docs/mutants.md has the last result.

    soak/mutants.py [--sample 220 | --all] [--seed 18] [--only crates/egress] [--report FILE]

All changes of a crate are built once, each behind a switch (switches.py), in a copy of the source in .lab/mutants. Every
test is run once as written, to learn which functions it calls. For a change in a function, only the tests that call it
are run. A test that fails counts if it fails again with the change, and then passes without it.
"""

import argparse
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import switches

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(os.environ.get("ENTREPOT_LAB") or ROOT / ".lab") / "mutants"
COPY = KEPT / "source"
FILES = [
    "crates/egress/src/*.rs",
    "crates/migrate/src/verify.rs",
    "crates/mirror/src/fill/*.rs",
    "crates/rewrite/src/edit.rs",
    "crates/sync/src/copy/*.rs",
    "crates/sync/src/plan/*.rs",
]
GOAL = 0.95


class Broken(Exception):
    """The build or a test fails without any change."""


@dataclass
class Test:
    binary: str
    name: str
    folder: Path
    seconds: float = 0.0
    reached: set = field(default_factory=set)


@dataclass
class Noticed:
    """What noticed a change: the name of a test, `hangs` or `crash`, and of which tests that is known."""

    what: str
    tests: list


def listed():
    globs = [part for name in FILES for part in ("--file", name)]
    # Laws are tests, shared with the fuzzer.
    command = ["cargo", "mutants", "--list", "--json", *globs, "--exclude", "**/laws.rs"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def copy_source():
    """Brings the copy to the state of the checkout. Unchanged files keep their time, so that they are not built again."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, COPY / name
        if source.is_file() and not (target.is_file() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def cargo_test(package):
    """Builds the tests: their binaries, and what rustc says of errors."""
    command = [os.environ.get("CARGO", "cargo"), "test", "--no-run", "--locked", "--message-format=json", "-p", package]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(KEPT / "target")}
    output = subprocess.run(command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    binaries, errors = set(), []
    for line in filter(lambda line: line.startswith("{"), output.stdout.splitlines()):
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            binaries.add((message["executable"], Path(message["manifest_path"]).parent))
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            errors.append(message["message"])
    if output.returncode and not errors:
        raise Broken(f"{' '.join(command)} failed")
    return sorted(binaries), errors


def build(package, changes):
    """Builds with the changes behind switches. Returns the binaries, the functions, and what did not compile."""
    by_file, unviable = {}, set()
    for change in changes:
        by_file.setdefault(change.file, []).append(change)
    folder = COPY / Path(changes[0].file).parts[0] / Path(changes[0].file).parts[1]
    library = folder / "src" / "lib.rs"
    library.write_text((ROOT / library.relative_to(COPY)).read_text() + switches.SWITCH)
    while True:
        functions, lines = [], {}
        for file, all_of_it in by_file.items():
            left = [change for change in all_of_it if change.number not in unviable]
            found = switches.functions_of(left, len(functions) + 1)
            text, where = switches.with_switches((ROOT / file).read_text(), found)
            if file == str(library.relative_to(COPY)):
                text += switches.SWITCH
            (COPY / file).write_text(text)
            functions += found
            lines[file] = where
        binaries, errors = cargo_test(package)
        if not errors:
            return binaries, functions, unviable
        blamed = {
            number
            for error in errors
            for span in error["spans"] if span["is_primary"]
            for number, (first, last) in lines.get(span["file_name"], {}).items() if first <= span["line_start"] <= last
        }
        if not blamed:
            raise Broken("\n".join(error["rendered"] for error in errors))
        unviable |= blamed
        say(f"{package}: {len(unviable)} changes do not compile so far")


def tests_of(binaries):
    tests = []
    for binary, folder in binaries:
        output = subprocess.run([binary, "--list", "--format", "terse"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        names = [line.removesuffix(": test") for line in output.stdout.splitlines() if line.endswith(": test")]
        tests += [Test(binary, name, folder) for name in names]
    return tests


def run(tests, mutant, limit, reached=None):
    """Runs tests of one binary until one fails: its name, `hangs`, `crash`, or None if all pass."""
    environment = {
        **os.environ, "MUTANT": str(mutant), "CARGO_MANIFEST_DIR": str(tests[0].folder), "RUST_MIN_STACK": str(256 << 20),
    }
    if reached:
        environment["MUTANT_REACHED"] = reached
    process = subprocess.Popen(
        [tests[0].binary, "--exact", "--test-threads", "4", *(test.name for test in tests)],
        cwd=tests[0].folder, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    late = threading.Event()

    def end():
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end)
    timer.start()
    failed = None
    with process:
        for line in process.stdout:
            if line.startswith("test ") and line.rstrip().endswith("... FAILED"):
                failed = line.split()[1]
                os.killpg(process.pid, signal.SIGKILL)
                break
        process.wait()
        timer.cancel()
    if failed:
        return failed
    if late.is_set():
        return "hangs"
    return "crash" if process.returncode else None


def survey(tests, jobs, limit):
    """Runs each test by itself as it is written, and notes what it calls."""

    def look(test):
        for _ in range(3):
            with tempfile.NamedTemporaryFile() as file:
                began = time.monotonic()
                failed = run([test], 0, limit, file.name)
                test.seconds = time.monotonic() - began
                test.reached = {int(line) for line in file.read().split()}
            if not failed:
                return
        raise Broken(f"{test.name} fails without any change")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(look, tests))


def noticed(tests, likely, mutant, limit):
    """Which test notices a change, or None: likely ones first, then the quick binaries.

    No failure counts that has another cause. Mutant 0 is the build as it is.
    """
    by_binary = {}
    for test in tests:
        by_binary.setdefault(test.binary, []).append(test)
    rest = sorted(by_binary.values(), key=lambda group: sum(test.seconds for test in group))
    for left in [[test] for test in likely] + rest:
        while left:
            enough = limit + 3 * sum(test.seconds for test in left)
            failed = run(left, mutant, enough)
            if not failed:
                break
            blamed = [test for test in left if test.name == failed] or left
            # What was built with the change cannot be run without it.
            passes_without = mutant == 0 or not run(blamed, 0, enough)
            if passes_without and run(blamed, mutant, enough):
                return Noticed(failed, blamed)
            # It failed by chance, or for want of time: that says nothing of this change.
            left = [test for test in left if test not in blamed]
    return None


def verdict(tests, likely, mutant, limit):
    """The outcome for the report; likely tests are those that noticed another change of the same function."""
    found = noticed(tests, likely, mutant, limit) if tests else None
    if found and len(found.tests) == 1 and found.tests[0] not in likely:
        likely.append(found.tests[0])
    return {"outcome": "caught" if found else "missed", "by": found and found.what, "tests": len(tests)}


def switched(package, changes, options):
    """Outcomes of changes that share a build. They are noted as they come."""
    binaries, functions, unviable = build(package, changes)
    tests = tests_of(binaries)
    survey(tests, options.jobs, options.timeout)
    say(f"{package}: {len(tests)} tests pass, {sum(test.seconds for test in tests):.0f} s one by one")
    around = {change.number: function.number for function in functions for change in function.changes}
    outcomes = {change.name: {"outcome": "unviable"} for change in changes if change.number in unviable}
    likely = {function.number: [] for function in functions}

    def look(change):
        function = around[change.number]
        callers = [test for test in tests if function in test.reached]
        outcomes[change.name] = verdict(callers, likely[function], change.number, options.timeout)
        say(f"{outcomes[change.name]['outcome']}  {change.name}  ({outcomes[change.name]['by']})")
        note(options.report, {change.name: outcomes[change.name]})

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(look, [change for change in changes if change.number in around]))
    note(options.report, outcomes)
    return outcomes


def rebuilt(package, change, options):
    """What no switch can stand before: a build of its own, and all tests of the crate."""
    source = (ROOT / change.file).read_text()
    (COPY / change.file).write_text(source[: change.start] + change.text + source[change.end :])
    binaries, errors = cargo_test(package)
    outcome = {"outcome": "unviable"} if errors else verdict(tests_of(binaries), [], 0, options.timeout)
    (COPY / change.file).write_text(source)
    say(f"{outcome['outcome']}  {change.name}  ({outcome.get('by')})")
    note(options.report, {change.name: outcome})
    return {change.name: outcome}


def note(report, outcomes, lock=threading.Lock()):
    """Adds to the report; what it says of others stays."""
    if report:
        with lock:
            before = json.loads(report.read_text()) if report.exists() else {}
            report.write_text(json.dumps(before | outcomes, indent=1, sort_keys=True) + "\n")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=220, metavar="N")
    parser.add_argument("--all", action="store_true", help="every change instead of a sample")
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--only", default="", metavar="PREFIX", help="those of the sample whose file, line and text begin so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="changes that are looked at side by side")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for a test that hangs")
    parser.add_argument("--report", type=Path, metavar="FILE", help="outcomes as JSON; what it says of others stays")
    options = parser.parse_args()
    if not shutil.which("cargo-mutants"):
        sys.exit("cargo-mutants is not here: cargo install cargo-mutants --locked")

    # Two of them would build each other's changes.
    KEPT.mkdir(parents=True, exist_ok=True)
    alone = open(KEPT / "lock", "w")
    fcntl.flock(alone, fcntl.LOCK_EX)
    changes = switches.read(listed(), ROOT)
    if not options.all:
        changes = random.Random(options.seed).sample(changes, min(options.sample, len(changes)))
    changes = [change for change in changes if change.name.startswith(options.only)]
    outcomes = {}
    for package in sorted({change.package for change in changes}):
        own = [change for change in changes if change.package == package]
        copy_source()
        if together := [change for change in own if change.switchable]:
            outcomes |= switched(package, together, options)
        copy_source()
        for change in own:
            if not change.switchable:
                outcomes |= rebuilt(package, change, options)
    sys.exit(tell(outcomes))


def tell(outcomes):
    """Prints what was missed and the share that was caught; whether that is too little."""
    counts = Counter(outcome["outcome"] for outcome in outcomes.values())
    for name, outcome in sorted(outcomes.items()):
        if outcome["outcome"] == "missed":
            print(f"missed  {name}" + ("" if outcome["tests"] else "  (no test calls it)"))
    # What does not compile is no change.
    viable = counts["caught"] + counts["missed"]
    share = counts["caught"] / viable if viable else 1.0
    print(f"{counts['caught']} of {viable} caught ({share:.1%}), {counts['unviable']} did not compile")
    return share < GOAL


if __name__ == "__main__":
    main()
