"""Real stores behind entrepot: PostgreSQL, servers with the API of S3, and a proxy before S3 that misbehaves when told to."""
import datetime
import hashlib
import hmac
import http.client
import os
import pwd
import re
import socket
import socketserver
import subprocess
import threading
import urllib.parse
from glob import glob
from http.server import BaseHTTPRequestHandler

from lab import Skipped
from machine import Failed, find_tool, free_port

HOST, BUCKET, REGION = "127.0.0.1", "images", "us-east-1"
ACCESS, SECRET = "entrepot-test", "entrepot-test-secret"
S3_SERVERS = ("minio", "versitygw")
PAIRS = ("disk-sqlite", "disk-postgres", "s3-sqlite", "s3-postgres")


# ---- PostgreSQL ----------------------------------------------------------------------------------


def postgres_tool(name):
    found = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(re.search(r"/(\d+)/", path)[1]))
    return found[-1] if found else find_tool(name)


class Postgres:
    """A database server of our own, which may end and come back on what it has."""

    def __init__(self, folder):
        if not postgres_tool("initdb"):
            raise Skipped("PostgreSQL is not installed")
        self.folder, self.port, self.process = folder, free_port(), None
        self.become = []
        if os.geteuid() == 0:
            # It refuses to run as root.
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                raise Skipped("PostgreSQL wants a user called postgres") from None
            os.chown(folder, user.pw_uid, user.pw_gid)
            os.chmod(os.path.dirname(folder), 0o711)
            self.become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self.run("initdb", "-D", f"{folder}/db", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()
        self.number = 0

    def run(self, tool, *arguments):
        command = [*self.become, postgres_tool(tool), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        if done.returncode:
            raise Failed(f"{tool}: {done.stdout.strip()[-300:]}")
        return done.stdout

    def start(self):
        with open(f"{self.folder}.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.become, postgres_tool("postgres"), "-D", f"{self.folder}/db", "-h", HOST, "-p", str(self.port)]
                + ["-k", self.folder, "-c", "max_connections=100"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True,
            )
        wait_for_port(self.port, self.process, "PostgreSQL", f"{self.folder}.log")
        for _ in range(300):
            if subprocess.run([postgres_tool("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]).returncode == 0:
                return
            threading.Event().wait(0.1)
        raise Failed("PostgreSQL does not get ready")

    def stop(self):
        """At once: connections are cut, and what was committed stays."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(2)
            self.process.wait(60)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(3)
            self.process.wait(60)

    def database(self):
        """The address of a new and empty one."""
        self.number += 1
        name = f"entrepot{self.number}"
        self.run("psql", "-q", "-h", HOST, "-p", str(self.port), "-U", "postgres", "-c", f"CREATE DATABASE {name}")
        return f"postgres://postgres@{HOST}:{self.port}/{name}"


def wait_for_port(port, process, name, log):
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            threading.Event().wait(0.05)
    process.kill()
    with open(log, errors="replace") as file:
        raise Failed(f"{name} does not start: {file.read()[-400:].strip()}")


# ---- S3 ------------------------------------------------------------------------------------------


class S3Server:
    """A server with the API of S3, and a bucket in it."""

    def __init__(self, kind, folder):
        tool = find_tool(kind)
        if not tool:
            raise Skipped(f"{kind} is not on PATH")
        os.makedirs(f"{folder}/data", exist_ok=True)
        self.kind, self.folder, self.port = kind, folder, free_port()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("MINIO_")}
        self.environment |= {"MINIO_ROOT_USER": ACCESS, "MINIO_ROOT_PASSWORD": SECRET, "HOME": folder}
        self.environment |= {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
        self.command = {
            "minio": [tool, "server", "--quiet", "--address", f"{HOST}:{self.port}", f"{folder}/data"],
            "versitygw": [tool, "--port", f"{HOST}:{self.port}", "posix", f"{folder}/data"],
        }[kind]
        self.process = None
        self.start()
        for _ in range(200):
            if self.ask("PUT", "")[0] in (200, 409):
                return
            threading.Event().wait(0.1)
        self.stop()
        raise Failed(f"{kind} makes no bucket")

    def start(self):
        with open(f"{self.folder}/output.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True
            )
        wait_for_port(self.port, self.process, self.kind, f"{self.folder}/output.log")

    def stop(self, number=15):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ask(self, method, key, query="", body=b""):
        """A signed request for an object of the bucket, or for the bucket: status and body."""
        path = urllib.parse.quote(f"/{BUCKET}/{key}".rstrip("/"))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": f"{HOST}:{self.port}", "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now}
        signed, scope = ";".join(sorted(headers)), f"{now[:8]}/{REGION}/s3/aws4_request"
        lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
        canonical = "\n".join([method, path, query, *lines, "", signed, headers["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = f"AWS4{SECRET}".encode()
        for part in (*scope.split("/"), text):
            signature = hmac.digest(signature, part.encode(), "sha256")
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={signed}, Signature={signature.hex()}"
        )
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def keys(self, prefix):
        """All keys that start with it."""
        found, after = [], ""
        while True:
            query = f"list-type=2&prefix={urllib.parse.quote(prefix, safe='')}"
            query += f"&start-after={urllib.parse.quote(after, safe='')}" if after else ""
            # The signature wants them in order.
            query = "&".join(sorted(query.split("&")))
            status, body = self.ask("GET", "", query)
            if status != 200:
                raise Failed(f"{self.kind} lists nothing: {status} {body[:200]}")
            page = re.findall(r"<Key>([^<]*)</Key>", body.decode())
            found += page
            if not page or b"<IsTruncated>true</IsTruncated>" not in body:
                return found
            after = page[-1]

    def remove(self, key):
        status, body = self.ask("DELETE", key)
        if status not in (200, 204):
            raise Failed(f"{self.kind} deletes nothing: {status} {body[:200]}")


# ---- a proxy before it -----------------------------------------------------------------------------


class Proxy:
    """Passes requests on. `fault`, if it is set, is asked about each with method and path, and may answer:
    a status, sent instead; "cut", the connection ends before the server hears of it; "lose", the server does it and the answer
    is lost; "short", half of the answer's body comes; an Event, which is waited for first."""

    def __init__(self, port):
        self.target, self.port, self.fault, self.asked = port, free_port(), None, []
        self.lock, self.open, self.server = threading.Lock(), set(), None
        self.up()

    def up(self):
        proxy = self

        class Handler(Forwarder):
            owner = proxy

        self.server = Listener((HOST, self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self):
        """Nobody listens any more, and what was connected is cut."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    def handle_error(self, *_):
        """Connections break; that is what this is for."""


class Forwarder(BaseHTTPRequestHandler):
    protocol_version, owner = "HTTP/1.1", None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        with self.owner.lock:
            self.owner.open.add(self.connection)

    def finish(self):
        with self.owner.lock:
            self.owner.open.discard(self.connection)
        super().finish()

    def handle_expect_100(self):
        self.send_response_only(100)
        self.end_headers()
        return True

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.owner.fault(self.command, self.path) if self.owner.fault else None
        self.owner.asked.append((self.command, self.path, self.headers.get("If-None-Match")))
        if isinstance(fault, threading.Event):
            fault.wait(120)
            fault = None
        if isinstance(fault, int):
            answer = b"<Error><Code>SlowDown</Code><Message>told to</Message></Error>"
            return self.answer(fault, [("Content-Type", "application/xml")], answer)
        if fault == "cut":
            return self.hang_up()
        connection = http.client.HTTPConnection(HOST, self.owner.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            found = connection.getresponse()
            content = found.read()
        except (OSError, http.client.HTTPException):
            return self.hang_up()
        finally:
            connection.close()
        if fault == "lose":
            return self.hang_up()
        headers = [(name, value) for name, value in found.getheaders() if name.lower() not in HOP]
        self.answer(found.status, headers, content, fault == "short")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status, headers, content, is_short=False):
        self.send_response_only(status)
        length = [value for name, value in headers if name.lower() == "content-length"] if self.command == "HEAD" else []
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", length[0] if length else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if is_short else content)
        if is_short:
            self.wfile.flush()
            self.hang_up()


HOP = ("connection", "transfer-encoding", "keep-alive", "date")


# ---- both together -----------------------------------------------------------------------------------


class Backends:
    """What a pair wants: its part of the configuration, and what can be done to it."""

    def __init__(self, lab, pair, s3="minio"):
        self.lab, self.pair = lab, pair
        self.postgres = self.s3 = self.proxy = None
        blobs, records = pair.split("-")
        try:
            if records == "postgres":
                self.postgres = Postgres(lab.folder())
            if blobs == "s3":
                self.s3 = S3Server(s3, lab.folder())
                self.proxy = Proxy(self.s3.port)
        except BaseException:
            self.close()
            raise
        self.config = ""
        if self.postgres:
            self.config += f'database: "{self.postgres.database()}"\n'
        if self.s3:
            self.config += (
                f'blobs: {{s3: {{bucket: {BUCKET}, endpoint: "http://{HOST}:{self.proxy.port}", prefix: held, '
                f"access_key: {ACCESS}, secret_key: {SECRET}}}}}\n"
            )

    def close(self):
        if self.proxy:
            self.proxy.down()
        for server in (self.s3, self.postgres):
            if server:
                server.stop()

    # ---- the bytes of a digest, whoever keeps them ------------------------------------------------------

    def path(self, folder, digest):
        algorithm, _, digits = digest.partition(":")
        relative = f"{algorithm}/{digits[:2]}/{digits}"
        return f"held/{relative}" if self.s3 else f"{folder}/data/blobs/{relative}"

    def stored(self, folder):
        """The digests whose bytes are kept."""
        if self.s3:
            parts = [key.split("/") for key in self.s3.keys("held/")]
            return {f"{part[1]}:{part[3]}" for part in parts if len(part) == 4}
        found = set()
        for directory, _, names in os.walk(f"{folder}/data/blobs"):
            found |= {f"{os.path.basename(os.path.dirname(directory))}:{name}" for name in names}
        return found

    def lose(self, folder, digest):
        """Takes the bytes away, behind entrepot's back."""
        path = self.path(folder, digest)
        if self.s3:
            self.s3.remove(path)
        else:
            os.remove(path)

    def stray(self, folder, content):
        """Bytes that nothing records."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = self.path(folder, digest)
        if self.s3:
            self.s3.ask("PUT", path, body=content)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        return digest
