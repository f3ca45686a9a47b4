#!/usr/bin/env python3
"""Builds the images of the real-client tests as OCI layouts, one directory per repository.

    make-images.py --out DIR [--scale small|full] [--multi-gb]

Needs Python, `zstd`, `dpkg-deb` and `apt-get` (for the real busybox of two architectures; the
system's own apt state is left alone). The same machine gives the same digests every time, and a
layout that is already there is kept.

  busybox      1.35 and latest (OCI index, amd64 and arm64), attest (the same with BuildKit's
               attestations), docker (schema2 list), docker-single (schema2 manifest)
  elsewhere    1.35: another image, for another upstream to serve under the name `busybox`
  formats      gzip, zstd, plain (layer encodings), nested (an index within an index)
  many-layers  v1: 60 layers
  large        v1 and v2, which differ in the last layer: 60 MB, or 1.6 GB with --scale full
  platforms    v1: one index with 12 platforms
  signed       v1: an index with referrers (signature, SBOM per platform, signature of an SBOM),
               their fallback tags, a cosign tag; note: an artifact without a subject
  chart        0.1.0: a Helm chart
  multi-gb     v1, with --multi-gb: an image of 2.2 GB

DIR/images.tsv lists every tag: repository, tag, digest, media type, and the line that a container
of the image prints (`-` where none can run).
"""
import argparse
import hashlib
import io
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zlib

RECIPE = "1"
EPOCH = 1_700_000_000
CREATED = "2023-11-14T22:13:20Z"
MIB = 1 << 20
REF_NAME = "org.opencontainers.image.ref.name"
TEXT = {
    "oci": {
        "index": "application/vnd.oci.image.index.v1+json",
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "config": "application/vnd.oci.image.config.v1+json",
        "plain": "application/vnd.oci.image.layer.v1.tar",
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    },
    "docker": {
        "index": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "config": "application/vnd.docker.container.image.v1+json",
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    },
}
OCI, DOCKER = TEXT["oci"], TEXT["docker"]
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
# What every runnable image prints: its own line, and how many of its parts arrived.
COMMAND = ["/bin/sh", "-c", 'echo "$(cat /etc/image), $(ls /opt | wc -l) parts"']
APPLETS = "sh cat echo ls wc true sleep uname env id mkdir rm cp grep sed head tail sha256sum".split()


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """One repository on disk: blobs by digest, and the tags in `index.json`."""

    def __init__(self, root):
        self.root, self.entries, self.lines = root, [], []
        os.makedirs(f"{root}/blobs/sha256", exist_ok=True)

    def path(self, digest):
        return f"{self.root}/blobs/{digest.replace(':', '/')}"

    def put(self, data, media_type, **extra):
        digest = digest_of(data)
        with open(self.path(digest), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **extra}

    def put_json(self, value, media_type=None):
        return self.put(dump(value), media_type or value["mediaType"])

    def tag(self, descriptor, *names, prints="-"):
        """Names a manifest; without a name it is kept as a root of its own (a referrer)."""
        entry = {k: descriptor[k] for k in ("mediaType", "digest", "size")}
        for name in names:
            self.entries.append({**entry, "annotations": {REF_NAME: name}})
            self.lines.append((name, descriptor["digest"], descriptor["mediaType"], prints))
        if not names:
            self.entries.append(entry)

    def finish(self):
        with open(f"{self.root}/oci-layout", "w") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')
        with open(f"{self.root}/index.json", "wb") as file:
            file.write(dump({"schemaVersion": 2, "mediaType": OCI["index"], "manifests": self.entries}))
        with open(f"{self.root}/tags.tsv", "w") as file:
            file.writelines("\t".join(line) + "\n" for line in self.lines)


# ---- layers ---------------------------------------------------------------------------------


