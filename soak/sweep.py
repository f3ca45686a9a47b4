"""S06: killed before every single system call that changes a file, in every flow; and what is found after a restart."""
import os
import random
import time
from dataclasses import dataclass, field

import client as remote
from client import BROKEN, Promises, Refused, noise, pull
import shutil

from lab import Failed, Violation, check_database, known, staged, stored, until

IMAGE = "kill-120000-400000"
SLOW = "slow-2500000"
QUIET = 0.25  # seconds without a call after which nothing more is to come


@dataclass
class Flow:
    name: str
    run: object  # (client, promises)
    prepare: object = None  # what comes before, unharmed
    upstream: tuple = ()  # the options of its origin
    image: str = ""  # what is pulled
    start: bool = False  # the start itself is what is killed
    look: object = None  # what else is wrong after a restart: (server's folder, client)


def blobs(count=3):
    return [noise(f"blob {at}", 90_000 + at) for at in range(count)]


def push_blobs(client, promises):
    for blob in blobs():
        promises.push_at_once(client, blob)


def delete(client, promises):
    """What is deleted is promised no longer, from when it is asked for."""
    content = promises.tags.pop("v1")
    promises.manifests.discard(content)
    client.expect(202, "DELETE", f"/v2/{remote.REPOSITORY}/manifests/{content}")
    for name in list(promises.blobs):
        promises.blobs.discard(name)
        client.expect(202, "DELETE", f"/v2/{remote.REPOSITORY}/blobs/{name}")


def push_image(client, promises):
    push_blobs(client, promises)
    promises.push_manifest(client, blobs(), "v1")


CREDENTIALS = [f"c{at}" for at in range(3)]


def store_credentials(client, promises):
    for name in CREDENTIALS:
        new = {"name": name, "registry": "quay.io", "username": "robot", "password": "canary-password"}
        client.owner(201, "POST", "/api/v1/credentials", new)


def rotate(client, promises):
    client.owner(200, "POST", "/api/v1/secrets/rotate")


def sealed(folder, client):
    """The start has opened everything that is sealed. There is one key, and no other copy of any."""
    status = client.owner(200, "GET", "/api/v1/secrets")
    listed = [one["name"] for one in client.owner(200, "GET", "/api/v1/credentials")["credentials"]]
    wrong = [] if listed == CREDENTIALS else [f"credentials: {listed}"]
    if len(status["keys"]) != 1 or status["keys"][0]["values"] < len(CREDENTIALS) + 1:
        wrong.append(f"keys: {status['keys']}")
    left = [name for name in os.listdir(f"{folder}/data") if name.startswith(".draft-")]
    return wrong + [f"left behind: {name}" for name in left]


FLOWS = (
    Flow("start", lambda client, promises: None, start=True),
    Flow("push-at-once", lambda client, promises: promises.push_at_once(client, blobs(1)[0])),
    Flow("push-in-two", lambda client, promises: promises.push_in_two(client, blobs(1)[0])),
    Flow("push-in-chunks", lambda client, promises: promises.push_in_chunks(client, blobs(1)[0])),
    Flow("push-manifest", lambda client, promises: promises.push_manifest(client, blobs(), "v1"), push_blobs),
    Flow("delete", delete, push_image),
    Flow("rotate", rotate, store_credentials, look=sealed),
    Flow("fill", lambda client, promises: pull(client, IMAGE), image=IMAGE),
    Flow(
        "fill-slow", lambda client, promises: pull(client, SLOW), image=SLOW, upstream=("--connection-mbyte", "1.5")
    ),
)


# What a client does who starts over, where that is not what it did.
AGAIN = {"delete": (push_image,), "rotate": (rotate,)}


@dataclass
class Swept:
    """What a flow's sweep came to."""

    points: int = 0
    kills: int = 0
    acknowledged: int = 0
    unlinked: int = 0
    wrong: list = field(default_factory=list)


class Killer:
    """Ends the program right before its k-th call."""

    def __init__(self, at):
        self.at, self.count, self.last, self.killed = at, 0, time.monotonic(), False

    def __call__(self, call, path):
        if self.killed or not call.changes:
            return None
        self.count, self.last = self.count + 1, time.monotonic()
        self.killed = self.count == self.at
        return "kill" if self.killed else None


