#!/usr/bin/env python3
"""A slow link in front of an origin, on loopback: forwards TCP with a delay and with caps on what comes down.

    link.py --listen PORT --to PORT [--rtt-ms 40] [--mbit 400] [--connection-mbyte 4] [--count FILE]

--rtt-ms            round trip; a new connection pays one more for its handshake
--mbit              what all connections together may bring down, in megabits a second
--connection-mbyte  what each of them may bring down, in megabytes a second
--count             where the number of bytes that came down is written, ten times a second

Slow start and loss are not modelled. It writes `ready` when it listens, and ends with SIGTERM.
"""
import argparse
import asyncio
import os
import time

PART = 32 << 10
AHEAD = 0.05  # seconds of data that may wait on the link; more stays with the sender


class Lane:
    """A rate. What passes takes its turn."""

    def __init__(self, bytes_per_second):
        self.rate, self.free = bytes_per_second, 0.0

    def pass_at(self, now, size):
        """When the last of `size` bytes is through."""
        self.free = max(self.free, now) + size / self.rate
        return self.free


async def deliver(waiting, writer, told):
    while (item := await waiting.get()) is not None:
        due, data = item
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        writer.write(data)
        await writer.drain()
        told(len(data))
    writer.write_eof()


async def carry(reader, writer, delay, lanes, told=lambda size: None):
    """One direction of one connection, until its end."""
    waiting = asyncio.Queue()
    delivery = asyncio.create_task(deliver(waiting, writer, told))
    try:
        while not delivery.done() and (data := await reader.read(PART)):
            now = time.monotonic()
            through = max((lane.pass_at(now, len(data)) for lane in lanes), default=now)
            waiting.put_nowait((through + delay, data))
            if (wait := through - now - AHEAD) > 0:
                await asyncio.sleep(wait)
    finally:
        waiting.put_nowait(None)
        await delivery


class Link:
    def __init__(self, arguments):
        self.to, self.delay = arguments.to, arguments.rtt_ms / 2000
        self.shared = [Lane(arguments.mbit * 125_000)] if arguments.mbit else []
        self.each = arguments.connection_mbyte * 1e6
        self.down = 0

    def came_down(self, size):
        self.down += size

    async def count_into(self, path):
        while True:
            with open(f"{path}.new", "w") as file:
                file.write(f"{self.down}\n")
            os.replace(f"{path}.new", path)  # a reader never sees half of it
            await asyncio.sleep(0.1)

    async def connection(self, reader, writer):
        up_writer = None
        try:
            await asyncio.sleep(self.delay * 2)
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to)
            lanes = self.shared + ([Lane(self.each)] if self.each else [])
            up = asyncio.create_task(carry(reader, up_writer, self.delay, []))
            down = asyncio.create_task(carry(up_reader, writer, self.delay, lanes, self.came_down))
            # A side that goes away takes the other one with it: as a broken connection would.
            await asyncio.wait((up, down), return_when=asyncio.FIRST_EXCEPTION)
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        except OSError:
            pass
        finally:
            for end in (writer, up_writer):
                if end:
                    end.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--rtt-ms", type=float, default=0)
    parser.add_argument("--mbit", type=float, default=0)
    parser.add_argument("--connection-mbyte", type=float, default=0)
    parser.add_argument("--count")
    arguments = parser.parse_args()
    link = Link(arguments)
    server = await asyncio.start_server(link.connection, "127.0.0.1", arguments.listen, backlog=512)
    print("ready", flush=True)
    async with server, asyncio.TaskGroup() as tasks:
        if arguments.count:
            tasks.create_task(link.count_into(arguments.count))
        tasks.create_task(server.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
