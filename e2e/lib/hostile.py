"""Registries, a target and a proxy that are handed secrets, give out their own, and repeat what they were told."""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import origin

IMAGE = "app-1000-90000"


class Hostile:
    """Answers with what `answer(method, path, headers)` returns: a status, headers, and the body."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def go(self):
                try:
                    self.reply()
                except OSError:
                    pass  # whoever asked has left

            def reply(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = answer(self.command, self.path, self.headers)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = go

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.host, self.url = f"127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def content(path):
    """A manifest or a blob of the one image, or nothing."""
    manifest, blobs = origin.image(IMAGE)
    kind, _, reference = path.rpartition("/")
    if kind.endswith("/manifests") and reference in ("v1", origin.digest(manifest)):
        return 200, [("Content-Type", origin.MANIFEST), ("Docker-Content-Digest", origin.digest(manifest))], manifest
    if reference in blobs:
        return 200, [("Content-Type", "application/octet-stream")], blobs[reference]
    if path.endswith("/tags/list"):
        return 200, [], b'{"name": "library/app", "tags": ["v1"]}'
    return 404, [], b'{"errors": [{"code": "NOT_FOUND", "message": "it is not here"}]}'


class Origins:
    """All of them, with the secrets that they give out."""

    def __init__(self, hunt):
        self.given = {name: hunt.plant(f"upstream's {name}", awkward=False) for name in ("token", "refresh token", "realm", "signature", "cookie", "state")}
        self.token, self.basic, self.docker = Hostile(self.by_token), Hostile(self.by_password), Hostile(self.by_password)
        self.echo, self.target, self.proxy = Hostile(self.repeats), Hostile(self.fails_writes), Hostile(self.refuses_proxy)

    def by_token(self, method, path, headers):
        given = self.given
        cookie = ("Set-Cookie", f"session={given['cookie']}")
        if path.startswith("/token"):
            tokens = {"token": given["token"], "access_token": given["token"], "refresh_token": given["refresh token"], "expires_in": 300}
            return 200, [cookie], json.dumps(tokens).encode()
        if path.startswith("/cdn/"):
            return content(path.partition("?")[0].replace("/cdn/", "/blobs/"))
        if headers.get("Authorization") != f"Bearer {given['token']}":
            challenge = f'Bearer realm="{self.token.url}/token?sig={given["realm"]}",service="s",scope="repository:library/app:pull"'
            return 401, [("WWW-Authenticate", challenge), cookie], b"{}"
        if "/blobs/sha256:" in path:
            return 307, [("Location", f"{self.token.url}/cdn/{path.rpartition('/')[2]}?X-Amz-Signature={given['signature']}"), cookie], b""
        return content(path)

    def by_password(self, method, path, headers):
        if "Authorization" not in headers:
            return 401, [("WWW-Authenticate", 'Basic realm="x"')], b"{}"
        return content(path)

    def repeats(self, method, path, headers):
        """Says in its errors what it was told."""
        if not (sent := headers.get("Authorization")):
            return 401, [("WWW-Authenticate", 'Basic realm="x"')], b"{}"
        told = base64.b64decode(sent.partition(" ")[2] + "==").decode(errors="replace")
        error = {"code": "DENIED", "message": f"wrong login {told}", "detail": f"you sent {sent}"}
        return 403, [("Content-Type", "application/json")], json.dumps({"errors": [error]}).encode()

    def fails_writes(self, method, path, headers):
        """Takes the beginning of an upload and then fails."""
        if "Authorization" not in headers:
            return 401, [("WWW-Authenticate", 'Basic realm="x"')], b"{}"
        if path == "/v2/":
            return 200, [], b"{}"
        if method == "POST":
            return 202, [("Location", f"{path.partition('?')[0]}1?_state={self.given['state']}")], b""
        if method in ("PUT", "PATCH"):
            return 500, [], b"it broke"
        return 404, [], b"{}"

    def refuses_proxy(self, method, path, headers):
        return 407, [("Proxy-Authenticate", 'Basic realm="x"')], b""