def member(name, mode, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.mtime, info.uname, info.gname = mode, size, EPOCH, "root", "root"
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def tar(files):
    """A tar of {name: bytes, or None for a directory, or ("link", target)}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            if content is None:
                archive.addfile(member(name, 0o755, type=tarfile.DIRTYPE))
            elif isinstance(content, tuple):
                archive.addfile(member(name, 0o777, type=tarfile.SYMTYPE, linkname=content[1]))
            else:
                archive.addfile(member(name, 0o755, len(content)), io.BytesIO(content))
    return out.getvalue()


def gzip_stream(level):
    """zlib writes a gzip header without a time or a name, so the bytes depend on nothing else."""
    return zlib.compressobj(level, zlib.DEFLATED, 31)


def compress(raw, encoding):
    if encoding == "gzip":
        stream = gzip_stream(6)
        return stream.compress(raw) + stream.flush()
    if encoding == "zstd":
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=raw, check=True, stdout=subprocess.PIPE).stdout
    return raw


def layer(layout, files, encoding="gzip", kind=OCI):
    """Stores one layer; returns its descriptor and its diff id."""
    raw = tar(files)
    return layout.put(compress(raw, encoding), kind[encoding]), digest_of(raw)


def noise(seed, size):
    """Bytes that do not compress, the same ones for the same seed."""
    source = random.Random(f"entrepot {seed}")
    while size > 0:
        yield source.randbytes(min(size, MIB))
        size -= MIB


def big_layer(layout, name, seed, size):
    """A gzip layer holding one large file, written as a stream: it may not fit in memory."""
    temporary = f"{layout.root}/large.tmp"
    raw_hash, blob_hash, stream = hashlib.sha256(), hashlib.sha256(), gzip_stream(0)
    padding = b"\0" * (-size % 512 + 1024)
    with open(temporary, "wb") as out:

        def write(data):
            out.write(data)
            blob_hash.update(data)

        header = member(name, 0o644, size).tobuf(tarfile.GNU_FORMAT)
        for part in itertools.chain([header], noise(seed, size), [padding]):
            raw_hash.update(part)
            write(stream.compress(part))
        write(stream.flush())
        length = out.tell()
    digest = "sha256:" + blob_hash.hexdigest()
    os.replace(temporary, layout.path(digest))
    return {"mediaType": OCI["gzip"], "digest": digest, "size": length}, "sha256:" + raw_hash.hexdigest()


def image(layout, layers, platform=None, kind=OCI):
    """A config and a manifest over [(descriptor, diff id)]; returns the manifest's descriptor."""
    config = {
        "created": CREATED,
        **(platform or PLATFORMS["amd64"]),
        "config": {"Env": ["PATH=/bin"], "Cmd": COMMAND, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]},
        "history": [{"created": CREATED, "created_by": f"layer {n}"} for n in range(len(layers))],
    }
    stored = layout.put_json(config, kind["config"])
    return layout.put_json(
        {
            "schemaVersion": 2,
            "mediaType": kind["manifest"],
            "config": stored,
            "layers": [descriptor for descriptor, _ in layers],
        }
    )


def index(layout, children, kind=OCI):
    """An index over [(descriptor, platform, annotations or None)]."""
    manifests = [
        {**descriptor, "platform": platform, **({"annotations": notes} if notes else {})}
        for descriptor, platform, notes in children
    ]
    return layout.put_json({"schemaVersion": 2, "mediaType": kind["index"], "manifests": manifests})


