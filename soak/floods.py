"""H03, H08, H10, H18, H20, C08, C10 and memory: many, large, slow and hostile clients."""
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import catalog
import h2
import origin as registry
from client import HOST, REPOSITORY, Client, Promises, drain, look, noise, pull, slow_reader
from faults import Checks, push_image
from lab import HERE, Skipped, Violation, find_tool, until
from machine import Meter

MIB = 1 << 20
BENCH = f"{HERE}/../bench"
MANIFEST = f"/v2/{REPOSITORY}/manifests/t1"
TRIES = 4  # of a measurement of time, on a machine that may have other things to do


def raise_limit(files=12_000):
    """For the servers that we start: they raise theirs as far as they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < files:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        except (ValueError, OSError):
            raise Skipped(f"a process may have {hard} files open here, and this needs {files}") from None
    elif soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


def memory(server, field):
    with open(f"/proc/{server.pid}/status") as file:
        return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.M)[1]) / 1024


# ---- other clients ----------------------------------------------------------------------------------


def wrk(server, connections, seconds=3):
    """The time that 99 % of answers take, in milliseconds."""
    if not find_tool("wrk"):
        raise Skipped("wrk is not installed (Debian: wrk)")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", f"{BENCH}/wrk.lua", server.url + MANIFEST]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    found = re.search(r"FIGURES (.*)", out)
    if not found:
        raise Violation(f"wrk: {out[-200:]}")
    requests, _, _, most, errors = map(int, found[1].split())
    return most / 1000, errors, requests


class Crowd:
    """crowd.py beside us."""

    def __init__(self, server, count, kind, seconds):
        command = [sys.executable, f"{HERE}/crowd.py", str(server.port), str(count), kind, str(seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def end(self, now=False):
        if now:
            self.process.stdin.close()
        return json.loads(self.process.stdout.readline() or "{}")


def beside(lab, count, kind, seconds, connections):
    """p99 of others before and during a crowd, the best of some tries; what became of the crowd."""
    checks, best = Checks(), None
    raise_limit()
    with lab.serving() as server:
        push_image(server.client, Promises(), 1)
        wrk(server, connections, 1)
        for _ in range(TRIES):
            before, _, _ = wrk(server, connections)
            crowd = Crowd(server, count, kind, seconds)
            during, errors, _ = wrk(server, connections)
            rss = memory(server, "VmRSS")
            found = crowd.end(now=kind == "idle")
            crowd.process.wait()
            tried = (during / before, before, during, errors, rss, found)
            best = min(filter(None, (best, tried)), key=lambda one: one[0])
            if best[0] < 2:
                break
        checks.note("answers", "yes" if look_alive(server) else "no", look_alive(server))
    ratio, before, during, errors, rss, found = best
    checks.figures.update(connections=found["open"], failed=found["failed"])
    checks.figures.update(p99_before_ms=round(before, 2), p99_during_ms=round(during, 2), rss_mib=round(rss, 1))
    checks.note("p99_ratio", round(ratio, 2), ratio < 2)
    checks.note("errors_of_others", errors, not errors)
    checks.note("opened", found["open"], found["open"] >= count * 0.99)
    return checks, found


def look_alive(server):
    return server.client.ask("GET", "/readyz")[0] == 200


def slow_heads(lab):
    """H08"""
    count = 10_000
    checks, found = beside(lab, count, "half", 25, 16)
    checks.note("closed", found["closed"], found["closed"] == found["open"])
    # 10 s from the first byte; a second for a machine with other things to do.
    checks.note("closed_after_s", found["last_s"], 9 <= found["last_s"] <= 12)
    return checks.result()


def idle_crowd(lab):
    """C10"""
    checks, _ = beside(lab, 10_000, "idle", 25, 200)
    return checks.result()


# ---- uploads ----------------------------------------------------------------------------------------


def many_sessions(lab):
    """H10: one client opens uploads without an end."""
    checks, count, burst = Checks(), 5_000 if lab.quick else 100_000, 100
    one = f"POST /v2/{REPOSITORY}/blobs/uploads/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode()
    with lab.serving() as server:
        base = memory(server, "VmRSS")
        connection, answers, data = server.client.hold(), {}, b""
        for _ in range(count // burst):
            connection.sendall(one * burst)
            got = 0
            while got < burst:
                data += connection.recv(1 << 16)
                found = list(re.finditer(rb"HTTP/1\.1 (\d+) ", data))
                for answer in found:
                    answers[int(answer[1])] = answers.get(int(answer[1]), 0) + 1
                got += len(found)
                # A status line may be cut in two.
                data = data[found[-1].end() :] if found else data[-16:]
        checks.note("asked", sum(answers.values()), sum(answers.values()) == count)
        checks.note("answers", " ".join(f"{status}×{many}" for status, many in sorted(answers.items())))
        checks.note("opened", answers.get(202, 0), 0 < answers.get(202, 0) <= 4096 and set(answers) == {202, 429})
        files = len(os.listdir(f"/proc/{server.pid}/fd"))
        checks.note("descriptors", files, files < 4200)
        checks.note("rss_mib_more", round(memory(server, "VmRSS") - base, 1))
        room_again(checks, server)
    return checks.result()


def room_again(checks, server):
    """An upload that ends makes room for another one."""
    folder = f"{server.folder}/data/staging"
    session = next(name for name in os.listdir(folder) if name.endswith(".json"))[7:-5]
    start = f"/v2/{REPOSITORY}/blobs/uploads/"
    other = server.client.ask("POST", "/v2/local/other/blobs/uploads/", b"")[0]
    checks.note("another_repository", other, other == 202)
    full = server.client.ask("POST", start, b"")[0]
    gone = server.client.ask("DELETE", start + session)[0]
    again = server.client.ask("POST", start, b"")[0]
    checks.note("full_delete_again", f"{full} {gone} {again}", (full, gone, again) == (429, 204, 202))


# ---- HTTP/2 -----------------------------------------------------------------------------------------


def hostile_h2(lab):
    """H18: whatever comes, memory stays, and others are answered."""
    checks, count = Checks(), 5_000 if lab.quick else 50_000
    with lab.serving() as server:
        promises = Promises()
        push_image(server.client, promises, 1)
        large = promises.push_at_once(server.client, noise("large", 20 * MIB))
        path = f"/v2/{REPOSITORY}/blobs/{large}"
        look(server.client, path, large)
        base = memory(server, "VmRSS") - memory(server, "RssFile")
        meter = Meter(server.pid)
        floods = {"reset": h2.rapid_reset, "continuation": h2.continuation_flood, "data": h2.empty_data_flood}
        for name, flood in floods.items():
            target = MANIFEST if name == "reset" else f"/v2/{REPOSITORY}/blobs/uploads/"
            sent, closed, connection = flood(server.port, target, count)
            # To be ended, or to cost nothing more.
            checks.note(name, f"{sent} {'closed' if closed else 'open'}", closed or sent >= count)
            connection.close()
        windows = [h2.zero_window(server.port, [path] * 200) for _ in range(5 if lab.quick else 10)]
        pings = h2.ping_flood(server.port, 10 * count)
        checks.note("ping", pings[0])
        time.sleep(1)
        checks.note("answers_meanwhile", "yes" if look_alive(server) else "no", look_alive(server))
        checks.promised("meanwhile", server.client, promises)
        peak = meter.read()
        checks.note("peak_mib_more", round(peak["anon_mib"] - base, 1), peak["anon_mib"] - base < 32)
        for one in [*windows, pings[1]]:
            one.close()
    return checks.result()


# ---- size -------------------------------------------------------------------------------------------


def hostile_manifests(lab):
    """H03, U13: a manifest of 200 MiB, from a client and from an upstream."""
    checks, size = Checks(), 200 * MIB
    with lab.origin() as origin, lab.serving(upstream=origin.url) as server:
        meter, path = Meter(server.pid), f"/v2/{REPOSITORY}/manifests/large"
        for name, head in (("declared", f"Content-Length: {size}"), ("chunked", "Transfer-Encoding: chunked")):
            status, taken = push_endless(server.port, path, head, size)
            checks.note(f"{name}_status", status, status == 413)
            checks.note(f"{name}_taken_mib", round(taken / MIB, 1), taken < 32 * MIB)
        for at in range(4):
            status = server.client.ask("GET", f"/v2/docker.io/library/hostile/manifests/v{at}")[0]
            checks.note("upstream_status", status, status == 502)
        peak = meter.read()
        # Pages of the executable are not what a body takes, and an unoptimised executable alone is larger than the limit.
        checks.note("peak_rss_mib", peak["rss_mib"])
        checks.note("peak_mib", peak["anon_mib"], peak["anon_mib"] <= 64)
        checks.note("answers", "yes" if look_alive(server) else "no", look_alive(server))
    return checks.result()


def push_endless(port, path, head, size):
    """A body as long as it is taken. The status, and how much left us."""
    connection = socket.create_connection((HOST, port), 30)
    kind = f"Content-Type: {registry.MANIFEST}"
    connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {HOST}\r\n{kind}\r\n{head}\r\n\r\n".encode())
    part, sent = b" " * (MIB // 4), 0
    if "chunked" in head:
        part = f"{len(part):x}\r\n".encode() + part + b"\r\n"
    connection.settimeout(3)
    try:
        while sent < size:
            connection.sendall(part)
            sent += len(part)
    except OSError:
        pass
    try:
        return drain(connection)[0], sent
    except OSError:
        return 0, sent


def crowd_memory(lab):
    """50 clients on large blobs, cold and warm."""
    checks = Checks()
    name = "crowd-300000000-90000000-10000000"
    with lab.origin() as origin, lab.serving(upstream=origin.url) as server:
        # The origin makes its bytes up at the first request.
        look(Client(origin.port), f"/v2/library/{name}/manifests/v1", "")
        for state in ("cold", "warm"):
            meter = Meter(server.pid)
            what = ["image", server.url, f"docker.io/library/{name}:v1", "--clients", "50"]
            done = subprocess.run([sys.executable, f"{BENCH}/pull.py", *what], stdout=subprocess.PIPE, text=True)
            found, cost = json.loads(done.stdout or "{}"), meter.read()
            checks.note(f"{state}_failed", found.get("failed", 50), found.get("failed") == 0)
            checks.note(f"{state}_rss_mib", cost["rss_mib"])
            # Mapped files, of blobs and of the program, are the kernel's to take back.
            checks.note(f"{state}_not_files_mib", cost["anon_mib"], cost["anon_mib"] <= 40)
    return checks.result()


def long_lists(lab):
    """H20: 100,000 tags in one repository, 1,000,000 repositories of a blob each."""
    checks, folder = Checks(), lab.folder()
    tags, repositories = 100_000, 1_000_000
    with lab.serving(folder) as server:
        push_image(server.client, Promises(), 1)
    base = sqlite3.connect(f"{folder}/data/entrepot.db")
    with base:
        rows = (f"{prefix}{at}" for at in range(tags // 4) for prefix in ("a", "a-", "a.", "B"))
        like = base.execute("SELECT repository_id, digest, checked_ms, updated_ms FROM tag").fetchone()
        add = "INSERT INTO tag (name, repository_id, digest, checked_ms, updated_ms) VALUES (?, ?, ?, ?, ?)"
        base.executemany(add, ((one, *like) for one in rows))
    base.close()
    catalog.grow(f"{folder}/data/entrepot.db", repositories)
    with lab.serving(folder) as server:
        checks.note("start_ms", round(server.start_s * 1000), server.start_s < 1)
        before, meter = memory(server, "VmRSS"), Meter(server.pid)
        found = all_tags(server.client)
        checks.note("tags", len(found), complete(found, tags + 1))
        began = time.monotonic()
        lines = list_all(lab, folder)
        checks.note("repositories", len(lines), complete(lines, repositories + 1))
        checks.note("listed_s", round(time.monotonic() - began, 1))
        more = meter.read()["anon_mib"] - before
        checks.note("rss_mib_more", round(more, 1), more < 64)
    return checks.result()


def complete(found, count):
    """So many, each once, in the order of their bytes."""
    return len(found) == count and found == sorted(set(found), key=str.encode)


def all_tags(client):
    found, path = [], f"/v2/{REPOSITORY}/tags/list?n=1000"
    while path:
        headers, body = client.expect(200, "GET", path)
        page = json.loads(body)["tags"]
        if len(page) > 1000:
            raise Violation(f"a page of {len(page)} tags")
        found += page
        path = re.sub(r"^<(.*)>.*", r"\1", headers["Link"]) if headers["Link"] else None
    return found


def list_all(lab, folder):
    command = [lab.binary, "cache", "ls", "--config", f"{folder}/entrepot.yaml"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Violation(f"cache ls: {done.stderr}")
    return [line.split()[0] for line in done.stdout.splitlines()[1:]]


# ---- stopping ---------------------------------------------------------------------------------------


def told_to_stop(lab):
    """C08: SIGTERM with 100 transfers: all finish. A second one: at once. A restart takes downloads up."""
    checks, folder, promises, count = Checks(), lab.folder(), Promises(), 100
    for signals in (1, 2):
        server = lab.entrepot(folder)
        large = promises.push_at_once(server.client, noise("transfer", 4 * MIB))
        path = f"/v2/{REPOSITORY}/blobs/{large}"
        readers = [slow_reader(server.port, path) for _ in range(count)]
        for one in readers:
            one.recv(1, socket.MSG_PEEK)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        if signals == 2:
            at_once(checks, server)
        else:
            with ThreadPoolExecutor(count) as pool:
                answers = list(pool.map(drain, readers))
            whole = sum(answer == (200, 0, large) for answer in answers)
            checks.note("finished", f"{whole} of {count}", whole == count)
            code = server.process.wait(40)
            checks.note("first_signal", f"exit {code}", code == 0)
        for one in readers:
            one.close()
        server.stop()
    taken_up(lab, checks)
    return checks.result()


def at_once(checks, server):
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(20)
    took = time.monotonic() - began
    checks.note("second_signal", f"exit {code}", code == 143)
    checks.note("second_signal_s", round(took, 1), took < 2)


def taken_up(lab, checks):
    """A download that a signal ended is brought home by the next start, though nobody asks."""
    folder, name = lab.folder(), "resumed-8000000"
    _, blobs = registry.image(name)
    large = max(blobs, key=lambda digest: len(blobs[digest]))
    with lab.origin("--connection-mbyte", "2") as origin:
        server = lab.entrepot(folder, origin.url)
        reader = slow_reader(server.port, f"/v2/docker.io/library/{name}/blobs/{large}")
        time.sleep(2.5)
        server.process.send_signal(signal.SIGTERM)
        # Two at the same moment would be one.
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        server.stop()
        reader.close()
        staged = [one for one in os.listdir(f"{folder}/data/staging") if one.endswith(".json")]
        checks.note("noted", len(staged), len(staged) == 1)
        with lab.serving(folder, upstream=origin.url) as server:
            file = f"{folder}/data/blobs/{large[:6]}/{large[7:9]}/{large[7:]}"
            until("the download was brought home", 20, lambda: os.path.exists(file))
            checks.wrong += pull(server.client, name)

