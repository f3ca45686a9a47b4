"""S01 to S05: the disk is full, gives errors, or takes nothing; descriptors run out. Everything recovers by itself."""
import errno
import os
import subprocess
import time

import origin as registry
from client import BROKEN, REPOSITORY, Client, Promises, Refused, look, noise, pull
from lab import Skipped, check_database, find_tool, run, staged, until

MIB = 1 << 20
CLEAN = (500, 502, 503, 507)


def refused(attempt, *arguments):
    """The status with which something is refused; 0 if the connection was closed, 201 if it was taken."""
    try:
        attempt(*arguments)
        return 201
    except Refused as error:
        return error.status
    except BROKEN:
        return 0


class Checks:
    """What a case found: statuses and counts to be printed, and what was wrong."""

    def __init__(self):
        self.figures, self.wrong = {}, []

    def note(self, name, value, good=True):
        self.figures[name] = value
        if not good:
            self.wrong.append(f"{name}: {value}")
        return value

    def promised(self, name, client, promises):
        for one in promises.broken(client):
            self.wrong.append(f"{name}: {one}")

    def result(self):
        return self.figures, self.wrong


def push_image(client, promises, seed):
    blobs = [noise(f"{seed} {at}", 80_000 + at) for at in range(3)]
    for blob in blobs:
        promises.push_at_once(client, blob)
    promises.push_manifest(client, blobs, f"t{seed}")


# ---- no space ---------------------------------------------------------------------------------------


def small_disk(lab, size):
    folder = lab.folder()
    return folder, lab.mounted("tmpfs", f"{folder}/disk", "-t", "tmpfs", "-o", f"size={size}")


def full_while_pulling(lab):
    """S01: an image that is larger than the disk comes whole, though not all of it can be kept."""
    checks, (folder, mount), name = Checks(), small_disk(lab, 8 * MIB), f"full-{4 * MIB}-{20 * MIB}-100000"
    with mount as disk, lab.origin() as origin, lab.serving(folder, upstream=origin.url, data=disk) as server:
        for at in range(3):
            checks.wrong += [f"pull {at}: {one}" for one in pull(server.client, name)]
        kept = [digest for digest in registry.image(name)[1] if digest in stored_in(disk)]
        checks.note("blobs_kept", f"{len(kept)} of 4", 0 < len(kept) < 4)
        until("nothing is staged", 5, lambda: not os.listdir(f"{disk}/staging"))
        fill_up(disk)
        checks.wrong += [f"pull with nothing free: {one}" for one in pull(server.client, f"other-{MIB}")]
        checks.note("left_staged", len(os.listdir(f"{disk}/staging")), not os.listdir(f"{disk}/staging"))
    return checks.result()


def stored_in(disk):
    return {f"sha256:{name}" for _, _, names in os.walk(f"{disk}/blobs") for name in names}


def fill_up(disk):
    """Leaves no byte free."""
    with open(f"{disk}/ballast", "wb", 0) as file:
        for part in (MIB, 4096, 1):
            try:
                while True:
                    file.write(bytes(part))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def full_while_pushing(lab):
    """S02: a push into a full disk is refused with 507; what was acknowledged is there; with space all goes on."""
    checks, (folder, mount), promises = Checks(), small_disk(lab, 16 * MIB), Promises()
    with mount as disk, lab.serving(folder, data=disk) as server:
        push_image(server.client, promises, 1)
        large = noise("large", 20 * MIB)
        for way in (promises.push_at_once, promises.push_in_two, promises.push_in_chunks):
            statuses = [refused(way, server.client, large) for _ in range(2)]
            checks.note(way.__name__, "/".join(map(str, statuses)), set(statuses) == {507})
        fill_up(disk)
        status = refused(promises.push_at_once, server.client, noise("small", 50_000))
        checks.note("nothing_free", status, status in (503, 507))
        checks.promised("while full", server.client, promises)
        os.unlink(f"{disk}/ballast")
        push_image(server.client, promises, 2)
        checks.promised("with space again", server.client, promises)
        sessions = {f"upload-{one}" for one in promises.sessions}
        left = [one for one in os.listdir(f"{disk}/staging") if one.removesuffix(".json") not in sessions]
        checks.note("left_staged", len(left), not left)
        server.stop()
        checks.wrong += check_database(f"{disk}/entrepot.db")
    return checks.result()


def full_database(lab):
    """S02: the database cannot grow while the blobs can; then it can."""
    return failing(lab, errno.ENOSPC, WRITES, "entrepot.db")


def full_log(lab):
    """S02: nobody takes the log's lines."""
    checks, folder, promises = Checks(), lab.folder(), Promises()
    wrap = ["/bin/sh", "-c", 'exec "$@" 2> /dev/full', "sh"]
    with lab.serving(folder, wrap=wrap) as server:
        push_image(server.client, promises, 1)
        for _ in range(200):
            server.client.ask("GET", f"/v2/{REPOSITORY}/manifests/none")
        checks.promised("afterwards", server.client, promises)
        checks.note("acknowledged", promises.count())
    return checks.result()


