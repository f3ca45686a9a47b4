#!/usr/bin/env python3
"""Many connections to one server, that mean no good or nothing at all.

    crowd.py PORT COUNT half|idle SECONDS

half   each sends the beginning of a request's head, and then a byte every ten seconds
idle   each asks once, and then keeps its connection for nothing

Prints `ready`, holds them until SECONDS are over or standard input ends, then prints what became of them as one line of
JSON.
"""
import json
import resource
import select
import socket
import sys
import time

HALF = b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
AT_ONCE = 400
DRIP = 10


def more_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))


class Crowd:
    def __init__(self, port, count, kind):
        self.address, self.count, self.kind = ("127.0.0.1", port), count, kind
        self.poll, self.all, self.began, self.closed = select.epoll(), {}, {}, []
        self.waiting = self.failed = 0

    def open(self):
        """All of them, some at a time; gives up after a while."""
        end = time.monotonic() + 60
        while len(self.began) + self.failed < self.count and time.monotonic() < end:
            while self.waiting < AT_ONCE and len(self.all) + len(self.closed) + self.failed < self.count:
                self.connect()
            self.look(0.05)

    def connect(self):
        try:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.address)
        except OSError:
            self.failed += 1
            return
        self.all[one.fileno()] = one
        self.poll.register(one, select.EPOLLOUT)
        self.waiting += 1

    def look(self, seconds):
        for number, event in self.poll.poll(seconds):
            one = self.all.get(number)
            if event & select.EPOLLOUT:
                self.connected(number, one)
            elif one:
                self.heard(number, one)

    def connected(self, number, one):
        self.waiting -= 1
        try:
            one.send(HALF if self.kind == "half" else WHOLE)
            self.began[number] = time.monotonic()
            self.poll.modify(one, select.EPOLLIN)
        except OSError:
            self.failed += 1
            self.drop(number)

    def heard(self, number, one):
        try:
            if one.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.closed.append(time.monotonic() - self.began[number])
        self.drop(number)

    def drop(self, number):
        self.poll.unregister(number)
        self.all.pop(number).close()

    def hold(self, seconds):
        end, drip = time.monotonic() + seconds, time.monotonic() + DRIP
        ours = select.poll()
        ours.register(sys.stdin, select.POLLIN | select.POLLHUP)
        while time.monotonic() < end and self.all and not ours.poll(0):
            self.look(0.1)
            if self.kind == "half" and time.monotonic() > drip:
                drip += DRIP
                for one in self.all.values():
                    try:
                        one.send(b"x")
                    except OSError:
                        pass


def main():
    port, count, kind, seconds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    more_files(count + 1000)
    crowd = Crowd(port, count, kind)
    began = time.monotonic()
    crowd.open()
    print("ready", flush=True)
    opened = time.monotonic() - began
    crowd.hold(seconds)
    ages = sorted(crowd.closed) or [0]
    figures = {"open": len(crowd.began), "failed": crowd.failed, "opened_s": round(opened, 1)}
    figures |= {"closed": len(crowd.closed), "first_s": round(ages[0], 1), "last_s": round(ages[-1], 1)}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
