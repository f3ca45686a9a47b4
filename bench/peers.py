"""Who is measured, and how each is started: as a mirror of an origin, or as what serves an image that is there.

Every server has as many workers as there are cores, and no access log.
"""
import json
import os
import re
import shutil
import subprocess

from machine import Failed, Server, find_tool, free_port, output_of, plain_environment, say

CORES = os.cpu_count()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


class Peer:
    """`name` is what tables call it; `mirrors` and `serves` say which measurements it takes part in."""

    mirrors = serves = True

    def __init__(self, name, binary, version=""):
        self.name, self.binary, self.version = name, binary, version

    def mirror(self, folder, origin):
        """Starts it in front of an origin, with whatever `folder` holds already."""
        os.makedirs(folder, exist_ok=True)
        port = free_port()
        return Server(self.name, self.mirror_command(folder, port, origin), folder, port, self.environment())

    def serve(self, folder, origin):
        """Starts it with what `fill` put there. A registry needs no origin for that."""
        os.makedirs(folder, exist_ok=True)
        port = free_port()
        return Server(self.name, self.serve_command(folder, port, origin), folder, port, self.environment())

    def environment(self):
        return None

    def fill(self, server, lab, names):
        """Puts images in: by a push."""
        lab.images.push(server.url, names)


class Mirror(Peer):
    """One that only mirrors: what it serves was pulled through."""

    def serve_command(self, folder, port, origin):
        return self.mirror_command(folder, port, origin)

    def fill(self, server, lab, names):
        for name in names:
            lab.pull(server.url, name)


# ---- entrepot -----------------------------------------------------------------------------------


class Entrepot(Mirror):
    level = "warn"

    def mirror_command(self, folder, port, origin):
        config = f"""listen: "127.0.0.1:{port}"
data: "{folder}/data"
log: {{level: {self.level}}}
registries:
  docker.io: {{endpoints: ["{origin}"]}}
"""
        return [self.binary, "serve", "--config", write(f"{folder}/entrepot.yaml", config)]

    def environment(self):
        return plain_environment()


class EntrepotLogging(Entrepot):
    """As it comes: a line of log for each request."""

    level = "info"


# ---- registries ---------------------------------------------------------------------------------