# ---- errors -----------------------------------------------------------------------------------------

WRITES = ("write", "pwrite64", "ftruncate", "fallocate")
SYNCS = ("fsync", "fdatasync")
NAMES = ("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat")


class Fail:
    """Calls of these names on these files fail, all of them or only the n-th."""

    def __init__(self, number, names, where, only=None):
        self.number, self.names, self.where, self.only = number, names, where, only
        self.count, self.on, self.again = 0, [], 0

    def __call__(self, call, path):
        if call.name not in self.names or self.where not in path:
            return None
        # Of staged files only: SQLite writes what it could not sync once more before it syncs again.
        inode = (call.arguments[0], path) if call.name in SYNCS and "/staging/" in path else None
        self.again += inode in self.on if inode else 0
        self.count += 1
        if self.only not in (None, self.count):
            return None
        if inode:
            self.on.append(inode)
        return self.number


def failing(lab, number, names, where):
    """Pushes, pulls and deletes while something fails; then it stops failing, and everything is as it should be."""
    checks, folder, promises = Checks(), lab.folder(), Promises()
    watch, what = lab.watch(folder), errno.errorcode[number]
    with lab.origin() as origin, lab.serving(folder, upstream=origin.url, watch=watch) as server:
        push_image(server.client, promises, 1)
        watch.decide = fault = Fail(number, names, where)
        seen = set()
        for at, way in enumerate((promises.push_at_once, promises.push_in_two, promises.push_in_chunks)):
            seen.add(refused(way, server.client, noise(f"{what} {at}", 70_000)))
        manifest = [noise(f"1 {at}", 80_000 + at) for at in range(3)]
        seen.add(refused(promises.push_manifest, server.client, manifest, "other"))
        during = [one for one in pull(server.client, f"during-{number}-200000")]
        checks.wrong += [f"pulled while it failed: {one}" for one in during]
        checks.promised("while it failed", server.client, promises)
        checks.note(f"{what}_calls", fault.count, fault.count > 0)
        checks.note(f"{what}_answers", "/".join(map(str, sorted(seen))), seen <= {201, *CLEAN})
        watch.decide = None
        push_image(server.client, promises, 2)
        checks.wrong += pull(server.client, f"after-{number}-200000")
        checks.promised("afterwards", server.client, promises)
        promises.sessions.clear()
    found, after = after_restart(lab, folder, promises)
    checks.figures.update(found)
    checks.wrong += after
    return checks.result()


def after_restart(lab, folder, promises):
    """What is there once the server was started anew."""
    checks = Checks()
    checks.wrong += check_database(f"{folder}/data/entrepot.db")
    with lab.serving(folder) as server:
        checks.promised("after a restart", server.client, promises)
        left = [one for one in staged(folder) if not one.startswith("upload-")]
        checks.note("left_staged", len(left), not left)
    return checks.result()


def every_call_once(lab, number, names, label):
    """Each call of a push fails once, in turn; what was not acknowledged may be lost, what was may not."""
    checks, at, step, refusals, again = Checks(), 1, lab.options.step, 0, 0
    while True:
        folder, promises = lab.folder(), Promises()
        watch = lab.watch(folder)
        with lab.serving(folder, watch=watch) as server:
            promises.push_at_once(server.client, noise("before", 1000))
            watch.decide = fault = Fail(number, names, folder, at)
            for turn, way in enumerate((promises.push_at_once, promises.push_in_two, promises.push_in_chunks)):
                status = refused(way, server.client, noise(f"at {turn}", 70_000))
                refusals += status != 201
                if status not in (201, *CLEAN):
                    checks.wrong.append(f"call {at}: answered {status}")
            blobs = [noise("before", 1000)]
            refusals += refused(promises.push_manifest, server.client, blobs, "t") != 201
            again += fault.again
            watch.decide = None
            checks.promised(f"call {at}", server.client, promises)
            push_image(server.client, promises, 3)
        _, wrong = after_restart(lab, folder, promises)
        checks.wrong += [f"call {at}: {one}" for one in wrong]
        if fault.count < at:
            break
        at += step
    checks.note(f"{label}_calls", fault.count, fault.count > 0)
    checks.note("refused", refusals)
    if names is SYNCS:
        checks.note("same_descriptor_again", again, not again)
    return checks.result()


def failing_sync(lab):
    """S04"""
    return every_call_once(lab, errno.EIO, SYNCS, "sync")


def together(*results):
    figures, wrong = {}, []
    for found, bad in results:
        figures.update(found)
        wrong += bad
    return figures, wrong


def failing_names(lab):
    """S05: rename, link, unlink, mkdir."""
    return together(*(failing(lab, number, NAMES, "/") for number in (errno.EIO, errno.EACCES, errno.EROFS)))


def failing_writes(lab):
    """S05: everything that writes, below the store."""
    return together(*(failing(lab, number, WRITES + SYNCS, "/") for number in (errno.EIO, errno.EROFS)))


