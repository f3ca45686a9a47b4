#!/usr/bin/env python3
"""Pushes all that a folder has into a registry, also what no client would copy: manifests without a tag, of any media type.

    fill.py FOLDER URL [REPOSITORY AS]      with the login in the environment variable FILL_AS, as USER:PASSWORD

FOLDER is the storage of distribution (with `docker/registry/v2`), or has an OCI layout for each repository, at its name.
REPOSITORY is the only one that is pushed, under the name AS.

Standard library only.
"""
import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

OCTETS = "application/octet-stream"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
REFERENCE = "org.opencontainers.image.ref.name"


class Storage:
    """A repository in the storage of distribution."""

    def __init__(self, folder, name):
        self.root, self.name = f"{folder}/docker/registry/v2", name
        self.home = f"{self.root}/repositories/{name}/_manifests"

    def read(self, digest):
        kind, digits = digest.split(":")
        return read(f"{self.root}/blobs/{kind}/{digits[:2]}/{digits}/data")

    def manifests(self):
        revisions = f"{self.home}/revisions"
        return [f"{kind}:{digits}" for kind in os.listdir(revisions) for digits in os.listdir(f"{revisions}/{kind}")]

    def blobs(self):
        return []  # its blobs belong to no repository by themselves

    def tags(self):
        folder = f"{self.home}/tags"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return {name: read(f"{folder}/{name}/current/link").decode() for name in names}


class Layout:
    """A repository as an OCI layout."""

    def __init__(self, folder, name):
        self.home, self.name = f"{folder}/{name}", name
        self.entries = json.loads(read(f"{self.home}/index.json"))["manifests"] or []

    def read(self, digest):
        return read(f"{self.home}/blobs/{digest.replace(':', '/')}")

    def manifests(self):
        return [entry["digest"] for entry in self.entries]

    def blobs(self):
        return [f"sha256:{digits}" for digits in os.listdir(f"{self.home}/blobs/sha256")]

    def tags(self):
        named = ((entry.get("annotations", {}).get(REFERENCE), entry["digest"]) for entry in self.entries)
        return {tag: digest for tag, digest in named if tag}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def repositories(folder):
    storage = f"{folder}/docker/registry/v2/repositories"
    if os.path.isdir(storage):
        return [Storage(folder, name) for name in below(storage, "_manifests")]
    return [Layout(folder, name) for name in below(folder, "oci-layout")]


def below(folder, entry):
    found = (path for path, folders, files in os.walk(folder) if entry in folders + files)
    return sorted(os.path.relpath(path, folder) for path in found)


class Target:
    def __init__(self, url, repository, name):
        self.repository, self.base, self.done = repository, f"{url}/v2/{name}", set()

    def blob(self, digest):
        if digest in self.done:
            return
        try:
            content = self.repository.read(digest)
        except FileNotFoundError:
            return  # a foreign layer
        opened = send("POST", f"{self.base}/blobs/uploads/", b"", OCTETS)
        location = urllib.parse.urljoin(self.base, opened.headers["Location"])
        send("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", content, OCTETS)
        self.done.add(digest)

    def manifest(self, digest):
        """After all that it names."""
        if digest in self.done:
            return
        content = self.repository.read(digest)
        document = json.loads(content)
        for child in document.get("manifests") or []:
            self.manifest(child["digest"])
        config = [document["config"]] if "config" in document else []
        for part in config + (document.get("layers") or []) + (document.get("blobs") or []):
            self.blob(part["digest"])
        send("PUT", f"{self.base}/manifests/{digest}", content, document.get("mediaType", IMAGE))
        self.done.add(digest)

    def tag(self, name, digest):
        content = self.repository.read(digest)
        send("PUT", f"{self.base}/manifests/{name}", content, json.loads(content).get("mediaType", IMAGE))


def send(method, url, content, kind):
    headers = {"Content-Type": kind}
    if login := os.environ.get("FILL_AS"):
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    return urllib.request.urlopen(urllib.request.Request(url, content, headers, method=method))


def fill(repository, url, name):
    target = Target(url, repository, name)
    for digest in repository.manifests():
        try:
            target.manifest(digest)
        except urllib.error.HTTPError as error:
            print(f"{name}@{digest}: {error.code} {error.read()[:200].decode(errors='replace')}", file=sys.stderr)
    for digest in repository.blobs():
        target.blob(digest)
    for tag, digest in repository.tags().items():
        target.tag(tag, digest)


def main(folder, url, only=None, name=None):
    for repository in repositories(folder):
        if only in (None, repository.name):
            fill(repository, url, name or repository.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
