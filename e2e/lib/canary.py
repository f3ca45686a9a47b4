#!/usr/bin/env python3
"""Plants secrets of every kind, uses entrepot in every way, and looks for them in all that it wrote and answered.

    canary.py BINARY

ENTREPOT_TEST_POSTGRES is the URL of a database for the second round, whose dump is looked through; without it SQLite has both.
A line for each kind of secret: ok, FAIL or skip; then `N passed, N failed, N skipped`. Exit code 1 if one was found.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/soak", f"{ROOT}/bench"]

import origin  # noqa: E402
from hostile import Origins  # noqa: E402
from machine import Server, free_port, stop_all  # noqa: E402
from mistakes import mistakes  # noqa: E402
from needles import Hunt, known  # noqa: E402

LOCAL = "local/team/app"


class Tls(Server):
    """Ready when it accepts connections."""

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False


def certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


class Canary:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.hunt = binary, folder, Hunt()
        self.home = f"{folder}/home"
        os.makedirs(f"{self.home}/.docker")
        certificate(folder)
        self.origins = Origins(self.hunt)
        self.secrets()
        self.config, self.server, self.runs = f"{folder}/entrepot.yaml", None, 0
        self.postgres = os.environ.get("ENTREPOT_TEST_POSTGRES")
        self.unplanted = []

    # ---- what is planted ----------------------------------------------------------------------------

    def secrets(self):
        plant = self.hunt.plant
        self.alice, self.alice_new, self.wrong = plant("account password"), plant("changed password"), plant("wrong password")
        self.admin = plant("administrator's password, by environment")
        self.inline, self.by_env = plant("registry password, in the file"), plant("registry password, env:")
        self.by_file, self.by_docker = plant("registry password, file:"), plant("registry password, Docker's config.json")
        self.typed, self.target = plant("registry password, typed"), plant("registry password of a sync's target")
        self.api_token = plant("api_token", awkward=False)
        self.proxy, self.userinfo = plant("proxy's password", awkward=False), plant("userinfo of a URL", awkward=False)
        self.hunt.lines.typed.add(self.userinfo.encode())
        self.s3, self.database = plant("S3 secret key"), plant("database's password", awkward=False)
        self.cookie, self.forged = plant("cookie of a client", awkward=False), plant("bearer token, unknown", awkward=False)
        self.pasted = plant("key pasted into the configuration", awkward=False)
        self.oidc, self.ldap = plant("OIDC client secret"), plant("LDAP bind password")
        self.stored, self.stored_new = plant("stored credential"), plant("stored credential, changed")
        with open(f"{self.folder}/by-file", "w") as file:
            file.write(self.by_file)
        os.chmod(f"{self.folder}/by-file", 0o600)
        with open(f"{self.folder}/tls.key") as file:
            self.hunt.add(known("TLS key", file.read().split("\n")[3]))
        auth = base64.b64encode(f"me:{self.by_docker}".encode()).decode()
        with open(f"{self.home}/.docker/config.json", "w") as file:
            json.dump({"auths": {self.origins.docker.host: {"auth": auth}}}, file)

    def environment(self, **more):
        """A clean one: variables of our prefix would be configuration."""
        kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(("ENTREPOT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"))}
        own = {"HOME": self.home, "XDG_CACHE_HOME": f"{self.home}/cache", "BY_ENV": self.by_env, "RUST_BACKTRACE": "full"}
        if self.postgres:
            # It lets everybody in, whatever the password is.
            own["DATABASE_URL"] = self.postgres.replace("postgres@", f"postgres:{self.database}@")
        return {**kept, **own, **more}

    def configuration(self, form):
        quote, up = json.dumps, self.origins

        def registry(at, password):
            return f'{{mirror: true, private_network: true, endpoints: ["{at.url}"], credentials: [{{username: me, password: {quote(password)}, endpoint: "{at.url}"}}]}}'

        port = free_port()
        with open(self.config, "w") as file:
            file.write(f"""listen: "127.0.0.1:{port}"