def no_descriptors(lab):
    """S05: EMFILE. Clients that are there are answered, new ones wait, and it goes on when there are descriptors."""
    checks, folder, promises = Checks(), lab.folder(), Promises()
    wrap = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]
    with lab.serving(folder, wrap=wrap) as server:
        push_image(server.client, promises, 1)
        held = [server.client.hold() for _ in range(100)]
        time.sleep(0.5)
        hungry = Client(server.port, timeout=3)
        status = refused(promises.push_at_once, hungry, noise("x", 70_000))
        checks.note("while_none_is_free", status or "no answer", status in (0, 201, 503))
        for one in held:
            one.close()
        until("it answers", 15, lambda: refused(promises.push_at_once, server.client, noise("y", 70_000)) == 201)
        push_image(server.client, promises, 2)
        checks.promised("afterwards", server.client, promises)
        checks.note("acknowledged", promises.count())
    return checks.result()


# ---- bytes that cannot be read ----------------------------------------------------------------------


def unreadable(lab):
    """S03: the disk gives errors where blobs are. They end short, are fetched again, and the server lives."""
    return together(unreadable_over(lab, "plain", ""), unreadable_over(lab, "tls", certificate(lab)))


def certificate(lab):
    """The lines of a configuration with TLS."""
    if not find_tool("openssl"):
        raise Skipped("openssl is not installed")
    folder = lab.folder()
    files = ["-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"]
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", *files])
    return f'tls: {{cert: "{folder}/tls.crt", key: "{folder}/tls.key"}}\n'


def unreadable_over(lab, how, more):
    checks, folder = Checks(), lab.folder()
    image = lab.image(f"{folder}/image", 256 * MIB, "btrfs", "-m", "dup", "-d", "single")
    name = "unreadable-30000-3000000"
    _, blobs = registry.image(name)
    data = f"{folder}/disk/data"
    with lab.origin() as origin:
        with lab.mounted(image, f"{folder}/disk", "-o", "loop"):
            with lab.serving(folder, upstream=origin.url, data=data) as server:
                checks.wrong += pull(server.client, name)
                promises = Promises()
                hosted = promises.push_at_once(server.client, noise("hosted", 200_000))
                until("all is kept", 10, lambda: set(blobs) <= stored_in(data))
            os.sync()
        spoil(image, [*(blob for blob in blobs.values() if len(blob) > 20_000), noise("hosted", 200_000)])
        with lab.mounted(image, f"{folder}/disk", "-o", "loop"):
            checks.note(f"{how}_unreadable_files", unreadable_files(data))
            with lab.serving(folder, upstream=origin.url, data=data, more=more) as server:
                read_again(checks, how, server, name, blobs)
                lost(checks, how, server, promises, hosted)
    return checks.result()


def spoil(image, blobs):
    """Flips a byte in the middle of each; the file system knows the sum of every block, so that reading it fails."""
    with open(image, "r+b") as file:
        content = file.read()
        for blob in blobs:
            middle = len(blob) // 2 // 4096 * 4096
            at = content.find(blob[middle : middle + 4096])
            if at < 0:
                raise Skipped("the blob is not to be found in the image of the file system")
            file.seek(at)
            file.write(bytes([content[at] ^ 255]))


def unreadable_files(data):
    count = 0
    for directory, _, names in os.walk(f"{data}/blobs"):
        for name in names:
            try:
                with open(f"{directory}/{name}", "rb") as file:
                    file.read()
            except OSError:
                count += 1
    return count


def curl(server, path, *options):
    """Status and digest; over TLS where the server speaks it, as HTTP/2 where both like it."""
    url = server.url.replace("http:", "https:") if server.tls else server.url
    command = ["curl", "-sk", "-m", "20", "-w", "%{stderr}%{http_code}", *options, url + path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return int(done.stderr or 0), registry.digest(done.stdout)


def read_again(checks, how, server, name, blobs):
    """Twice: the first time finds out, the second one is served from what was fetched again."""
    for digest, blob in blobs.items():
        path = f"/v2/docker.io/library/{name}/blobs/{digest}"
        found = [curl(server, path) for _ in range(3)]
        if server.process.poll() is not None:
            checks.note(f"{how}_server", f"died ({server.process.returncode})", False)
            return
        ends = ["right" if one == (200, digest) else f"short ({one[0]})" for one in found]
        checks.note(f"{how}_{len(blob)}", "/".join(ends), ends[-1] == "right")


def lost(checks, how, server, promises, digest):
    """Of what was pushed nobody has another: it is refused from then on, and can be pushed again."""
    if server.process.poll() is not None:
        return
    path = f"/v2/{REPOSITORY}/blobs/{digest}"
    statuses = [curl(server, path)[0] for _ in range(2)] + [curl(server, path, "-I")[0]]
    checks.note(f"{how}_hosted", "/".join(map(str, statuses)), statuses[1:] == [404, 404])
    if not server.tls:
        promises.push_at_once(server.client, noise("hosted", 200_000))
        checks.promised("pushed again", server.client, promises)
