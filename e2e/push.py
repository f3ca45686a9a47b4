#!/usr/bin/env python3
"""Pushes OCI layouts to a registry, byte for byte: nothing is converted, so Docker's forms, nested
indexes and artifacts arrive as they are.

    push.py --to http://HOST:PORT LAYOUT=REPOSITORY...
"""
import argparse
import http.client
import json
import os
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

REF_NAME = "org.opencontainers.image.ref.name"


class Registry:
    """One repository of a registry. Every call has its own connection: they run side by side."""

    def __init__(self, base, repository):
        address = urllib.parse.urlsplit(base)
        self.address = (address.hostname, address.port)
        self.repository = repository

    def call(self, method, path, expect, body=None, headers=None):
        connection = http.client.HTTPConnection(*self.address, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status not in expect:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300].decode(errors='replace')}")
        return answer

    def put_blob(self, path, digest):
        base = f"/v2/{self.repository}/blobs"
        if self.call("HEAD", f"{base}/{digest}", (200, 404)).status == 200:
            return
        opened = self.call("POST", f"{base}/uploads/", (202,), b"")
        target = urllib.parse.urlsplit(opened.headers["Location"])
        query = "&".join(filter(None, (target.query, urllib.parse.urlencode({"digest": digest}))))
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(os.path.getsize(path))}
        with open(path, "rb") as file:
            self.call("PUT", f"{target.path}?{query}", (201,), file, headers)

    def put_manifest(self, reference, media_type, content):
        path = f"/v2/{self.repository}/manifests/{reference}"
        self.call("PUT", path, (201,), content, {"Content-Type": media_type})


def blob_path(layout, digest):
    return f"{layout}/blobs/{digest.replace(':', '/')}"


def collect(layout, descriptor, manifests):
    """Everything that is a manifest below `descriptor`, children before parents."""
    digest = descriptor["digest"]
    if digest in manifests:
        return
    with open(blob_path(layout, digest), "rb") as file:
        content = file.read()
    for child in json.loads(content).get("manifests", []):
        if os.path.exists(blob_path(layout, child["digest"])):
            collect(layout, child, manifests)
    manifests[digest] = (descriptor["mediaType"], content)


def push(layout, registry):
    with open(f"{layout}/index.json") as file:
        roots = json.load(file)["manifests"]
    manifests = {}
    for root in roots:
        collect(layout, root, manifests)
    blobs = [f"sha256:{name}" for name in sorted(os.listdir(f"{layout}/blobs/sha256"))]
    with ThreadPoolExecutor(4) as pool:
        pending = [d for d in blobs if d not in manifests]
        list(pool.map(lambda digest: registry.put_blob(blob_path(layout, digest), digest), pending))
    for digest, (media_type, content) in manifests.items():
        registry.put_manifest(digest, media_type, content)
    for root in roots:
        name = root.get("annotations", {}).get(REF_NAME)
        if name:
            registry.put_manifest(name, *manifests[root["digest"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, help="the registry, http only")
    parser.add_argument("pairs", nargs="+", metavar="LAYOUT=REPOSITORY")
    arguments = parser.parse_args()
    for pair in arguments.pairs:
        layout, repository = pair.rsplit("=", 1)
        push(layout, Registry(arguments.to, repository))


if __name__ == "__main__":
    main()
