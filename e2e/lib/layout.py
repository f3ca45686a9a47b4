#!/usr/bin/env python3
"""Checks what a client wrote down against what was pushed.

    layout.py oci DIR               prints the digest of DIR's image, after checking every blob below it
    layout.py dir DIR               the same for skopeo's `dir:` form
    layout.py referrers DIR LAYOUT  prints `complete` when DIR holds every manifest of LAYOUT that has a subject
"""
import hashlib
import json
import os
import sys

REF_NAME = "org.opencontainers.image.ref.name"


def hash_of(path):
    state = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return "sha256:" + state.hexdigest()


def check(path_of, digest):
    """Everything that `digest` names is there and has the digest it is named by."""
    path = path_of(digest)
    if not os.path.exists(path):
        raise SystemExit(f"{digest} is missing")
    if hash_of(path) != digest:
        raise SystemExit(f"{digest} has other bytes")


def walk(path_of, descriptor):
    check(path_of, descriptor["digest"])
    if "manifest" not in descriptor["mediaType"] and "index" not in descriptor["mediaType"]:
        return
    with open(path_of(descriptor["digest"])) as file:
        manifest = json.load(file)
    for child in manifest.get("manifests", []):
        walk(path_of, child)
    for blob in [manifest[key] for key in ("config",) if key in manifest] + manifest.get("layers", []):
        check(path_of, blob["digest"])


def tagged(layout):
    with open(f"{layout}/index.json") as file:
        return json.load(file)["manifests"]


def oci(layout):
    """A layout with referrers has their fallback tags too; then the image is the one called `pulled`."""
    entries = tagged(layout)
    named = [entry for entry in entries if entry.get("annotations", {}).get(REF_NAME) == "pulled"]
    root = (named or entries)[0]
    walk(lambda digest: f"{layout}/blobs/{digest.replace(':', '/')}", root)
    return root["digest"]


def skopeo_dir(folder):
    """`dir:` names blobs by their hex; the manifest is manifest.json, further ones HEX.manifest.json."""

    def path_of(digest):
        name = digest.split(":")[1]
        nested = f"{folder}/{name}.manifest.json"
        return nested if os.path.exists(nested) else f"{folder}/{name}"

    digest = hash_of(f"{folder}/manifest.json")
    with open(f"{folder}/manifest.json") as file:
        manifest = json.load(file)
    for child in manifest.get("manifests", []):
        walk(path_of, child)
    for blob in [manifest[key] for key in ("config",) if key in manifest] + manifest.get("layers", []):
        check(path_of, blob["digest"])
    return digest


def referrers(copied, pushed):
    wanted = []
    for name in os.listdir(f"{pushed}/blobs/sha256"):
        with open(f"{pushed}/blobs/sha256/{name}", "rb") as file:
            start = file.read(1)
            if start == b"{" and b'"subject":{' in file.read(1 << 16):
                wanted.append(name)
    absent = [name for name in wanted if not os.path.exists(f"{copied}/blobs/sha256/{name}")]
    if absent or not wanted:
        raise SystemExit(f"{len(absent)} of {len(wanted)} referrers did not come: {' '.join(absent)}")
    return "complete"


if __name__ == "__main__":
    print({"oci": oci, "dir": skopeo_dir, "referrers": referrers}[sys.argv[1]](*sys.argv[2:]))
