#!/usr/bin/env python3
"""Mutation testing of the parts that promise something: do the tests notice when a line of them is wrong?

Takes a seeded sample of what cargo-mutants can change in the files below, runs the tests of the crate that each belongs
to, and prints what no test noticed. Fails when less than 95 % are caught. docs/mutants.md has the last result.

    soak/mutants.py [--sample 220] [--seed 18] [--only crates/egress] [--report FILE]
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    "crates/egress/src/*.rs",
    "crates/migrate/src/verify.rs",
    "crates/mirror/src/fill/*.rs",
    "crates/rewrite/src/edit.rs",
    "crates/sync/src/copy/*.rs",
    "crates/sync/src/plan/*.rs",
]
GOAL = 0.95


def cargo_mutants(*arguments, **options):
    globs = [part for name in FILES for part in ("--file", name)]
    return subprocess.run(["cargo", "mutants", *arguments, *globs], cwd=ROOT, **options)


def sample(size, seed, only):
    """Names of mutants, the same ones for the same seed and the same code."""
    listed = cargo_mutants("--list", "--json", check=True, stdout=subprocess.PIPE).stdout
    names = sorted({mutant["name"] for mutant in json.loads(listed) if mutant["file"].startswith(only)})
    return sorted(random.Random(seed).sample(names, min(size, len(names))))


def run(names, timeout):
    """The outcome of each mutant: `CaughtMutant`, `MissedMutant`, `Timeout` or `Unviable`.

    cargo-mutants runs those that leave a field out of a struct whatever is asked for, so there are a few more.
    """
    with tempfile.TemporaryDirectory() as folder:
        pattern = "^(" + "|".join(re.escape(name) for name in names) + ")$"
        (Path(folder) / "config.toml").write_text(f"examine_re = [{json.dumps(pattern)}]\n")
        cargo_mutants(
            "--config", f"{folder}/config.toml", "--in-place", "--no-shuffle", "--colors", "never",
            "--timeout", str(timeout), "--output", folder,
            stdout=sys.stderr,
        )
        outcomes = json.loads((Path(folder) / "mutants.out" / "outcomes.json").read_text())["outcomes"]
    return {
        outcome["scenario"]["Mutant"]["name"]: outcome["summary"]
        for outcome in outcomes
        if isinstance(outcome["scenario"], dict)
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=220)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--only", default="", metavar="PREFIX", help="files whose path begins so")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for the tests of one mutant")
    parser.add_argument("--report", type=Path, metavar="FILE", help="outcomes as JSON")
    options = parser.parse_args()
    if not shutil.which("cargo-mutants"):
        sys.exit("cargo-mutants is not here: cargo install cargo-mutants --locked")

    outcomes = run(sample(options.sample, options.seed, options.only), options.timeout)
    counts = Counter(outcomes.values())
    # What does not compile is no mutant; what never ends was noticed.
    viable = sum(counts.values()) - counts["Unviable"]
    caught = counts["CaughtMutant"] + counts["Timeout"]
    for name, outcome in sorted(outcomes.items()):
        if outcome == "MissedMutant":
            print(f"missed  {name}")
    share = caught / viable if viable else 1.0
    print(f"{caught} of {viable} caught ({share:.1%}), {counts['Unviable']} did not compile")
    if options.report:
        options.report.write_text(json.dumps(outcomes, indent=1, sort_keys=True) + "\n")
    sys.exit(share < GOAL)


if __name__ == "__main__":
    main()
