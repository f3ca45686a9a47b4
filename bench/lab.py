"""What the measurements work with: the scratch directory, origins and links, the clients."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

from machine import Failed, Link, Server, find_tool, free_port, read
from peers import write
from pull import ACCEPT

HERE = os.path.dirname(os.path.abspath(__file__))
PULLED = ("small", "blob", "wide", "many", "large", "sixty")
COPIED = ("tags", "thousand", "fork", "formats", "signed")
REQUEST = re.compile(r'"(GET|HEAD) /v2/(\S*) HTTP/[\d.]+" (\d+) (\d+)')


class Origin:
    """A docker-registry that clients and mirrors pull from; `url` leads through the link, where there is one."""

    def __init__(self, server, link):
        self.server, self.link, self.url = server, link, (link or server).url
        self.mark()

    def mark(self):
        """Counts begin here."""
        self.seen, self.before = os.path.getsize(self.server.log), self.came_down()

    def came_down(self):
        """What the link has delivered. The log says more where a mirror gave up an answer: what waited in buffers."""
        return int(read(f"{self.link.folder}/count") or 0) if self.link else 0

    def counts(self):
        """Requests, blob GETs and the bytes of blobs that were sent since `mark`."""
        time.sleep(0.3)
        requests = gets = size = 0
        with open(self.server.log, errors="replace") as file:
            file.seek(self.seen)
            for method, path, status, sent in filter(None, (m and m.groups() for m in map(REQUEST.search, file))):
                requests += 1
                if method == "GET" and "/blobs/" in path and status in ("200", "206"):
                    gets, size = gets + 1, size + int(sent)
        size = self.came_down() - self.before if self.link else size
        return {"requests": requests, "blob_gets": gets, "blob_bytes": size}


class Lab:
    def __init__(self, scratch, images, quick):
        self.scratch, self.images, self.quick = scratch, images, quick
        self.seconds = 1 if quick else 3
        self.settle = 0.3 if quick else 1.5
        self.number, self.filled = 0, set()
        self.registry = find_tool("docker-registry")
        if not self.registry:
            raise Failed("docker-registry is not installed: it is the origin of every measurement")

    def folder(self):
        """A new and empty one."""
        self.number += 1
        path = f"{self.scratch}/{self.number}"
        os.makedirs(path)
        return path

    def forget(self, folder):
        """What one measurement wrote must not be written back during the next."""
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()

    # ---- origins --------------------------------------------------------------------------------

    def start_registry(self, name, folder, data):
        """A docker-registry over `data` that writes down what it is asked."""
        port = free_port()
        config = f"""version: 0.1
log: {{level: error, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: "{data}"}}, cache: {{blobdescriptor: inmemory}}}}
http: {{addr: "127.0.0.1:{port}", secret: bench, debug: {{addr: ""}}}}
"""
        return Server(name, [self.registry, "serve", write(f"{folder}/{name}.yml", config)], folder, port)

    def start_origin(self, folder):
        return self.start_registry("origin", folder, f"{self.scratch}/origin")

    def fill_origin(self, names):
        folder = self.folder()
        server = self.start_origin(folder)
        self.images.push(server.url, names)
        server.stop()
        self.forget(folder)

    @contextmanager
    def origin(self, link=()):
        """A fresh process over the same data, so that its log is of one measurement."""
        folder = self.folder()
        server, slow = self.start_origin(folder), None
        try:
            if link:
                slow = self.start_link(folder, server.port, link)
            yield Origin(server, slow)
        finally:
            if slow:
                slow.stop()
            server.stop()
            self.forget(folder)

    def start_link(self, folder, to, options):
        port, inner = free_port(), f"{folder}/link"
        os.makedirs(inner)
        command = [sys.executable, f"{HERE}/link.py", "--listen", str(port), "--to", str(to), "--count", f"{inner}/count"]
        command += options
        return Link("link", command, inner, port)

    # ---- clients --------------------------------------------------------------------------------

    def client(self, *arguments):
        done = subprocess.run(
            [sys.executable, f"{HERE}/pull.py", *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        if not done.stdout:
            raise Failed("the client printed nothing")
        found = json.loads(done.stdout)
        if found["failed"]:
            raise Failed(f"{found['failed']} clients failed: {'; '.join(found['errors'])}")
        return found

    def pull(self, url, name, *options):
        return self.client("image", url, f"lab/{name}:v1", *options)

    def wrk(self, url, connections):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{self.seconds}s", "--timeout", "30s", "-s", f"{HERE}/wrk.lua", url]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        if not (found := re.search(r"FIGURES (.*)", out)):
            raise Failed(f"wrk: {out[-300:]}")
        requests, took, half, most, errors = map(int, found[1].split())
        if errors:
            raise Failed(f"wrk counted {errors} errors")
        return {"requests": requests, "req_s": requests / took * 1e6, "p50_ms": half / 1e3, "p99_ms": most / 1e3}

    def ab_head(self, url, connections):
        """wrk waits for the body that a HEAD's Content-Length names, so this one is ab's."""
        command = ["ab", "-q", "-i", "-k", "-c", str(connections), "-t", str(self.seconds), "-n", "100000000"]
        command += ["-H", f"Accept: {ACCEPT}", url]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

        def figure(pattern):
            found = re.search(pattern, out)
            return float(found[1]) if found else 0.0

        requests, errors = figure(r"Complete requests:\s+(\d+)"), figure(r"Non-2xx responses:\s+(\d+)")
        errors += figure(r"Failed requests:\s+(\d+)")
        if not requests or errors:
            raise Failed(f"ab counted {errors:.0f} errors in {requests:.0f} answers" if requests else f"ab: {out[-300:]}")
        rate = figure(r"Requests per second:\s+([\d.]+)")
        return {"requests": requests, "req_s": rate, "p50_ms": figure(r"50%\s+(\d+)"), "p99_ms": figure(r"99%\s+(\d+)")}
