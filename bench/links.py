#!/usr/bin/env python3
"""One pull over several egress links: entrepot behind shaped proxies, on loopback.

    bench/links.py [--links 6] [--mbit 30] [--megabytes 1000] [--rtt-ms 0] [--only all,reset,silent,slow] [--json FILE]

all     every link carries what it can: payload beside the sum of the links
reset   one link resets its connections half-way and takes none after that: payload beside what was left
silent  one link passes nothing on from half-way on, and ends nothing
slow    one link carries a tenth of the others from the beginning

Each proxy is SOCKS5 and caps what comes down over all its connections together. The best that is possible is the sum of what
the links carry while they do; the table has the ratio. ENTREPOT_BIN names the binary, by default the release build. Progress
goes to standard error, the table to standard output. A missed goal is a line in the table, not an error.
"""
import argparse
import asyncio
import hashlib
import json
import os
import random
import shutil
import socket
import sys
import tempfile
import threading
import time
import urllib.request

from link import Lane
from machine import Server, free_port, plain_environment, say, stop_all
from peers import entrepot_binary
from wire import read_head

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PART = 16 << 10
GOAL = 0.95


class Origin:
    """A registry with one blob, which it sends by ranges."""

    def __init__(self, path, digest):
        self.path, self.digest, self.size = path, digest, os.path.getsize(path)

    async def connection(self, reader, writer):
        try:
            while True:
                method, path, headers = await read_head(reader)
                if not path.endswith(f"/blobs/{self.digest}"):
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                first, last, status = 0, self.size - 1, "200 OK"
                if asked := headers.get("range"):
                    first, _, end = asked.removeprefix("bytes=").partition("-")
                    first, last, status = int(first), int(end or last), "206 Partial Content"
                told = f"HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {last - first + 1}\r\n"
                if asked:
                    told += f"Content-Range: bytes {first}-{last}/{self.size}\r\n"
                writer.write(f"{told}\r\n".encode())
                await writer.drain()
                if method == "GET":
                    with open(self.path, "rb") as file:
                        await asyncio.get_running_loop().sendfile(writer.transport, file, first, last - first + 1)
        except (OSError, asyncio.IncompleteReadError, RuntimeError):
            pass
        finally:
            writer.close()


