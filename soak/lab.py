"""What the cases work with: a scratch directory, entrepot, an origin, and a place to write results."""
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(f"{HERE}/../bench")

from client import Client  # noqa: E402
from machine import Failed, Server, find_tool, free_port  # noqa: E402

import syscalls  # noqa: E402


class Skipped(Exception):
    """What a case needs is not here; the message says what."""


class Violation(Exception):
    """entrepot did what it must not do."""


class Entrepot(Server):
    """It may speak TLS."""

    def __init__(self, tls, *arguments):
        self.tls = tls
        super().__init__("entrepot", *arguments)
        self.client = Client(self.port)

    def answers(self):
        if not self.tls:
            return super().answers()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as plain:
                ssl._create_unverified_context().wrap_socket(plain).close()
            return True
        except OSError:
            return False


class Lab:
    def __init__(self, binary, options):
        self.binary, self.options, self.quick = binary, options, options.quick
        self.scratch = tempfile.mkdtemp(prefix="entrepot-soak.", dir=os.environ.get("ENTREPOT_LAB"))
        self.number = 0

    def folder(self):
        """A new and empty one."""
        self.number += 1
        path = f"{self.scratch}/{self.number}"
        os.makedirs(path)
        return path

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    # ---- servers --------------------------------------------------------------------------------

    @contextmanager
    def origin(self, *options):
        folder, port = self.folder(), free_port()
        server = Server("origin", [sys.executable, f"{HERE}/origin.py", str(port), *options], folder, port)
        try:
            yield server
        finally:
            server.stop()

    def entrepot(self, folder, upstream="http://127.0.0.1:9", watch=None, data=None, wrap=(), more=""):
        """Starts it on what `folder` holds already, or on `data`. Under `watch`, if one is given."""
        port = free_port()
        config = f"{folder}/entrepot.yaml"
        with open(config, "w") as file:
            file.write(
                f'listen: "127.0.0.1:{port}"\ndata: "{data or folder + "/data"}"\nlog: {{level: warn}}\n'
                f'mirror: {{freshness: 1h}}\nregistries: {{docker.io: {{endpoints: ["{upstream}"]}}}}\n{more}'
            )
        # Variables of our prefix would be configuration to it.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ENTREPOT_")}
        command = [*wrap, self.binary, "serve", "--config", config]
        server = Entrepot("tls:" in more, watch.command(command) if watch else command, folder, port, environment)
        server.client.socket = f"{data or folder + '/data'}/control.sock"
        return server

    @contextmanager
    def serving(self, folder=None, **options):
        """entrepot for as long as a block lasts."""
        server = self.entrepot(folder or self.folder(), **options)
        try:
            yield server
        finally:
            server.stop()

    def watch(self, folder, reading=False):
        if not syscalls.available:
            raise Skipped("watching system calls is known for Linux on x86_64 and aarch64")
        return syscalls.Watch(f"{folder}/data", reading)

    # ---- file systems ---------------------------------------------------------------------------

    @contextmanager
    def mounted(self, source, target, *options):
        """A mount for as long as a block lasts."""
        if os.geteuid():
            raise Skipped("mounting needs root")
        os.makedirs(target, exist_ok=True)
        run(["mount", *options, source, target])
        try:
            yield target
        finally:
            # What we started in it may be about to end.
            for _ in range(50):
                if subprocess.run(["umount", target], stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                subprocess.run(["umount", "--lazy", target])

    def image(self, path, size, kind, *options):
        """A file that holds an empty file system."""
        tool = f"mkfs.{kind}"
        if not find_tool(tool):
            raise Skipped(f"{tool} is not installed (Debian: btrfs-progs, xfsprogs, e2fsprogs)")
        with open(path, "wb") as file:
            file.truncate(size)
        run([find_tool(tool), "-q", *options, path])
        return path


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Skipped(f"`{' '.join(command[:2])}` does not work here: {done.stdout.strip()[-200:]}")


# ---- looking at a data directory -------------------------------------------------------------------


def staged(folder):
    """The names of the files that are on their way."""
    try:
        return sorted(os.listdir(f"{folder}/data/staging"))
    except FileNotFoundError:
        return []


def stored(folder):
    """The digests of the files of the store."""
    found = set()
    for directory, _, names in os.walk(f"{folder}/data/blobs"):
        kind = os.path.basename(os.path.dirname(directory))
        found |= {f"{kind}:{name}" for name in names}
    return found


def check_database(path):
    """The database, as it is left when nobody has it open; what is wrong with it."""
    if not os.path.exists(path):
        return []
    base = sqlite3.connect(path)
    try:
        found = [row[0] for row in base.execute("PRAGMA integrity_check")]
        found += [f"row {row} without its other" for row in base.execute("PRAGMA foreign_key_check")]
        return [one for one in found if one != "ok"]
    finally:
        base.close()


def known(path):
    """All digests that the catalog has."""
    base = sqlite3.connect(path)
    try:
        return {row[0] for row in base.execute("SELECT digest FROM blob UNION SELECT digest FROM manifest")}
    finally:
        base.close()


def until(what, seconds, question):
    """Asks until it is so."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise Violation(f"after {seconds} s still not so: {what}")
        time.sleep(0.02)