def artifact(layout, artifact_type, content, content_type, subject=None):
    """An artifact manifest (image-spec 1.1) with one layer, and perhaps a subject."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI["manifest"],
        "artifactType": artifact_type,
        "config": layout.put(b"{}", EMPTY_TYPE),
        "layers": [layout.put(content, content_type)],
    }
    if subject:
        manifest["subject"] = {k: subject[k] for k in ("mediaType", "digest", "size")}
        manifest["annotations"] = {"org.opencontainers.image.created": CREATED}
    return {**layout.put_json(manifest), "artifactType": artifact_type}


def platform_of(architecture, variant=None, system="linux", **fields):
    return {"architecture": architecture, "os": system, **({"variant": variant} if variant else {}), **fields}


PLATFORMS = {"amd64": platform_of("amd64"), "arm64": platform_of("arm64", "v8")}


# ---- busybox --------------------------------------------------------------------------------


def download_busybox(cache):
    """Debian's static busybox for both architectures, through an apt state directory of our own."""
    wanted = {arch: f"{cache}/busybox-{arch}" for arch in PLATFORMS}
    if all(os.path.exists(path) for path in wanted.values()):
        return wanted
    work = f"{cache}/apt"
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        os.makedirs(f"{work}/{folder}", exist_ok=True)
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", f"Dir::State::Lists={work}/lists"]
    apt += ["-o", f"Dir::Cache={work}/cache", "-o", "Dir::State::status=/dev/null"]
    apt += ["-o", "Acquire::Languages=none", "-o", "APT::Architecture=amd64"]
    apt += [word for arch in PLATFORMS for word in ("-o", f"APT::Architectures::={arch}")]
    # A third-party source that fails does not matter as long as the package arrives.
    subprocess.run([*apt, "update"], check=False, stdout=subprocess.DEVNULL)
    names = [f"busybox-static:{arch}" for arch in wanted]
    subprocess.run([*apt, "download", *names], check=True, cwd=f"{work}/debs", stdout=subprocess.DEVNULL)
    for deb in os.listdir(f"{work}/debs"):
        arch = deb.rsplit("_", 1)[1].removesuffix(".deb")
        subprocess.run(["dpkg-deb", "-x", f"{work}/debs/{deb}", f"{work}/{arch}"], check=True)
        os.replace(f"{work}/{arch}/bin/busybox", wanted[arch])
    shutil.rmtree(work)
    return wanted


class Builder:
    """What the recipes share: the scale and the busybox binaries."""

    def __init__(self, out, scale):
        self.scale = scale
        self.binaries = download_busybox(out)

    def files(self, says, arch="amd64"):
        """The file system of a small runnable image that says who it is."""
        with open(self.binaries[arch], "rb") as file:
            binary = file.read()
        folders = {name: None for name in ("bin/", "dev/", "etc/", "opt/", "proc/", "sys/", "tmp/")}
        links = {f"bin/{name}": ("link", "busybox") for name in sorted(APPLETS)}
        passwd = b"root:x:0:0:root:/:/bin/sh\n"
        return {**folders, "bin/busybox": binary, **links, "etc/passwd": passwd, "etc/image": says.encode() + b"\n"}


# ---- repositories ---------------------------------------------------------------------------


def attestation(layout, subject, arch):
    """What BuildKit puts into an index beside each image: platform unknown/unknown."""
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "subject": subject["digest"], "arch": arch}
    stored = layout.put(dump(statement), "application/vnd.in-toto+json")
    platform = platform_of("unknown", system="unknown")
    config = {**platform, "config": {}, "rootfs": {"type": "layers", "diff_ids": [stored["digest"]]}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI["manifest"],
        "config": layout.put_json(config, OCI["config"]),
        "layers": [stored],
    }
    notes = {"vnd.docker.reference.digest": subject["digest"], "vnd.docker.reference.type": "attestation-manifest"}
    return layout.put_json(manifest), platform, notes


def build_busybox(layout, builder):
    says = "busybox 1.35"
    by_kind = {}
    for name, kind in TEXT.items():
        by_kind[name] = [
            (image(layout, [layer(layout, builder.files(says, arch), kind=kind)], platform, kind), platform, None)
            for arch, platform in PLATFORMS.items()
        ]
    prints = f"{says}, 0 parts"
    layout.tag(index(layout, by_kind["oci"]), "1.35", "latest", prints=prints)
    attestations = [attestation(layout, child, platform["architecture"]) for child, platform, _ in by_kind["oci"]]
    layout.tag(index(layout, by_kind["oci"] + attestations), "attest", prints=prints)
    layout.tag(index(layout, by_kind["docker"], DOCKER), "docker", prints=prints)
    layout.tag(by_kind["docker"][0][0], "docker-single", prints=prints)


