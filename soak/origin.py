#!/usr/bin/env python3
"""A registry to mirror: every image that can be named exists, and is the same each time.

    origin.py PORT [--connection-mbyte N]

library/SEED-SIZE-SIZE… has layers of these sizes, in bytes, under every tag; library/hostile has a manifest of 200 MiB.
"""
import argparse
import functools
import hashlib
import json
import random
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
HOSTILE = 200 << 20
PART = 1 << 18
MEBIBYTE = 1 << 20
PATH = re.compile(r"/v2/library/([a-z0-9-]+)/(manifests|blobs)/([^?]+)")


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def describe(media_type, data):
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def noise(seed, size):
    """In parts, since Python makes no more than 256 MB at once."""
    source = random.Random(seed)
    return b"".join(source.randbytes(min(MEBIBYTE, size - at)) for at in range(0, size, MEBIBYTE))


@functools.lru_cache(64)
def image(name):
    """Its manifest, and its blobs by digest."""
    seed, *sizes = name.split("-")
    layers = [noise(f"{seed} {at} {size}", int(size)) for at, size in enumerate(sizes)]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"seed": seed}}}).encode()
    return manifest_of(config, layers), {digest(blob): blob for blob in [config, *layers]}


def manifest_of(config, layers):
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": describe(CONFIG, config),
        "layers": [describe(LAYER, layer) for layer in layers],
    }
    return json.dumps(manifest).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rate = 0

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path == "/v2/":
            return self.send(200, b"{}", "application/json")
        found = PATH.match(self.path)
        if not found:
            return self.send(404, b"{}", "application/json")
        name, kind, reference = found.groups()
        if name == "hostile":
            return self.flood()
        manifest, blobs = image(name)
        if kind == "manifests":
            return self.send(200, manifest, MANIFEST)
        if reference not in blobs:
            return self.send(404, b"{}", "application/json")
        return self.send(200, blobs[reference], "application/octet-stream")

    def flood(self):
        """A manifest that fits into nobody's memory, under a digest that it does not have."""
        self.send_response(200)
        self.send_header("Content-Type", MANIFEST)
        self.send_header("Content-Length", str(HOSTILE))
        self.send_header("Docker-Content-Digest", digest(b""))
        self.end_headers()
        for _ in range(HOSTILE // PART if self.command == "GET" else 0):
            self.wfile.write(b" " * PART)

    def send(self, status, body, media_type):
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = 0, len(body) - 1
        if wanted and int(wanted[1]) <= last:
            status, first = 206, int(wanted[1])
            last = min(last, int(wanted[2] or last))
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("Docker-Content-Digest", digest(body) if len(body) < PART else self.path.rpartition("/")[2])
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        view, part = memoryview(body)[first : last + 1], PART if self.rate else len(body) or 1
        for at in range(0, len(view), part):
            self.wfile.write(view[at : at + part])
            if self.rate:
                time.sleep(part / self.rate)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 512


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--connection-mbyte", type=float, default=0, help="the most that a connection gives, in MB/s")
    arguments = parser.parse_args()
    Handler.rate = arguments.connection_mbyte * 1e6
    Server(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
