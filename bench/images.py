"""The images of the measurements: those of e2e/make-images.py, some of round sizes, and those of `synced`."""
import json
import os
import shutil
import subprocess
import sys

import synced
from layouts import MB, REF_NAME, build

HERE = os.path.dirname(os.path.abspath(__file__))

# Of the layers, in bytes. `wide` has the shape of the images people wait for: one layer is most of it.
SIZES = {
    "full": {"small": [4096], "blob": [100 * MB], "wide": [700 * MB, 200 * MB, 90 * MB, 10 * MB]},
    "quick": {"small": [4096], "blob": [20 * MB], "wide": [40 * MB, 8 * MB]},
}


def kept_layout(path, make):
    """Made once; a folder that is there is whole."""
    if not os.path.exists(path):
        shutil.rmtree(f"{path}.new", ignore_errors=True)
        make(f"{path}.new")
        os.rename(f"{path}.new", path)
    return path


class Images:
    """All layouts of a scale, by the name of their repository below `lab/`. Those that are pulled have the tag `v1`."""

    def __init__(self, kept, quick):
        scale, self.layouts = "quick" if quick else "full", {}
        small, large = f"{kept}/images-small", f"{kept}/images-small" if quick else f"{kept}/images-full"
        for folder in {small, large}:
            command = [sys.executable, f"{HERE}/../e2e/make-images.py", "--out", folder]
            subprocess.run([*command, "--scale", folder.rpartition("-")[2]], check=True)
        self.layouts["many"] = f"{large}/many-layers"
        self.layouts["large"] = f"{large}/large"
        self.layouts["sixty"] = f"{small}/large"
        own = f"{kept}/images-bench-{scale}"
        for name, sizes in SIZES[scale].items():
            self.layouts[name] = kept_layout(f"{own}/{name}", lambda path: build(path, name, sizes))
        for name in ("formats", "signed"):
            self.layouts[name] = f"{small}/{name}"
        self.add_synced(own, quick)

    def add_synced(self, own, quick):
        """Those of the copying measurements."""
        tags, thousand = ((30, 10), (60, 20)) if quick else ((300, 100), (1000, 250))
        sets = {
            "tags": lambda path: synced.many_tags(path, *tags, synced.single),
            "thousand": lambda path: synced.many_tags(path, *thousand, synced.store_index),
            "fork": lambda path: synced.fork(path, self.layouts["large"]),
        }
        for name, make in sets.items():
            self.layouts[name] = kept_layout(f"{own}/{name}", make)

    def manifest(self, name):
        """Digest and content of what `v1` means."""
        with open(f"{self.layouts[name]}/index.json") as file:
            entries = json.load(file)["manifests"]
        digest = next(one["digest"] for one in entries if one.get("annotations", {}).get(REF_NAME) == "v1")
        with open(self.path(name, digest), "rb") as file:
            return digest, json.load(file)

    def blobs(self, name):
        manifest = self.manifest(name)[1]
        unique = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        return list(unique.values())

    def tags(self, name):
        """Digests by tag."""
        with open(f"{self.layouts[name]}/index.json") as file:
            entries = json.load(file)["manifests"]
        return {tag: one["digest"] for one in entries if (tag := one.get("annotations", {}).get(REF_NAME))}

    def distinct(self, names):
        """Bytes of all blobs that the tagged images of these repositories name, each counted once."""
        sizes = {}
        for name in names:
            for digest in self.tags(name).values():
                self.gather(name, digest, sizes)
        return sum(sizes.values())

    def gather(self, name, digest, sizes):
        with open(self.path(name, digest), "rb") as file:
            document = json.load(file)
        for child in document.get("manifests", []):
            self.gather(name, child["digest"], sizes)
        for blob in [document.get("config"), *document.get("layers", [])]:
            if blob:
                sizes[blob["digest"]] = blob["size"]

    def path(self, name, digest):
        return f"{self.layouts[name]}/blobs/{digest.replace(':', '/')}"

    def push(self, url, names):
        pairs = [f"{self.layouts[name]}=lab/{name}" for name in names]
        subprocess.run([sys.executable, f"{HERE}/../e2e/push.py", "--to", url, *pairs], check=True)
