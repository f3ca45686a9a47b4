#!/usr/bin/env python3
"""What logins cost: entrepot with accounts beside entrepot without.

    bench/access.py [--quick] [--pairs 10] [--only token,limits,shaping,logins,many,revoke] [--json FILE]

token   CPU for each request of a manifest by tag and of a blob of 4 KB, with a bearer token and without access; in turns
limits  the same with rules, limits and access together, and without; the limits are above the load
shaping CPU for each GB of large blobs: with a rate that is never reached, and with one that is, beside no limits
logins  1,000 accounts log in at once, beside warm pulls: the pulls, the logins' times, the threads that hash, memory
many    10,000 accounts and 100,000 API tokens: the start, and what a request costs more
revoke  how long a removed API token, a removed token's registry token and a disabled account still work

ENTREPOT_BIN names the binary, by default the release build. Progress goes to standard error, the table to standard output.
A missed goal is a line in the table, not an error.
"""
import argparse
import asyncio
import base64
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from machine import Failed, Meter, Server, find_tool, free_port, plain_environment, read, say, stop_all
from peers import entrepot_binary

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
REPOSITORY = "local/app"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ACCESS = """access:
  anonymous: [pull, see]
  grants: [{to: "role:user", repositories: ["local/**"], may: [pull, push]}]
  private: ["local/secret/**"]
"""
# Limits that the load does not meet, and rules that decide about every name. Whoever reads is not the server's owner.
LIMITS = """limits:
  per_client: {manifests: 100000000/s, misses: 100000/s, blobs: 1000, cold: 1000TiB/h, hot: 1000TiB/h, rate: 100GiB/s, repeats: 100000000/d}
  per_image: {egress: 1000TiB/h}
  total: {manifests: 100000000/s, misses: 100000/s, rate: 100GiB/s, cold_rate: 100GiB/s}
  bans: {}
rules: {allow: ["docker.io/library/**", "quay.io/**"], deny: ["docker.io/acme/**"]}
public_url: http://bench.example.com
"""
RATE = """limits: {per_client: {rate: RATE}}
public_url: http://bench.example.com
"""
LARGE = 64 << 20
CONNECTIONS = 32
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The hash of no password that is used: to fill rows with.
STORED = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5a25vd3NpdA$3wRcPv0JYDe3rXh0Eu9EzP7vJvfUd3jRzLJ6fbVYlA0"


