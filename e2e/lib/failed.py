#!/usr/bin/env python3
"""What failed in a run of `make test`, once more and together: a log of CI may be shown without its middle.

    failed.py STEP=LOG...

Names each failed case with what it said: tests of cargo (`test NAME ... FAILED`, and the end of its own output), scripts
(`FAIL  WHAT...`) and fault cases (`ID FAILED`, and the lines that belong to it). A step that broke off shows its last lines.
"""
import re
import sys

# Lines of output shown for one failure, and for a step that broke off; and how much of each.
SHOWN = 14
LONGEST = 300


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def output_of(name, lines):
    """What a test of cargo wrote. The last block of that name is the one under `failures:`."""
    starts = [index for index, line in enumerate(lines) if line == f"---- {name} stdout ----"]
    if not starts:
        return []
    block = []
    for line in lines[starts[-1] + 1 :]:
        if line.startswith("---- ") or line in ("failures:", "successes:") or line.startswith("test result:"):
            break
        if line.strip():
            block.append(line)
    panics = [index for index, line in enumerate(block) if " panicked at " in line]
    return block[panics[-1] if panics else 0 :][:SHOWN]


def failures(lines):
    """The failed cases of one step: a heading and what belongs to it."""
    for index, line in enumerate(lines):
        if match := re.match(r"test (.+?)(?: - should panic)? \.\.\. FAILED$", line):
            yield match[1], output_of(match[1], lines)
        elif line.startswith("FAIL "):
            yield " ".join(line.split()[1:]), []
        elif re.match(r"\w[\w-]* +FAILED", line):
            more = []
            for following in lines[index + 1 : index + 1 + SHOWN]:
                if not following.startswith(" "):
                    break
                more.append(following)
            yield line, more
        elif re.match(r"error(\[E\d+\])?: (?!test failed|doctest failed|\d+ targets? failed|aborting)", line):
            yield line, lines[index + 1 : index + 4]


def main():
    for argument in sys.argv[1:]:
        step, _, log = argument.partition("=")
        lines = read(log)
        for what, said in list(failures(lines)) or [("it broke off", lines[-SHOWN:])]:
            print(f"failed: {step}: {what}")
            for line in said:
                print(f"    {line.strip()[:LONGEST]}")


main()
