"""The repositories of the copying measurements: many tags, many platforms, and one that shares its layers with another."""
import hashlib
import json
import os
import shutil

from layouts import CONFIG, LAYER, MANIFEST, REF_NAME, store

INDEX = "application/vnd.oci.image.index.v1+json"
PLATFORMS = ("amd64", "arm64")


def store_image(layout, seed, architecture, base):
    """An image of a small layer of its own on one that all share."""
    layer = store(layout, hashlib.sha256(f"{seed} {architecture}".encode()).digest() * 500, LAYER)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": [f"SEED={seed}"]},
        "rootfs": {"type": "layers", "diff_ids": [base["digest"], layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": store(layout, json.dumps(config).encode(), CONFIG),
        "layers": [base, layer],
    }
    return store(layout, json.dumps(manifest).encode(), MANIFEST)


def store_index(layout, seed, base):
    children = [
        {**store_image(layout, seed, one, base), "platform": {"architecture": one, "os": "linux"}} for one in PLATFORMS
    ]
    return store(layout, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode(), INDEX)


def write_index(layout, tags):
    manifests = [{**top, "annotations": {REF_NAME: tag}} for tag, top in tags]
    with open(f"{layout}/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": manifests}, file)


def many_tags(layout, tags, images, top_of):
    """`tags` names for `images` images."""
    os.makedirs(f"{layout}/blobs/sha256")
    base = store(layout, b"base" * 4000, LAYER)
    tops = [top_of(layout, f"{os.path.basename(layout)} {number}", base) for number in range(images)]
    write_index(layout, [(f"v{at // images}.{at % images}", tops[at % images]) for at in range(tags)])


def single(layout, seed, base):
    return store_image(layout, seed, "amd64", base)


def fork(layout, of):
    """Another image over all layers of `of`, as what a team builds on a large base."""
    shutil.copytree(of, layout, copy_function=os.link)
    os.unlink(f"{layout}/index.json")
    with open(f"{of}/index.json") as file:
        top = json.load(file)["manifests"][0]
    with open(f"{layout}/blobs/{top['digest'].replace(':', '/')}") as file:
        manifest = json.load(file)
    manifest["config"] = store(layout, b'{"architecture":"amd64","os":"linux","config":{"Labels":{"fork":"1"}}}', CONFIG)
    manifest["layers"].append(store(layout, b"fork" * 1000, LAYER))
    write_index(layout, [("v1", store(layout, json.dumps(manifest).encode(), manifest["mediaType"]))])