class Proxy:
    """SOCKS5 with one rate, which can be ended or silenced."""

    def __init__(self, mbit, rtt_ms):
        self.lane, self.delay, self.down = Lane(mbit * 125_000), rtt_ms / 2000, 0
        self.open, self.resets, self.silent = set(), False, asyncio.Event()
        self.silent.set()

    async def connection(self, reader, writer):
        task = asyncio.current_task()
        self.open.add(task)
        up = None
        try:
            if self.resets:
                return
            methods = (await reader.readexactly(2))[1]
            await reader.readexactly(methods)
            writer.write(b"\x05\x00")
            kind = (await reader.readexactly(4))[3]
            host = socket.inet_ntoa(await reader.readexactly(4)) if kind == 1 else (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            port = int.from_bytes(await reader.readexactly(2), "big")
            from_server, up = await asyncio.open_connection(host, port, limit=PART)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await asyncio.gather(self.send_up(reader, up), self.send_down(from_server, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(task)
            for one in (writer, up):
                if one is not None:
                    one.transport.abort() if self.resets else one.close()

    async def send_up(self, reader, writer):
        while data := await reader.read(PART):
            await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def send_down(self, reader, writer):
        while data := await reader.read(PART):
            now = time.monotonic()
            if (wait := self.lane.pass_at(now, len(data)) - now) > 0.002:
                await asyncio.sleep(wait)
            await self.silent.wait()
            writer.write(data)
            await writer.drain()
            self.down += len(data)
        writer.write_eof()

    def reset(self):
        self.resets = True
        for task in list(self.open):
            task.cancel()


class Links:
    """The origin and the proxies, on a thread of their own."""

    def __init__(self, arguments, path, digest):
        self.loop, self.ports, self.proxies = asyncio.new_event_loop(), [], []
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.origin = self.listen(Origin(path, digest).connection)
        for _ in range(arguments.links):
            proxy = self.call(self.proxy(arguments))
            self.proxies.append(proxy)
            self.ports.append(self.listen(proxy.connection))

    async def proxy(self, arguments):
        return Proxy(arguments.mbit, arguments.rtt_ms)

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def listen(self, serve):
        server = self.call(asyncio.start_server(serve, "127.0.0.1", 0, limit=PART))
        return server.sockets[0].getsockname()[1]

    async def end(self):
        """Ends what still runs, so that nothing is left to a loop that is closed."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self):
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


class Entrepot(Server):
    def __init__(self, binary, folder, links):
        port = free_port()
        listed = "\n".join(f'      - {{proxy: "socks5://127.0.0.1:{link}"}}' for link in links.ports)
        with open(f"{folder}/entrepot.yaml", "w") as file:
            file.write(
                f'listen: "127.0.0.1:{port}"\ndata: "{folder}/data"\nlog: {{level: warn}}\nregistries:\n  docker.io:\n'
                f'    endpoints: ["http://127.0.0.1:{links.origin}"]\n    links:\n{listed}\n'
            )
        command = [binary, "serve", "--config", f"{folder}/entrepot.yaml"]
        super().__init__("entrepot", command, folder, port, plain_environment())


def disturb(case, links, size, began):
    """Waits until half has come and disturbs the first link. Returns when that was."""
    victim = links.proxies[0]
    if case not in ("reset", "silent"):
        return None
    while sum(proxy.down for proxy in links.proxies) < size / 2:
        time.sleep(0.02)
    links.loop.call_soon_threadsafe(victim.reset if case == "reset" else victim.silent.clear)
    return time.monotonic() - began


def pull(case, arguments, binary, path, digest):
    folder = tempfile.mkdtemp(prefix="entrepot-links-")
    links = Links(arguments, path, digest)
    if case == "slow":
        links.proxies[0].lane = Lane(arguments.mbit * 12_500)
    server = Entrepot(binary, folder, links)
    try:
        server.wait_until_ready()
        size, hashed, at = os.path.getsize(path), hashlib.sha256(), []
        began = time.monotonic()
        watcher = threading.Thread(target=lambda: at.append(disturb(case, links, size, began)))
        watcher.start()
        url = f"http://127.0.0.1:{server.port}/v2/docker.io/library/large/blobs/{digest}"
        with urllib.request.urlopen(url, timeout=120) as answer:
            while part := answer.read(1 << 20):
                hashed.update(part)
        took = time.monotonic() - began
        watcher.join()
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise SystemExit("the blob is not the blob")
        rate = arguments.mbit * 125_000
        whole = arguments.links * rate
        if case == "slow":
            best = size / (whole - rate * 0.9)
        elif at[0] is not None:
            best = at[0] + max(0.0, size - at[0] * whole) / (whole - rate)
        else:
            best = size / whole
        return {"case": case, "seconds": took, "best": best, "ratio": best / took, "down": [proxy.down for proxy in links.proxies]}
    finally:
        server.stop()
        links.stop()
        shutil.rmtree(folder, ignore_errors=True)


def blob(path, megabytes):
    hashed, source = hashlib.sha256(), random.Random(1)
    with open(path, "wb") as file:
        for _ in range(megabytes):
            part = source.randbytes(1_000_000)
            hashed.update(part)
            file.write(part)
    return f"sha256:{hashed.hexdigest()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=6)
    parser.add_argument("--mbit", type=float, default=30)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rtt-ms", type=float, default=0)
    parser.add_argument("--only", default="all,reset,silent,slow")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    binary, results = entrepot_binary(ROOT), []
    with tempfile.TemporaryDirectory(prefix="entrepot-links-") as folder:
        path = f"{folder}/blob"
        digest = blob(path, arguments.megabytes)
        for case in arguments.only.split(","):
            say(f"{case}: {arguments.megabytes} MB over {arguments.links} links of {arguments.mbit:g} Mbit/s")
            results.append(pull(case, arguments, binary, path, digest))
    print(f"| {arguments.links} links of {arguments.mbit:g} Mbit/s, {arguments.megabytes} MB | seconds | best | ratio | goal |")
    print("|---|---|---|---|---|")
    for one in results:
        verdict = "reached" if one["ratio"] >= GOAL else "missed"
        print(f"| {one['case']} | {one['seconds']:.1f} | {one['best']:.1f} | {one['ratio']:.3f} | {GOAL} {verdict} |")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        stop_all()
