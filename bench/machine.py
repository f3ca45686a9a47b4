"""Processes on this machine: started on loopback, metered, ended by their number."""
import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
running = []


class Failed(Exception):
    """A server or a client did not do what it was started for; the message says what."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path):
    with open(path, errors="replace") as file:
        return file.read()[-600:].strip()


class Server:
    """One process that listens on a port of loopback. `folder` holds its log."""

    def __init__(self, name, command, folder, port, environment=None):
        self.name, self.port, self.url = name, port, f"http://127.0.0.1:{port}"
        self.folder, self.log = folder, f"{folder}/output.log"
        began = time.monotonic()
        with open(self.log, "ab") as log:
            # Not in our process group, so that Ctrl-C reaches only us, and we end it in order.
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        running.append(self)
        self.pid = self.process.pid
        self.wait_until_ready()
        self.start_s = time.monotonic() - began

    def wait_until_ready(self):
        for _ in range(30_000):
            if self.process.poll() is not None:
                self.stop()
                raise Failed(f"{self.name} ended at once: {tail(self.log)}")
            if self.answers():
                return
            time.sleep(0.002)
        self.stop()
        raise Failed(f"{self.name} does not answer: {tail(self.log)}")

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return connection.recv(12).endswith(b" 200")
        except OSError:
            return False

    def stop(self):
        if self in running:
            running.remove(self)
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Link(Server):
    """link.py: it is ready when it says so, since whether the origin answers is not its business."""

    def answers(self):
        return tail(self.log) == "ready"


def stop_all():
    while running:
        running[-1].stop()


atexit.register(stop_all)


# ---- what a server costs ------------------------------------------------------------------------


def family(pid):
    """The process and its descendants."""
    found, look = [], [pid]
    while look:
        one = look.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    look += map(int, file.read().split())
        except OSError:
            pass
    return found


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


class Meter:
    """CPU seconds and peak memory of a server and its children, from now until `read`."""

    def __init__(self, pid):
        self.pid = pid
        for one in family(pid):
            try:
                with open(f"/proc/{one}/clear_refs", "w") as file:
                    file.write("5")  # sets the peak back to what is resident now
            except OSError:
                pass
        self.anonymous, self.ended = 0, threading.Event()
        self.sampler = threading.Thread(target=self.sample, daemon=True)
        self.sampler.start()
        self.before = self.cpu()

    def cpu(self):
        total = 0
        for one in family(self.pid):
            fields = read(f"/proc/{one}/stat").rpartition(")")[2].split()
            total += sum(map(int, fields[11:13]))
        return total / TICK

    def memory(self, field):
        """In MiB, all processes together."""
        total = 0
        for one in family(self.pid):
            found = re.search(rf"^{field}:\s+(\d+)", read(f"/proc/{one}/status"), re.M)
            total += int(found[1]) if found else 0
        return total / 1024

    def sample(self):
        """Mapped files count as resident, though nobody has to find room for them. So the rest is looked at, too."""
        while True:
            self.anonymous = max(self.anonymous, self.memory("RssAnon"))
            if self.ended.wait(0.1):
                return

    def read(self):
        cpu = self.cpu() - self.before
        self.ended.set()
        self.sampler.join()
        return {"cpu_s": round(cpu, 2), "rss_mib": round(self.memory("VmHWM"), 1), "anon_mib": round(self.anonymous, 1)}


# ---- tools --------------------------------------------------------------------------------------


def find_tool(name):
    """On PATH, or where Debian keeps daemons."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def output_of(command):
    """What a command says, both streams; empty where it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    except OSError:
        return ""
    return done.stdout.strip()


def plain_environment():
    """Ours, without the variables that would be configuration to entrepot."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ENTREPOT_")}


def say(text):
    print(text, file=sys.stderr, flush=True)