def build_elsewhere(layout, builder):
    says = "busybox from elsewhere"
    only = image(layout, [layer(layout, builder.files(says))])
    layout.tag(index(layout, [(only, PLATFORMS["amd64"], None)]), "1.35", prints=f"{says}, 0 parts")


def build_formats(layout, builder):
    for encoding in ("gzip", "zstd", "plain"):
        files = {**builder.files(f"layer {encoding}"), "opt/data": b"".join(noise("formats", 300_000)) + b"pattern " * 20_000}
        layout.tag(image(layout, [layer(layout, files, encoding)]), encoding, prints=f"layer {encoding}, 1 parts")
    inner_image = image(layout, [layer(layout, builder.files("nested index"))])
    inner = index(layout, [(inner_image, PLATFORMS["amd64"], None)])
    layout.tag(index(layout, [(inner, PLATFORMS["amd64"], None)]), "nested", prints="nested index, 0 parts")


def build_many_layers(layout, builder):
    step = 32 if builder.scale == "full" else 4
    layers = [layer(layout, builder.files("sixty layers"))]
    for number in range(59):
        content = b"".join(noise(f"many {number}", (number % 16 + 1) * step * 1024))
        layers.append(layer(layout, {f"opt/part-{number:02}": content}))
    layout.tag(image(layout, layers), "v1", prints="sixty layers, 59 parts")


def build_large(layout, builder):
    sizes = (800, 500, 200, 80) if builder.scale == "full" else (32, 16, 8, 3)
    base = [layer(layout, builder.files("large"))]
    parts = [big_layer(layout, f"opt/part-{n}", f"large {n}", size * MIB) for n, size in enumerate(sizes)]
    changed = big_layer(layout, "opt/part-3", "large 3 changed", sizes[3] * MIB)
    layout.tag(image(layout, base + parts), "v1", prints="large, 4 parts")
    layout.tag(image(layout, base + parts[:3] + [changed]), "v2", prints="large, 4 parts")


def build_platforms(layout, builder):
    wanted = [("amd64",), ("amd64", "v3"), ("386",), ("arm", "v5"), ("arm", "v6"), ("arm", "v7"), ("arm64", "v8")]
    wanted += [("ppc64le",), ("s390x",), ("riscv64",)]
    platforms = [platform_of(*which) for which in wanted]
    for version in ("10.0.17763.6893", "10.0.20348.3207"):
        platforms.append(platform_of("amd64", system="windows", **{"os.version": version}))
    children = []
    for platform in platforms:
        says = "/".join(str(platform.get(key, "-")) for key in ("os", "architecture", "variant", "os.version"))
        files = builder.files("twelve platforms") if platform == PLATFORMS["amd64"] else {"etc/": None, "etc/image": says.encode()}
        children.append((image(layout, [layer(layout, files)], platform), platform, None))
    layout.tag(index(layout, children), "v1", prints="twelve platforms, 0 parts")


def fallback_index(layout, subject, referrers):
    """The tag that stands in for the referrers API where a registry lacks it (distribution-spec 1.1)."""
    entries = [{**referrer, "annotations": {"org.opencontainers.image.created": CREATED}} for referrer in referrers]
    stored = layout.put_json({"schemaVersion": 2, "mediaType": OCI["index"], "manifests": entries})
    layout.tag(stored, subject["digest"].replace(":", "-"))


