#!/usr/bin/env python3
"""entrepot on each pair of stores: disk or S3 for bytes, SQLite or PostgreSQL for records.

    stores.py BINARY [--quick] [--only CASE,...] [--pair PAIR,...]

A line for each case: ok, FAIL or skip; then `N passed, N failed, N skipped`. Exit code 1 if one failed or none ran.
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/soak", f"{ROOT}/bench"]

import backends  # noqa: E402
import origin  # noqa: E402
from client import BROKEN, OCTETS, REPOSITORY, Promises, Refused, look, noise, pull  # noqa: E402
from lab import Lab, Skipped, Violation  # noqa: E402
from machine import Failed, stop_all  # noqa: E402
from stage import PATIENCE, Stage, busy, eventually, must, push_image, status  # noqa: E402


# ---- cases -----------------------------------------------------------------------------------------


def flow(stage):
    """Pushes in every way, pulls cold and warm, a range, what is listed."""
    client = stage.up()
    blobs = push_image(stage, "flow", "v1", (500, 90_000, 6_000_000))
    for _ in range(2):
        wrong = pull(client, "flow-1000-200000-7000000")
        must(not wrong, "; ".join(wrong))
    name = origin.digest(blobs[2])
    _, part = client.expect(206, "GET", f"/v2/{REPOSITORY}/blobs/{name}", headers={"Range": "bytes=70000-70099"})
    must(part == blobs[2][70_000:70_100], "a range has other bytes")
    stage.kept()
    code, out, error = stage.command("cache", "ls")
    must(code == 0 and REPOSITORY in out and "docker.io/library/flow" in out, f"`cache ls` lists something else: {out}{error}")
    # What was served may still be on its way into the store.
    _, digests = origin.image("flow-1000-200000-7000000")
    eventually("the blobs to be kept", lambda: set(digests) <= stage.stores.stored(stage.folder))
    stage.equal()
    return f"{stage.promises.count()} promises"


def restart(stage):
    """What was pushed and pulled is there after a restart, without the origin."""
    client = stage.again(upstream="http://127.0.0.1:9")
    stage.kept()
    wrong = pull(client, "flow-1000-200000-7000000")
    must(not wrong, "; ".join(wrong))
    stage.again()


def kills(stage):
    """Killed while clients push, pull and remove."""
    chance, rounds = random.Random(7), 1 if stage.quick else 6
    for number in range(rounds):
        stop = threading.Event()
        clients = [threading.Thread(target=busy, args=(stage, f"{number}c{at}", stop)) for at in range(4)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.5, 2))
        stage.kill()
        stop.set()
        for client in clients:
            client.join()
        stage.up()
        stage.kept()
    stage.equal()
    return f"{rounds} kills, {stage.promises.count()} promises"


def verification(stage):
    """Bytes are taken away and added behind its back: found, repaired, fetched again."""
    client = stage.server.client
    image = "verify-1000-200000"
    must(not pull(client, image), "the image cannot be pulled")
    _, digests = origin.image(image)
    eventually("the blobs to be kept", lambda: set(digests) <= stage.stores.stored(stage.folder))
    stage.equal()
    lost = max(digests, key=lambda digest: len(digests[digest]))
    for with_server in (True, False):
        stray = stage.stores.stray(stage.folder, noise(f"stray {with_server}", 70_000))
        stage.stores.lose(stage.folder, lost)
        if not with_server:
            stage.down()
        # Without a server, what is new may be another server's.
        wanted = {lost: "missing-bytes"} | ({stray: "missing-record"} if with_server else {})
        for options, expected in (((), 1), (("--repair",), 0), ((), 0)):
            code, found = stage.verify(*options)
            seen = {finding["digest"]: finding["fault"] for finding in found}
            must(code == expected and seen == wanted, f"`verify {' '.join(options)}`: exit code {code}, {seen}, not {wanted}")
            wanted = wanted if not options else {}
        must((stray in stage.stores.stored(stage.folder)) != with_server, "the stray bytes are not as they should be")
        if not with_server:
            stage.stores.lose(stage.folder, stray)
            client = stage.up()
        must(not pull(client, image), "what was lost is not fetched again")
        eventually("the blob to be kept again", lambda: lost in stage.stores.stored(stage.folder))


def catalog_away(stage):
    """PostgreSQL ends and comes back: nothing that exists is said not to exist."""
    client = stage.again()
    tag, name = next(iter(stage.promises.tags.items()))
    began = time.monotonic()
    stage.stores.postgres.kill()
    try:
        for path in (f"/v2/{REPOSITORY}/manifests/{tag}", f"/v2/{REPOSITORY}/manifests/{name}", f"/v2/{REPOSITORY}/tags/list"):
            found, headers, _ = client.ask("GET", path, headers={"Accept": origin.MANIFEST})
            must(found == 503, f"GET {path} is {found}, not 503")
            must(headers["Retry-After"], f"GET {path} has no Retry-After")
        wrong = pull(client, "flow-1000-200000-7000000")
        must(not wrong, f"mirrored: {'; '.join(wrong)}")
        took = time.monotonic() - began
        must(status(client, "/readyz") == 503, "/readyz does not notice")
    finally:
        stage.stores.postgres.start()
    path = f"/v2/{REPOSITORY}/manifests/{tag}"
    eventually("the tag to be served again", lambda: status(client, path) == 200)
    stage.kept()
    push_image(stage, "catalog", "catalog")
    stage.equal()
    return f"away for {took:.1f} s of answers"


def s3_away(stage):
    """S3 cannot be reached: as with a full disk, mirrored pulls go through, and pushes are told to come again."""
    client, proxy = stage.again(), stage.stores.proxy
    hosted = next(name for name in stage.promises.blobs if stage.promises.tried[name] > 80_000)
    proxy.down()
    try:
        # A connection may break, but no answer lies.
        found = look(client, f"/v2/{REPOSITORY}/blobs/{hosted}", hosted)
        must(found == "refused (503)", f"a hosted blob is {found}")
        for image in ("flow-1000-200000-7000000", "away-1000-200000"):
            wrong = pull(client, image)
            must(not wrong, f"mirrored: {'; '.join(wrong)}")
        blob = noise("away", 70_000)
        path = f"/v2/{REPOSITORY}/blobs/uploads/?digest={origin.digest(blob)}"
        found, headers, _ = client.ask("POST", path, blob, OCTETS)
        must(found == 503 and headers["Retry-After"], f"a push is {found}, Retry-After {headers['Retry-After']}")
        must(status(client, "/readyz") == 503, "/readyz does not ask the bucket")
    finally:
        proxy.up()
    eventually("/readyz to be well again", lambda: status(client, "/readyz") == 200)
    stage.kept()
    push_image(stage, "away", "away")
    stage.equal()


def s3_gone(stage):
    """An object is gone, with and without a cache that knows it: fetched again, or 404 if it was pushed."""
    client, image = stage.again(), "gone-1000-200000"
    must(not pull(client, image), "the image cannot be pulled")
    _, digests = origin.image(image)
    mirrored = max(digests, key=lambda digest: len(digests[digest]))
    eventually("the blob to be kept", lambda: mirrored in stage.stores.stored(stage.folder))
    for is_cached in (True, False):
        if not is_cached:
            client = stage.again()
        pushed = Promises().push_at_once(client, noise(f"gone {is_cached}", 90_000))
        path = f"/v2/docker.io/library/{image}/blobs/{mirrored}"
        if is_cached:
            must(look(client, path, mirrored) == "right", "it cannot be pulled warm")
            must(look(client, f"/v2/{REPOSITORY}/blobs/{pushed}", pushed) == "right", "it cannot be pulled")
        for digest in (mirrored, pushed):
            stage.stores.lose(stage.folder, digest)
        found = look(client, f"/v2/{REPOSITORY}/blobs/{pushed}", pushed)
        must(found == "refused (404)", f"a pushed blob whose object is gone is {found}")
        found = look(client, path, mirrored)
        must(found == "right", f"a mirrored blob whose object is gone is {found}")
        eventually("the blob to be kept again", lambda: mirrored in stage.stores.stored(stage.folder))
        client.ask("DELETE", f"/v2/{REPOSITORY}/blobs/{pushed}")
    stage.equal()


def s3_faults(stage):
    """Errors, cut requests, lost replies, short answers: an error or the right bytes, and no promise broken."""
    client, proxy, chance = stage.again(), stage.stores.proxy, random.Random(11)
    lock = threading.Lock()

    def fault(*_):
        with lock:
            return chance.choice((500, 503, "cut", "lose", "short")) if chance.random() < 0.2 else None

    proxy.fault = fault
    refused = 0
    try:
        for number in range(4 if stage.quick else 30):
            try:
                push_image(stage, f"faults {number}", f"f{number}")
            except (Refused, *BROKEN):
                refused += 1
            for path in pull(client, f"faults{number}-1000-100000"):
                must(" is wrong" not in path, path)
    finally:
        proxy.fault = None
    stage.kept()
    stage.equal()
    return f"{refused} pushes refused"


def s3_lost_reply(stage):
    """One lost reply to a small PUT does not switch conditional writes off."""
    client, proxy, lost = stage.again(), stage.stores.proxy, []

    def fault(method, path):
        if method == "PUT" and "uploadId" not in path and not lost:
            lost.append(path)
            return "lose"
        return None

    proxy.fault = fault
    try:
        Promises().push_manifest(client, push_blobs(client, "lost"), "lost")
    except (Refused, *BROKEN):
        pass
    finally:
        proxy.fault = None
    must(lost, "no reply was lost")
    proxy.asked.clear()
    Promises().push_manifest(client, push_blobs(client, "found"), "found")
    puts = [condition for method, path, condition in proxy.asked if method == "PUT" and "uploadId" not in path]
    must(puts and set(puts) == {"*"}, f"the next writes have the conditions {puts}")


def push_blobs(client, seed):
    blobs = [noise(f"{seed} {at}", 400) for at in range(2)]
    for blob in blobs:
        Promises().push_at_once(client, blob)
    return blobs


def complete(stage):
    """Killed between the last byte of a download and its commit: not one byte is fetched again."""
    client, proxy, image = stage.again(), stage.stores.proxy, "complete-9000000"
    _, digests = origin.image(image)
    name = max(digests, key=lambda digest: len(digests[digest]))
    path, held, waits = f"/v2/docker.io/library/{image}/blobs/{name}", threading.Event(), threading.Event()

    def fault(method, asked):
        if method in ("PUT", "POST") and name.partition(":")[2] in asked:
            waits.set()
            return held
        return None

    proxy.fault = fault
    try:
        must(look(client, path, name) == "right", "it cannot be pulled")
        must(waits.wait(PATIENCE), "it is not being stored")
        stage.kill()
    finally:
        proxy.fault = None
        held.set()
    client = stage.up(upstream="http://127.0.0.1:9")
    eventually("the download to be taken up without its origin", lambda: look(client, path, name) == "right")
    eventually("the blob to be kept", lambda: name in stage.stores.stored(stage.folder))
    stage.again()
    stage.equal()


# Which cases a pair has, and whether --quick has them.
CASES = (
    (flow, "", True),
    (restart, "", True),
    (verification, "", True),
    (kills, "", True),
    (catalog_away, "postgres", True),
    (s3_away, "s3", True),
    (s3_gone, "s3", True),
    (s3_lost_reply, "s3", True),
    (s3_faults, "s3", False),
    (complete, "s3", True),
)
# With --quick, a pair is left to what only it has.
QUICK = {"disk-sqlite": (flow, restart, verification, kills), "disk-postgres": (flow, catalog_away), "s3-sqlite": (flow, verification)}


def run(stage, case):
    """A case's outcome and a note. After a failure the next one begins with a server that answers."""
    try:
        return "ok", case(stage) or ""
    except Skipped as why:
        return "skip", str(why)
    except (Violation, Refused) as why:
        return "FAIL", str(why)
    except (Failed, KeyError, ValueError, StopIteration, subprocess.SubprocessError, *BROKEN) as error:
        return "FAIL", f"{type(error).__name__}: {error}"