class Distribution(Peer):
    def command(self, folder, port, proxy):
        config = f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{folder}/data"}}
  cache: {{blobdescriptor: inmemory}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}", secret: bench, debug: {{addr: ""}}}}
{proxy}"""
        return [self.binary, "serve", write(f"{folder}/config.yml", config)]

    def serve_command(self, folder, port, origin):
        return self.command(folder, port, "")

    def mirror_command(self, folder, port, origin):
        return self.command(folder, port, f'proxy: {{remoteurl: "{origin}", ttl: 168h}}\n')

    def environment(self):
        return {**os.environ, "OTEL_TRACES_EXPORTER": "none"}


class Zot(Peer):
    def command(self, folder, port, extensions):
        config = {
            "distSpecVersion": "1.1.0",
            "storage": {"rootDirectory": f"{folder}/data", "gc": False},
            "http": {"address": "127.0.0.1", "port": str(port)},
            "log": {"level": "error"},
            **extensions,
        }
        return [self.binary, "serve", write(f"{folder}/config.json", json.dumps(config))]

    def serve_command(self, folder, port, origin):
        return self.command(folder, port, {})

    def mirror_command(self, folder, port, origin):
        upstream = {"urls": [origin], "onDemand": True, "tlsVerify": False, "content": [{"prefix": "**"}]}
        return self.command(folder, port, {"extensions": {"sync": {"enable": True, "registries": [upstream]}}})


class Olareg(Peer):
    mirrors = False

    def serve_command(self, folder, port, origin):
        return [self.binary, "serve", "--addr", "127.0.0.1", "--port", str(port), "--dir", folder]


# ---- nginx --------------------------------------------------------------------------------------

NGINX = """{user}daemon off; worker_processes {cores}; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  sendfile on; tcp_nopush on; keepalive_requests 100000000; access_log off;
  open_file_cache max=1000 inactive=60s;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  {before}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /v2/ {{ default_type application/json; return 200 '{{}}'; }}
    {locations}
  }}
}}
"""
CACHE = """location / {{
      proxy_pass {origin}; proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_cache all; proxy_cache_key $uri$http_accept; proxy_cache_valid 200 1h;
      proxy_cache_lock on; proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
    }}"""


class Nginx(Mirror):
    def command(self, folder, port, locations, before=""):
        os.makedirs(f"{folder}/t", exist_ok=True)
        # Its workers would be nobody, who may not get through to the files.
        user = "user root; " if os.getuid() == 0 else ""
        config = NGINX.format(user=user, cores=CORES, folder=folder, port=port, locations=locations, before=before)
        return [self.binary, "-p", folder, "-c", write(f"{folder}/nginx.conf", config)]


class NginxCache(Nginx):
    """A plain HTTP cache that joins requests: no digests, no tags, no authentication."""

    def mirror_command(self, folder, port, origin):
        before = f"proxy_cache_path {folder}/cache keys_zone=all:10m max_size=50g inactive=1d use_temp_path=off;"
        return self.command(folder, port, CACHE.format(origin=origin), before)


class NginxStatic(Nginx):
    """The limit: files, each at the address that a registry would have for it."""

    mirrors = False

    def fill(self, server, lab, names):
        pass

    def serve(self, folder, origin):
        os.makedirs(folder, exist_ok=True)
        port = free_port()
        return Server(self.name, self.command(folder, port, self.locations), folder, port)

    def know(self, images, names):
        self.locations = ""
        for name in names:
            digest, manifest = images.manifest(name)
            wanted = [(f"manifests/{reference}", digest, manifest["mediaType"]) for reference in (digest, "v1")]
            wanted += [(f"blobs/{blob['digest']}", blob["digest"], "application/octet-stream") for blob in images.blobs(name)]
            for path, target, media_type in wanted:
                self.locations += (
                    f"location = /v2/lab/{name}/{path} {{ alias {images.path(name, target)}; types {{}} "
                    f"default_type {media_type}; add_header Docker-Content-Digest {target}; }}\n    "
                )


class Direct(Peer):
    """No mirror at all: clients pull from the origin."""

    serves = False

    def __init__(self):
        super().__init__("direct", None)


# ---- which are there ----------------------------------------------------------------------------


def entrepot_binary(root):
    if path := os.environ.get("ENTREPOT_BIN"):
        if not os.access(path, os.X_OK):
            raise Failed("ENTREPOT_BIN is not a program")
        return os.path.abspath(path)
    if not shutil.which("cargo"):
        raise Failed("neither cargo nor ENTREPOT_BIN is there")
    subprocess.run(["cargo", "build", "--release", "--locked", "--package", "entrepot"], cwd=root, check=True)
    return os.path.abspath(os.path.join(root, os.environ.get("CARGO_TARGET_DIR", "target"), "release/entrepot"))


def distribution_v3(kept):
    """Kept under a folder of its own, because the program is just called `registry`."""
    folder = f"{kept}/tools/distribution-v3"
    known = os.environ.get("ENTREPOT_TOOLS", f"{kept}/tools")
    for path in (f"{known}/distribution-v3/registry", f"{folder}/registry"):
        if os.access(path, os.X_OK):
            return path
    if not shutil.which("go"):
        return None
    say("building distribution v3, which takes minutes")
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/build.log", "w") as log:
        module = "github.com/distribution/distribution/v3/cmd/registry@latest"
        subprocess.run(["go", "install", module], env={**os.environ, "GOBIN": folder}, stdout=log, stderr=log)
    return f"{folder}/registry" if os.access(f"{folder}/registry", os.X_OK) else None


VERSION = re.compile(r"\d+(\.\d+)+")
COMMIT = re.compile(r"vcs\.revision=([0-9a-f]{7})")


def version_of(binary, flag):
    """What a program says of itself, else the commit that it was built from, where its builder noted that."""
    if flag and (found := VERSION.search(output_of([binary, flag]))):
        return found[0]
    built_from = COMMIT.search(output_of(["go", "version", "-m", binary])) if shutil.which("go") else None
    return built_from[1] if built_from else ""


def candidates(root, kept, wanted):
    """Name, class, how its program is found, the flag by which it says its version, why it may be absent."""
    entrepot = entrepot_binary(root) if any(name.startswith("entrepot") for name in wanted) else None
    nginx, debian = find_tool("nginx"), find_tool("docker-registry")
    v3 = distribution_v3(kept) if "distribution-v3" in wanted else None
    return [
        ("nginx-static", NginxStatic, nginx, "-v", "Debian's nginx is not installed"),
        ("nginx-cache", NginxCache, nginx, "-v", "Debian's nginx is not installed"),
        ("direct", None, "", "", ""),
        ("entrepot", Entrepot, entrepot, "--version", ""),
        ("entrepot+log", EntrepotLogging, entrepot, "--version", ""),
        ("docker-registry", Distribution, debian, "--version", "Debian's docker-registry is not installed"),
        ("distribution-v3", Distribution, v3, "--version", "Go is not there, or it could not be built"),
        # Neither says its own version where it was built from its repository.
        ("zot", Zot, find_tool("zot"), "", "no binary on PATH"),
        ("olareg", Olareg, find_tool("olareg"), "", "no binary on PATH"),
    ]


NAMES = [
    *("nginx-static", "nginx-cache", "direct", "entrepot", "entrepot+log"),
    *("docker-registry", "distribution-v3", "zot", "olareg"),
]


def present(root, kept, wanted):
    """The peers that are there, in their order, and a line for each that is not."""
    found, absent = [], []
    for name, kind, binary, flag, reason in candidates(root, kept, wanted):
        if name not in wanted:
            continue
        if kind is None:
            found.append(Direct())
        elif binary:
            found.append(kind(name, binary, version_of(binary, flag)))
        else:
            absent.append(f"{name} skipped: {reason}")
    return found, absent
