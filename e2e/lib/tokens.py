#!/usr/bin/env python3
"""A server of tokens as registries send their clients to (distribution-spec, "Bearer"), for one account.

    tokens.py --port PORT --user NAME --password WORD --cert FILE --key FILE

GET /token?service=S&scope=repository:NAME:ACTIONS answers a signed token good for five minutes and the
scopes asked for; without the account it answers 401. GET / answers 200, to see that it runs.
It speaks HTTPS with the certificate that it signs its tokens with.
"""
import argparse
import base64
import http.server
import json
import ssl
import subprocess
import time
import urllib.parse


def web64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        if address.path != "/token":
            return self.answer(200, {})
        if self.headers.get("Authorization") != self.server.expected:
            return self.answer(401, {"details": "wrong or no account"})
        query = urllib.parse.parse_qs(address.query)
        token = self.server.sign(query.get("service", [""])[0], " ".join(query.get("scope", [])).split())
        return self.answer(200, {"token": token, "access_token": token, "expires_in": 300})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tokens"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        account = f"{options.user}:{options.password}".encode()
        self.expected = "Basic " + base64.b64encode(account).decode()
        self.user, self.key = options.user, options.key
        with open(options.cert) as file:
            pem = file.read().split("-----")[2]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(pem.split())]}

    def sign(self, service, scopes):
        now = int(time.time())
        access = [dict(zip(("type", "name", "actions"), scope.split(":"))) for scope in scopes]
        for entry in access:
            entry["actions"] = entry["actions"].split(",")
        claims = {"iss": "e2e", "sub": self.user, "aud": service, "access": access, "jti": str(time.time_ns())}
        claims |= {"iat": now - 1, "nbf": now - 1, "exp": now + 300}
        said = ".".join(web64(json.dumps(part).encode()) for part in (self.header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(command, input=said.encode(), check=True, stdout=subprocess.PIPE).stdout
        return f"{said}.{web64(signature)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    for name in ("user", "password", "cert", "key"):
        parser.add_argument(f"--{name}", required=True)
    Server(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
