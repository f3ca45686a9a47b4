#!/usr/bin/env bash
# The suites that others wrote for registries, against entrepot: `command` and `scenario` of oras, and that of oras-py.
#
#   ENTREPOT_PEERS=FOLDER e2e/peers.sh [SUITE...]      suites: oras oras-py
#
# FOLDER has the checkouts `oras` and `oras-py`; a suite without its checkout or its tools is skipped, which is said. Nothing in
# the checkouts is changed. One line per suite with its counts and what failed, exit code 1 when something failed that
# e2e/peers-known.txt does not explain.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"

peers=${ENTREPOT_PEERS:-$kept/peers}
known=$root/e2e/peers-known.txt
# The account that oras logs in with.
user=hello password=oras-test
failed=0

# lacks TOOL...: the first that is missing.
lacks() {
    local tool
    for tool in "$@"; do have "$tool" || { echo "$tool is not installed"; return; }; done
}

# registry_start NAME [MORE]: an entrepot that everybody on this machine may push to and delete from, unless MORE of the
# configuration says something else; sets `port`.
registry_start() {
    port=${port_wanted:-$(free_port)}
    mkdir -p "$scratch/$1"
    cat > "$scratch/$1/entrepot.yaml" << CONFIG
listen: 127.0.0.1:$port
data: "$scratch/$1/data"
log: {level: warn}
hosted: ["command/", "command-draft/", "scenario/", "dinosaur/"]
names: [oras.e2e.test]
mirror: {catalog: true}
${2:-}
CONFIG
    start "$1" "$binary" serve --config "$scratch/$1/entrepot.yaml"
    until_ready "$1" answers "http://127.0.0.1:$port/readyz"
    printf %s "$password" | "$binary" account add "$user" --password-stdin --role admin --config "$scratch/$1/entrepot.yaml" > /dev/null
}

# report SUITE FAILED-FILE COUNTS: one line, and a line for each failure that nobody has explained.
report() {
    local suite=$1 file=$2 counts=$3 name new=0
    while read -r name; do
        if ! cut -f 1,2 "$known" | grep -qxF "$suite"$'\t'"$name"; then
            say "FAIL  $suite: $name"
            new=$((new + 1))
        fi
    done < <(sort -u "$file")
    say "$suite: $counts; $(sort -u "$file" | wc -l) failed, $new of them for no known reason"
    [ "$new" = 0 ] || failed=1
}

