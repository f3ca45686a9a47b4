"""The measurements: what each one does with a peer, once, and what entrepot has to reach in it."""
import time
from dataclasses import dataclass

import catalog
from copiers import Copier
from copies import copying, relaying, to_three
from documents import Rewriter, rewriting
from machine import Meter

REGISTRIES = ("docker-registry", "distribution-v3", "zot", "olareg")
FAR = ("--rtt-ms", "40", "--mbit", "400")
SLOW = ("--rtt-ms", "40")
CAPPED = ("--connection-mbyte", "4")


@dataclass(frozen=True)
class Goal:
    """entrepot's median of `figure` is at most (or at least) `factor`, times the best of `against` where that is given."""

    figure: str
    relation: str
    factor: float
    against: tuple = ()


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    run: object  # (lab, peer) -> {figure: number}
    figures: tuple  # the columns, the one that is compared first
    goals: tuple = ()
    warm: bool = False
    direct: bool = False
    together: bool = False  # where the link is the limit, and not the machine
    ours: bool = False  # of entrepot alone
    copies: bool = False  # between registries, by those who do that
    documents: bool = False  # in files, by those who change them

    def takes(self, peer):
        if self.documents or isinstance(peer, Rewriter):
            return self.documents and isinstance(peer, Rewriter)
        if self.copies or isinstance(peer, Copier):
            return self.copies and isinstance(peer, Copier) and (not self.ours or peer.name == "entrepot")
        if self.ours:
            return peer.name == "entrepot"
        if peer.name == "direct":
            return self.direct
        if peer.name == "entrepot+log":
            return self.warm
        return peer.serves if self.warm else peer.mirrors


# ---- warm ---------------------------------------------------------------------------------------


def serving(measure):
    """Wraps a measurement of a server that holds the two images already."""

    def run(lab, peer):
        folder = f"{lab.scratch}/serving-{peer.name}"
        with lab.origin() as origin:
            if hasattr(peer, "know"):
                peer.know(lab.images, ("small", "blob"))
            server = peer.serve(folder, origin.url)
            try:
                if peer.name not in lab.filled:
                    peer.fill(server, lab, ("small", "blob"))
                    lab.filled.add(peer.name)
                for name in ("small", "blob"):
                    lab.pull(server.url, name)
                return measure(lab, server)
            finally:
                server.stop()

    return run


def layer_path(lab, name):
    layer = lab.images.manifest(name)[1]["layers"][0]
    return f"/v2/lab/{name}/blobs/{layer['digest']}"


def large_blob(lab, server):
    meter = Meter(server.pid)
    found = lab.client("blob", server.url, layer_path(lab, "blob"), "--clients", 8, "--seconds", lab.seconds)
    cost, gigabytes = meter.read(), found["bytes"] / 1e9
    return {"mb_s": found["bytes"] / 1e6 / found["wall_s"], "cpu_s_gb": cost["cpu_s"] / gigabytes, **cost}


def requests(load):
    def measure(lab, server):
        meter = Meter(server.pid)
        found = load(lab, server)
        cost = meter.read()
        return {**found, **cost, "cpu_us": cost["cpu_s"] / found["requests"] * 1e6}

    return measure


def small_blob(lab, server):
    return lab.wrk(server.url + layer_path(lab, "small"), 64)


def manifest_get(lab, server):
    return lab.wrk(f"{server.url}/v2/lab/small/manifests/v1", 64)


def manifest_head(lab, server):
    return lab.ab_head(f"{server.url}/v2/lab/small/manifests/v1", 64)


# ---- cold ---------------------------------------------------------------------------------------


def cold(name, clients, link=()):
    """`clients` pull at once through an empty mirror, then all of them again."""

    def run(lab, peer):
        folder = lab.folder()
        try:
            with lab.origin(link) as origin:
                if peer.name == "direct":
                    return pull_once(lab, origin, origin.url, origin.server.pid, name, clients)
                server = peer.mirror(folder, origin.url)
                try:
                    found = pull_once(lab, origin, server.url, server.pid, name, clients)
                    warm = pull_once(lab, origin, server.url, server.pid, name, clients)
                    check(lab, server, peer, name)
                finally:
                    server.stop()
                return {**found, **{f"warm_{key}": value for key, value in warm.items()}}
        finally:
            lab.forget(folder)

    return run


def pull_once(lab, origin, url, pid, name, clients):
    origin.mark()
    meter = Meter(pid)
    found = lab.pull(url, name, "--clients", clients)
    time.sleep(lab.settle)
    asked, size = origin.counts(), sum(blob["size"] for blob in lab.images.blobs(name))
    return {
        "wall_s": found["wall_s"],
        "first_byte_s": found["first_byte_s"],
        "large_wait_s": found["large_wait_s"],
        "requests": asked["requests"],
        "blob_gets": asked["blob_gets"],
        "gets_per_blob": asked["blob_gets"] / len(lab.images.blobs(name)),
        "upstream_x": asked["blob_bytes"] / size,
        **meter.read(),
    }


