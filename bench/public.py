#!/usr/bin/env python3
"""A public mirror and its crowd: what fair clients get beside those that take too much, with limits and without.

    bench/public.py [--quick] [--seconds 60] [--mbit 200] [--json FILE]

Clients are told apart by `X-Forwarded-For`, as behind a proxy. All of them read through one link of --mbit.

fair    pulls of 2,000 addresses at 40 % of the link, images by Zipf from names as in an allow list; one in ten reads slowly
loop    one address that pulls one huge image again and again
greedy  64 addresses of one IPv6 network of 64 bits that read 200 blobs at a time
flood   10,000 names that nobody has, from 50 addresses

The fair ones are looked at three times, each time with an empty mirror: alone, beside the others without limits, beside the
others with `profile: public`, whose rates are cut down as the link is beside one of 1 Gbit/s. ENTREPOT_BIN names the binary, by
default the release build. Progress goes to standard error, the table to standard output. A missed goal is a line in the
table, not an error. Exit code 1 if there is nothing to compare.
"""
import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time

from link import Lane
from machine import Failed, Meter, Server, free_port, plain_environment, say, stop_all
from peers import entrepot_binary
from wire import read_head

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWS = f"{ROOT}/../shared/cases/DaoCloud-public-image-mirror-allows.txt"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PART = 16 << 10
MIB = 1 << 20
HUGE = "library/huge"
GIGABIT = 1000  # what the ready limits are made for, in Mbit/s
SLOW = 400_000  # bytes a second of a client behind a slow link
GRACE = 15  # seconds that pulls may take after the last one began


def names(count):
    """As in the allow list beside the repository, where it is; else made up."""
    found = []
    if os.path.exists(ALLOWS):
        with open(ALLOWS) as file:
            found = [line.strip().partition("/")[2] for line in file if re.fullmatch(r"docker\.io/[a-z0-9/._-]+\n?", line)]
    found = [name for name in found if "/" in name] or [f"acme/app{number}" for number in range(count)]
    return found[:count]


# ---- the upstream ---------------------------------------------------------------------------------


