"""Who copies between registries, and how each is told to: one command for everything, or one for each repository."""
import json
import os
import re
import resource
import shutil
import subprocess
import time

from machine import Failed, find_tool, output_of, plain_environment, say, tail
from peers import VERSION, write


class Copier:
    """A program that makes the repositories of destinations equal to those of a source."""

    mirrors = serves = False
    # How many destinations one call can have.
    fans_out = False

    def __init__(self, name, binary, version=""):
        self.name, self.binary, self.version = name, binary, version

    def commands(self, folder, source, destinations, repositories):
        """Command lines, to be run one after another. Source and destinations are `host:port`."""
        raise NotImplementedError

    def copy(self, folder, source, destinations, repositories):
        return self.run(folder, self.commands(folder, source, destinations, repositories))

    def run(self, folder, commands):
        """Seconds, CPU seconds and the largest resident memory of all commands together."""
        before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
        for command in commands:
            with open(f"{folder}/copier.log", "wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment(folder))
                _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if status:
                raise Failed(f"{self.name} ended with {process.returncode}: {tail(f'{folder}/copier.log')}")
            peak = max(peak, usage.ru_maxrss)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"wall_s": time.monotonic() - began, "cpu_s": round(cpu, 2), "rss_mib": round(peak / 1024, 1)}

    def environment(self, folder):
        """Nobody's credentials, caches or configuration but what the measurement itself leaves there."""
        return {**plain_environment(), "HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache", "DOCKER_CONFIG": f"{folder}/docker"}


class Entrepot(Copier):
    fans_out = True

    def commands(self, folder, source, destinations, repositories):
        hosts = "".join(f'  "{host}": {{endpoints: ["http://{host}"]}}\n' for host in [source, *destinations])
        rules = "".join(
            f"  - {{name: {one}, from: {source}/lab/{one}, to: [{', '.join(f'{host}/lab/{one}' for host in destinations)}]}}\n"
            for one in repositories
        )
        file = write(f"{folder}/sync.yaml", f"registries:\n{hosts}sync:\n{rules}")
        return [[self.binary, "sync", file]]

    def stack(self, folder, source, destination, images):
        """The commands that copy these images, by rules and as the stack that names them."""
        hosts = "".join(f'  "{host}": {{endpoints: ["http://{host}"]}}\n' for host in (source, destination))
        tags = {}
        for name, tag in images:
            tags.setdefault(name, []).append(tag)
        rules = "".join(
            f"  - {{name: {name}, from: {source}/lab/{name}, tags: {json.dumps({'include': own})}, to: [{destination}/sync/{name}]}}\n"
            for name, own in tags.items()
        )
        file = write(f"{folder}/sync.yaml", f"registries:\n{hosts}sync:\n{rules}")
        config = write(f"{folder}/entrepot.yaml", f"registries:\n{hosts}")
        services = "".join(f"  s{number}: {{image: \"{source}/lab/{name}:{tag}\"}}\n" for number, (name, tag) in enumerate(images))
        compose = write(f"{folder}/compose.yaml", f"services:\n{services}")
        relay = [self.binary, "relay", compose, "--config", config, "--to", f"{destination}/relay"]
        return [self.binary, "sync", file], relay


class Crane(Copier):
    def commands(self, folder, source, destinations, repositories):
        return [
            [self.binary, "copy", "--insecure", "-a", "-j", "16", f"{source}/lab/{one}", f"{host}/lab/{one}"]
            for host in destinations
            for one in repositories
        ]


class Skopeo(Copier):
    def commands(self, folder, source, destinations, repositories):
        policy = write(f"{folder}/policy.json", json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
        common = [self.binary, "--policy", policy, "sync", "--all", "--keep-going", "--preserve-digests"]
        common += ["--src-tls-verify=false", "--dest-tls-verify=false", "--src", "docker", "--dest", "docker"]
        return [[*common, f"{source}/lab/{one}", f"{host}/lab"] for host in destinations for one in repositories]


class Regsync(Copier):
    def commands(self, folder, source, destinations, repositories):
        config = {
            "version": 1,
            "creds": [{"registry": host, "tls": "disabled"} for host in [source, *destinations]],
            "defaults": {"parallel": 16},
            "sync": [
                {"source": f"{source}/lab/{one}", "target": f"{host}/lab/{one}", "type": "repository", "referrers": True}
                for host in destinations
                for one in repositories
            ],
        }
        return [[self.binary, "once", "-c", write(f"{folder}/regsync.yml", json.dumps(config))]]


class ImageSyncer(Copier):
    fans_out = True

    def commands(self, folder, source, destinations, repositories):
        auth = {host: {"insecure": True} for host in [source, *destinations]}
        images = {f"{source}/lab/{one}": [f"{host}/lab/{one}" for host in destinations] for one in repositories}
        files = write(f"{folder}/auth.json", json.dumps(auth)), write(f"{folder}/images.json", json.dumps(images))
        return [[self.binary, "--proc", "16", "--retries", "2", "--auth", files[0], "--images", files[1]]]


def go_tool(kept, name, module):
    """From PATH, or built once from its Go module."""
    return find_tool(name) or go_built(kept, name, module)


def go_built(kept, name, module):
    folder = f"{kept}/tools"
    if not os.access(f"{folder}/{name}", os.X_OK) and shutil.which("go"):
        say(f"building {name}")
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{name}.log", "w") as log:
            subprocess.run(["go", "install", module], env={**os.environ, "GOBIN": folder}, stdout=log, stderr=log)
    return f"{folder}/{name}" if os.access(f"{folder}/{name}", os.X_OK) else None


NAMES = ["entrepot", "crane", "regsync", "skopeo", "image-syncer"]


def present(binary, kept, wanted):
    """The copiers that are there, and a line for each that is not."""
    ggcr, regclient = "github.com/google/go-containerregistry/cmd/crane@latest", "github.com/regclient/regclient/cmd/regsync@latest"
    candidates = [
        ("entrepot", Entrepot, lambda: binary, "--version", "not asked for"),
        ("crane", Crane, lambda: go_tool(kept, "crane", ggcr), "", "Go is not there, or it could not be built"),
        ("regsync", Regsync, lambda: go_tool(kept, "regsync", regclient), "", "Go is not there, or it could not be built"),
        ("skopeo", Skopeo, lambda: find_tool("skopeo"), "--version", "Debian's skopeo is not installed"),
        ("image-syncer", ImageSyncer, lambda: find_tool("image-syncer"), "", "no binary on PATH"),
    ]
    return those_there(candidates, wanted)


def those_there(candidates, wanted):
    """Of programs with a way to find each, those that are there, and a line for each that is not."""
    found, absent = [], []
    for name, kind, find, flag, reason in candidates:
        if name not in wanted:
            continue
        if path := find():
            found.append(kind(name, path, version(path, flag)))
        else:
            absent.append(f"{name} skipped: {reason}")
    return found, absent


MODULE = re.compile(r"^\s*mod\s+\S+\s+v(\S+)", re.M)


def version(binary, flag):
    """What a program says of itself, else the version of its Go module."""
    if flag and (found := VERSION.search(output_of([binary, flag]))):
        return found[0]
    built_from = MODULE.search(output_of(["go", "version", "-m", binary])) if shutil.which("go") else None
    return built_from[1] if built_from else ""
