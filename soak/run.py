#!/usr/bin/env python3
"""Kills, breaks, fills and floods entrepot, and looks whether what it promised was kept.

    soak/run.py [--quick] [--only ID,...] [--step N] [--cuts N] [--minutes N] [--json FILE] [--write] [--list]

--quick   what takes less than two minutes: every so many kills, small floods, no power cuts
--only    some of the cases; --list names them
--step    kill at every N-th call; 1, which is all of them, unless --quick
--cuts    power cuts for each file system; 20
--minutes how long STORES takes; 15
--hours   everything again and again until so much time has passed
--json    where the figures go; what it says of other cases stays. Default: .lab/soak.json
--write   writes docs/soak.md from that file

Each case prints a line: its id, ok, FAILED or skipped, and figures. Exit code 1 when one failed.
"""
import argparse
import http.client
import os
import signal
import sys
import time
import traceback

from client import Refused
from lab import Failed, Lab, Skipped, Violation, find_tool
import collect
import confined
import faults
import floods
import power
import report
import stores
import sweep
from machine import stop_all

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = os.environ.get("ENTREPOT_LAB") or f"{ROOT}/.lab"

# Id, title, what runs it, whether --quick has it.
CASES = (
    ("S01", "pull-through with a full disk", faults.full_while_pulling, True),
    ("S02-push", "push into a full disk", faults.full_while_pushing, True),
    ("S02-db", "the database cannot grow", faults.full_database, True),
    ("S02-log", "the log cannot be written", faults.full_log, True),
    ("S03", "blobs that cannot be read", faults.unreadable, True),
    ("S04", "each sync fails once", faults.failing_sync, True),
    ("S05-names", "rename, unlink, mkdir: EIO, EACCES, EROFS", faults.failing_names, True),
    ("S05-writes", "writes and syncs: EIO, EROFS", faults.failing_writes, True),
    ("S05-files", "no descriptor is left", faults.no_descriptors, True),
    ("S06", "killed before every system call", sweep.kill_sweep, True),
    ("S07-ext4", "power cuts, ext4", lambda lab: power.power_cuts(lab, "ext4"), False),
    ("S07-xfs", "power cuts, xfs", lambda lab: power.power_cuts(lab, "xfs"), False),
    ("S16", "50 pushes of 2 GiB with 256 MiB of memory", confined.many_pushes, False),
    ("C02", "evictions, scrubs and deletions every second", collect.soak, True),
    ("C08", "SIGTERM with 100 transfers", floods.told_to_stop, True),
    ("C10", "10,000 idle connections beside 200 clients", floods.idle_crowd, False),
    ("H03", "manifests of 200 MiB", floods.hostile_manifests, True),
    ("H08", "10,000 half requests beside 16 clients", floods.slow_heads, False),
    ("H10", "100,000 uploads opened", floods.many_sessions, True),
    ("H18", "hostile HTTP/2", floods.hostile_h2, True),
    ("H20", "100,000 tags, 1,000,000 repositories", floods.long_lists, False),
    ("MEM", "50 clients on large blobs", floods.crowd_memory, False),
    ("STORES", "S3 and PostgreSQL, both failing again and again", stores.soak, False),
)
IDS = [case[0] for case in CASES]


def binary():
    """The release build, or `ENTREPOT_BIN`."""
    path = os.environ.get("ENTREPOT_BIN") or f"{os.environ.get('CARGO_TARGET_DIR') or ROOT + '/target'}/release/entrepot"
    if not find_tool(path) and not os.access(path, os.X_OK):
        raise Failed(f"no binary at {path}: `cargo build --release -p entrepot`, or say where it is with ENTREPOT_BIN")
    return os.path.abspath(path)


def judge(lab, run):
    """A case's outcome in a form that can be kept."""
    began = time.monotonic()
    try:
        figures, wrong = run(lab)
        result = {"outcome": "FAILED" if wrong else "ok", "figures": figures, "wrong": wrong}
    except Skipped as why:
        result = {"outcome": "skipped", "figures": {}, "wrong": [str(why)]}
    except (Violation, Refused) as why:
        result = {"outcome": "FAILED", "figures": {}, "wrong": [str(why)]}
    except (Failed, OSError, http.client.HTTPException, ValueError, KeyError, StopIteration) as error:
        traceback.print_exc()
        result = {"outcome": "FAILED", "figures": {}, "wrong": [f"{type(error).__name__}: {error}"]}
    stop_all()
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--step", type=int)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--json")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--list", action="store_true")
    found = parser.parse_args()
    found.only = [one for one in found.only.split(",") if one]
    unknown = [one for one in found.only if one not in IDS and one not in {name.split("-")[0] for name in IDS}]
    if unknown:
        parser.error(f"{unknown[0]} is none of: {' '.join(IDS)}")
    if found.quick and found.write:
        parser.error("--quick figures are not written into the documents")
    found.step = max(found.step or (17 if found.quick else 1), 1)
    found.json = found.json or f"{KEPT}/{'soak-quick' if found.quick else 'soak'}.json"
    return found


def wanted(asked, name, quick):
    if asked.only:
        return name in asked.only or name.split("-")[0] in asked.only
    return quick or not asked.quick


def once(asked):
    """All cases; how many were ok, and how many failed."""
    passed = failed = 0
    everything, path = None, binary()
    build = "debug" if "debug" in path else "release"
    for name, title, run, quick in CASES:
        if not wanted(asked, name, quick):
            continue
        lab = Lab(path, asked)
        try:
            found = {"title": title, "build": build, **judge(lab, run)}
        finally:
            stop_all()
            lab.close()
        print(report.line(name, found), flush=True)
        passed, failed = passed + (found["outcome"] == "ok"), failed + (found["outcome"] == "FAILED")
        everything = report.save(asked.json, name, found, IDS)
    if asked.write and everything:
        report.write(f"{ROOT}/docs/soak.md", everything)
    return passed, failed


def main():
    asked = options()
    if asked.list:
        for name, title, _, quick in CASES:
            print(f"{name:11} {title}{'' if quick else '  (not in --quick)'}")
        return 0
    os.makedirs(KEPT, exist_ok=True)
    end, passed, failed = time.monotonic() + asked.hours * 3600, 0, 0
    while True:
        good, bad = once(asked)
        passed, failed = passed + good, failed + bad
        if time.monotonic() >= end:
            break
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
