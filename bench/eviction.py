#!/usr/bin/env python3
"""What a cache that is too small saves, by the planner of entrepot and by other policies, on generated pulls.

    bench/eviction.py [--write] [--json FILE]

Runs `entrepot cache simulate` for five seeds, which were chosen before the planner was tuned, and prints the medians of what needs no
upstream. Exit code 1 if entrepot saves fewer bytes or seconds than LRU or S3-FIFO at any size, or less than 0.85 of Belady at the
middle one.

--write   puts the table into docs/explanation/eviction.md, in both languages
--json    keeps all figures
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = (1, 2, 3, 4, 5)
DOCUMENTS = ("docs/explanation/eviction.md", "docs/zh-CN/explanation/eviction.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
KINDS = ("pulls", "bytes", "seconds")
OURS, FLOOR, BEST = "entrepot", ("LRU", "S3-FIFO"), "Belady"
# What a percentage is rounded to: differences below it are none.
NOTHING = 0.0005


def binary():
    target = os.environ.get("CARGO_TARGET_DIR") or f"{ROOT}/target"
    return os.environ.get("ENTREPOT_BIN") or f"{target}/release/entrepot"


def simulate(seed):
    command = [binary(), "cache", "simulate", "--generated", str(seed), "--output", "json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def medians(runs):
    """By size and policy, the median of each kind; and of what no policy can exceed."""
    sizes = [cap["percent"] for cap in runs[0]["caps"]]
    found = {}
    for nth, size in enumerate(sizes):
        caps = [run["caps"][nth] for run in runs]
        names = [outcome["policy"] for outcome in caps[0]["policies"]]
        of = lambda at, kind: statistics.median(cap["policies"][at][kind] for cap in caps)
        policies = {name: {kind: of(at, kind) for kind in KINDS} for at, name in enumerate(names)}
        found[size] = {"policies": policies, "bound": statistics.median(cap["bound"] for cap in caps)}
    return found


def table(found):
    names = list(next(iter(found.values()))["policies"])
    lines = ["| cache | | " + " | ".join(names) + " | any |", "|---|---|" + "--:|" * (len(names) + 1)]
    for size, cap in found.items():
        for kind in KINDS:
            cells = [f"{cap['policies'][name][kind] * 100:.1f}" for name in names]
            bound = f"≤ {cap['bound'] * 100:.1f}" if kind == "bytes" else ""
            lines.append(f"| {size} % | {kind} | " + " | ".join(cells) + f" | {bound} |")
    return "\n".join(lines)


def misses(found):
    """What was to be reached and is not."""
    wrong, middle = [], list(found)[len(found) // 2]
    for size, cap in found.items():
        for kind in ("bytes", "seconds"):
            ours = cap["policies"][OURS][kind]
            for other in FLOOR:
                if ours < cap["policies"][other][kind] - NOTHING:
                    wrong.append(f"{size} %: fewer {kind} than {other}")
            if size == middle and ours < 0.85 * cap["policies"][BEST][kind]:
                wrong.append(f"{size} %: {kind} below 0.85 of {BEST}")
    return wrong


def put(path, text):
    with open(path) as file:
        before, _, rest = file.read().partition(BEGIN)
    _, _, after = rest.partition(END)
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json")
    asked = parser.parse_args()
    runs = [simulate(seed) for seed in SEEDS]
    found = medians(runs)
    text = table(found)
    print(text)
    if asked.json:
        with open(asked.json, "w") as file:
            json.dump(runs, file)
    if asked.write:
        for document in DOCUMENTS:
            put(f"{ROOT}/{document}", text)
    wrong = misses(found)
    for one in wrong:
        print(f"missed: {one}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