def check(lab, server, peer, name):
    """Once for each peer and image, every byte is hashed; a fast wrong answer is worth nothing."""
    if (peer.name, name) not in lab.filled:
        lab.pull(server.url, name, "--verify")
        lab.filled.add((peer.name, name))


def repeat(lab, peer):
    """200 pulls of a tag that is there, one after another."""
    folder = lab.folder()
    try:
        with lab.origin() as origin:
            server = peer.mirror(folder, origin.url)
            try:
                lab.pull(server.url, "small")
                time.sleep(lab.settle)
                origin.mark()
                meter = Meter(server.pid)
                found = lab.pull(server.url, "small", "--times", 200, "--parallel", 1)
                return {"requests": origin.counts()["requests"], "pull_ms": found["wall_s"] * 5, **meter.read()}
            finally:
                server.stop()
    finally:
        lab.forget(folder)


def start(lab, peer):
    """From nothing until it answers; then what it occupies."""
    folder = lab.folder()
    try:
        with lab.origin() as origin:
            server = peer.mirror(folder, origin.url)
            try:
                time.sleep(0.5)
                meter = Meter(server.pid)
                found = meter.read()
                return {"start_ms": server.start_s * 1e3, "begin_mib": found["rss_mib"], "anon_mib": found["anon_mib"]}
            finally:
                server.stop()
    finally:
        lab.forget(folder)


def many_repositories(lab, peer):
    """The same with few repositories in the catalog, and with very many; both catalogs are made in the first run."""
    few, many = (200, 20_000) if lab.quick else (1000, 1_000_000)
    found = {}
    with lab.origin() as origin:
        for count in (few, many):
            folder = f"{lab.scratch}/catalog-{count}"
            if count not in lab.filled:
                server = peer.mirror(folder, origin.url)
                lab.pull(server.url, "small")
                server.stop()
                catalog.grow(f"{folder}/data/entrepot.db", count)
                lab.filled.add(count)
            server = peer.mirror(folder, origin.url)
            try:
                found[count] = pulls_of_known(lab, server)
            finally:
                server.stop()
    less, more = found[few], found[many]
    return {**more, "cpu_ratio": more["pull_cpu_ms"] / less["pull_cpu_ms"], "few_cpu_ms": less["pull_cpu_ms"]}


def pulls_of_known(lab, server):
    began = {"start_ms": server.start_s * 1e3, "begin_mib": Meter(server.pid).read()["rss_mib"]}
    lab.pull(server.url, "small")
    meter, times = Meter(server.pid), 200 if lab.quick else 2000
    found = lab.pull(server.url, "small", "--times", times, "--parallel", 1)
    cost = meter.read()
    each = {"pull_ms": found["wall_s"] / times * 1e3, "pull_cpu_ms": cost["cpu_s"] / times * 1e3}
    return {**began, **each, "rss_mib": cost["rss_mib"]}


# ---- all of them --------------------------------------------------------------------------------

COLD = (
    *("wall_s", "first_byte_s", "large_wait_s", "requests", "blob_gets", "upstream_x", "cpu_s", "rss_mib"),
    *("warm_wall_s", "warm_cpu_s", "warm_rss_mib", "warm_requests"),
)
SYNC = ("wall_s", "requests", "per_tag", "there_per_tag", "source_mb", "source_x", "cpu_s", "rss_mib")
TEN = ("small", "blob", "wide", "many", "large", "fork", "sixty", "tags", "formats", "signed")
RATE = ("req_s", "p50_ms", "p99_ms", "cpu_us", "rss_mib")
MOST, LEAST = "at most", "at least"
CACHE, STATIC = ("nginx-cache",), ("nginx-static",)
REWRITERS = ("yq", "yq-go", "kbld")
MIRRORS = ("nginx-cache", "docker-registry", "distribution-v3", "zot")

