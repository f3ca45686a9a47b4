#!/usr/bin/env python3
"""Says from the origins' access logs whether everything was fetched once.

    upstream.py DIR

DIR holds origin-NAME.log, and origin-NAME/data with what the origin stores.

Each blob may come in several ranges, but its bytes must add up to its size; each manifest at most once.
Exit code 1, and what came more often, if not.
"""
import glob
import os
import re
import sys

REQUEST = re.compile(r'"GET /v2/\S+?/(blobs|manifests)/([^\s?]+)\S* HTTP/[\d.]+" (200|206) (\d+)')

FALLBACK = re.compile(r"sha256-[0-9a-f]{64}")


def size_of(scratch, digest):
    algorithm, name = digest.split(":")
    kept = glob.glob(f"{scratch}/origin-*/data/docker/registry/v2/blobs/{algorithm}/{name[:2]}/{name}/data")
    return os.path.getsize(kept[0]) if kept else -1


def main(scratch):
    manifests, blobs = {}, {}
    for log in glob.glob(f"{scratch}/origin-*.log"):
        with open(log, errors="replace") as file:
            for kind, reference, _, size in filter(None, (m and m.groups() for m in map(REQUEST.search, file))):
                # What refers to a manifest is asked each time; where the registry has no list of it, a tag stands in.
                if FALLBACK.fullmatch(reference):
                    continue
                if kind == "manifests":
                    manifests[log, reference] = manifests.get((log, reference), 0) + 1
                else:
                    blobs[reference] = blobs.get(reference, 0) + int(size)
    wrong = [f"manifest {reference} {n} times" for (_, reference), n in manifests.items() if n > 1]
    for digest, fetched in blobs.items():
        size = size_of(scratch, digest)
        if fetched != size:
            wrong.append(f"{fetched} bytes of {digest}, which has {size}")
    print("; ".join(wrong) or f"{len(blobs)} blobs and {len(manifests)} manifests fetched, each once")
    return bool(wrong) or not blobs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
