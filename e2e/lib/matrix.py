#!/usr/bin/env python3
"""Writes docs/clients.md from the results of a run: client by client, image by name form.

    matrix.py RESULTS VERSIONS
"""
import sys

FORMS = {
    "prefix": "`HOST/docker.io/NAME`",
    "alias": "`docker.DOMAIN/NAME`",
    "ns": "`docker.io/NAME`, sent with `?ns=`",
    "mirror": "`docker.io/NAME`, entrepot as its mirror",
    "bare": "`HOST/NAME`",
}
HEAD = """# Which clients pull through entrepot

Written by `e2e/run.sh --write-matrix`; do not edit. Every cell is a real client that pulled a real image twice:
cold, from an empty entrepot, and warm, with the upstream registries gone. Each time the digest was compared with
what was pushed upstream. **ran** means that a container started from the image as well, and printed what it should.
**pushed** means pushed to a hosted name and pulled back.
Referrers are copied along cold; warm, the list of them is compared. ✗ failed; a number refers to a reason below the table.
An empty cell is a name that the client cannot use.
"""


def cell(lines, reasons):
    """lines: (status, phase, note) of one client, image and form."""
    if any(status == "FAIL" for status, _, _ in lines):
        return "✗"
    for status, _, note in lines:
        if status == "skip":
            if note not in reasons:
                reasons.append(note)
            return f"– ({reasons.index(note) + 1})"
    return "ok, ran" if all("ran:" in note for _, _, note in lines) else "ok"


def table(client, rows):
    found, images, forms, reasons, extra = {}, [], [], [], []
    for status, _, form, image, phase, note in rows:
        if form == "all" or image == "all":
            extra.append(f"{form if form != 'all' else 'the client'}: {note}")
        elif form == "hosted":
            found.setdefault("hosted", []).append((status, phase, note))
        elif image not in ("upstream", "log"):
            found.setdefault((image, form), []).append((status, phase, note))
            images += [image] if image not in images else []
            forms += [form] if form not in forms else []
    yield f"\n## {client}\n"
    if images:
        yield "| image | " + " | ".join(FORMS[form] for form in forms) + " |"
        yield "|---" * (len(forms) + 1) + "|"
        for image in images:
            cells = (cell(found[image, form], reasons) if (image, form) in found else "" for form in forms)
            yield f"| {image} | " + " | ".join(cells) + " |"
    if "hosted" in found:
        yield f"\nHosted name: {'pushed' if cell(found['hosted'], reasons) == 'ok' else '✗'}."
    once = [note for status, _, _, image, _, note in rows if image == "upstream" and status == "ok"]
    if once:
        yield f"\nUpstream: every blob and manifest was fetched once ({len(once)} of {len(forms)} cold rounds)."
    if reasons or extra:
        yield ""
    for number, reason in enumerate(reasons, 1):
        yield f"{number}. {reason}"
    for reason in extra:
        yield f"- skipped, {reason}"


def main(results, versions):
    by_client = {}
    with open(results) as file:
        for line in file:
            row = line.rstrip("\n").split("\t")
            by_client.setdefault(row[1], []).append(row)
    print(HEAD)
    with open(versions) as file:
        print("Tried with: " + "; ".join(line.strip() for line in file) + ".")
    for client, rows in by_client.items():
        for line in table(client, rows):
            print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
