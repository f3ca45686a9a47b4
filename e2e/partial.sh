#!/usr/bin/env bash
# Partial pulls: Podman fetches of a `zstd:chunked` layer only what its storage lacks, with many ranges in one request.
#
#   e2e/partial.sh
#
# One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/checks.sh
. "$lib/checks.sh"

have podman || skip_all "podman is not on PATH"
[ "$(id -u)" = 0 ] || skip_all "Podman's storage of its own needs root"
binary=$(entrepot_binary)
scratch_make
# Podman leaves it mounted.
trap 'umount "$scratch/storage/overlay" 2> /dev/null || true; scratch_end' EXIT
port=$(free_port)
at=127.0.0.1:$port
cat > "$scratch/entrepot.yaml" << CONFIG
listen: $at
data: "$scratch/data"
CONFIG
start entrepot "$binary" serve --config "$scratch/entrepot.yaml"
until_ready entrepot answers "http://$at/readyz"

# A storage that keeps nothing else, and takes parts of layers.
mkdir -p "$scratch/home"
cat > "$scratch/storage.conf" << CONFIG
[storage]
driver = "${E2E_STORAGE_DRIVER:-overlay}"
runroot = "$scratch/run"
graphroot = "$scratch/storage"
[storage.options]
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}
CONFIG
podman() { HOME=$scratch/home CONTAINERS_STORAGE_CONF=$scratch/storage.conf command podman "$@"; }

podman info > /dev/null 2>&1 || skip_all "Podman cannot use overlays here"

# Two images of 400 files each, of which the second changes 58 here and there.
python3 - "$scratch" << 'PYTHON'
import io, random, sys, tarfile

for name, change in (("one", 0), ("two", 1000)):
    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w") as archive:
        # With an entry of its own: Podman places files beside each other, and races for a directory that has none.
        directory = tarfile.TarInfo("files")
        directory.type, directory.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(directory)
        for number in range(400):
            entry = tarfile.TarInfo(f"files/{number}")
            entry.size = 20_000
            content = random.Random(number + change * (number % 7 == 0)).randbytes(entry.size)
            archive.addfile(entry, io.BytesIO(content))
PYTHON

for name in one two; do
    id=$(podman import --quiet "$scratch/$name.tar")
    check "$name, pushed as zstd:chunked" podman push --quiet --tls-verify=false --compression-format zstd:chunked "$id" "docker://$at/local/$name:1"
done
podman rmi --all --force > /dev/null

# requests: what was asked for of blobs with status 206, as the access log has it: bytes, one a line.
parts() { sed -n '/path=\/v2\/local\/'"$1"'\/blobs\//s/.*status=206 bytes=\([0-9]*\).*/\1/p' "$scratch/entrepot.log"; }

check "one, pulled" podman pull --quiet --tls-verify=false "docker://$at/local/one:1"
check "two, pulled" podman pull --quiet --tls-verify=false "docker://$at/local/two:1"
whole=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$at/v2/local/two/manifests/1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["layers"][0]["size"])')
came=$(parts two | awk '{ sum += $1 } END { print sum + 0 }')
check "two came in parts" test "$came" -gt 0
check "of two came less than a third ($came of $whole bytes)" test $((came * 3)) -lt "$whole"
check "not the whole layer besides" fails grep -q "path=/v2/local/two/blobs/.* status=200 bytes=$whole" "$scratch/entrepot.log"
for name in one two; do
    root=$(podman image mount "$at/local/$name:1")
    check "$name has its files" test "$(find "$root/files" -type f | wc -l)" = 400
    cp -r "$root/files" "$scratch/$name-files"
    podman image unmount --all > /dev/null
done
check "the files are right" python3 - "$scratch" << 'PYTHON'
import random, sys

for name, change in (("one", 0), ("two", 1000)):
    for number in range(400):
        with open(f"{sys.argv[1]}/{name}-files/{number}", "rb") as file:
            assert file.read() == random.Random(number + change * (number % 7 == 0)).randbytes(20_000), (name, number)
PYTHON
checked
