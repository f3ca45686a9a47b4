"""S07: the power fails while clients push and pull. The data directory is on a file system in an image file, which lies
on btrfs: a reflink copy of the mounted image is the disk as it was at that moment, without what was only in memory.
"""
import os
import random
import threading
import time

import origin as registry
from client import BROKEN, REPOSITORY, Client, Promises, Refused, look, noise
from lab import check_database, run

MIB = 1 << 20
INNER = 768 * MIB
PUSHERS, PULLERS = 3, 2
CUTS = 5  # of one disk: all that it holds is looked at each time
PULLED = 10  # images of those pulled last that are looked at
KINDS = {"ext4": ("-m", "0"), "xfs": ("-f",)}
MOUNT = {"ext4": "loop", "xfs": "loop,nouuid"}


class Traffic:
    """Clients that push and pull without a pause, and remember what they were told."""

    def __init__(self, server):
        self.port, self.promises, self.ended = server.port, Promises(), threading.Event()
        self.moving, self.pulled, self.errors = {}, [], []
        self.threads = [threading.Thread(target=self.push, args=(at,), daemon=True) for at in range(PUSHERS)]
        self.threads += [threading.Thread(target=self.pull, args=(at,), daemon=True) for at in range(PULLERS)]
        for one in self.threads:
            one.start()

    def push(self, who):
        client, at = Client(self.port, keep=True), 0
        while not self.ended.is_set():
            at += 1
            seed = f"{who} {at}"
            sizes = random.Random(seed).choices((500, 9000, 70_000, 300_000), k=3)
            blobs = [noise(f"{seed} {part}", size) for part, size in enumerate(sizes)]
            ways = (self.promises.push_at_once, self.promises.push_in_two, self.promises.push_in_chunks)
            try:
                for turn, blob in enumerate(blobs):
                    ways[(at + turn) % 3](client, blob)
                self.promises.push_manifest(client, blobs, f"t-{who}-{at}")
                # A tag that moves: it may be ahead of what was acknowledged, never behind.
                with self.promises.lock:
                    name = self.promises.tags[f"t-{who}-{at}"]
                self.move(client, who, at, name)
            except (Refused, *BROKEN) as error:
                self.errors.append(str(error))
                return

    def move(self, client, who, at, name):
        content = client.expect(200, "GET", f"/v2/{REPOSITORY}/manifests/{name}")[1]
        history = self.moving.setdefault(who, [[], 0])
        history[0].append(name)
        kind = {"Content-Type": registry.MANIFEST}
        client.expect(201, "PUT", f"/v2/{REPOSITORY}/manifests/latest-{who}", content, kind)
        history[1] = len(history[0])

    def pull(self, who):
        client, at = Client(self.port, keep=True), 0
        while not self.ended.is_set():
            at += 1
            name = f"cut{who}x{at}-{random.Random(f'{who} {at}').choice((3000, 200_000, 1_500_000))}"
            manifest, blobs = registry.image(name)
            base = f"/v2/docker.io/library/{name}"
            self.pulled.append(name)
            for path, digest in [(f"{base}/manifests/v1", registry.digest(manifest))] + [
                (f"{base}/blobs/{digest}", digest) for digest in blobs
            ]:
                if look(client, path, digest) != "right":
                    self.errors.append(f"a pull of {name} failed")

    def so_far(self):
        """What was acknowledged until now. What comes later is none of the cut's business."""
        promises = self.promises.copy()
        moving = {who: (list(names), done) for who, (names, done) in list(self.moving.items())}
        return promises, moving, self.pulled[-PULLED:]

    def tags_since(self, moving):
        """For each moving tag, all it may be: what was acknowledged last, and what was sent after that."""
        return {who: set(self.moving[who][0][done - 1 :]) for who, (_, done) in moving.items() if done}

    def stop(self):
        self.ended.set()
        for one in self.threads:
            one.join(60)


def power_cuts(lab, kind):
    """Returns what was counted, and what was lost."""
    figures, wrong = {"cuts": 0, "acknowledged": 0, "looked_at": 0, "pulls_looked_at": 0}, []
    folder, cuts = lab.folder(), lab.options.cuts
    outer = lab.image(f"{folder}/outer", 6 * INNER, "btrfs")
    with lab.origin() as origin, lab.mounted(outer, f"{folder}/outer.d", "-o", "loop") as place:
        for done in range(0, cuts, CUTS):
            inner = lab.image(f"{place}/inner", INNER, kind, *KINDS[kind])
            count = min(CUTS, cuts - done)
            cut_disk(lab, kind, inner, origin.url, count, figures, wrong)
            os.unlink(inner)
    return figures, wrong


def cut_disk(lab, kind, inner, upstream, count, figures, wrong):
    """Some cuts of one disk, from its first seconds on."""
    folder = lab.folder()
    with lab.mounted(inner, f"{folder}/disk", "-o", "loop") as disk:
        with lab.serving(folder, upstream=upstream, data=f"{disk}/data") as server:
            traffic = Traffic(server)
            for number in range(count):
                time.sleep(random.uniform(0.2, 2.5) if number else random.uniform(0.05, 1.0))
                before = traffic.so_far()
                run(["cp", "--reflink=always", inner, f"{inner}.cut{number}"])
                tags = traffic.tags_since(before[1])
                inspect(lab, kind, f"{inner}.cut{number}", upstream, (before[0], tags, before[2]), figures, wrong)
                os.unlink(f"{inner}.cut{number}")
            traffic.stop()
            wrong += traffic.errors


def inspect(lab, kind, image, upstream, before, figures, wrong):
    """The power is back."""
    promises, tags, pulled = before
    folder, label = lab.folder(), f"{kind} cut {figures['cuts'] + 1}"
    with lab.mounted(image, f"{folder}/disk", "-o", MOUNT[kind]) as disk:
        data = f"{disk}/data"
        bad = []
        with lab.serving(folder, upstream=upstream, data=data) as server:
            bad += promises.broken(server.client)
            for who, possible in tags.items():
                bad += tag_is_behind(server.client, who, possible)
            client = Client(server.port, keep=True)
            for name in pulled:
                for digest in registry.image(name)[1]:
                    found = look(client, f"/v2/docker.io/library/{name}/blobs/{digest}", digest)
                    figures["pulls_looked_at"] += 1
                    bad += [f"pulled {digest[:19]} is {found}"] if found != "right" else []
        bad += check_database(f"{data}/entrepot.db")
    figures["cuts"] += 1
    figures["acknowledged"] += promises.count()
    figures["looked_at"] += len(promises.tried)
    wrong += [f"{label}: {one}" for one in bad]


def tag_is_behind(client, who, possible):
    """The moving tag is where it was acknowledged last, or where it was about to go."""
    status, headers, _ = client.ask("HEAD", f"/v2/{REPOSITORY}/manifests/latest-{who}")
    found = headers.get("Docker-Content-Digest")
    return [] if status == 200 and found in possible else [f"tag latest-{who}: {status} {found}"]