def cosign_tag(layout, subject):
    """cosign's old form of a signature: a tag made of the digest, no subject field."""
    payload = layout.put(dump({"critical": {"image": subject["digest"]}}), "application/vnd.dev.cosign.simplesigning.v1+json")
    config = {"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [payload["digest"]]}}
    manifest = {"schemaVersion": 2, "mediaType": OCI["manifest"], "config": layout.put_json(config, OCI["config"]), "layers": [payload]}
    layout.tag(layout.put_json(manifest), subject["digest"].replace(":", "-") + ".sig")


def build_signed(layout, builder):
    children = [
        (image(layout, [layer(layout, builder.files("signed", arch))], platform), platform, None)
        for arch, platform in PLATFORMS.items()
    ]
    subject = index(layout, children)
    layout.tag(subject, "v1", "latest", prints="signed, 0 parts")
    bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
    fallback_index(layout, subject, [artifact(layout, bundle, dump({"for": subject["digest"]}), bundle, subject)])
    for child, platform, _ in children:
        packages = [{"name": f"package-{n}", "arch": platform["architecture"]} for n in range(200)]
        sbom = artifact(layout, "application/spdx+json", dump({"packages": packages}), "application/spdx+json", child)
        fallback_index(layout, child, [sbom])
        proof = artifact(layout, "application/vnd.cncf.notary.signature", dump({"for": sbom["digest"]}), "application/jose+json", sbom)
        fallback_index(layout, sbom, [proof])
    cosign_tag(layout, subject)
    layout.tag(artifact(layout, "application/vnd.example.note", b"no subject\n", "text/plain"), "note")


def build_chart(layout, builder):
    """Helm wants a gzipped tar whose files lie under the chart's name, and its Chart.yaml as the config, in JSON."""
    chart = {"apiVersion": "v2", "name": "chart", "version": "0.1.0", "description": "says who it is", "type": "application"}
    template = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\ndata:\n  says: helm chart, {{ .Values.parts }} parts\n"
    files = {"chart/Chart.yaml": dump(chart), "chart/values.yaml": b"parts: 0\n", "chart/templates/says.yaml": template}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI["manifest"],
        "config": layout.put_json(chart, "application/vnd.cncf.helm.config.v1+json"),
        "layers": [layout.put(compress(tar(files), "gzip"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
    }
    layout.tag(layout.put_json(manifest), "0.1.0", prints="helm chart, 0 parts")


def build_multi_gb(layout, builder):
    layers = [layer(layout, builder.files("multi-gb"))]
    layers += [big_layer(layout, f"opt/part-{n}", f"multi-gb {n}", size * MIB) for n, size in enumerate((1400, 500, 200))]
    layout.tag(image(layout, layers), "v1", prints="multi-gb, 3 parts")


REPOSITORIES = {
    "busybox": build_busybox,
    "elsewhere": build_elsewhere,
    "formats": build_formats,
    "many-layers": build_many_layers,
    "large": build_large,
    "platforms": build_platforms,
    "signed": build_signed,
    "chart": build_chart,
}


def build(out, name, recipe, builder):
    """Builds one repository beside its final place and moves it there, so that half of one is never kept."""
    final, stamp = f"{out}/{name}", f"{RECIPE} {builder.scale}"
    try:
        with open(f"{final}/recipe") as file:
            if file.read() == stamp:
                return
    except FileNotFoundError:
        pass
    shutil.rmtree(final, ignore_errors=True)
    shutil.rmtree(f"{final}.new", ignore_errors=True)
    layout = Layout(f"{final}.new")
    recipe(layout, builder)
    layout.finish()
    with open(f"{layout.root}/recipe", "w") as file:
        file.write(stamp)
    os.rename(layout.root, final)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="directory for the layouts")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    parser.add_argument("--multi-gb", action="store_true", help="build that repository as well")
    arguments = parser.parse_args()
    absent = [tool for tool in ("apt-get", "dpkg-deb", "zstd") if not shutil.which(tool)]
    if absent:
        sys.exit(f"missing: {', '.join(absent)}")
    os.makedirs(arguments.out, exist_ok=True)
    builder = Builder(arguments.out, arguments.scale)
    with open(f"{arguments.out}/images.tsv.new", "w") as listing:
        large = {"multi-gb": build_multi_gb} if arguments.multi_gb else {}
        for name, recipe in (REPOSITORIES | large).items():
            build(arguments.out, name, recipe, builder)
            with open(f"{arguments.out}/{name}/tags.tsv") as tags:
                listing.writelines(f"{name}\t{line}" for line in tags)
    os.replace(f"{arguments.out}/images.tsv.new", f"{arguments.out}/images.tsv")


if __name__ == "__main__":
    main()
