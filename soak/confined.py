"""A server that may have little memory, and clients that push much at once."""
import hashlib
import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager

from client import HOST, Client
from faults import Checks
from floods import memory
from lab import Skipped

GIB = 1 << 30
PUSHES, EACH, LIMIT = 50, 2 * GIB, 256 << 20
# Of the disk, so much stays free.
SPARE = 10 * GIB
PIECE = bytes(range(256)) * 4096
GROUPS = "/sys/fs/cgroup"


@contextmanager
def control_group(limit):
    """A control group whose processes may have `limit` bytes of memory, with what they have in the page cache."""
    unified = os.path.exists(f"{GROUPS}/cgroup.controllers")
    path = f"{GROUPS}/{'' if unified else 'memory/'}entrepot-soak-{os.getpid()}"
    try:
        os.mkdir(path)
        with open(f"{path}/{'memory.max' if unified else 'memory.limit_in_bytes'}", "w") as file:
            file.write(str(limit))
    except OSError as error:
        raise Skipped(f"no control group for memory: {error}") from error
    try:
        yield path, f"{path}/{'memory.events' if unified else 'memory.oom_control'}"
    finally:
        # Its processes have ended, and the kernel may need a moment to see it.
        for _ in range(50):
            try:
                os.rmdir(path)
                break
            except OSError:
                time.sleep(0.1)


def killed(events):
    with open(events) as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))


def push(port, number, size, digest):
    """One blob in one request, as a client that sends as fast as it can."""
    head = (
        f"POST /v2/local/confined/{number}/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {HOST}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((HOST, port), 600) as connection:
        connection.sendall(head.encode())
        for _ in range(size // len(PIECE)):
            connection.sendall(PIECE)
        return connection.recv(4096).split(b" ", 2)[1].decode()


def many_pushes(lab):
    """S16: 50 pushes of 2 GiB with 256 MiB of memory."""
    checks = Checks()
    size = min(EACH, (shutil.disk_usage(lab.scratch).free - SPARE) // PUSHES) // len(PIECE) * len(PIECE)
    if size < GIB // 8:
        raise Skipped("too little space on the disk")
    whole = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        whole.update(PIECE)
    digest, answers = f"sha256:{whole.hexdigest()}", [None] * PUSHES

    def client(number):
        try:
            answers[number] = push(server.port, number, size, digest)
        except OSError as error:
            answers[number] = type(error).__name__

    with control_group(LIMIT) as (group, events):
        inside = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
        with lab.serving(wrap=inside) as server:
            clients = [threading.Thread(target=client, args=(number,)) for number in range(PUSHES)]
            for one in clients:
                one.start()
            for one in clients:
                one.join()
            checks.note("pushes", PUSHES)
            checks.note("mib_each", size >> 20)
            checks.note("acknowledged", answers.count("201"), answers.count("201") == PUSHES)
            checks.note("others", sorted({str(one) for one in answers} - {"201"}) or "none")
            checks.note("peak_rss_mib", round(memory(server, "VmHWM"), 1))
            checks.note("killed", killed(events), killed(events) == 0)
            found = Client(server.port).expect(200, "HEAD", f"/v2/local/confined/{PUSHES - 1}/blobs/{digest}")[0]
            checks.note("answers", "yes", int(found["Content-Length"]) == size)
    return checks.result()
