#!/usr/bin/env python3
"""Whether two compose files are the same but for the images of their services, and which images those are.

    same.py OLD NEW            exit code 1, and where, if anything else differs; otherwise the count of images that do
    same.py --images FILE      the images of services that are not built, as they are written
"""
import sys

import yaml


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def differences(old, new, path=()):
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from differences(old[key], new[key], (*path, str(key)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new)):
            yield from differences(one, other, (*path, str(index)))
    elif old != new or type(old) is not type(new):
        yield path


# Of a service, or of an extension field that services are made of.
def is_image(path):
    return path[-1] == "image" and (len(path) == 3 and path[0] == "services" or len(path) == 2 and path[0].startswith("x-"))


def main():
    if sys.argv[1] == "--images":
        for service in load(sys.argv[2])["services"].values():
            if "image" in service and "build" not in service:
                print(service["image"])
        return
    found = list(differences(load(sys.argv[1]), load(sys.argv[2])))
    others = [path for path in found if not is_image(path)]
    if others:
        sys.exit("differs at " + ", ".join(".".join(path) for path in others))
    print(f"{len(found)} images differ, nothing else")


main()