def broken_off(lab, flow, at, folder, upstream, promises):
    """The flow with a kill in it, if there are so many calls in it."""
    watch, killer = lab.watch(folder), Killer(at)
    if flow.start:
        watch.decide = killer
    try:
        server = lab.entrepot(folder, upstream, watch)
    except Failed:
        if flow.start and killer.killed:
            return killer
        raise
    if flow.prepare:
        flow.prepare(server.client, promises)
    killer.last = time.monotonic()
    watch.decide = killer
    try:
        flow.run(server.client, promises)
        # What goes on behind the answer belongs to it.
        while not killer.killed and time.monotonic() - killer.last < QUIET:
            time.sleep(0.01)
    except BROKEN:
        if not killer.killed:
            raise
    if killer.killed:
        server.process.wait(20)
    watch.decide = None
    server.stop()
    return killer


def inspect(lab, flow, folder, upstream, promises, swept):
    """A restart: everything promised is there, nothing wrong is given out, the flow can be repeated, nothing stays behind."""
    wrong = check_database(f"{folder}/data/entrepot.db")
    server = lab.entrepot(folder, upstream)
    try:
        wrong += promises.broken(server.client)
        wrong += flow.look(folder, server.client) if flow.look else []
        swept.acknowledged += promises.count()
        sessions = set(promises.sessions)
        wrong += again(flow, server.client, promises)
        try:
            until("only sessions are staged", 5, lambda: not left_over(server.client, folder, sessions))
        except Violation:
            wrong.append(f"left behind: {left_over(server.client, folder, sessions)}")
    finally:
        server.stop()
    swept.unlinked += len(stored(folder) - known(f"{folder}/data/entrepot.db"))
    return wrong


def again(flow, client, promises):
    """The client starts over, as clients do."""
    try:
        if flow.image:
            return pull(client, flow.image)
        for step in AGAIN.get(flow.name, (flow.prepare, flow.run)):
            if step:
                step(client, promises)
        return promises.broken(client)
    except (Refused, *BROKEN) as error:
        return [f"not again: {error}"]


def left_over(client, folder, sessions):
    """Staged files that no client can go on with."""
    left = []
    for name in staged(folder):
        session = name.removeprefix("upload-").removesuffix(".json")
        path = f"/v2/{remote.REPOSITORY}/blobs/uploads/{session}"
        if session not in sessions or client.ask("GET", path)[0] != 204:
            left.append(name)
    return left


def sweep(lab, flow, step, first):
    swept, at = Swept(), first
    with lab.origin(*flow.upstream) as origin:
        while True:
            folder, promises = lab.folder(), Promises()
            killer = broken_off(lab, flow, at, folder, origin.url, promises)
            swept.points = max(swept.points, killer.count)
            swept.kills += killer.killed
            # The last round, in which nothing was killed, is looked at as well.
            found = inspect(lab, flow, folder, origin.url, promises, swept)
            swept.wrong += [f"{flow.name} killed at call {at}: {one}" for one in found]
            shutil.rmtree(folder)
            if not killer.killed:
                return swept
            at += step


def kill_sweep(lab):
    """For each flow a line: how many places there are, how many kills, what was wrong."""
    step = lab.options.step
    flows = [flow for flow in FLOWS if not (lab.quick and flow.name == "fill-slow")]
    all_of_them, lines = Swept(), []
    for flow in flows:
        # A sweep with gaps begins somewhere else each time.
        swept = sweep(lab, flow, step, random.randint(1, step))
        lines.append(f"{flow.name} {swept.kills} of {swept.points}")
        all_of_them.kills += swept.kills
        all_of_them.acknowledged += swept.acknowledged
        all_of_them.unlinked += swept.unlinked
        all_of_them.wrong += swept.wrong
    return {
        "kills": all_of_them.kills,
        "acknowledged": all_of_them.acknowledged,
        "unlinked": all_of_them.unlinked,
        "flows": ", ".join(lines),
    }, all_of_them.wrong
