#!/usr/bin/env python3
"""Says from the origins' access logs whether everything was fetched once.

    upstream.py IMAGES LOG...

Each blob may come in several ranges, but its bytes must add up to its size; each manifest at most once.
Exit code 1, and what came more often, if not.
"""
import glob
import os
import re
import sys

REQUEST = re.compile(r'"GET /v2/\S+?/(blobs|manifests)/([^\s?]+)\S* HTTP/[\d.]+" (200|206) (\d+)')


def main(images, logs):
    manifests, blobs = {}, {}
    for log in logs:
        with open(log, errors="replace") as file:
            for kind, reference, _, size in filter(None, (m and m.groups() for m in map(REQUEST.search, file))):
                if kind == "manifests":
                    manifests[log, reference] = manifests.get((log, reference), 0) + 1
                else:
                    blobs[reference] = blobs.get(reference, 0) + int(size)
    wrong = [f"manifest {reference} {n} times" for (_, reference), n in manifests.items() if n > 1]
    for digest, fetched in blobs.items():
        files = glob.glob(f"{images}/*/blobs/{digest.replace(':', '/')}")
        size = os.path.getsize(files[0]) if files else -1
        if fetched != size:
            wrong.append(f"{fetched} bytes of {digest}, which has {size}")
    print("; ".join(wrong) or f"{len(blobs)} blobs and {len(manifests)} manifests fetched, each once")
    return bool(wrong) or not blobs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
