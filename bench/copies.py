"""The measurements of copying: repositories of one source made equal at one to three destinations.

Every run starts destinations that are empty; they and the source are docker-registry, whose logs say who asked for what.
"""
import urllib.request
from contextlib import ExitStack, contextmanager

from lab import Origin
from machine import Failed
from pull import ACCEPT


@contextmanager
def destination(lab):
    """An empty registry that counts what it is asked."""
    folder = lab.folder()
    server = lab.start_registry("destination", folder, f"{folder}/data")
    try:
        yield Origin(server, None)
    finally:
        server.stop()
        lab.forget(folder)


def copying(names, again=0, destinations=1, link=()):
    """The first copy is measured, or with `again` the last of so many that find nothing to do."""

    def run(lab, peer):
        with ExitStack() as stack:
            origin = stack.enter_context(lab.origin(link))
            targets = [stack.enter_context(destination(lab)) for _ in range(destinations)]
            folder, hosts = lab.folder(), [target.url.removeprefix("http://") for target in targets]
            source = origin.url.removeprefix("http://")
            for number in range(again + 1):
                for end in (origin, *targets):
                    end.mark()
                cost = peer.copy(folder, source, hosts, names)
            asked, told = origin.counts(), [target.counts() for target in targets]
            verify(lab, peer, origin, targets, names)
            tags = sum(len(lab.images.tags(name)) for name in names)
            return {
                **cost,
                "requests": asked["requests"],
                "per_tag": asked["requests"] / tags,
                "there_per_tag": sum(one["requests"] for one in told) / tags / destinations,
                "source_x": asked["blob_bytes"] / lab.images.distinct(names),
                "source_mb": asked["blob_bytes"] / 1e6,
            }

    return run


def to_three(names, link):
    """To one destination, then to three that are empty again. Without a link it would be measured how long three registries
    write on one machine."""

    def run(lab, peer):
        one, three = copying(names, link=link)(lab, peer), copying(names, destinations=3, link=link)(lab, peer)
        return {**three, "one_wall_s": one["wall_s"], "fan_ratio": three["wall_s"] / one["wall_s"]}

    return run


# As Dify's compose file has them (docker/docker-compose.yaml, release 2.0.0-beta.2), without the one that is ignored.
STACK = 27


def relaying(names):
    """A stack of as many images as Dify's, by a rule for each repository and by its compose file, to registries that are empty."""

    def run(lab, peer):
        images = [(name, tag) for name in names for tag in lab.images.tags(name)][:STACK]
        walls = []
        for way in (0, 1):
            with lab.origin() as origin, destination(lab) as target:
                folder, source = lab.folder(), origin.url.removeprefix("http://")
                origin.mark()
                command = peer.stack(folder, source, target.url.removeprefix("http://"), images)[way]
                cost = peer.run(folder, [command])
                asked = origin.counts()
                for name, tag in images:
                    repository = (f"sync/{name}", f"relay/lab-{name}")[way]
                    if digest_of(target.url, repository, tag) != lab.images.tags(name)[tag]:
                        raise Failed(f"{repository}:{tag} is missing or has another digest")
            walls.append(cost["wall_s"])
        figures = {**cost, "sync_wall_s": walls[0], "relay_ratio": walls[1] / walls[0]}
        return {**figures, "requests": asked["requests"], "source_mb": asked["blob_bytes"] / 1e6}

    return run


def verify(lab, peer, origin, targets, names):
    """Once for each copier and set: every tag has the same digest everywhere."""
    if (peer.name, *names, len(targets)) in lab.filled:
        return
    for target in targets:
        for name in names:
            for tag, digest in lab.images.tags(name).items():
                found = digest_of(target.url, f"lab/{name}", tag)
                if found != digest:
                    raise Failed(f"{peer.name} left lab/{name}:{tag} {'missing' if not found else 'with another digest'}")
    lab.filled.add((peer.name, *names, len(targets)))


def digest_of(url, repository, tag):
    request = urllib.request.Request(f"{url}/v2/{repository}/manifests/{tag}", headers={"Accept": ACCEPT}, method="HEAD")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.headers["Docker-Content-Digest"]
    except OSError:
        return None
