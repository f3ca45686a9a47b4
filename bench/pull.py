#!/usr/bin/env python3
"""A light pull client, so that the server is what is measured: the kernel throws the bytes of blobs away (MSG_TRUNC),
nothing is decompressed, hashed or written.

    pull.py image URL REPOSITORY:TAG [--clients N] [--parallel 3] [--times N] [--verify]
        N clients at once do what containerd does: HEAD of the tag, GET of the manifest by digest (and of the one for
        amd64 below an index), then config and layers, three connections each. --times repeats it, one after another.
        --verify reads and hashes everything.
    pull.py blob URL PATH --clients N --seconds S
        N connections fetch the same blob over and over.

Prints one JSON line. Exit code 1 when a client failed.
"""
import argparse
import hashlib
import json
import queue
import socket
import statistics
import struct
import sys
import threading
import time
import urllib.parse

ACCEPT = ", ".join(
    f"application/vnd.{name}+json"
    for name in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)
CHUNK = 1 << 20
SILENCE = 600  # seconds without a byte until a client gives up


class Connection:
    """One HTTP/1.1 connection, opened when needed and kept."""

    def __init__(self, address):
        self.address, self.socket = address, None
        self.scratch = bytearray(CHUNK)

    def open(self):
        self.socket = socket.create_connection(self.address, 30)
        # Blocking, with the kernel's own clock: so one call may wait for a whole megabyte.
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, method, path):
        """Sends a request; returns status, headers (names in lower case), and what came after them."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\nAccept: {ACCEPT}\r\n\r\n".encode()
        kept = self.socket is not None
        if not kept:
            self.open()
        try:
            self.socket.sendall(head)
            return self.read_head()
        except (ConnectionError, EOFError):
            self.close()
            if not kept:
                raise
            return self.ask(method, path)

    def read_head(self):
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("closed within the headers")
            data += more
        first, *lines = data[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split(" ", 2)[1]), headers, data[end + 4 :]

    def body(self, headers, start):
        """A small body as bytes."""
        if headers.get("transfer-encoding") == "chunked":
            return self.chunked(start)
        length, data = int(headers["content-length"]), bytearray(start)
        while len(data) < length:
            data += self.more()
        return bytes(data)

    def chunked(self, data):
        out = b""
        while True:
            while b"\r\n" not in data:
                data += self.more()
            size, _, data = data.partition(b"\r\n")
            size = int(size.split(b";")[0], 16)
            while len(data) < size + 2:
                data += self.more()
            out, data = out + data[:size], data[size + 2 :]
            if size == 0:
                return out

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("closed within the body")
        return data

    def drop(self, left, until=None):
        """Throws away `left` bytes, or what comes until a moment; returns how many came."""
        came = 0
        while came < left and (until is None or time.monotonic() < until):
            want = min(left - came, CHUNK)
            n = self.socket.recv_into(self.scratch, want, socket.MSG_TRUNC | socket.MSG_WAITALL)
            if n == 0:
                raise EOFError(f"closed {left - came} bytes before the end")
            came += n
        return came

    def hash(self, left, state):
        while left > 0:
            n = self.socket.recv_into(self.scratch, min(left, CHUNK))
            if n == 0:
                raise EOFError(f"closed {left} bytes before the end")
            state.update(memoryview(self.scratch)[:n])
            left -= n


class Client:
    """One pull of one image."""

    def __init__(self, address, repository, tag, verify):
        self.address, self.repository, self.tag, self.verify = address, repository, tag, verify
        self.bytes, self.first_byte, self.large_wait, self.errors = 0, None, None, []
        self.lock = threading.Lock()

    def pull(self, parallel):
        self.began = time.monotonic()
        connection = Connection(self.address)
        try:
            manifest = self.resolve(connection)
        except Exception as error:
            self.errors.append(f"manifest: {error}")
            return
        wanted = [manifest["config"], *manifest["layers"]]
        self.largest = max(wanted, key=lambda blob: blob["size"])["digest"]
        work = queue.SimpleQueue()
        for blob in wanted:
            work.put(blob)
        connections = [connection] + [Connection(self.address) for _ in range(parallel - 1)]
        threads = [threading.Thread(target=self.fetch_all, args=(one, work)) for one in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wall = time.monotonic() - self.began

    def resolve(self, connection):
        status, headers, _ = connection.ask("HEAD", f"/v2/{self.repository}/manifests/{self.tag}")
        if status != 200:
            raise RuntimeError(f"HEAD of the tag: {status}")
        digest = headers.get("docker-content-digest", self.tag)
        while True:
            manifest = self.manifest(connection, digest)
            if "manifests" not in manifest:
                return manifest
            ours = [one for one in manifest["manifests"] if one.get("platform", {}).get("architecture") == "amd64"]
            digest = ours[0]["digest"]

    def manifest(self, connection, reference):
        status, headers, start = connection.ask("GET", f"/v2/{self.repository}/manifests/{reference}")
        content = connection.body(headers, start)
        if status != 200:
            raise RuntimeError(f"{status} for {reference}: {content[:100]!r}")
        return json.loads(content)

    def fetch_all(self, connection, work):
        while True:
            try:
                blob = work.get_nowait()
            except queue.Empty:
                return connection.close()
            try:
                self.fetch(connection, blob)
            except Exception as error:
                connection.close()
                with self.lock:
                    self.errors.append(f"{blob['digest']}: {error}")

    def fetch(self, connection, blob):
        asked = time.monotonic()
        status, headers, start = connection.ask("GET", f"/v2/{self.repository}/blobs/{blob['digest']}")
        length = int(headers.get("content-length", -1))
        if status != 200 or length != blob["size"]:
            raise RuntimeError(f"status {status}, {length} of {blob['size']} bytes promised")
        start = start or connection.more()
        now = time.monotonic()
        if self.first_byte is None:
            self.first_byte = now - self.began
        if blob["digest"] == self.largest:
            self.large_wait = now - asked
        if self.verify:
            state = hashlib.sha256(start)
            connection.hash(length - len(start), state)
            if "sha256:" + state.hexdigest() != blob["digest"]:
                raise RuntimeError("other bytes than its digest says")
        else:
            connection.drop(length - len(start))
        with self.lock:
            self.bytes += length


def middle(values, pick=statistics.median):
    values = [value for value in values if value is not None]
    return round(pick(values), 4) if values else None


def pull_image(arguments, address):
    repository, tag = arguments.what.rsplit(":", 1)
    clients = []
    began = time.monotonic()
    for _ in range(arguments.times):
        round_ = [Client(address, repository, tag, arguments.verify) for _ in range(arguments.clients)]
        threads = [threading.Thread(target=client.pull, args=(arguments.parallel,)) for client in round_]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clients += round_
    return {
        "wall_s": round(time.monotonic() - began, 4),
        "first_byte_s": middle(client.first_byte for client in clients),
        "large_wait_s": middle((client.large_wait for client in clients), max),
        "bytes": sum(client.bytes for client in clients),
        "failed": sum(bool(client.errors) for client in clients),
        "errors": [error for client in clients for error in client.errors][:3],
    }


def pull_blob(arguments, address):
    came, done, errors = [0] * arguments.clients, [0] * arguments.clients, []
    began = time.monotonic()
    until = began + arguments.seconds

    def run(number):
        connection = Connection(address)
        try:
            while time.monotonic() < until:
                status, headers, start = connection.ask("GET", arguments.what)
                length = int(headers["content-length"])
                if status != 200:
                    raise RuntimeError(f"status {status}")
                came[number] += len(start) + connection.drop(length - len(start), until)
                done[number] += 1
        except Exception as error:
            errors.append(str(error))
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(arguments.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - began
    return {"wall_s": round(wall, 4), "bytes": sum(came), "requests": sum(done), "failed": len(errors), "errors": errors[:3]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("image", "blob"))
    parser.add_argument("url")
    parser.add_argument("what", help="REPOSITORY:TAG, or the path of a blob")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=3)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--verify", action="store_true")
    arguments = parser.parse_args()
    url = urllib.parse.urlsplit(arguments.url)
    found = {"image": pull_image, "blob": pull_blob}[arguments.mode](arguments, (url.hostname, url.port))
    print(json.dumps(found))
    return found["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
