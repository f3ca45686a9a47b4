#!/usr/bin/env python3
"""Says from the origins' access logs whether everything was fetched once.

    upstream.py DIR

DIR holds origin-NAME.log, and origin-NAME/data with what the origin stores.

Each blob may come in several ranges, but its bytes must add up to its size; each manifest at most once.
Where a slow download is divided, its first connection is cut, and what the origin had already put into the
buffers of that one is lost: so much more is allowed, and told.
Exit code 1, and what came more often, if not.
"""
import glob
import os
import re
import sys

REQUEST = re.compile(r'"GET /v2/\S+?/(blobs|manifests)/([^\s?]+)\S* HTTP/[\d.]+" (200|206) (\d+)')
# What refers to a manifest is asked each time; where the registry has no list of it, this tag stands in.
FALLBACK = re.compile(r"sha256-[0-9a-f]{64}")


def size_of(scratch, digest):
    algorithm, name = digest.split(":")
    kept = glob.glob(f"{scratch}/origin-*/data/docker/registry/v2/blobs/{algorithm}/{name[:2]}/{name}/data")
    return os.path.getsize(kept[0]) if kept else -1


def buffers():
    """Bytes that one connection over loopback can hold, sender's and receiver's."""
    total = 0
    for side in ("rmem", "wmem"):
        with open(f"/proc/sys/net/ipv4/tcp_{side}") as file:
            total += int(file.read().split()[2])
    return total


def read(scratch):
    """Times that each manifest was sent, by log and reference; the lengths of the answers for each blob."""
    manifests, blobs = {}, {}
    for log in glob.glob(f"{scratch}/origin-*.log"):
        with open(log, errors="replace") as file:
            for kind, reference, _, size in filter(None, (m and m.groups() for m in map(REQUEST.search, file))):
                if kind == "blobs":
                    blobs.setdefault(reference, []).append(int(size))
                elif not FALLBACK.fullmatch(reference):
                    manifests[log, reference] = manifests.get((log, reference), 0) + 1
    return manifests, blobs


def main(scratch):
    manifests, blobs = read(scratch)
    wrong = [f"manifest {reference} {n} times" for (_, reference), n in manifests.items() if n > 1]
    lost = 0
    for digest, answers in blobs.items():
        size, fetched = size_of(scratch, digest), sum(answers)
        if fetched == size:
            continue
        if size < fetched <= size + buffers() and 1 < len(answers) and max(answers) < size:
            lost += fetched - size
        else:
            wrong.append(f"{fetched} bytes of {digest} in {len(answers)} answers, which has {size}")
    told = f"; {lost} bytes more in the buffers of divided downloads" if lost else ""
    print("; ".join(wrong) or f"{len(blobs)} blobs and {len(manifests)} manifests fetched, each once{told}")
    return bool(wrong) or not blobs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
