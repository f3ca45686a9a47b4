"""OCI layouts made of nothing but numbers."""
import hashlib
import json
import os
import random

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"
MB = 1_000_000


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