class Upstream:
    """A registry in a process of its own: images made of their names, and nothing else; counts what it is asked."""

    def __init__(self, known):
        self.known, self.made, self.blobs = set(known), {}, {}
        self.counts = {"requests": 0, "missing": 0, "bytes": 0}

    def manifest(self, name):
        if name not in self.made:
            source = random.Random(name)
            sizes = [64 * MIB] if name == HUGE else [min(int(source.lognormvariate(11.5, 1.2)), 4 * MIB) for _ in range(source.randint(1, 3))]
            entries = [self.blob(source.randbytes(size)) for size in [600, *sizes]]
            self.made[name] = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": entries[0], "layers": entries[1:]}).encode()
        return self.made[name]

    def blob(self, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}

    def answer(self, path, headers):
        """Status, headers, body."""
        if path == "/counts":
            return "200 OK", "", json.dumps(self.counts).encode()
        self.counts["requests"] += 1
        if path == "/v2/":
            return "200 OK", "", b"{}"
        name, kind, last = path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "manifests" and name in self.known:
            body = self.manifest(name)
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            return "200 OK", f"Content-Type: {MANIFEST}\r\nDocker-Content-Digest: {digest}\r\n", body
        if kind == "blobs" and last in self.blobs:
            body, asked = self.blobs[last], re.match(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
            if not asked:
                return "200 OK", "Accept-Ranges: bytes\r\n", body
            first, end = int(asked[1]), int(asked[2] or len(body) - 1)
            return "206 Partial Content", f"Content-Range: bytes {first}-{end}/{len(body)}\r\n", body[first : end + 1]
        self.counts["missing"] += 1
        return "404 Not Found", "Content-Type: application/json\r\n", b'{"errors":[{"code":"NAME_UNKNOWN"}]}'

    async def connection(self, reader, writer):
        try:
            while True:
                method, path, headers = await read_head(reader)
                status, more, body = self.answer(path.partition("?")[0], headers)
                writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode())
                if method == "GET":
                    self.counts["bytes"] += len(body)
                    writer.write(body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def serve_upstream(port, known):
    async def serve():
        upstream = Upstream(known)
        server = await asyncio.start_server(upstream.connection, "127.0.0.1", port, backlog=512)
        async with server:
            await server.serve_forever()

    asyncio.run(serve())


# ---- clients --------------------------------------------------------------------------------------


class Refused(Exception):
    """An answer that is no success: its status, and when to come back."""


class Client:
    """One connection of one address, whose answers come through the link that all share."""

    def __init__(self, port, address, link, rate=None):
        self.port, self.address, self.link = port, address, link
        self.own = Lane(rate) if rate else None
        self.reader = self.writer = None
        self.read = 0

    async def get(self, path, keep=False):
        """The body, or how many bytes it had."""
        if not self.writer:
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
            self.reader, self.writer = await asyncio.open_connection(sock=plain, limit=PART)
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: mirror.example.com\r\nX-Forwarded-For: {self.address}\r\nAccept: {MANIFEST}\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length, kept = int(re.search(r"content-length: (\d+)", head)[1]), []
        for left in range(length, 0, -PART):
            data = await self.reader.readexactly(min(left, PART))
            await self.pass_link(len(data))
            if keep:
                kept.append(data)
        if not head.startswith("http/1.1 200"):
            wait = re.search(r"retry-after: (\d+)", head)
            raise Refused(head[9:12], int(wait[1]) if wait else 1)
        return b"".join(kept) if keep else length

    async def pass_link(self, size):
        now = time.monotonic()
        through = max(lane.pass_at(now, size) for lane in (self.link, self.own) if lane)
        self.read += size
        if (wait := through - now - 0.02) > 0:
            await asyncio.sleep(wait)

    async def pull(self, name):
        manifest = json.loads(await self.get(f"/v2/{name}/manifests/latest", keep=True))
        for blob in [manifest["config"], *manifest["layers"]]:
            await self.get(f"/v2/{name}/blobs/{blob['digest']}")

    def close(self):
        if self.writer:
            self.writer.close()


class Crowd:
    """Everybody, for a while, against one server."""

    def __init__(self, port, link, known, seconds, offered):
        self.port, self.link, self.known, self.seconds, self.offered = port, link, known, seconds, offered
        self.weights = [1 / (rank + 1) for rank in range(len(known))]
        self.times, self.undone, self.taken = [], 0, {"fair": 0, "loop": 0, "greedy": 0}
        self.refused, self.asked = 0, 0

    async def fair(self):
        """Comes whether or not others are done, as people do."""
        source, tasks, began = random.Random(23), [], time.monotonic()
        at = 0.0
        while (at := at + source.expovariate(self.offered)) < self.seconds:
            await asyncio.sleep(max(began + at - time.monotonic(), 0))
            number = source.randrange(2000)
            address = f"10.{number // 100}.{number % 100}.{1 + number % 250}"
            name = source.choices(self.known, self.weights)[0]
            tasks.append(asyncio.create_task(self.fair_pull(name, address, SLOW if source.random() < 0.1 else None)))
        _, late = await asyncio.wait(tasks, timeout=GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self.undone += len(late)
        self.all = len(tasks)

    async def fair_pull(self, name, address, rate):
        client, began = Client(self.port, address, self.link, rate), time.monotonic()
        try:
            await client.pull(name)
            self.times.append(time.monotonic() - began)
        except (Refused, OSError, asyncio.IncompleteReadError):
            self.undone += 1
        finally:
            self.taken["fair"] += client.read
            client.close()

    async def again(self, kind, address, path):
        """The same blob, over and over; a refusal is waited out for a second at most."""
        while True:
            client = Client(self.port, address, self.link)
            try:
                while True:
                    await client.get(path)
            except Refused as refused:
                await asyncio.sleep(min(refused.args[1], 1))
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
            finally:
                self.taken[kind] += client.read
                client.close()

    async def flood(self, number, count):
        source = random.Random(number)
        pause, client = self.seconds / count, Client(self.port, f"172.16.{number}.9", self.link)
        for _ in range(count):
            self.asked += 1
            try:
                await client.get(f"/v2/flood/{source.randrange(1 << 60):x}/manifests/latest")
            except Refused as refused:
                self.refused += refused.args[0] == "429"
            await asyncio.sleep(pause)

    async def run(self, with_others):
        others, paths = [], await self.paths()
        if with_others:
            others = [self.again("loop", "192.0.2.7", paths[0]) for _ in range(8)]
            others += [self.again("greedy", f"2001:db8:1:2::{number % 64:x}", paths[1 + number % (len(paths) - 1)]) for number in range(200)]
            others += [self.flood(number, 200) for number in range(50)]
        tasks = [asyncio.create_task(other) for other in others]
        await self.fair()
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception) and not isinstance(found, (asyncio.CancelledError, Refused, OSError, asyncio.IncompleteReadError)):
                raise found

    async def paths(self):
        """Where the huge image's layer is, and the largest of the known ones': held from now on."""
        found, client = [], Client(self.port, "203.0.113.1", None, 1e9)
        for name in [HUGE, *self.known[:20]]:
            manifest = json.loads(await client.get(f"/v2/{name}/manifests/latest", keep=True))
            layer = max(manifest["layers"], key=lambda layer: layer["size"])
            found.append(f"/v2/{name}/blobs/{layer['digest']}")
            await client.get(found[-1])
        client.close()
        return found


# ---- the three looks ------------------------------------------------------------------------------


def limits(mbit):
    """`profile: public`, with the rates of a smaller link."""
    part = mbit / GIGABIT
    kib = lambda mib: f"{max(int(mib * 1024 * part), 64)}KiB/s"
    return f"limits: {{profile: public, per_client: {{rate: {kib(20)}, repeats: 3/d, repeat_rate: {kib(1)}}}}}\n"


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch, self.binary = options, scratch, entrepot_binary(ROOT)
        self.known, self.number = names(1321), 0

    def look(self, what, with_others, more=""):
        self.number += 1
        folder, port, to = f"{self.scratch}/{self.number}", free_port(), free_port()
        os.makedirs(folder)
        upstream = multiprocessing.Process(target=serve_upstream, args=(to, [*self.known, HUGE]), daemon=True)
        upstream.start()
        with open(f"{folder}/entrepot.yaml", "w") as file:
            file.write(
                f'listen: "127.0.0.1:{port}"\ndata: "{folder}/data"\nlog: {{level: error}}\n'
                f'registries: {{docker.io: {{endpoints: ["http://127.0.0.1:{to}"]}}}}\n'
                f"access: {{trusted_proxies: [127.0.0.1/32], anonymous: [pull, see]}}\npublic_url: http://mirror.example.com\n{more}"
            )
        server = Server("entrepot", [self.binary, "serve", "--config", f"{folder}/entrepot.yaml"], folder, port, plain_environment())
        try:
            meter, began = Meter(server.pid), time.monotonic()
            crowd = Crowd(port, Lane(self.options.mbit * 125_000), self.known, self.options.seconds, self.offered())
            asyncio.run(crowd.run(with_others))
            found = self.found(crowd, time.monotonic() - began, asyncio.run(counts(to)), meter.read())
        finally:
            server.stop()
            upstream.terminate()
            upstream.join()
        say(f"{what}: {json.dumps(found)}")
        return found

    def offered(self):
        """Pulls a second that take 40 % of the link, by what images weigh that are asked for so often."""
        upstream, weights = Upstream(self.known), [1 / (rank + 1) for rank in range(len(self.known))]
        sizes = [sum(entry["size"] for entry in json.loads(upstream.manifest(name))["layers"]) for name in self.known]
        mean = sum(size * weight for size, weight in zip(sizes, weights)) / sum(weights)
        return 0.4 * self.options.mbit * 125_000 / mean

    def found(self, crowd, took, asked, cost):
        times = sorted(crowd.times)
        if len(times) < 20:
            raise Failed(f"only {len(times)} of {crowd.all} fair pulls ended")
        return {
            "pulls": len(times), "offered": crowd.all, "p50_s": statistics.median(times), "p99_s": times[int(len(times) * 0.99)],
            **{f"{kind}_mb": round(size / 1e6) for kind, size in crowd.taken.items()},
            "names": crowd.asked, "names_refused": crowd.refused, "missing_a_minute": asked["missing"] / took * 60,
            "missing": asked["missing"], "upstream": asked["requests"], "took_s": took, **cost,
        }


async def counts(port):
    client = Client(port, "", None, 1e9)
    found = json.loads(await client.get("/counts", keep=True))
    client.close()
    return found


def report(looks):
    alone, limited = looks["alone"], looks["others, limits"]
    print("| | fair pulls ended | median s | p99 s | fair MB | loop MB | greedy MB | missing names asked upstream, a minute |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    for what, one in looks.items():
        cells = [f"{one['pulls']} of {one['offered']}", f"{one['p50_s']:.2f}", f"{one['p99_s']:.2f}", one["fair_mb"], one["loop_mb"], one["greedy_mb"], f"{one['missing_a_minute']:.0f}"]
        print(f"| {what} | {' | '.join(map(str, cells))} |")
    kept, tail = limited["pulls"] / limited["offered"] / (alone["pulls"] / alone["offered"]), limited["p99_s"] / alone["p99_s"]
    print("\n| | | goal | met |\n|---|---|---|---|")
    for what, value, goal, met in (
        ("fair pulls with limits / alone", f"x{kept:.2f}", ">= 0.9", kept >= 0.9),
        ("their p99 / alone", f"x{tail:.2f}", "<= 2", tail <= 2),
        ("names that nobody has: asked upstream", f"{limited['missing']} in {limited['took_s']:.0f} s", "<= 60 a minute", limited["missing"] <= 60 * max(limited["took_s"] / 60, 1)),
    ):
        print(f"| {what} | {value} | {goal} | {'yes' if met else 'NO'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ten seconds: whether it works")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--mbit", type=float, default=200)
    parser.add_argument("--json")
    options = parser.parse_args()
    options.seconds = 10 if options.quick else options.seconds
    scratch = tempfile.mkdtemp(prefix="entrepot-bench.", dir=os.environ.get("ENTREPOT_LAB"))
    try:
        bench = Bench(options, scratch)
        looks = {"alone": bench.look("alone", False)}
        looks["others, no limits"] = bench.look("others, no limits", True)
        looks["others, limits"] = bench.look("others, limits", True, limits(options.mbit))
    finally:
        stop_all()
        shutil.rmtree(scratch, ignore_errors=True)
    report(looks)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(looks, file, indent=1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
