#!/usr/bin/env python3
"""What a run of `make test` left out: by step and reason, and how often.

    skipped.py ALLOWED STEP=LOG...

Steps say it in lines of three forms: `skipped: REASON` (tests), `skip  WHAT...  REASON` (scripts) and `ID skipped`, the
reason on the next line (faults). ALLOWED lists what may be left out, as `STEP: REASON`, where `*` stands for anything.
Where CI is set, anything else that was left out is a failure: what always ran does not stop without a word. Exit code 1
then.
"""
import os
import re
import sys
from collections import Counter
from fnmatch import fnmatchcase


def left_out(lines):
    """The reasons, one for each thing that was left out."""
    for index, line in enumerate(lines):
        if match := re.match(r"skipped: (.*)", line):
            yield match[1].strip()
        elif line.startswith("skip  "):
            yield " ".join(line.split()[1:])
        elif re.match(r"\w[\w-]* +skipped ", line):
            reason = lines[index + 1].strip() if index + 1 < len(lines) else ""
            yield f"{line.split()[0]}: {reason}"


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def main():
    allowed = [line for line in map(str.strip, read(sys.argv[1])) if line and not line.startswith("#")]
    counts = Counter()
    for argument in sys.argv[2:]:
        step, _, log = argument.partition("=")
        counts.update(f"{step}: {reason}" for reason in left_out(read(log)))
    missing = [what for what in counts if not any(fnmatchcase(what, pattern) for pattern in allowed)]
    if counts:
        print("not run:")
    for what, count in sorted(counts.items()):
        print(f"{count:4} × {what}" + (" — THIS ALWAYS RAN BEFORE" if what in missing else ""))
    if missing and os.environ.get("CI"):
        sys.exit(1)


main()