WORKLOADS = (
    Workload(
        "warm-large", "One 100 MB blob, 8 connections, over and over", serving(large_blob),
        ("mb_s", "cpu_s_gb", "rss_mib", "anon_mib"),
        (Goal("cpu_s_gb", MOST, 1.15, STATIC), Goal("mb_s", LEAST, 1.0, REGISTRIES)), warm=True,
    ),
    Workload(
        "warm-small", "One 4 KB blob, 64 connections, over and over", serving(requests(small_blob)), RATE,
        (Goal("req_s", LEAST, 0.8, STATIC), Goal("req_s", LEAST, 2.0, REGISTRIES)), warm=True,
    ),
    Workload(
        "manifest-get", "GET of a manifest by its tag, 64 connections", serving(requests(manifest_get)), RATE,
        (Goal("req_s", LEAST, 0.8, STATIC), Goal("req_s", LEAST, 2.0, REGISTRIES)), warm=True,
    ),
    Workload(
        "manifest-head", "HEAD of a manifest by its tag, 64 connections", serving(requests(manifest_head)), RATE,
        (Goal("req_s", LEAST, 30.0, ("docker-registry",)), Goal("req_s", LEAST, 1.8, ("olareg",))), warm=True,
    ),
    Workload(
        "cold-one", "One client, an image of 1.6 GB that the mirror does not have", cold("large", 1), COLD,
        (Goal("wall_s", MOST, 1.05, ("direct",)), Goal("upstream_x", MOST, 1.0), Goal("cpu_s", MOST, 3.0)), direct=True,
    ),
    Workload(
        "cold-layers", "20 clients at once, an image of 61 blobs", cold("many", 20), COLD,
        (Goal("gets_per_blob", MOST, 1.0), Goal("wall_s", MOST, 1.2, CACHE)),
    ),
    Workload(
        "cold-large", "20 clients at once, an image of 1.6 GB", cold("large", 20), COLD,
        (Goal("upstream_x", MOST, 1.0), Goal("wall_s", MOST, 1.1, CACHE), Goal("rss_mib", MOST, 64.0)),
    ),
    Workload(
        "cold-crowd", "50 clients at once, an image of 1 GB", cold("wide", 50), COLD,
        (Goal("rss_mib", MOST, 64.0), Goal("warm_rss_mib", MOST, 64.0), Goal("upstream_x", MOST, 1.0)),
    ),
    Workload(
        "cold-far-one", "One client, 60 MB, the origin 40 ms away over 400 Mbit/s", cold("sixty", 1, FAR), COLD,
        (Goal("wall_s", MOST, 1.05, ("direct",)), Goal("upstream_x", MOST, 1.0)), direct=True,
    ),
    Workload(
        "cold-far", "20 clients at once, 60 MB, the origin 40 ms away over 400 Mbit/s", cold("sixty", 20, FAR), COLD,
        (Goal("wall_s", MOST, 1.1, CACHE), Goal("upstream_x", MOST, 1.0)), direct=True,
    ),
    Workload(
        "cold-capped", "One client, an image of 1 GB, each connection to the origin capped at 4 MB/s",
        cold("wide", 1, CAPPED), COLD,
        (Goal("wall_s", MOST, 0.25, MIRRORS), Goal("upstream_x", MOST, 1.0)), direct=True, together=True,
    ),
    Workload(
        "repeat", "200 pulls of a tag that the mirror has, one after another", repeat,
        ("requests", "pull_ms", "cpu_s", "rss_mib"),
        (Goal("requests", MOST, 1.0),),
    ),
    Workload(
        "start", "Starting with nothing", start, ("start_ms", "begin_mib", "anon_mib"), (Goal("start_ms", MOST, 1000.0),),
    ),
    Workload(
        "catalog", "1,000,000 repositories of one blob each in the catalog; beside 1,000 of them", many_repositories,
        ("start_ms", "begin_mib", "rss_mib", "pull_ms", "pull_cpu_ms", "few_cpu_ms", "cpu_ratio"),
        (Goal("start_ms", MOST, 1000.0), Goal("cpu_ratio", MOST, 1.1)), ours=True,
    ),
    Workload(
        "sync-far", "300 tags of 100 images to an empty registry, the source 40 ms away", copying(("tags",), link=SLOW),
        SYNC, (Goal("wall_s", MOST, 0.8, ("crane",)),), copies=True,
    ),
    Workload(
        "sync-far-again", "The same again: nothing has changed", copying(("tags",), again=1, link=SLOW),
        SYNC, (Goal("wall_s", MOST, 0.8, ("crane",)), Goal("there_per_tag", MOST, 1.0)), copies=True,
    ),
    Workload(
        "sync-again", "1,000 tags of two platforms that have not changed", copying(("thousand",), again=1),
        SYNC, (Goal("wall_s", MOST, 0.8, ("crane",)), Goal("there_per_tag", MOST, 1.0)), copies=True,
    ),
    Workload(
        "sync-ten", "Ten repositories, two of which share their layers, to an empty registry", copying(TEN),
        SYNC, (Goal("wall_s", MOST, 0.8, ("crane",)), Goal("source_x", MOST, 1.0), Goal("rss_mib", MOST, 64.0)), copies=True,
    ),
    Workload(
        "sync-three", "An image of 1 GB to three registries, the source 40 ms away over 400 Mbit/s", to_three(("wide",), FAR),
        ("wall_s", "one_wall_s", "fan_ratio", "requests", "source_mb", "source_x", "cpu_s", "rss_mib"),
        (Goal("fan_ratio", MOST, 1.3), Goal("source_x", MOST, 1.0), Goal("rss_mib", MOST, 64.0)), copies=True,
    ),
    Workload(
        "relay-dify", "A compose stack of 27 images to an empty registry; beside a sync of the same images",
        relaying(("small", "blob", "wide", "many", "sixty", "fork", "tags")),
        ("wall_s", "sync_wall_s", "relay_ratio", "requests", "source_mb", "cpu_s", "rss_mib"),
        (Goal("relay_ratio", MOST, 1.1), Goal("rss_mib", MOST, 64.0)), copies=True, ours=True,
    ),
    Workload(
        "rewrite-many", "1,000 files, 50 MB of Kubernetes manifests: every image gets another name", rewriting,
        ("wall_s", "cpu_s", "rss_mib", "mb_s"),
        (Goal("wall_s", MOST, 0.1, REWRITERS), Goal("rss_mib", MOST, 64.0)), documents=True,
    ),
)
