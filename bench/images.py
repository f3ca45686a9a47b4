"""The images of the measurements: those of e2e/make-images.py, and three more of round sizes."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"
MB = 1_000_000

# Of the layers, in bytes. `wide` has the shape of the images people wait for: one layer is most of it.
SIZES = {
    "full": {"small": [4096], "blob": [100 * MB], "wide": [700 * MB, 200 * MB, 90 * MB, 10 * MB]},
    "quick": {"small": [4096], "blob": [20 * MB], "wide": [40 * MB, 8 * MB]},
}


def store(layout, data, media_type):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def store_noise(layout, seed, size):
    """A blob that does not compress, the same one for the same seed; written as a stream."""
    source, digest, temporary = random.Random(f"bench {seed}"), hashlib.sha256(), f"{layout}/noise"
    with open(temporary, "wb") as file:
        for start in range(0, size, MB):
            part = source.randbytes(min(MB, size - start))
            digest.update(part)
            file.write(part)
    os.rename(temporary, f"{layout}/blobs/sha256/{digest.hexdigest()}")
    return {"mediaType": LAYER, "digest": f"sha256:{digest.hexdigest()}", "size": size}


def build(layout, name, sizes):
    os.makedirs(f"{layout}/blobs/sha256")
    layers = [store_noise(layout, f"{name} {number}", size) for number, size in enumerate(sizes)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": store(layout, json.dumps(config).encode(), CONFIG),
        "layers": layers,
    }
    top = store(layout, json.dumps(manifest).encode(), MANIFEST)
    with open(f"{layout}/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [{**top, "annotations": {REF_NAME: "v1"}}]}, file)


class Images:
    """All layouts of a scale, by the name of their repository below `lab/`. Each has the tag `v1`."""

    def __init__(self, kept, quick):
        scale, self.layouts = "quick" if quick else "full", {}
        small, large = f"{kept}/images-small", f"{kept}/images-small" if quick else f"{kept}/images-full"
        for folder in {small, large}:
            command = [sys.executable, f"{HERE}/../e2e/make-images.py", "--out", folder]
            subprocess.run([*command, "--scale", folder.rpartition("-")[2]], check=True)
        self.layouts["many"] = f"{large}/many-layers"
        self.layouts["large"] = f"{large}/large"
        self.layouts["sixty"] = f"{small}/large"
        for name, sizes in SIZES[scale].items():
            self.layouts[name] = f"{kept}/images-bench-{scale}/{name}"
            if not os.path.exists(self.layouts[name]):
                shutil.rmtree(f"{self.layouts[name]}.new", ignore_errors=True)
                build(f"{self.layouts[name]}.new", name, sizes)
                os.rename(f"{self.layouts[name]}.new", self.layouts[name])

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

    def path(self, name, digest):
        return f"{self.layouts[name]}/blobs/{digest.replace(':', '/')}"

    def push(self, url, names):
        pairs = [f"{self.layouts[name]}=lab/{name}" for name in names]
        subprocess.run([sys.executable, f"{HERE}/../e2e/push.py", "--to", url, *pairs], check=True)