class Entrepot(Server):
    """A server whose owner can be asked as well."""

    def __init__(self, binary, folder, access, more=""):
        self.binary, port = binary, free_port()
        self.config = f"{folder}/entrepot.yaml"
        with open(self.config, "w") as file:
            file.write(f'listen: "127.0.0.1:{port}"\ndata: "{folder}/data"\nlog: {{level: warn}}\n{ACCESS if access else ""}{more}')
        super().__init__("entrepot", [binary, "serve", "--config", self.config], folder, port, plain_environment())

    def answers(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def owner(self, *words, typed=""):
        done = subprocess.run(
            [self.binary, *words, "--config", self.config], input=typed.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=plain_environment(),
        )
        if done.returncode:
            raise Failed(f"`{' '.join(words)}`: {done.stderr.decode()[-300:]}")
        return done.stdout.decode()

    def api_token(self, name, account, scope):
        return self.owner("token", "create", name, "--account", account, "--scope", scope).strip()

    def registry_token(self, user, password, scope=f"repository:{REPOSITORY}:pull"):
        status, body = self.ask("GET", f"/token?service=x&scope={scope}", Authorization=basic(user, password))
        if status != 200:
            raise Failed(f"/token: {status} {body[:200]}")
        return json.loads(body)["token"]

    def push(self, size=4096, **headers):
        """An image of one blob of this size; its digest."""
        blobs = [b"{}", random.Random(4).randbytes(size)]
        digests = ["sha256:" + hashlib.sha256(blob).hexdigest() for blob in blobs]
        for digest, blob in zip(digests, blobs):
            self.expect(201, "POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest}", blob, Content_Type="application/octet-stream", **headers)
        entries = [{"mediaType": "application/octet-stream", "digest": digest, "size": len(blob)} for digest, blob in zip(digests, blobs)]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entries[0], "layers": entries[1:]}
        self.expect(201, "PUT", f"/v2/{REPOSITORY}/manifests/v1", json.dumps(manifest).encode(), Content_Type=MANIFEST, **headers)
        return digests[1]

    def expect(self, wanted, *request, **headers):
        status, body = self.ask(*request, **headers)
        if status != wanted:
            raise Failed(f"{' '.join(map(str, request[:2]))}: {status} {body[:200]}")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def wrk(server, path, seconds, token=None, connections=CONNECTIONS):
    """Requests a second, and microseconds of CPU that the server spends on each."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", f"{HERE}/wrk.lua"]
    command += ["-H", f"Authorization: Bearer {token}"] if token else []
    meter = Meter(server.pid)
    out = subprocess.run([*command, server.url + path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    used = meter.read()["cpu_s"]
    found = re.search(r"FIGURES (\d+) (\d+) (\d+) (\d+) (\d+)", out)
    if not found or int(found[5]):
        raise Failed(f"wrk: {out[-300:]}")
    requests, took = int(found[1]), int(found[2])
    return {"req_s": requests / took * 1e6, "cpu_us": used / requests * 1e6}


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch, self.binary = options, scratch, entrepot_binary(ROOT)
        self.seconds, self.number = (1 if options.quick else 4), 0
        self.rows, self.figures = [], {}

    def folder(self):
        self.number += 1
        path = f"{self.scratch}/{self.number}"
        os.makedirs(path)
        return path

    def tell(self, what, value, goal="", met=None):
        self.rows.append((what, value, goal, "" if met is None else "yes" if met else "NO"))
        say(f"{what}: {value}{f' (goal {goal})' if goal else ''}")

    def start(self, access=True, more="", size=4096):
        """A server with one account, and an image in it."""
        server = Entrepot(self.binary, self.folder(), access, more)
        if access:
            server.owner("account", "add", "alice", "--password-stdin", typed="password of alice")
            return server, server.push(size, Authorization=basic("alice", "password of alice"))
        return server, server.push(size)

    # ---- token, limits ---------------------------------------------------------------------------

    def token(self):
        self.compared("a bearer token", self.start(), 1.03)

    def limits(self):
        self.compared("rules, limits and access", self.start(more=LIMITS), 1.05)

    def compared(self, what, started, goal):
        """CPU for each request of a server with a token, beside one without anything; in turns."""
        (much, blob), (nothing, _) = started, self.start(access=False)
        for name, path in (("manifest by tag", f"/v2/{REPOSITORY}/manifests/v1"), ("blob of 4 KB", f"/v2/{REPOSITORY}/blobs/{blob}")):
            ratios = []
            for number in range(self.options.pairs):
                # Each goes first every other time.
                order = [much, nothing] if number % 2 else [nothing, much]
                found = {}
                for server in order:
                    token = server.registry_token("alice", "password of alice") if server is much else None
                    found[server] = wrk(server, path, self.seconds, token)
                ratios.append(found[much]["cpu_us"] / found[nothing]["cpu_us"])
                say(f"{name} {number + 1}: {found[much]['cpu_us']:.2f} us, {found[nothing]['cpu_us']:.2f} us without, x{ratios[-1]:.3f}")
            self.ratio(f"{name}: CPU with {what} / without", ratios, goal)
        much.stop()
        nothing.stop()

    def ratio(self, what, ratios, goal):
        middle = statistics.median(ratios)
        self.figures[what] = {"ratios": ratios, "median": middle}
        self.tell(what, f"x{middle:.3f} ({min(ratios):.3f}–{max(ratios):.3f}, {len(ratios)} pairs)", f"<= {goal}", middle <= goal)

    # ---- shaping ---------------------------------------------------------------------------------

    def shaping(self):
        without, blob = self.start(more=RATE.split("\n")[1] + "\n", size=LARGE)
        path, ratios, speeds = f"/v2/{REPOSITORY}/blobs/{blob}", {}, {}
        shaped = {rate: self.start(more=RATE.replace("RATE", rate), size=LARGE)[0] for rate in ("100GiB/s", "400MiB/s")}
        for number in range(self.options.pairs):
            for rate, server in shaped.items():
                order = [server, without] if number % 2 else [without, server]
                found = {one: wrk(one, path, max(self.seconds, 3), connections=4) for one in order}
                ratios.setdefault(rate, []).append(found[server]["cpu_us"] / found[without]["cpu_us"])
                speeds.setdefault(rate, []).append(found[server]["req_s"] * LARGE / (1 << 20))
                say(f"rate {rate} {number + 1}: x{ratios[rate][-1]:.3f} of CPU, {speeds[rate][-1]:.0f} MiB/s")
        for rate in shaped:
            self.ratio(f"CPU for each GB with a rate of {rate} / without (it went at {statistics.median(speeds[rate]):.0f} MiB/s)", ratios[rate], 1.05)
        for server in (without, *shaped.values()):
            server.stop()

    # ---- logins ---------------------------------------------------------------------------------

    def logins(self):
        count = 100 if self.options.quick else 1000
        server, blob = self.start()
        self.add_accounts(server, count)
        path, seconds = f"/v2/{REPOSITORY}/blobs/{blob}", 3 if self.options.quick else 20
        quiet = wrk(server, path, seconds)
        before = Meter(server.pid)
        began = before.memory("VmRSS")
        watch = Threads(server.pid)
        pulls = Background(lambda: wrk(server, path, seconds))
        times, statuses = asyncio.run(at_once(server.port, count))
        busy, threads = pulls.result(), watch.end()
        grown = before.read()["rss_mib"] - began
        ratio = busy["req_s"] / quiet["req_s"]
        times.sort()
        self.figures["logins"] = {"ratio": ratio, "p99_s": times[int(len(times) * 0.99)], "statuses": statuses, "grown_mib": grown, "threads": threads}
        self.tell(f"{count} logins at once: answers", ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())))
        self.tell("their times, median and p99", f"{statistics.median(times):.2f} s, {times[int(len(times) * 0.99)]:.2f} s")
        self.tell("threads that hashed at once", f"{threads['most']}, nice {threads['nice']}", "<= 2, below pulls", threads["most"] <= 2 and threads["nice"] > 0)
        self.tell("warm pulls meanwhile / alone", f"x{ratio:.2f} ({busy['req_s']:.0f} of {quiet['req_s']:.0f} a second)", ">= 0.85", ratio >= 0.85)
        self.tell("peak memory more", f"{grown:.0f} MiB", "<= 64", grown <= 64)
        server.stop()

    def add_accounts(self, server, count):
        """Over the API, as an admin does: each has a hash of its own."""
        server.owner("account", "add", "root-of-bench", "--role", "admin", "--password-stdin", typed="password of root")
        headers = {"Authorization": basic("root-of-bench", "password of root"), "Content_Type": "application/json"}
        for number in range(count):
            body = json.dumps({"name": f"user{number}", "role": "user", "password": f"password of user{number}"})
            server.expect(201, "POST", "/api/v1/accounts", body, **headers)

    # ---- many -----------------------------------------------------------------------------------

    def many(self):
        accounts, tokens = (1_000, 10_000) if self.options.quick else (10_000, 100_000)
        server, _ = self.start()
        few, folder = server.api_token("few", "alice", "pull:local/**"), server.folder
        server.stop()
        starts = [self.again(folder).start_s for _ in range(3)]
        texts = fill(f"{folder}/data/entrepot.db", accounts, tokens)
        starts_many = [self.again(folder).start_s for _ in range(3)]
        server = Entrepot(self.binary, folder, True)
        path = f"/v2/{REPOSITORY}/manifests/v1"
        differences, costs = [], []
        for number in range(self.options.pairs):
            costs.append((wrk(server, path, self.seconds)["cpu_us"], wrk(server, path, self.seconds, few)["cpu_us"]))
            differences.append(costs[-1][1] - costs[-1][0])
        new = self.one_by_one(server, path, random.Random(1).sample(texts, min(len(texts), 5_000)))
        middle = statistics.median(differences)
        self.figures["many"] = {"start_s": starts, "start_many_s": starts_many, "decision_us": middle, "new_token_us": new}
        self.tell(f"{accounts} accounts, {tokens} API tokens: start", f"{statistics.median(starts_many) * 1e3:.0f} ms, {statistics.median(starts) * 1e3:.0f} ms without", "unchanged", statistics.median(starts_many) <= statistics.median(starts) * 1.2 + 0.01)
        self.tell("a request with an API token: CPU more than without a login", f"{middle:.2f} us", "<= 2", middle <= 2)
        self.tell("the first request with each of 5,000 tokens: CPU", f"{new:.0f} us")
        server.stop()

    def again(self, folder):
        server = Entrepot(self.binary, folder, True)
        server.stop()
        return server

    def one_by_one(self, server, path, texts):
        """CPU of a request with a token that was not used before."""
        meter = Meter(server.pid)
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for text in texts:
            connection.request("HEAD", path, headers={"Authorization": f"Bearer {text}", "Accept": MANIFEST})
            if (answer := connection.getresponse()).status != 200:
                raise Failed(f"an API token out of {len(texts)} is refused: {answer.status}")
            answer.read()
        return meter.read()["cpu_s"] / len(texts) * 1e6

    # ---- revoke ---------------------------------------------------------------------------------

    def revoke(self):
        server, _ = self.start()
        path, slowest = "/v2/", {}
        for number in range(3 if self.options.quick else 20):
            name = f"bob{number}"
            server.owner("account", "add", name, "--password-stdin", typed=f"password of {name}")
            text = server.api_token(f"t{number}", name, "pull:local/**")
            of_password, of_token = server.registry_token(name, f"password of {name}"), server.registry_token(name, text)
            held = {"removed API token": text, "its registry token": of_token, "registry token of a disabled account": of_password}
            for token in held.values():
                server.expect(200, "GET", path, Authorization=f"Bearer {token}")
            server.owner("token", "rm", text[3:13])
            gone = time.monotonic()
            for what in ("removed API token", "its registry token"):
                slowest[what] = max(slowest.get(what, 0), self.until_refused(server, path, held[what], gone))
            server.owner("account", "disable", name)
            gone, what = time.monotonic(), "registry token of a disabled account"
            slowest[what] = max(slowest.get(what, 0), self.until_refused(server, path, held[what], gone))
        self.figures["revoke"] = slowest
        for what, seconds in slowest.items():
            self.tell(f"{what}: refused after", f"{seconds * 1e3:.0f} ms", "<= 1 s", seconds <= 1)
        server.stop()

    def until_refused(self, server, path, token, since):
        while server.ask("GET", path, Authorization=f"Bearer {token}")[0] != 401:
            if time.monotonic() - since > 30:
                break
        return time.monotonic() - since


class Background(threading.Thread):
    """Work beside other work; its error comes where its result is asked for."""

    def __init__(self, work):
        super().__init__()
        self.work, self.found, self.error = work, None, None
        self.start()

    def run(self):
        try:
            self.found = self.work()
        except Failed as error:
            self.error = error

    def result(self):
        self.join()
        if self.error:
            raise self.error
        return self.found


class Threads(threading.Thread):
    """Which of the threads that hash passwords are at work, and their priority."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.ended, self.most, self.nice = pid, threading.Event(), 0, []
        self.start()

    def tasks(self):
        for task in os.listdir(f"/proc/{self.pid}/task"):
            text = read(f"/proc/{self.pid}/task/{task}/stat")
            if text:
                name, fields = text[text.find("(") + 1 : text.rfind(")")], text.rpartition(")")[2].split()
                yield task, name, sum(map(int, fields[11:13])), int(fields[16])

    def run(self):
        before = {task: used for task, _, used, _ in self.tasks()}
        while not self.ended.wait(0.2):
            now = list(self.tasks())
            busy = [nice for task, name, used, nice in now if name == "hash" and used > before.get(task, 0)]
            self.most, self.nice = max(self.most, len(busy)), self.nice + busy
            before = {task: used for task, _, used, _ in now}

    def end(self):
        self.ended.set()
        self.join()
        return {"most": self.most, "nice": min(self.nice, default=0)}


