#!/usr/bin/env python3
"""Measures entrepot beside its peers, and prints tables and ratios.

    bench/run.py [--quick] [--runs 5] [--only WORKLOAD,...] [--peers NAME,...] [--json FILE] [--write] [--list]

--quick   once each, small images: to see that everything works. Its figures mean little
--only    some of the measurements; --list names them
--peers   some of the peers
--json    where the figures go; what it says of other workloads stays. Default: bench.json beside the kept images
--write   writes docs/benchmarks.md from that file, and the tables in the READMEs; what is not in the file stays there

Progress goes to standard error, tables to standard output. Exit code 1 when entrepot itself failed in a measurement;
a missed goal is a line in the table.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import copiers
import documents
import peers as known
import report
from images import Images
from lab import COPIED, PULLED, Lab
from machine import Failed, find_tool, say, stop_all
from workloads import WORKLOADS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = os.environ.get("ENTREPOT_LAB") or f"{ROOT}/.lab"


def measure(lab, workload, peer, number, results):
    """One run of one peer. A peer that fails is said and does not end the others."""
    _, runs, errors = results[peer.name]
    try:
        figures = workload.run(lab, peer)
    except Failed as error:
        errors.append(str(error))
        say(f"{workload.name} {number} {peer.name}: FAILED: {error}")
        return
    runs.append(figures)
    shown = ", ".join(
        f"{report.about(name)[1].format(figures[name])} {report.about(name)[0]}"
        for name in workload.figures[:4]
        if figures.get(name) is not None
    )
    say(f"{workload.name} {number} {peer.name}: {shown}")


def run(lab, workload, present, runs):
    taking = [peer for peer in present if workload.takes(peer)]
    results = {peer.name: (peer.version, [], []) for peer in taking}
    for number in range(1, runs + 1):
        if workload.together:
            with ThreadPoolExecutor(len(taking) or 1) as pool:
                list(pool.map(lambda peer: measure(lab, workload, peer, number, results), taking))
        else:
            for peer in taking:
                measure(lab, workload, peer, number, results)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", default="")
    parser.add_argument("--json")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--list", action="store_true")
    found = parser.parse_args()
    found.only = names(parser, found.only, [one.name for one in WORKLOADS])
    found.peers = names(parser, found.peers, list(dict.fromkeys(known.NAMES + copiers.NAMES + documents.NAMES)))
    found.runs = found.runs or (1 if found.quick else 5)
    found.json = found.json or f"{KEPT}/{'bench-quick' if found.quick else 'bench'}.json"
    if found.quick and found.write:
        parser.error("--quick figures are not written into the documents")
    return found


def names(parser, given, all_of_them):
    wanted = [one for one in given.split(",") if one] or all_of_them
    for one in wanted:
        if one not in all_of_them:
            parser.error(f"{one} is none of: {' '.join(all_of_them)}")
    return wanted


def save(path, name, found):
    """Into what is there already, so that one workload can be measured again."""
    try:
        with open(path) as file:
            results = json.load(file)
    except (OSError, ValueError):
        results = {}
    workloads = {**results.get("workloads", {}), name: found}
    order = [one.name for one in WORKLOADS if one.name in workloads]
    results = {"machine": report.machine(), "workloads": {one: workloads[one] for one in order}}
    with open(f"{path}.new", "w") as file:
        json.dump(results, file, indent=1)
    os.replace(f"{path}.new", path)
    return results


def main():
    options = arguments()
    if options.list:
        for one in WORKLOADS:
            print(f"{one.name:14} {one.title}")
        return 0
    if absent := [tool for tool in ("wrk", "ab") if not find_tool(tool)]:
        raise Failed(f"{' and '.join(absent)} not installed (Debian: wrk, apache2-utils)")
    os.makedirs(KEPT, exist_ok=True)
    present, skipped = known.present(ROOT, KEPT, options.peers)
    ours = next((one.binary for one in present if one.name == "entrepot"), None)
    copying, absent = copiers.present(ours, KEPT, options.peers)
    writing, lacking = documents.present(ours, KEPT, options.peers)
    present, skipped = present + copying + writing, skipped + absent + lacking
    for line in skipped:
        say(line)
    images = Images(KEPT, options.quick)
    scratch = tempfile.mkdtemp(prefix="entrepot-bench.", dir=os.environ.get("ENTREPOT_LAB"))
    failed = False
    try:
        lab = Lab(scratch, images, options.quick)
        chosen = [one for one in WORKLOADS if one.name in options.only]
        lab.fill_origin(PULLED + COPIED if any(one.copies for one in chosen) else PULLED)
        for workload in chosen:
            results = run(lab, workload, present, options.runs)
            failed |= bool(results.get("entrepot", (None, None, []))[2])
            found = report.result(workload, results, skipped)
            if options.quick:
                found["title"] += " (quick: much smaller, so this says little)"
            print("\n".join(report.table(workload.name, found)), flush=True)
            everything = save(options.json, workload.name, found)
    finally:
        stop_all()
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"figures: {options.json}")
    if options.write:
        report.put_markdown(f"{ROOT}/docs/benchmarks.md", everything)
        for name, language in (("README.md", 0), ("README.zh-CN.md", 1)):
            report.put_short(f"{ROOT}/{name}", everything, language)
    return failed


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
