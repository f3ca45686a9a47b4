"""Rows for entrepot's catalog, as if many repositories had been mirrored: one image of one blob each."""
import hashlib
import sqlite3
import time

HOST = "docker.io"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BATCH = 20_000


def digest(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def grow(path, count):
    """Adds `count` repositories to the catalog of a server that is stopped. No file of theirs exists."""
    now = int(time.time() * 1000)
    base = sqlite3.connect(path)
    base.execute("PRAGMA synchronous = OFF")
    base.execute("PRAGMA cache_size = -500000")
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        # Ids below those that the server makes, which begin with the time.
        rows = [(n + 1, f"{HOST}/team-{n % 997}/app-{n}", digest(f"manifest {n}"), digest(f"blob {n}")) for n in numbers]
        with base:
            insert(base, rows, now)
    base.close()


def insert(base, rows, now):
    base.executemany("INSERT INTO repository (id, path, origin) VALUES (?, ?, ?)", ((n, path, HOST) for n, path, _, _ in rows))
    base.executemany(
        "INSERT INTO manifest (repository_id, digest, media_type, size, created_ms) VALUES (?, ?, ?, 500, ?)",
        ((n, manifest, MANIFEST, now) for n, _, manifest, _ in rows),
    )
    base.executemany(
        "INSERT INTO reference (repository_id, parent, child, kind, size) VALUES (?, ?, ?, 0, 1000)",
        ((n, manifest, blob) for n, _, manifest, blob in rows),
    )
    base.executemany(
        "INSERT INTO tag (repository_id, name, digest, checked_ms, updated_ms) VALUES (?, 'v1', ?, ?, ?)",
        ((n, manifest, now, now) for n, _, manifest, _ in rows),
    )
    base.executemany(
        "INSERT INTO blob (digest, repository_id, size, created_ms) VALUES (?, ?, 1000, ?)",
        ((blob, n, now) for n, _, _, blob in rows),
    )
