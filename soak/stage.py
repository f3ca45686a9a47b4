"""A pair of stores, an origin, entrepot between them, and clients: what the cases about stores have in common."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import origin
from client import BROKEN, OCTETS, REPOSITORY, Client, Promises, Refused, noise, pull
from lab import Violation, until

PATIENCE = 60


class Stage:
    """A pair of stores, an origin, and entrepot between them, with what it has promised so far."""

    def __init__(self, lab, stores):
        self.lab, self.stores, self.quick = lab, stores, lab.quick
        self.folder, self.promises, self.server = lab.folder(), Promises(), None
        self.origin = None

    def up(self, upstream=None):
        """Starts entrepot; `upstream` instead of the origin, if one is given."""
        upstream = upstream or self.origin.url
        self.server = self.lab.entrepot(self.folder, upstream=upstream, more=self.stores.config)
        return self.server.client

    def down(self):
        if self.server:
            self.server.stop()
            self.server = None

    def kill(self):
        self.server.process.send_signal(signal.SIGKILL)
        self.down()

    def again(self, upstream=None):
        """Stopped and started: nothing is in memory any more."""
        self.down()
        return self.up(upstream)

    def command(self, *arguments):
        """What a command says about the server's data: exit code and output."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ENTREPOT_")}
        command = [self.lab.binary, *arguments, "--config", f"{self.folder}/entrepot.yaml"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def verify(self, *options):
        """The findings of `cache verify`, and its exit code."""
        code, out, error = self.command("cache", "verify", "--output", "json", *options)
        if not out:
            raise Violation(f"`cache verify` says nothing: {error.strip()}")
        return code, json.loads(out)["findings"]

    def equal(self):
        """Rows and bytes are equal, once what a kill may leave behind is gone: bytes that nothing records."""
        _, found = self.verify("--repair")
        lost = [finding["digest"][:19] for finding in found if finding["fault"] == "missing-bytes"]
        must(not lost, f"records without bytes: {', '.join(lost)}")
        code, found = self.verify()
        must(code == 0 and not found, f"after a repair there are findings: {found}")

    def kept(self):
        wrong = self.promises.broken(self.server.client)
        must(not wrong, f"promises broken: {'; '.join(wrong[:3])}")


def must(holds, otherwise):
    if not holds:
        raise Violation(otherwise)


def status(client, path, method="GET"):
    return client.ask(method, path, headers={"Accept": origin.MANIFEST})[0]


def eventually(what, question):
    def holds():
        try:
            return question()
        except BROKEN:
            return False

    until(what, PATIENCE, holds)


def push_image(stage, seed, tag, sizes=(500, 90_000)):
    """An image of so many blobs, each pushed in another way."""
    client, blobs = stage.server.client, [noise(f"{seed} {at}", size) for at, size in enumerate(sizes)]
    ways = (stage.promises.push_at_once, stage.promises.push_in_two, stage.promises.push_in_chunks)
    for at, blob in enumerate(blobs):
        ways[at % len(ways)](client, blob)
    stage.promises.push_manifest(client, blobs, tag)
    return blobs


# ---- clients in the background -----------------------------------------------------------------------


class Socket(http.client.HTTPConnection):
    """A connection to the socket in a data directory."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def remove(folder, name):
    """What `cache rm` does."""
    connection = Socket(f"{folder}/data/control.sock")
    try:
        connection.request("DELETE", f"/api/v1/cache/images?name={urllib.parse.quote(name, safe='')}")
        return connection.getresponse().status
    finally:
        connection.close()


def busy(stage, seed, stop):
    """A client that goes on until it is told to stop, whatever it gets for an answer."""
    number = 0
    while not stop.is_set():
        server = stage.server
        if not server:
            time.sleep(0.1)
            continue
        # It has another port after each start.
        client, number = Client(server.port, 20), number + 1
        blobs = [noise(f"{seed} {number} {at}", size) for at, size in enumerate((300, 70_000))]
        try:
            for blob in blobs:
                stage.promises.push_in_two(client, blob)
            stage.promises.push_manifest(client, blobs, f"k{seed}-{number}")
            # Two repositories that share layers, and one is removed while the other is asked for.
            one, other = f"k{seed}n{number}-2000-150000", f"k{seed}n{number}-2000-150000-9"
            pull(client, one)
            removing = threading.Thread(target=quietly, args=(remove, stage.folder, f"docker.io/library/{one}"))
            removing.start()
            pull(client, other)
            removing.join()
            passing = noise(f"{seed} {number} passing", 90_000)
            client.ask("POST", f"/v2/local/passing/blobs/uploads/?digest={origin.digest(passing)}", passing, OCTETS)
            client.ask("DELETE", f"/v2/local/passing/blobs/{origin.digest(passing)}")
        except (Refused, *BROKEN):
            time.sleep(0.1)


def quietly(act, *arguments):
    try:
        act(*arguments)
    except BROKEN:
        pass