class Results:
    def __init__(self):
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}

    def tell(self, outcome, pair, case, note, seconds=None):
        self.counts[outcome] += 1
        # What is left out is counted by its line, which is the same each time.
        took = "" if outcome == "skip" else f"{seconds:.1f} s  "
        print(f"{outcome:<4}  {'stores':<8}  {pair:<20}  {case:<13}  {took}{note}", flush=True)

    def closing(self):
        print("{ok} passed, {FAIL} failed, {skip} skipped".format(**self.counts))
        return int(self.counts["FAIL"] > 0 or self.counts["ok"] == 0)


def perform(lab, asked, results):
    """All cases of a pair, on one server that lives through them."""
    pair, kind = asked.pair, asked.kind
    label = pair if kind == backends.S3_SERVERS[0] or "s3" not in pair else f"{pair} {kind}"
    try:
        stores = backends.Backends(lab, pair, kind)
    except Skipped as why:
        return results.tell("skip", label, "-", str(why))
    stage = Stage(lab, stores)
    try:
        with lab.origin() as stage.origin:
            for case, needs, quick in CASES:
                wanted = case.__name__ in asked.only if asked.only else quick or not lab.quick
                if lab.quick and not asked.only:
                    wanted = wanted and case in QUICK.get(pair, (case,))
                if needs not in pair or not (wanted or case is flow):
                    continue
                began = time.monotonic()
                outcome, note = run(stage, case)
                results.tell(outcome, label, case.__name__, note, time.monotonic() - began)
                if outcome == "FAIL" and not recover(stage):
                    return results.tell("FAIL", label, "-", "entrepot does not come back", 0)
    finally:
        stage.down()
        stores.close()
        stop_all()


def recover(stage):
    try:
        stage.again()
        return True
    except (Failed, OSError):
        return False


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--pair", default="")
    asked = parser.parse_args()
    asked.only, asked.pairs = set(filter(None, asked.only.split(","))), set(filter(None, asked.pair.split(",")))
    return asked


def main():
    asked, results = options(), Results()
    lab = Lab(os.path.abspath(asked.binary), asked)
    try:
        runs = [(pair, backends.S3_SERVERS[0]) for pair in backends.PAIRS]
        if not asked.quick:
            runs += [("s3-sqlite", kind) for kind in backends.S3_SERVERS[1:]]
        for asked.pair, asked.kind in runs:
            if not asked.pairs or asked.pair in asked.pairs:
                perform(lab, asked, results)
    finally:
        stop_all()
        lab.close()
    return results.closing()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