async def at_once(port, count):
    """Everybody logs in, each over a connection of their own; how long each took, and the answers."""
    async def one(number):
        body = urllib.parse.urlencode({"grant_type": "password", "service": "x", "username": f"user{number}", "password": f"password of user{number}"})
        head = f"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((head + body).encode())
        status = int((await reader.readline()).split()[1])
        await reader.read()
        writer.close()
        return time.monotonic() - began, status

    found = await asyncio.gather(*(one(number) for number in range(count)))
    statuses = {}
    for _, status in found:
        statuses[status] = statuses.get(status, 0) + 1
    return [took for took, _ in found], statuses


def token_text(source):
    """An API token as the server makes them: letters, digits and a checksum."""
    body = "ep_" + "".join(source.choices(LETTERS, k=42))
    crc, letters = 0xFFFFFFFF, []
    for byte in body.encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 & -(crc & 1) & 0xFFFFFFFF)
    rest = crc ^ 0xFFFFFFFF
    for _ in range(6):
        letters.append(LETTERS[rest % 62])
        rest //= 62
    return body + "".join(reversed(letters))


def fill(path, accounts, tokens):
    """Rows for a server that is stopped; the tokens' texts."""
    now, source = int(time.time() * 1000), random.Random(7)
    texts = [token_text(source) for _ in range(tokens)]
    base = sqlite3.connect(path)
    with base:
        # Ids below those that the server makes, which begin with the time.
        base.executemany(
            "INSERT INTO account (id, name, kind, role, password, created_ms, changed_ms) VALUES (?, ?, 'local', 'user', ?, ?, ?)",
            ((number + 1, f"filled{number}", STORED, now, now) for number in range(accounts)),
        )
        base.executemany(
            "INSERT INTO api_token (id, account_id, name, scopes, created_ms) VALUES (?, ?, ?, 'pull:local/**', ?)",
            ((text[3:13], number % accounts + 1, f"t{number}", now) for number, text in enumerate(texts)),
        )
        base.executemany(
            "INSERT INTO api_token_secret (token_id, hash, created_ms) VALUES (?, ?, ?)",
            ((text[3:13], "sha256:" + hashlib.sha256(text.encode()).hexdigest(), now) for text in texts),
        )
    base.close()
    return texts


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--only", default="token,limits,shaping,logins,many,revoke")
    parser.add_argument("--json")
    found = parser.parse_args()
    found.pairs = found.pairs or (2 if found.quick else 10)
    return found


def main():
    options = arguments()
    if not find_tool("wrk"):
        raise Failed("wrk is not installed (Debian: wrk)")
    scratch = tempfile.mkdtemp(prefix="entrepot-bench.", dir=os.environ.get("ENTREPOT_LAB"))
    try:
        bench = Bench(options, scratch)
        for name in options.only.split(","):
            getattr(bench, name)()
    finally:
        stop_all()
        shutil.rmtree(scratch, ignore_errors=True)
    print("| | | goal | met |\n|---|---|---|---|")
    for row in bench.rows:
        print(f"| {' | '.join(row)} |")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(bench.figures, file, indent=1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
