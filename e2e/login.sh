#!/usr/bin/env bash
# Logins with accounts of entrepot's own: real clients log in, push, pull, and are refused.
#
#   e2e/login.sh
#
# skopeo, crane, regctl and podman, as far as they are there. One line per case, a closing line of counts, exit code 1 when a
# case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/checks.sh
. "$lib/checks.sh"

for tool in crane regctl; do
    if ! have "$tool" && [ -x "${ENTREPOT_TOOLS:-$kept/tools}/$tool" ]; then PATH=$PATH:${ENTREPOT_TOOLS:-$kept/tools}; fi
done
binary=$(entrepot_binary)
scratch_make
user=alice password='correct horse battery'
port=$(free_port)
# `access` says that programs on this machine log in as everybody does.
cat > "$scratch/entrepot.yaml" << CONFIG
listen: 127.0.0.1:$port
data: "$scratch/data"
access:
  grants: [{to: "account:$user", repositories: ["local/app/**"], may: [pull, push]}]
  private: ["local/app/secret"]
CONFIG
at=127.0.0.1:$port
entrepot() { "$binary" "$@" --config "$scratch/entrepot.yaml"; }

start entrepot "$binary" serve --config "$scratch/entrepot.yaml"
until_ready entrepot answers "http://$at/readyz"
printf %s "$password" | entrepot account add "$user" --password-stdin > /dev/null
printf %s "$password" | entrepot account add bob --password-stdin > /dev/null
robot=$(entrepot token create ci --account "$user" --scope "pull,push:local/app/**" 2> /dev/null)

# A small image, as an OCI layout.
python3 - "$scratch/image" << 'PYTHON'
import gzip, hashlib, io, json, os, sys, tarfile

home = sys.argv[1]
os.makedirs(f"{home}/blobs/sha256")


def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{home}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as archive:
    archive.addfile(tarfile.TarInfo("hello"))
layer = gzip.compress(tar.getvalue(), mtime=0)
kind = "application/vnd.oci.image"
diff = "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()
config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff]}}
manifest = {
    "schemaVersion": 2,
    "mediaType": f"{kind}.manifest.v1+json",
    "config": {"mediaType": f"{kind}.config.v1+json", **blob(json.dumps(config).encode())},
    "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", **blob(layer)}],
}
entry = {"mediaType": manifest["mediaType"], **blob(json.dumps(manifest).encode())}
entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
json.dump({"schemaVersion": 2, "manifests": [entry]}, open(f"{home}/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{home}/oci-layout", "w"))
PYTHON

with_skopeo() {
    local auth=$scratch/skopeo.json tls=(--tls-verify=false)
    check "skopeo, wrong password" fails skopeo login "${tls[@]}" --authfile "$auth" -u "$user" -p wrong "$at"
    check "skopeo, not logged in, push" fails skopeo copy --dest-tls-verify=false "oci:$scratch/image:1" "docker://$at/local/app/skopeo:1"
    check "skopeo, login" skopeo login "${tls[@]}" --authfile "$auth" -u "$user" -p "$password" "$at"
    check "skopeo, push" skopeo copy --dest-tls-verify=false --authfile "$auth" "oci:$scratch/image:1" "docker://$at/local/app/skopeo:1"
    check "skopeo, push elsewhere" fails skopeo copy --dest-tls-verify=false --authfile "$auth" "oci:$scratch/image:1" "docker://$at/local/other:1"
    check "skopeo, push what is private" skopeo copy --dest-tls-verify=false --authfile "$auth" "oci:$scratch/image:1" "docker://$at/local/app/secret:1"
    check "skopeo, logout" skopeo logout --authfile "$auth" "$at"
    check "skopeo, public without login" skopeo inspect "${tls[@]}" "docker://$at/local/app/skopeo:1"
    check "skopeo, private without login" fails skopeo inspect "${tls[@]}" "docker://$at/local/app/secret:1"
    check "skopeo, private as somebody else" fails skopeo inspect "${tls[@]}" --creds "bob:$password" "docker://$at/local/app/secret:1"
    check "skopeo, private with an API token" skopeo inspect "${tls[@]}" --creds "ci:$robot" "docker://$at/local/app/secret:1"
    check "skopeo, public with another registry's password" skopeo inspect "${tls[@]}" --creds hub:secret "docker://$at/local/app/skopeo:1"
}

with_crane() {
    export DOCKER_CONFIG=$scratch/crane
    mkdir -p "$DOCKER_CONFIG"
    check "crane, private without login" fails crane digest --insecure "$at/local/app/secret:1"
    check "crane, login" crane auth login --insecure "$at" -u "$user" -p "$password"
    check "crane, private" crane digest --insecure "$at/local/app/secret:1"
    check "crane, copy" crane copy --insecure "$at/local/app/secret:1" "$at/local/app/crane:1"
    unset DOCKER_CONFIG
}

with_regctl() {
    export REGCTL_CONFIG=$scratch/regctl.json
    regctl registry set --tls disabled "$at" > /dev/null
    check "regctl, private without login" fails regctl manifest head "$at/local/app/secret:1"
    check "regctl, login" regctl registry login "$at" -u "$user" -p "$password"
    check "regctl, private" regctl manifest head "$at/local/app/secret:1"
    check "regctl, copy" regctl image copy "$at/local/app/secret:1" "$at/local/app/regctl:1"
    unset REGCTL_CONFIG
}

with_podman() {
    local auth=$scratch/podman.json
    check "podman, wrong password" fails podman login --tls-verify=false --authfile "$auth" -u "$user" -p wrong "$at"
    check "podman, login" podman login --tls-verify=false --authfile "$auth" -u "$user" -p "$password" "$at"
}

for client in skopeo crane regctl podman; do
    if have "$client"; then "with_$client"; else say "skip  $client: not on PATH"; fi
done

check "audit" grep -q token.create <(entrepot audit)
check "no secret in the log or the database" fails grep -rqF -e "$password" -e "$robot" "$scratch/data" "$scratch/entrepot.log"
entrepot account disable "$user" > /dev/null
if have skopeo; then
    check "skopeo, disabled" fails skopeo inspect --tls-verify=false --creds "$user:$password" "docker://$at/local/app/secret:1"
fi
checked
