"""Everything at once that adds and takes away: pushes, mounts, deletions, pulls, evictions, scrubs.

Each second everything gets two hours older, in the database itself: else nothing would be old enough to be evicted. What was pushed
and acknowledged must be there whenever it is asked for, what is pulled must be whole, and at the end bytes and records must agree.
"""
import random
import sqlite3
import threading
import time

import origin
from client import BROKEN, OCTETS, Refused, noise

HOSTED = "local/soak/collect"
SECOND = 1.0
HOURS = 2 * 3600 * 1000
IMAGES = 40
QUICK, LONG = 60, 30 * 60


class Yard:
    """What was promised, and what was found wrong."""

    def __init__(self, server, data):
        self.client, self.data = server.client, data
        self.lock = threading.Lock()
        # Tags that were acknowledged and not deleted since: the manifest and its blobs.
        self.tags = {}
        self.wrong, self.counts = [], {}
        self.ends = threading.Event()

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def blame(self, what):
        with self.lock:
            if len(self.wrong) < 20:
                self.wrong.append(what)

    def each_second(self, work, seed):
        """Does `work` again and again, with chances of its own, until the end."""
        chance = random.Random(seed)
        while not self.ends.is_set():
            began = time.monotonic()
            try:
                work(chance)
            except Refused as refused:
                self.blame(str(refused))
            except BROKEN as broken:
                self.blame(f"{work.__name__}: {broken!r}")
            self.ends.wait(max(0.0, began + SECOND - time.monotonic()))

    # ---- what is pushed -------------------------------------------------------------------------

    def push(self, chance):
        """An image of a common blob, one that is mounted, and one of its own; then it is read back."""
        tag = f"t{chance.randrange(30)}"
        common, own = noise("common", 50_000), noise(f"own {chance.random()}", 200_000)
        config = b'{"architecture":"amd64","os":"linux"}'
        blobs = [config, common, own, self.mount(chance)]
        for blob in blobs[:3]:
            self.client.expect(201, "POST", f"/v2/{HOSTED}/blobs/uploads/?digest={origin.digest(blob)}", blob, OCTETS)
        manifest = origin.manifest_of(config, blobs[1:])
        self.client.expect(201, "PUT", f"/v2/{HOSTED}/manifests/{tag}", manifest, {"Content-Type": origin.MANIFEST})
        with self.lock:
            self.tags[tag] = (manifest, blobs)
        self.count("pushes")

    def mount(self, chance):
        """A blob of what is mirrored. If it is not held now, it is not mounted: then there is a session instead."""
        source = image(chance)
        name, blob = chance.choice(sorted(origin.image(source)[1].items()))
        path = f"/v2/{HOSTED}/blobs/uploads/?mount={name}&from=docker.io/library/{source}"
        status, headers, content = self.client.ask("POST", path, b"")
        if status == 202:
            self.client.expect(201, "PUT", f"{headers['Location']}?digest={name}", blob, OCTETS)
        elif status != 201:
            raise Refused("mount", status, content)
        self.count("mounts" if status == 201 else "not mounted")
        return blob

    def delete(self, chance):
        """An image, and the blob that is its own."""
        with self.lock:
            tag = chance.choice(sorted(self.tags)) if self.tags else None
            gone = self.tags.pop(tag, None)
        if gone:
            manifest, blobs = gone
            for path in (f"manifests/{origin.digest(manifest)}", f"blobs/{origin.digest(blobs[2])}"):
                self.client.expect(202, "DELETE", f"/v2/{HOSTED}/{path}")
            self.count("deletions")

    def is_promised(self, tag, kept):
        with self.lock:
            return self.tags.get(tag) is kept

    def read_back(self, chance):
        """Something that was acknowledged, unless it is deleted meanwhile."""
        with self.lock:
            tag = chance.choice(sorted(self.tags)) if self.tags else None
            kept = self.tags.get(tag)
        if not kept:
            return
        manifest, blobs = kept
        for path, wanted in [(f"manifests/{origin.digest(manifest)}", manifest)] + [
            (f"blobs/{origin.digest(blob)}", blob) for blob in blobs
        ]:
            status, _, content = self.client.ask("GET", f"/v2/{HOSTED}/{path}")
            if (status != 200 or content != wanted) and self.is_promised(tag, kept):
                self.blame(f"{HOSTED}/{path}: {status} with {len(content)} of {len(wanted)} bytes")
        self.count("read back")

    # ---- what is pulled -------------------------------------------------------------------------

    def pull(self, chance):
        name = image(chance)
        manifest, blobs = origin.image(name)
        _, content = self.client.expect(200, "GET", f"/v2/docker.io/library/{name}/manifests/1")
        if content != manifest:
            self.blame(f"{name}: another manifest")
        for digest, wanted in blobs.items():
            _, content = self.client.expect(200, "GET", f"/v2/docker.io/library/{name}/blobs/{digest}")
            if content != wanted:
                self.blame(f"{name}: {len(content)} of {len(wanted)} bytes")
        self.count("pulls")

    # ---- what is taken away ---------------------------------------------------------------------

    def evict(self, chance):
        with sqlite3.connect(f"{self.data}/entrepot.db", timeout=30) as database:
            database.execute("UPDATE manifest SET created_ms = created_ms - ?, last_used_ms = last_used_ms - ?", (HOURS, HOURS))
            database.execute("UPDATE blob SET created_ms = created_ms - ?", (HOURS,))
        self.begin(f"/api/v1/cache/eviction?free={chance.choice([1, 1_000_000, 1 << 40])}", "evictions")

    def scrub(self, _):
        self.begin("/api/v1/cache/scrub?rate=1000000000", "scrubs")

    def begin(self, path, what):
        try:
            self.client.owner(200, "POST", path)
            self.count(what)
        except Refused as refused:
            # The one before is still under way.
            if refused.status != 409:
                raise

    def settle(self):
        """Waits until nothing is under way, and returns what the last of each said."""
        for path in ("eviction", "scrub"):
            for _ in range(600):
                state = self.client.owner(200, "GET", f"/api/v1/cache/{path}")
                if not state["running"]:
                    break
                time.sleep(0.1)
            else:
                self.blame(f"{path} does not end")
            last = state["last"] or {}
            if last.get("end") not in (None, "done") or last.get("found"):
                self.blame(f"{path}: {last}")


def image(chance):
    return f"c{chance.randrange(IMAGES)}-300000-{chance.choice([20_000, 70_000])}"


def soak(lab):
    """C02. For a minute, or half an hour."""
    seconds = QUICK if lab.quick else LONG
    folder = lab.folder()
    with lab.origin() as upstream, lab.serving(folder, upstream=f"http://127.0.0.1:{upstream.port}") as server:
        yard = Yard(server, f"{folder}/data")
        work = [yard.push, yard.push, yard.delete, yard.read_back, yard.pull, yard.pull, yard.evict, yard.scrub]
        threads = [threading.Thread(target=yard.each_second, args=(one, nth)) for nth, one in enumerate(work)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        yard.ends.set()
        for thread in threads:
            thread.join()
        yard.settle()
        for tag in sorted(yard.tags):
            yard.read_back(random.Random(tag))
        found = server.client.owner(200, "GET", "/api/v1/cache/verification")
        if found["findings"]:
            yard.blame(f"bytes and records disagree: {found['findings'][:3]}")
        for wanted in ("pushes", "pulls", "deletions", "evictions", "scrubs", "read back"):
            if not yard.counts.get(wanted):
                yard.blame(f"there were no {wanted}")
    return dict(sorted(yard.counts.items())), yard.wrong
