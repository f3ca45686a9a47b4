"""A client of entrepot that remembers what it was promised, and can tell later whether it was kept."""
import hashlib
import http.client
import json
import random
import socket
import threading

import origin

HOST = "127.0.0.1"
REPOSITORY = "local/soak/app"
OCTETS = {"Content-Type": "application/octet-stream"}
BROKEN = (OSError, http.client.HTTPException)


class Refused(Exception):
    """An answer that is not the one that was hoped for."""

    def __init__(self, asked, status, body):
        super().__init__(f"{asked}: {status} {body[:200].decode(errors='replace')}")
        self.status = status


class Client:
    """Speaks to one server, over a connection for each request: what is asked does not depend on what was asked before.
    With `keep`, one connection serves them all, for as long as it lasts; then it is for one thread."""

    def __init__(self, port, timeout=60, keep=False):
        self.port, self.timeout, self.keep, self.kept, self.socket = port, timeout, keep, None, None

    def ask(self, method, path, body=None, headers=None):
        connection = self.kept or http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)
        self.kept = None
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            found = answer.status, answer.headers, answer.read()
            if self.keep and not answer.will_close:
                self.kept = connection
            return found
        finally:
            if not self.kept:
                connection.close()

    def owner(self, status, method, path, document=None):
        """Asks over the local socket; the answer's document."""
        connection = http.client.HTTPConnection(HOST, timeout=self.timeout)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(self.timeout)
        try:
            connection.sock.connect(self.socket)
            body = None if document is None else json.dumps(document)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != status:
            raise Refused(f"{method} {path}", answer.status, content)
        return json.loads(content)

    def hold(self):
        """A connection that asks for nothing."""
        return socket.create_connection((HOST, self.port), self.timeout)

    def expect(self, status, method, path, body=None, headers=None):
        found, answered, content = self.ask(method, path, body, headers)
        if found != status:
            raise Refused(f"{method} {path}", found, content)
        return answered, content


def noise(seed, size):
    return random.Random(f"soak {seed}").randbytes(size)


class Promises:
    """What was tried, and which of it was acknowledged. Several clients may write into one."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tried, self.blobs, self.manifests, self.tags, self.sessions = {}, set(), set(), {}, set()

    def copy(self):
        """As of now."""
        other = Promises()
        with self.lock:
            other.tried, other.blobs, other.manifests = dict(self.tried), set(self.blobs), set(self.manifests)
            other.tags, other.sessions = dict(self.tags), set(self.sessions)
        return other

    def count(self):
        return len(self.blobs) + len(self.manifests) + len(self.tags)

    # ---- pushing --------------------------------------------------------------------------------

    def try_blob(self, blob):
        name = origin.digest(blob)
        with self.lock:
            self.tried[name] = len(blob)
        return name

    def acknowledged(self, name):
        with self.lock:
            self.blobs.add(name)
        return name

    def push_at_once(self, client, blob):
        """One request."""
        name = self.try_blob(blob)
        client.expect(201, "POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={name}", blob, OCTETS)
        return self.acknowledged(name)

    def open_session(self, client):
        location = client.expect(202, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", b"")[0]["Location"]
        with self.lock:
            self.sessions.add(location.rpartition("/")[2])
        return location

    def push_in_two(self, client, blob):
        name = self.try_blob(blob)
        location = self.open_session(client)
        client.expect(201, "PUT", f"{location}?digest={name}", blob, OCTETS)
        return self.acknowledged(name)

    def push_in_chunks(self, client, blob, parts=3):
        name = self.try_blob(blob)
        location, step = self.open_session(client), -(-len(blob) // parts)
        for at in range(0, len(blob), step):
            part = blob[at : at + step]
            span = {**OCTETS, "Content-Range": f"{at}-{at + len(part) - 1}"}
            location = client.expect(202, "PATCH", location, part, span)[0]["Location"]
        client.expect(201, "PUT", f"{location}?digest={name}", b"")
        return self.acknowledged(name)

    def push_manifest(self, client, blobs, tag):
        """By its digest, then by a tag. The blobs are there already."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": origin.MANIFEST,
            "config": origin.describe(origin.CONFIG, blobs[0]),
            "layers": [origin.describe(origin.LAYER, blob) for blob in blobs[1:]],
        }
        content = json.dumps(manifest).encode()
        name, kind = origin.digest(content), {"Content-Type": origin.MANIFEST}
        client.expect(201, "PUT", f"/v2/{REPOSITORY}/manifests/{name}", content, kind)
        with self.lock:
            self.manifests.add(name)
        client.expect(201, "PUT", f"/v2/{REPOSITORY}/manifests/{tag}", content, kind)
        with self.lock:
            self.tags[tag] = name

    # ---- looking --------------------------------------------------------------------------------

    def broken(self, client):
        """What is not as it was promised, in words."""
        client, wrong = Client(client.port, keep=True), []
        for name in self.tried:
            found = look(client, f"/v2/{REPOSITORY}/blobs/{name}", name)
            if found == "wrong" or (found != "right" and name in self.blobs):
                wrong.append(f"blob {name[:19]} is {found}")
        for name in self.manifests:
            found = look(client, f"/v2/{REPOSITORY}/manifests/{name}", name)
            if found != "right":
                wrong.append(f"manifest {name[:19]} is {found}")
        for tag, name in self.tags.items():
            found = look(client, f"/v2/{REPOSITORY}/manifests/{tag}", name)
            if found != "right":
                wrong.append(f"tag {tag} is {found}")
        return wrong


def look(client, path, name):
    """What a GET gives: the "right" bytes, "wrong" ones as if they were right, or an error by its status."""
    try:
        status, _, body = client.ask("GET", path, headers={"Accept": origin.MANIFEST})
    except http.client.IncompleteRead:
        return "short"
    except BROKEN as error:
        return f"cut ({type(error).__name__})"
    if status != 200:
        return f"refused ({status})"
    return "right" if origin.digest(body) == name else "wrong"


def pull(client, name, tag="v1"):
    """A whole image through the mirror, compared with what it is; what is wrong with it."""
    manifest, blobs = origin.image(name)
    base, wrong = f"/v2/docker.io/library/{name}", []
    for path, digest in [(f"{base}/manifests/{tag}", origin.digest(manifest))] + [
        (f"{base}/blobs/{digest}", digest) for digest in blobs
    ]:
        found = look(client, path, digest)
        if found != "right":
            wrong.append(f"{path[-40:]} is {found}")
    return wrong


def slow_reader(port, path, window=32768):
    """A connection that has asked for something and takes nothing yet."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.connect((HOST, port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return connection


def drain(connection):
    """Takes the rest of an answer: its status, and whether it was whole and its digest."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return 0, 0, None
        data += part
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
    digest, got = hashlib.sha256(rest), len(rest)
    while got < length:
        part = connection.recv(1 << 18)
        if not part:
            break
        digest.update(part)
        got += len(part)
    return int(lines[0].split()[1]), length - got, f"sha256:{digest.hexdigest()}"