data: "{self.folder}/data-{form}"
{self.stored_in(form)}api_token: {quote(self.api_token)}
tls: {{cert: "{self.folder}/tls.crt", key: "{self.folder}/tls.key"}}
log: {{level: trace, format: {form}}}
registries:
  docker.io: {{mirror: false}}
  token.test: {registry(up.token, self.inline)}
  env.test: {registry(up.basic, "env:BY_ENV")}
  file.test: {registry(up.basic, f"file:{self.folder}/by-file")}
  echo.test: {registry(up.echo, self.typed)}
  target.test: {registry(up.target, self.target)}
  stored.test: {{mirror: true, private_network: true, endpoints: ["{up.basic.url}"]}}
  default.test: {{mirror: true, endpoints: ["{up.basic.url}"]}}
mirror: {{default_upstream: default.test, catalog: true}}
access:
  grants: [{{to: "account:alice", repositories: ["local/**"], may: [pull, push, delete]}}]
  private: ["local/**"]
{self.directories()}sync:
  - {{name: r1, from: token.test/library/app, tags: {{names: [v1]}}, to: [target.test/library/app]}}
  - {{name: r2, from: env.test/library/app, tags: {{names: [v1]}}, to: [echo.test/library/app]}}
""")
        return port

    def has_postgres(self, form):
        return bool(self.postgres) and form == "json"

    def stored_in(self, form):
        return "database: env:DATABASE_URL\n" if self.has_postgres(form) else ""

    def dump(self):
        """What PostgreSQL has, as SQL."""
        done = subprocess.run(["pg_dump", "--inserts", self.postgres], stdout=subprocess.PIPE, timeout=120, check=True)
        if b"INSERT INTO public.account " not in done.stdout:
            raise SystemExit("the accounts are not in PostgreSQL")
        self.hunt.note("dump of PostgreSQL", done.stdout)

    def directories(self):
        """Where accounts come from, as far as this can be configured."""
        lines = ""
        for kind, line in (
            ("OIDC client secret", f'  oidc: {{issuer: "https://127.0.0.1:1", client_id: me, client_secret: {json.dumps(self.oidc)}, users: [all]}}\n'),
            ("LDAP bind password", f'  ldap: {{url: "ldaps://127.0.0.1:1", bind_dn: "cn=me", bind_password: {json.dumps(self.ldap)}, base: "dc=x", users: ["cn=all,dc=x"]}}\n'),
        ):
            path = f"{self.folder}/directory.yaml"
            with open(path, "w") as file:
                file.write(f"access:\n{line}")
            if self.command("config", "check", path).returncode == 0:
                lines += line
            else:
                self.unplanted.append(kind)
        return lines

    # ---- asking -------------------------------------------------------------------------------------

    def ask(self, method, path, body=None, secret=False, **headers):
        """One request over TLS. What it answers may be read by anybody but where a secret is told to its owner."""
        plain = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=30, context=plain)
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            head, content = str(answer.headers), answer.read()
        finally:
            connection.close()
        if not secret:
            self.hunt.note(f"answers to {method} {re.sub(r'[?].*', '', path)[:60]}", head.encode("utf-8", "replace") + content)
        return answer.status, answer.headers, content

    def basic(self, password, user="alice"):
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}

    def command(self, *words, typed=None, secret=False, environment=None):
        """The binary, with what it is told on standard input; what it prints."""
        done = subprocess.run(
            [self.binary, *words], input=(typed or "").encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment(**(environment or {})), cwd=self.folder, timeout=120,
        )
        self.runs += 1
        self.hunt.note(f"`{' '.join(words[:2])}`, errors", done.stderr)
        if not secret:
            self.hunt.note(f"`{' '.join(words[:2])}`, output", done.stdout)
        return done

    def owner(self, *words, **how):
        """As the server's owner, over its socket."""
        return self.command(*words, "--config", self.config, **how)

    # ---- what is done -------------------------------------------------------------------------------

    def serve(self, form):
        port, inner = self.configuration(form), f"{self.folder}/server-{form}"
        os.makedirs(inner)
        environment = self.environment(ENTREPOT_ADMIN_PASSWORD=self.admin)
        self.server = Tls("entrepot", [self.binary, "serve", "--config", self.config, "-vv"], inner, port, environment)

    def accounts(self, form):
        self.owner("account", "add", "alice", "--password-stdin", typed=self.alice)
        self.owner("account", "add", "ci", "--robot")
        tokens = []
        made = self.owner("token", "create", "build", "--account", "alice", "--scope", "pull,push:local/**", secret=True)
        tokens.append(("API token", made))
        listed = json.loads(self.owner("token", "ls", "--output", "json").stdout)["tokens"]
        tokens.append(("API token, renewed", self.owner("token", "renew", listed[0]["id"], "--output", "json", secret=True)))
        for kind, done in tokens:
            text = re.search(rb"ep_[0-9A-Za-z]{20,}", done.stdout)
            if not text:
                raise SystemExit(f"no API token was made: {done.stderr.decode()}")
            where = f"{kind}, as it is told ({form})"
            self.hunt.show_once(self.hunt.add(known(f"{kind} ({form})", text[0])), where)
            self.hunt.note(where, done.stdout)
        self.token = re.search(rb"ep_[0-9A-Za-z]{20,}", tokens[1][1].stdout)[0].decode()
        self.session(form)
        _, _, body = self.ask("GET", "/api/v1/me", **self.basic(self.admin, "admin"))
        if b'"admin"' not in body:
            self.unplanted.append("administrator's password, by environment")

    def session(self, form):
        """A login with a browser; its cookie is told to nobody else."""
        body = json.dumps({"name": "alice", "password": self.alice})
        status, headers, _ = self.ask("POST", "/api/v1/session", body, secret=True, Content_Type="application/json")
        name, _, value = headers.get("Set-Cookie", "").partition(";")[0].partition("=")
        self.cookies = {"Cookie": f"{name}={value}"} if status == 201 else {}
        secret = self.hunt.add(known(f"session ({form})", value or "no session"))
        if not self.cookies:
            self.unplanted.append(secret.kind)

    def has(self, command):
        return self.command("help", command).returncode == 0

    def store(self):
        """Passwords of registries that the server keeps."""
        if not self.has("credentials"):
            self.unplanted += ["stored credential", "stored credential, changed"]
            return
        self.owner("credentials", "add", "stored.test", "--username", "me", "--password-stdin", typed=self.stored)
        self.ask("GET", "/v2/stored.test/library/app/manifests/v1")
        for words in (["list"], ["list", "--output", "json"], ["verify", "stored.test"], ["import", f"{self.home}/.docker/config.json"]):
            self.owner("credentials", *words)
        self.owner("credentials", "password", "stored.test", "--password-stdin", typed=self.stored_new)
        self.ask("GET", "/v2/stored.test/library/app/manifests/absent")

    def rotate(self, form):
        """The key before and after it was replaced."""
        path = f"{self.folder}/data-{form}/secret.key"
        with open(path, "rb") as file:
            self.key(f"{form}, before", file.read())
        if self.has("secrets"):
            self.owner("secrets", "status")
            self.owner("secrets", "rotate", "--output", "json")
            with open(path, "rb") as file:
                self.key(f"{form}, after", file.read())

    def logins(self, form):
        """Right and wrong, by every way."""
        right, scope = self.basic(self.alice), f"scope=repository:{LOCAL}:pull,push"
        _, _, body = self.ask("GET", f"/token?service=x&{scope}", secret=True, **right)
        self.bearer = json.loads(body)["token"]
        self.hunt.add(known(f"registry token ({form})", self.bearer.rpartition(".")[2]))
        fields = {"grant_type": "password", "username": "alice", "service": "x", "scope": f"repository:{LOCAL}:pull"}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for password in (self.alice, self.wrong):
            form_body = urllib.parse.urlencode({**fields, "password": password})
            self.ask("POST", "/token", form_body, secret=password == self.alice, **kind)
        wrong = [
            self.basic(self.wrong), self.basic(self.wrong, "nobody"), self.basic(self.alice, "bob"), {"Authorization": f"Bearer {self.forged}"},
            {"Authorization": f"Bearer {self.bearer[:-4]}AAAA"}, {"Authorization": f"Bearer {self.token[:-2]}zz"}, {"Authorization": f"Digest {self.wrong.encode().hex()}"},
            {"Authorization": f"Basic {self.forged}"}, {"Authorization": f"{self.forged}"},
        ]
        for headers in wrong:
            for path in ("/v2/", f"/token?{scope}", f"/v2/{LOCAL}/manifests/v1", "/api/v1/me", "/sync", "/metrics"):
                self.ask("GET", path, Cookie=f"session={self.cookie}", **headers)
        # Where a credential does not belong.
        self.ask("GET", f"/v2/?password={self.forged}&access_token={self.forged}&token={self.forged}")
        self.ask("GET", f"/token?account=alice&password={self.forged}")
        self.ask("GET", "/", X_Registry_Auth=self.forged, Proxy_Authorization=f"Basic {self.forged}", X_Api_Key=self.forged)

    def pushes_and_pulls(self):
        manifest, blobs = origin.image("app-1000-90000")
        for headers in (self.basic(self.alice), {"Authorization": f"Bearer {self.bearer}"}, {"Authorization": f"Bearer {self.token}"}, self.basic(self.token, "x")):
            for digest, blob in blobs.items():
                self.ask("POST", f"/v2/{LOCAL}/blobs/uploads/?digest={digest}", blob, Content_Type="application/octet-stream", **headers)
            self.ask("PUT", f"/v2/{LOCAL}/manifests/v1", manifest, Content_Type=origin.MANIFEST, **headers)
            for path in ("manifests/v1", "tags/list", f"referrers/{origin.digest(manifest)}", f"blobs/{next(iter(blobs))}"):
                self.ask("GET", f"/v2/{LOCAL}/{path}", **headers)
            self.ask("POST", f"/v2/{LOCAL}/blobs/uploads/", b"", **headers)
        for name in ("token.test", "env.test", "file.test", "echo.test"):
            for tag in ("v1", "absent"):
                _, _, body = self.ask("GET", f"/v2/{name}/library/app/manifests/{tag}")
                for digest in re.findall(rb"sha256:[0-9a-f]{64}", body):
                    self.ask("GET", f"/v2/{name}/library/app/blobs/{digest.decode()}")
            self.ask("GET", f"/v2/{name}/library/app/tags/list")

    def syncs(self):
        self.ask("POST", "/api/v1/sync/rules/r1/run", "", Authorization=f"Bearer {self.forged}")
        self.ask("POST", "/api/v1/sync/rules/r1/run", "", Authorization=f"Bearer {self.api_token}")
        self.owner("sync", "run", "r2", "--wait")
        self.owner("sync", "run", "r1", "--wait", "--output", "json")
        self.owner("sync", "runs")
        address = f"https://127.0.0.1:{self.server.port}"
        self.command("sync", "runs", "--server", address, environment={"ENTREPOT_API_TOKEN": self.api_token})
        self.command("sync", "run", "r1", "--help", environment={"ENTREPOT_API_TOKEN": self.api_token})

    def commands(self):
        """Those that ask registries themselves, and the ones that show what there is."""
        docker, token = self.origins.docker.host, "token.test/library/app:v1"
        for words in (
            ["copy", token, "target.test/library/app", "-vv"], ["copy", token, "echo.test/x/y", "-vv", "--output", "json"],
            ["inspect", token, "-vv"], ["digest", "file.test/library/app:absent", "-vv"], ["tags", "env.test/library/app", "-vv"],
            ["digest", f"{docker}/library/app:v1", "-vv"], ["sync", "-vv"], ["sync", "--dry-run", "--output", "json"], ["check"], ["guide"],
            ["config", "show"], ["config", "show", "--output", "json"], ["cache", "ls"], ["audit"], ["audit", "--output", "json"],
            ["account", "ls", "--output", "json"], ["token", "ls"], ["token", "ls", "--output", "json"],
        ):
            self.owner(*words)
        self.command("config", "check", self.config)
        with open(f"{self.folder}/compose.yaml", "w") as file:
            file.write("services: {a: {image: 'token.test/library/app:v1'}}\n")
        for words in (["compose.yaml", "--to", "target.test/apps"], ["compose.yaml", "--to", "target.test/apps", "--scripts", "scripts"], ["compose.yaml", "--to", "target.test/apps", "--bundle", "bundle.tar"]):
            self.owner("relay", *words, "-vv")
        with open(self.config) as file:
            registries = re.search(r"^registries:\n(  .*\n)+", file.read(), re.M)[0]
        with open(f"{self.folder}/migrate.yaml", "w") as file:
            file.write(f"migrate: {{from: token.test/library, to: target.test/moved, repositories: [app]}}\n{registries}")
        for step in ("plan", "check", "apply", "verify"):
            self.command("migrate", step, "migrate.yaml", "-vv")
        for host, password in ((self.origins.basic.host, self.typed), (self.origins.basic.host, self.wrong), (self.origins.echo.host, self.typed)):
            self.command("login", host, "-u", "me", "--password-stdin", typed=password)
        self.command("login", f"me:{self.userinfo}@{docker}", "--password-stdin", typed=self.typed)
        for name in (f"me:{self.userinfo}@{docker}/library/app:v1", f"http://me:{self.userinfo}@{docker}/library/app:v1"):
            # On these command lines it is because somebody wrote it there.
            self.command("digest", name)
            self.command("copy", name, "oci:out")
        proxy = f"http://me:{self.proxy}@127.0.0.1:{self.origins.proxy.port}"
        with open(f"{self.folder}/far.yaml", "w") as file:
            file.write('registries: {far.test: {endpoints: ["http://far.test"]}}\n')
        through = {"HTTP_PROXY": proxy, "http_proxy": proxy, "HTTPS_PROXY": proxy}
        for image in ("far.test/a/b:t", "other.test/a/b:t"):
            self.command("digest", image, "--config", "far.yaml", "-vv", environment=through)
        self.command("config", "show", "--config", "far.yaml", environment=through)

    def pages(self):
        """Every page, by its links, and every operation of the API, as everybody and as those who may read most."""
        readers = ({}, self.basic(self.alice), self.basic(self.admin, "admin"), *([self.cookies] if self.cookies else []))
        _, _, body = self.ask("GET", "/api/v1/openapi.json")
        operations = [(path, method) for path, methods in json.loads(body)["paths"].items() for method in methods]
        for headers in readers:
            seen, ahead = set(), ["/", "/sync", "/guide", "/guide.md", "/login", "/metrics", "/logs/sync.log", "/badge/sync.svg", "/v2/_catalog", "/sync/rules/r1"]
            while ahead and len(seen) < 80:
                path = ahead.pop()
                seen.add(path)
                _, _, page = self.ask("GET", path, Accept="text/html", **headers)
                links = [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"#]*)', page.decode(errors="replace"))]
                ahead += [link for link in dict.fromkeys(links) if link not in seen and link not in ahead]
            for path, method in operations:
                path = re.sub(r"\{(\w+)\}", lambda found: {"rule": "r1", "name": "alice"}.get(found[1], "none"), path)
                if method == "get":
                    # Events never end.
                    if "events" not in path:
                        self.ask("GET", path, **headers)
                elif path != "/api/v1/accounts/alice":
                    self.mistaken(method.upper(), path, headers)

    def mistaken(self, method, path, headers):
        """What does not fit, with a secret in it."""
        typed = self.wrong
        for body in (json.dumps({"password": typed, "secret": typed, "token": typed, "x": typed}), f'{{"password": "{typed}', json.dumps({"name": typed, "password": [typed]}), json.dumps([typed])):
            self.ask(method, path, body.encode(), Content_Type="application/json", **headers)

    def changes(self):
        body = json.dumps({"password": self.alice_new})
        self.ask("PATCH", "/api/v1/accounts/alice", body, Content_Type="application/json", **self.basic(self.alice))
        self.owner("account", "password", "alice", "--password-stdin", typed=self.alice_new)
        self.ask("GET", "/v2/", **self.basic(self.alice))
        self.ask("GET", "/v2/", **self.basic(self.alice_new))
        for path in ("/api/v1/me", "/api/v1/tokens", "/api/v1/audit"):
            self.ask("GET", path, **self.basic(self.alice_new))
        if self.cookies:
            self.ask("GET", "/api/v1/me", **self.cookies)
        self.owner("account", "disable", "alice")
        self.owner("audit", "--output", "json")

    def refused_starts(self):
        """Configurations that are wrong, with the secret where the mistake is; and stores that do not answer."""
        for number, (text, environment) in enumerate(mistakes(self)):
            path = f"{self.folder}/wrong-{number}.yaml"
            with open(path, "w") as file:
                file.write(text)
            self.command("config", "check", path, environment=environment)
            self.command("config", "check", path, "--output", "json", environment=environment)
            self.command("config", "show", "--config", path, environment=environment)
            try:
                self.command("serve", "--config", path, "-vv", "--data", f"{self.folder}/wrong", environment=environment)
            except subprocess.TimeoutExpired:
                raise SystemExit(f"entrepot starts with {path}: {text}")

    def help(self):
        everything = {"ENTREPOT_API_TOKEN": self.api_token, "ENTREPOT_ADMIN_PASSWORD": self.admin, "ENTREPOT_DATABASE": f"postgres://me:{self.database}@127.0.0.1:1/x"}
        for words in (["--help"], ["man"], ["completions", "bash"], ["serve", "--help"], ["account", "add", "--help"], ["token", "create", "--help"], ["config", "show"], ["help", "sync", "run"]):
            self.command(*words, environment=everything)

    # ---- the whole ----------------------------------------------------------------------------------

    def round(self, form):
        """Everything, on a server of its own that logs in this form."""
        self.serve(form)
        self.accounts(form)
        self.logins(form)
        self.pushes_and_pulls()
        self.syncs()
        self.commands()
        self.store()
        self.pages()
        self.changes()
        self.rotate(form)
        self.hunt.note_files(f"data while it runs ({form})", f"{self.folder}/data-{form}", ("secret.key",))
        self.server.stop()
        self.hunt.note_files(f"data ({form})", f"{self.folder}/data-{form}", ("secret.key",))
        with open(self.server.log, "rb") as file:
            self.hunt.note(f"log ({form})", file.read())
        if self.has_postgres(form):
            self.dump()

    def key(self, form, content):
        """The longest word of the key file, as it is written and as bytes."""
        word = max(content.split(), key=len).rpartition(b":")[2]
        self.hunt.add(known(f"key file ({form})", word))
        for read in (lambda: bytes.fromhex(word.decode()), lambda: base64.b64decode(word + b"==", validate=False), lambda: base64.urlsafe_b64decode(word + b"==")):
            try:
                self.hunt.add(known(f"key, its bytes ({form})", read()))
                return
            except ValueError:
                pass

    def run(self):
        self.hunt.lines.start()
        for form in ("text", "json"):
            self.round(form)
        self.refused_starts()
        self.help()
        self.hunt.note_files("what commands keep", f"{self.home}/cache")
        self.hunt.lines.done.set()
        self.hunt.lines.join()

    def tell(self):
        counts = {"ok": 0, "FAIL": 0, "skip": 0}
        size = sum(map(len, self.hunt.seen.values()))
        for secret in self.hunt.secrets:
            found = list(self.hunt.found(secret))
            shown = self.hunt.shown.get(id(secret))
            if secret.kind in self.unplanted and not found:
                outcome, what = "skip", "it cannot be set here"
            elif shown and secret.core not in self.hunt.seen[shown]:
                outcome, what = "FAIL", "it was not told to its owner"
            else:
                outcome, what = ("FAIL", "; ".join(found[:4])) if found else ("ok", "told once" if shown else "")
            counts[outcome] += 1
            print(f"{outcome:<4}  canary    {secret.kind:<42}  {what}", flush=True)
        print(f"{len(self.hunt.seen)} outputs, {size >> 10} KiB, {self.runs} commands, {len(self.hunt.lines.seen)} command lines were searched")
        print("{ok} passed, {FAIL} failed, {skip} skipped".format(**counts))
        return int(counts["FAIL"] > 0)


def main():
    folder = tempfile.mkdtemp(prefix="entrepot-canary.", dir=os.environ.get("ENTREPOT_LAB"))
    canary = Canary(os.path.abspath(sys.argv[1]), folder)
    try:
        canary.run()
        return canary.tell()
    finally:
        stop_all()
        if os.environ.get("E2E_KEEP") == "1":
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