# oras: its registry and its zot are entrepot; its registry without a referrers API is docker-registry.
with_oras() {
    local at=$scratch/oras-source/test/e2e mount suite host zot fallback archive
    mount=$at/testdata/distribution
    # Its tests write beside themselves.
    cp -r "$peers/oras" "$scratch/oras-source"
    for archive in "$mount"/mount/*.tar.gz; do mkdir -p "$scratch/mount" && tar -xzf "$archive" -C "$scratch/mount"; done
    for archive in "$mount"/mount_fallback/*.tar.gz; do mkdir -p "$scratch/fallback" && tar -xzf "$archive" -C "$scratch/fallback"; done
    registry_start oras-host && host=localhost:$port
    python3 "$lib/fill.py" "$scratch/mount" "http://$host"
    # Some of its tests know this port, and that nobody gets anything without a login.
    port_wanted=7000 registry_start oras-zot "access: {anonymous: [], local: []}" && zot=localhost:$port
    export FILL_AS=$user:$password
    cp -r "$at/testdata/zot" "$scratch/layouts"
    python3 "$lib/fill.py" "$scratch/layouts" "http://$zot"
    fallback=localhost:$(free_port)
    cat > "$scratch/fallback.yml" << CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: "$scratch/fallback"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:${fallback#*:}"}
CONFIG
    start fallback docker-registry serve "$scratch/fallback.yml"
    until_ready fallback answers "http://$fallback/v2/"
    # Its tests copy a repository in zot's folder, and zot finds it there. Here it is pushed.
    cat > "$scratch/copy" << COPY
#!/bin/sh
exec python3 "$lib/fill.py" "$scratch/layouts" "http://$zot" "\$1" "\$2"
COPY
    chmod +x "$scratch/copy"
    python3 - "$at/internal/utils/prepare.go" "$scratch" << 'PYTHON'
import json, re, sys

source, scratch = sys.argv[1:]
text = open(source).read()
body = """func CopyZOTRepo(fromRepo string, toRepo string) {
	Expect(exec.Command(os.Getenv("COPY_REPOSITORY"), fromRepo, toRepo).Run()).ShouldNot(HaveOccurred())
}
"""
text = re.sub(r"func CopyZOTRepo\(.*?\n}\n", body, text, flags=re.S).replace('"os"\n', '"os"\n\t"os/exec"\n', 1)
open(f"{scratch}/prepare.go", "w").write(text)
json.dump({"Replace": {source: f"{scratch}/prepare.go"}}, open(f"{scratch}/overlay.json", "w"))
PYTHON
    (cd "$at" && go build -o "$scratch/oras" oras.land/oras/cmd/oras)
    for suite in command scenario; do
        (
            cd "$at"
            export ORAS_PATH=$scratch/oras ORAS_REGISTRY_HOST=$host ORAS_REGISTRY_FALLBACK_HOST=$fallback ZOT_REGISTRY_HOST=$zot
            export COPY_REPOSITORY=$scratch/copy DOCKER_CONFIG=$scratch/docker
            go test -v -overlay "$scratch/overlay.json" "./suite/$suite/..." -count 1 -args -ginkgo.no-color -ginkgo.v
        ) > "$scratch/oras-$suite.log" 2>&1 || true
        sed -n 's/^ *\[FAIL\] //p' "$scratch/oras-$suite.log" > "$scratch/oras-$suite.failed"
        grep -q '^Ran ' "$scratch/oras-$suite.log" || { tail -n 5 "$scratch/oras-$suite.log" >&2; failed=1; }
        report "oras-$suite" "$scratch/oras-$suite.failed" "$(sed -n 's/^Ran \([0-9]*\) of.*/\1 ran/p' "$scratch/oras-$suite.log")"
    done
}

# oras-py: once as anybody, once with a login. A test may take a minute: some wait for registries that the network does not reach.
with_oras_py() {
    local suite with
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check "$peers/oras-py[ecr,tests]" pytest-timeout
    cp -r "$peers/oras-py" "$scratch/oras-py"
    user=myuser password=mypassword
    for with in nobody login; do
        suite=oras-py-$with
        registry_start "$suite"
        (
            cd "$scratch/oras-py"
            export HOME=$scratch/home-$with ORAS_HOST=localhost ORAS_PORT=$port ORAS_USER=$user ORAS_PASS=$password
            [ "$with" = nobody ] || export ORAS_AUTH=true
            "$scratch/venv/bin/python" -m pytest -q -rf -p no:cacheprovider --timeout 60 oras/tests
        ) > "$scratch/$suite.log" 2>&1 || true
        sed -n 's/^FAILED \([^ ]*\).*/\1/p' "$scratch/$suite.log" > "$scratch/$suite.failed"
        grep -qE '[0-9]+ passed' "$scratch/$suite.log" || { tail -n 5 "$scratch/$suite.log" >&2; failed=1; }
        report "$suite" "$scratch/$suite.failed" "$(tail -n 1 "$scratch/$suite.log")"
    done
}

binary=$(entrepot_binary)
scratch_make
[ $# != 0 ] || set -- oras oras-py
for suite in "$@"; do
    case $suite in
        oras) missing=$(lacks go docker-registry) ;;
        oras-py) missing=$(lacks python3) ;;
        *) die "no such suite: $suite (oras, oras-py)" ;;
    esac
    [ -d "$peers/$suite" ] || missing="no checkout in ENTREPOT_PEERS"
    if [ -n "$missing" ]; then
        say "skipped: $suite: $missing"
    elif [ "$suite" = oras ]; then
        with_oras
    else
        with_oras_py
    fi
done
exit $failed
