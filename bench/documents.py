"""Changing images in many files: who does it, how each is told to, and the files."""
import os

from copiers import Copier, go_built, go_tool, those_there
from machine import Failed, find_tool
from peers import write

ROOT = "m.example.com"
IMAGES = [f"docker.io/library/app-{number}:1.{number}" for number in range(20)]
FILES, FILE_BYTES = 1000, 50_000


class Rewriter(Copier):
    """A program that gives images in files other names."""

    # Whether it changes the files; otherwise it prints what they would be.
    in_place = True

    def on(self, folder, files):
        """Command lines, to be run one after another."""
        raise NotImplementedError


class Entrepot(Rewriter):
    def on(self, folder, files):
        return [[self.binary, "-q", "rewrite", "-i", "--to", ROOT, *files]]


class Yq(Rewriter):
    def on(self, folder, files):
        change = f'(.. | objects | select(has("image")) | .image) |= "{ROOT}/" + .'
        return [[self.binary, "-y", "-i", change, *files]]


class YqGo(Rewriter):
    def on(self, folder, files):
        change = f'(.. | select(tag == "!!map" and has("image")) | .image) |= "{ROOT}/" + .'
        # It changes one file in a call.
        listed = write(f"{folder}/list", "\n".join(files))
        return [["xargs", "-a", listed, "-n", "1", "-P", str(os.cpu_count()), self.binary, "-i", change]]


class Kbld(Rewriter):
    in_place = False

    def on(self, folder, files):
        # Told what becomes of each image, it asks no registry.
        overrides = "".join(f"- {{image: {one}, newImage: {ROOT}/{one}, preresolved: true}}\n" for one in IMAGES)
        head = "apiVersion: kbld.k14s.io/v1alpha1\nkind: Config\noverrides:\n"
        config = write(f"{folder}/kbld.yml", head + overrides)
        return [[self.binary, "--images-annotation=false", "-f", config, "-f", os.path.dirname(files[0])]]


NAMES = ["entrepot", "yq", "yq-go", "kbld"]


def present(binary, kept, wanted):
    """The programs that are there, and a line for each that is not."""
    # One has the name of Debian's, so it has a folder of its own.
    candidates = [
        ("entrepot", Entrepot, lambda: binary, "--version", "not asked for"),
        ("yq", Yq, lambda: find_tool("yq"), "--version", "Debian's yq is not installed"),
        ("yq-go", YqGo, lambda: go_built(f"{kept}/yq-go", "yq", "github.com/mikefarah/yq/v4@v4.44.3"), "--version", "Go is not there, or it could not be built"),
        ("kbld", Kbld, lambda: go_tool(kept, "kbld", "carvel.dev/kbld/cmd/kbld@latest"), "", "Go is not there, or it could not be built"),
    ]
    return those_there(candidates, wanted)


def manifest(number):
    """A file of Deployments with comments, as people write them."""
    documents, size = [], 0
    while size < FILE_BYTES:
        image = IMAGES[(number + len(documents)) % len(IMAGES)]
        documents.append(
            f"""# Deployment {len(documents)} of file {number}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}-{len(documents)}
  labels: {{app: "a{number}", tier: backend}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: a{number}}}}}
  template:
    metadata: {{labels: {{app: a{number}}}}}
    spec:
      containers:
        - name: app  # the one that counts
          image: {image}
          args: ["--port", "8080", '--name=app-{number}']
          env:
            - {{name: LEVEL, value: info}}
            - name: TEXT
              value: |
                several lines
                of text
          resources:
            limits: {{cpu: 500m, memory: 512Mi}}
"""
        )
        size += len(documents[-1])
    return "---\n".join(documents)


def rewriting(lab, peer):
    """All files are made anew for each run, since most are changed in place."""
    folder = lab.folder()
    inner = f"{folder}/files"
    os.makedirs(inner)
    files = [write(f"{inner}/{number}.yaml", manifest(number)) for number in range(FILES // 20 if lab.quick else FILES)]
    size = sum(os.path.getsize(file) for file in files)
    cost = peer.run(folder, peer.on(folder, files))
    check(peer, files, f"{folder}/copier.log")
    lab.forget(folder)
    return {**cost, "mb_s": size / 1e6 / cost["wall_s"]}


def check(peer, files, printed):
    """No image is left with its old name."""
    for path in files if peer.in_place else [printed]:
        with open(path) as file:
            left = [line for line in file if "image: docker.io/" in line]
        if left:
            raise Failed(f"{peer.name} left {len(left)} images in {os.path.basename(path)} as they were")
