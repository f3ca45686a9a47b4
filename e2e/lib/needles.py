"""Looks for planted secrets in whatever bytes there are: as they are, and in every form that software gives them."""
import base64
import html
import json
import os
import secrets
import threading
import urllib.parse
from dataclasses import dataclass, field

# Each breaks another way of writing text down.
AWKWARD = '"%+/<é'
# How often the command line of a process is read.
READS = 6


@dataclass
class Secret:
    """What was planted. `core` is a part of it that no escaping changes; `awkward` ones have a tail that escaping does change."""

    kind: str
    value: bytes
    core: bytes
    forms: dict = field(default_factory=dict)

    def __post_init__(self):
        self.forms = dict(forms(self.value, self.core))


def plant(kind, awkward=True):
    core = secrets.token_hex(4) + secrets.token_urlsafe(9).replace("-", "x").replace("_", "y")
    return Secret(kind, (core + AWKWARD if awkward else core).encode(), core.encode())


def known(kind, value):
    """One that somebody else made."""
    value = value if isinstance(value, bytes) else value.encode()
    return Secret(kind, value, value)


def base64_parts(value):
    """What base64 of any text that has `value` in it contains, wherever it stands: three ways."""
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + value)
        begins, whole = -(-offset * 8 // 6), (offset + len(value)) * 8 // 6
        yield text[begins:whole]


def forms(value, core):
    text = value.decode("utf-8", "surrogateescape")
    yield "plain", core
    yield "hex", core.hex().encode()
    yield "HEX", core.hex().upper().encode()
    for at, part in enumerate(base64_parts(core)):
        yield f"base64 {at}", part
        yield f"base64url {at}", part.replace(b"+", b"-").replace(b"/", b"_")
        for again, inner in enumerate(base64_parts(part)):
            yield f"base64 of base64 {at}{again}", inner
    if value != core:
        yield "percent", urllib.parse.quote(value, safe="").encode()
        yield "json", json.dumps(text)[1:-1].encode()
        yield "html", html.escape(text).encode()


class Hunt:
    """Collects what was written, and says where a secret is in it."""

    def __init__(self):
        self.secrets, self.seen, self.shown = [], {}, {}
        self.lines = Lines(self.secrets)

    def plant(self, kind, awkward=True):
        return self.add(plant(kind, awkward)).value.decode()

    def add(self, secret):
        self.secrets.append(secret)
        return secret

    def note(self, where, what):
        """Something that somebody can read. Where a name comes again, it is longer by that."""
        what = what if isinstance(what, bytes) else what.encode("utf-8", "surrogateescape")
        self.seen[where] = self.seen.get(where, b"") + b"\n" + what

    def note_files(self, where, folder, leave=()):
        """Every file below a folder, but those of these names, which are secret themselves."""
        for directory, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(directory, name)
                if name not in leave and os.path.isfile(path):
                    with open(path, "rb") as file:
                        self.note(f"{where} {os.path.relpath(path, folder)}", file.read())

    def show_once(self, secret, where):
        """This one is told to its owner: there once, and nowhere else."""
        self.shown[id(secret)] = where

    def found(self, secret):
        """Where it is, and as what."""
        for where, what in self.seen.items():
            for form, needle in secret.forms.items():
                count = what.count(needle)
                if form == "plain" and where == self.shown.get(id(secret)):
                    count -= 1
                if count:
                    at = what.find(needle)
                    yield f"{where}, {form}: …{what[max(0, at - 60) : at + 12].decode(errors='replace')}…".replace("\n", " ")
        yield from (f"command line {line}" for line in self.lines.hits(secret))


class Lines(threading.Thread):
    """Reads every process's command line all the time, as anybody on the machine can."""

    def __init__(self, secrets):
        super().__init__(daemon=True)
        self.secrets, self.seen, self.done = secrets, set(), threading.Event()
        # What is on command lines because somebody wrote it there.
        self.typed = set()
        # How often each process was read: a few times, since a new one has the line of its parent at first.
        self.reads = {str(os.getpid()): READS}

    def run(self):
        while not self.done.wait(0.01):
            for pid in os.listdir("/proc"):
                if pid.isdigit() and self.reads.get(pid, 0) < READS:
                    self.reads[pid] = self.reads.get(pid, 0) + 1
                    self.read(pid)

    def read(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                self.seen.add(file.read())
        except OSError:
            pass

    def hits(self, secret):
        if secret.value in self.typed:
            return []
        return [line.replace(b"\0", b" ").decode(errors="replace") for line in self.seen if any(form in line for form in secret.forms.values())]
