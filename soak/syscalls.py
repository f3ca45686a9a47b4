#!/usr/bin/env python3
"""Stands between a program and the kernel: every system call of its that changes files is seen here first, in one order
for all its threads, and may be let through, failed, or be the last thing that the program ever asked for.

    syscalls.py SOCKET CALL,... COMMAND...

is how the program is started; it is `Watch` that does it. The kernel's user notifications of seccomp(2) carry it, so it
needs neither root nor a tracer. (`strace --inject` counts per thread: the fourth call of a program that makes each of
its calls in another thread is never reached.)
"""
import array
import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import threading

NUMBERS = {
    "x86_64": (
        0xC000003E,
        317,
        dict(
            read=0, write=1, open=2, pread64=17, pwrite64=18, writev=20, sendfile=40, fsync=74, fdatasync=75, ftruncate=77,
            rename=82, mkdir=83, creat=85, link=86, unlink=87, openat=257, mkdirat=258, unlinkat=263, renameat=264,
            linkat=265, fallocate=285, pwritev=296, renameat2=316,
        ),
    ),
    "aarch64": (
        0xC00000B7,
        277,
        dict(
            read=63, write=64, pread64=67, pwrite64=68, writev=66, sendfile=71, fsync=82, fdatasync=83, ftruncate=46,
            openat=56, mkdirat=34, unlinkat=35, renameat=38, linkat=37, fallocate=47, pwritev=70, renameat2=276,
        ),
    ),
}
CHANGING = (
    "write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate", "open", "openat", "creat", "fsync", "fdatasync",
    "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat",
)
READING = ("read", "pread64", "sendfile")
# Where a call names its file: by an argument that is a descriptor, or one that is a path.
BY_PATH = {
    "open": 0, "creat": 0, "rename": 0, "link": 0, "unlink": 0, "mkdir": 0,
    "openat": 1, "mkdirat": 1, "unlinkat": 1, "renameat": 1, "linkat": 1, "renameat2": 1,
}
BY_DESCRIPTOR = {"sendfile": 1}

RECEIVE, SEND = 0xC0502100, 0xC0182101
NOTIFY, ALLOW, CONTINUE = 0x7FC00000, 0x7FFF0000, 1
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

available = platform.machine() in NUMBERS and sys.platform == "linux"


class Call:
    """One system call that is about to be made."""

    def __init__(self, name, thread, arguments):
        self.name, self.thread, self.arguments = name, thread, arguments

    @property
    def path(self):
        """Of the file that it is about; empty where it is about none."""
        try:
            if self.name in BY_PATH:
                return self.text(self.arguments[BY_PATH[self.name]])
            descriptor = self.arguments[BY_DESCRIPTOR.get(self.name, 0)]
            return os.readlink(f"/proc/{self.thread}/fd/{descriptor & 0xFFFFFFFF}")
        except OSError:
            return ""

    def text(self, address):
        # A path may end right before memory that is not there: no read crosses a page's end.
        found = b""
        with open(f"/proc/{self.thread}/mem", "rb", 0) as memory:
            while b"\0" not in found and len(found) < 4096:
                memory.seek(address)
                part = memory.read(4096 - address % 4096)
                found, address = found + part, address + len(part)
        return found.split(b"\0")[0].decode(errors="replace")

    @property
    def changes(self):
        if self.name == "open":
            return bool(self.arguments[1] & WRITING)
        return bool(self.arguments[2] & WRITING) if self.name == "openat" else self.name not in READING


class Watch:
    """A program under watch. `decide(call)` says what becomes of a call below `folder`: None, an errno, or "kill"."""

    def __init__(self, folder, reading=False):
        self.folder, self.decide, self.seen, self.thread = folder, None, [], None
        names = CHANGING + (READING if reading else ())
        self.names = {number: name for name, number in NUMBERS[platform.machine()][2].items() if name in names}
        self.path = f"{folder}.watch"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.pid = None
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()

    def command(self, command):
        """What to run in place of `command`."""
        return [sys.executable, os.path.abspath(__file__), self.path, ",".join(map(str, self.names)), *command]

    def supervise(self):
        connection, _ = self.listener.accept()
        _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4))
        self.pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        descriptor = array.array("i", ancillary[0][2][:4])[0]
        for one in (connection, self.listener):
            one.close()
        os.unlink(self.path)
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while True:
            # With a limit: should a wake-up be lost, the next look finds what waits.
            events = [event for _, event in waiting.poll(500)]
            if any(event & (select.POLLHUP | select.POLLERR) for event in events):
                break
            if not events:
                continue
            notice = bytearray(80)
            try:
                fcntl.ioctl(descriptor, RECEIVE, notice)
                self.answer(descriptor, notice)
            except OSError as error:
                # The thread, or the whole program, was gone before its call was looked at.
                if error.errno not in (errno.ENOENT, errno.EINTR):
                    raise
        os.close(descriptor)

    def answer(self, descriptor, notice):
        number, thread, _, call, _, _, *arguments = struct.unpack("QIIiIQ6Q", notice)
        decision = self.judge(Call(self.names[call], thread, arguments)) if self.decide else None
        if decision == "kill":
            os.kill(self.pid, signal.SIGKILL)
            return
        answer = struct.pack("QqiI", number, 0, -decision if decision else 0, 0 if decision else CONTINUE)
        fcntl.ioctl(descriptor, SEND, answer)

    def judge(self, call):
        path = call.path
        if not path.startswith(self.folder):
            return None
        decision = self.decide(call, path)
        self.seen.append((call.name, path[len(self.folder) + 1 :], decision))
        return decision


def main(path, numbers, *command):
    """In the program's own process, before it is the program."""
    architecture, seccomp, _ = NUMBERS[platform.machine()]
    numbers = list(map(int, numbers.split(",")))
    load, equal, answer = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, ALLOW), (load, 0, 0, 0)]
    program += [(equal, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    program += [(answer, 0, 0, ALLOW), (answer, 0, 0, NOTIFY)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    link = socket.socket(socket.AF_UNIX)
    link.connect(path)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges, without which only root may filter
    listener = libc.syscall(seccomp, 1, 8, ctypes.c_char_p(filter_))
    if listener < 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
