#!/usr/bin/env python3
"""Writes docs/clients.md from the results of runs: an overview, then client by client, image by name form.

    matrix.py VERSIONS RESULTS...
"""
import re
import sys
from collections import namedtuple

Row = namedtuple("Row", "status client round image phase note")

FORMS = {
    "prefix": "`HOST/docker.io/NAME`",
    "alias": "`docker.DOMAIN/NAME`",
    "ns": "`docker.io/NAME`, sent with `?ns=`",
    "mirror": "`docker.io/NAME`, entrepot as its mirror",
    "bare": "`HOST/NAME`",
}
ROUNDS = {
    "hosted": "pushes",
    "tls": "private CA",
    "login": "password in front",
    "account": "account upstream",
    "access": "account here",
    "multi-gb": "2 GB image",
}
TITLES = {
    "podman": "Podman",
    "buildah": "Buildah",
    "docker": "Docker",
    "helm": "Helm",
    "buildkit": "BuildKit in Docker",
}
HEAD = """# Which clients pull through entrepot

Written by `e2e/lib/matrix.py` from the results of `e2e/run.sh`; do not edit. Every cell is a real client that pulled a real image twice:
cold, from an empty entrepot, and warm, with the upstream registries gone. Each time the digest was compared with
what was pushed upstream, and entrepot's log had to show that it handed the layers out. ✗ failed, – skipped.
"""
MEANING = """
- **names**: under how many forms of name it was tried; the tables below have them.
- **runs**: a container started from each image and printed what it should. For Buildah and BuildKit: an image was built
  `FROM` it, and its `RUN` line said that. For Helm: the chart was rendered.
- **pushes**: to a hosted name, and pulled back. Buildah and BuildKit push what they built, cosign copies an image with its signature.
- **private CA**: entrepot has a certificate of an authority that nobody knows. The client is refused; then it is told of the
  authority in its own way, and pulls by hostname, cold and warm.
- **password in front**: nginx with TLS and a password stands before entrepot. The client is refused; then it logs in, and pulls.
- **account upstream**: the upstream registries want an account, docker.io a password and quay.io, over TLS with a private CA, a
  token. The client has none and is refused there; entrepot has one and gives what it gets to everybody, and the client pulls from it.
- **account here**: entrepot has accounts and speaks TLS. Without a login, or with a wrong password, the client is refused what is
  private and cannot push; logged in, it pushes and pulls what it was granted and nothing else, also when its token expires
  in the middle of a layer; an API token that may only pull does just that until it is revoked; after the logout it is refused again.
- **2 GB image**: cold and warm, with one client of each kind."""


def title(client):
    kind = client.removeprefix("sid-")
    return TITLES.get(kind, kind)


def short(version):
    """The number in what a client says of itself; BuildKit's has two and is told in full."""
    if "buildx" in version:
        return version.replace("BuildKit in Docker version", "in Docker").split(", build")[0]
    found = re.search(r"\d+\.\d+[\w.+~]*", version)
    return found[0].removesuffix("+unknown") if found else version


def verdict(rows):
    """ok, a failure or a skip of the rows of one cell; nothing where there are none."""
    if any(row.status == "FAIL" for row in rows):
        return "✗"
    return "ok" if any(row.status == "ok" for row in rows) else "–" if rows else ""


def overview(by_client, versions):
    yield "| client | version | names | runs | " + " | ".join(ROUNDS.values()) + " |"
    yield "|---" * (4 + len(ROUNDS)) + "|"
    for client, rows in by_client.items():
        forms = [form for form in FORMS if verdict([row for row in rows if row.round == form and row.image != "all"]) in ("ok", "✗")]
        ran = [row for row in rows if row.status == "ok" and row.round in FORMS and "ran: " in row.note]
        cells = [verdict([row for row in rows if row.round == name]) for name in ROUNDS]
        line = [title(client), short(versions.get(client, "–")), str(len(forms) or "–"), "yes" if ran else "", *cells]
        yield "| " + " | ".join(line) + " |"


def cell(rows, reasons):
    """One client, image and form."""
    said = verdict(rows)
    if said == "–":
        note = rows[0].note
        if note not in reasons:
            reasons.append(note)
        return f"– ({reasons.index(note) + 1})"
    return "ok, ran" if said == "ok" and all("ran:" in row.note for row in rows) else said


def table(rows):
    """Image by form, and below it every reason for a skip."""
    pulls = [row for row in rows if row.round in FORMS and row.image not in ("all", "upstream", "log")]
    forms = list(dict.fromkeys(row.round for row in pulls))
    reasons = []
    if pulls:
        yield "| image | " + " | ".join(FORMS[form] for form in forms) + " |"
        yield "|---" * (len(forms) + 1) + "|"
    for image in dict.fromkeys(row.image for row in pulls):
        cells = (cell([row for row in pulls if (row.image, row.round) == (image, form)], reasons) for form in forms)
        yield f"| {image} | " + " | ".join(cells) + " |"
    once = [row for row in rows if row.image == "upstream" and row.round != "multi-gb"]
    if once:
        good = sum(row.status == "ok" for row in once)
        yield f"\nUpstream: every blob and manifest was fetched once ({good} of {len(once)} cold rounds).\n"
    for number, reason in enumerate(reasons, 1):
        yield f"{number}. {reason}"
    for row in rows:
        if row.status == "skip" and "all" in (row.round, row.image):
            yield f"- skipped, {row.round if row.round != 'all' else 'the client'}: {row.note}"


def main(version_file, *results):
    by_client, versions = {}, {}
    for name in results:
        with open(name) as file:
            for line in file:
                row = Row(*line.rstrip("\n").split("\t"))
                by_client.setdefault(row.client, []).append(row)
    with open(version_file) as file:
        versions.update(line.rstrip("\n").split("\t") for line in file)
    by_client = dict(sorted(by_client.items(), key=lambda item: item[0].startswith("sid-")))
    counts = {word: sum(row.status == word for rows in by_client.values() for row in rows) for word in ("ok", "FAIL", "skip")}
    print(HEAD)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped; every reason is below.\n")
    print(*overview(by_client, versions), sep="\n")
    print(MEANING)
    print("\nAn empty cell below is a name that the client cannot use, or a large image, which comes under one form of name only.")
    tables = {}
    for client, rows in by_client.items():
        tables.setdefault((title(client), tuple(table(rows))), []).append(short(versions.get(client, "")))
    order = list(dict.fromkeys(name for name, _ in tables))
    for (name, lines), which in sorted(tables.items(), key=lambda item: order.index(item[0][0])):
        print(f"\n## {name} {' and '.join(filter(None, which))}\n")
        print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
