#!/usr/bin/env python3
"""A registry that refuses every image: refusing.py PORT_FILE KIND...

It listens on loopback on one free port for each KIND, and writes `KIND HOST:PORT` lines to PORT_FILE:

  denied   403, not for this account          limited  429, asked too often
  failing  500, the registry's own fault      platform an index without this machine's platform
  slow     a manifest, and a layer that does not come
"""
import hashlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = b"x" * 50_000_000


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(LAYER)]}}).encode()
PLAIN = json.dumps({
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER), "size": len(LAYER)}],
}).encode()
ELSEWHERE = json.dumps({
    "schemaVersion": 2,
    "mediaType": INDEX,
    "manifests": [{
        "mediaType": MANIFEST,
        "digest": digest(PLAIN),
        "size": len(PLAIN),
        "platform": {"os": "linux", "architecture": "s390x"},
    }],
}).encode()
REFUSALS = {
    "denied": (403, "DENIED", "requested access to the resource is denied"),
    "limited": (429, "TOOMANYREQUESTS", "you have reached your pull rate limit"),
    "failing": (500, "UNKNOWN", "unknown error"),
}


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, media_type, body):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 200 and "/manifests/" in self.path:
            self.send_header("Docker-Content-Digest", digest(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, *_):
        # Clients that try TLS first know by this that it is HTTP.
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.close_connection = True

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path == "/v2/":
            return self.answer(200, "application/json", b"{}")
        if self.server.kind in REFUSALS:
            status, code, message = REFUSALS[self.server.kind]
            body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
            return self.answer(status, "application/json", body)
        if "/manifests/" in self.path:
            if self.server.kind == "platform" and digest(PLAIN) not in self.path:
                return self.answer(200, INDEX, ELSEWHERE)
            return self.answer(200, MANIFEST, PLAIN)
        if self.path.endswith(digest(CONFIG)):
            return self.answer(200, "application/octet-stream", CONFIG)
        self.send_response(200)
        self.send_header("Content-Length", str(len(LAYER)))
        self.end_headers()
        self.wfile.write(LAYER[:1_000_000])
        self.wfile.flush()
        time.sleep(3600)
        return None


def main():
    ports, *kinds = sys.argv[1:]
    lines = []
    for kind in kinds:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        server.daemon_threads = True
        server.kind = kind
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lines.append(f"{kind} 127.0.0.1:{server.server_port}\n")
    with open(ports, "w", encoding="utf-8") as file:
        file.writelines(lines)
    threading.Event().wait()


main()
