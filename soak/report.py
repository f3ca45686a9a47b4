"""What the cases came to: as lines, as JSON, as a page of the documentation."""
import json
import os
import platform

SHOWN = 8  # of what was wrong, on the terminal


def figures(found):
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found["figures"].items())


def line(name, found):
    text = f"{name:11} {found['outcome']:7} {found['seconds']:6.1f} s  {figures(found)}"
    wrong = found["wrong"]
    more = [f"{'':12}… {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    return "\n".join([text, *(f"{'':12}{one}" for one in wrong[:SHOWN]), *more])


def save(path, name, found, order):
    """Into what is there already, so that one case can be run again."""
    try:
        with open(path) as file:
            cases = json.load(file)["cases"]
    except (OSError, ValueError, KeyError):
        cases = {}
    cases[name] = found
    everything = {"machine": machine(), "cases": {one: cases[one] for one in order if one in cases}}
    with open(f"{path}.new", "w") as file:
        json.dump(everything, file, indent=1)
    os.replace(f"{path}.new", path)
    return everything


def machine():
    return f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"


INTRODUCTION = """<!-- Written by soak/run.py --write. -->
# Kills, faults, power cuts, floods

`make soak` does to a running entrepot what disks, power supplies and strangers do, and looks whether what it acknowledged
is still there, whether anything wrong was ever given out, and what is left behind. Python's standard library, Linux and
root are enough; what a case needs and does not find is said, and the case is skipped.

| command | what it does |
|---|---|
| `make soak` | everything; about three quarters of an hour |
| `make faults` | the part without power cuts and large floods, with a kill at every seventeenth call: below two minutes |
| `soak/run.py --only S06 --step 1` | one case |
| `soak/run.py --only S07 --cuts 200` | more power cuts |
| `soak/run.py --hours 8` | again and again |
| `soak/run.py --write` | this page |

The cases have the names of our list of faults; [soak/README.md](../soak/README.md) says how each is made.
"""


def write(path, everything):
    rows = [INTRODUCTION, f"Measured on: {everything['machine']}, beside other work.\n"]
    rows += ["| case | what | build | outcome | figures | s |", "|---|---|---|---|---|---|"]
    for name, found in everything["cases"].items():
        said = figures(found) + ("; ".join(["", *found["wrong"][:3]]) if found["outcome"] != "ok" else "")
        build, outcome = found["build"], found["outcome"]
        rows.append(f"| {name} | {found['title']} | {build} | {outcome} | {said} | {found['seconds']:.0f} |")
    with open(path, "w") as file:
        file.write("\n".join(rows) + "\n")
