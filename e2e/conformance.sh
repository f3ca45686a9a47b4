#!/usr/bin/env bash
# The official OCI distribution-spec conformance suite against a fresh entrepot, for three versions of the spec.
#
#   e2e/conformance.sh [--at HOST:PORT [--prefix NAME/]] [VERSION...]
#
# The suite is a binary: OCI_CONFORMANCE names it, or it is `oci-conformance` on PATH. Where there is none this
# says so and succeeds. --at takes another server over plain HTTP. Exit code 1 on any failure, or if nothing ran.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/servers.sh
. "$lib/servers.sh"

server='' prefix=local/ versions=()
while [ $# -gt 0 ]; do
    case $1 in
    --at) server=${2:?} && shift ;;
    --prefix) prefix=${2:?} && shift ;;
    -*) die "unknown option $1" ;;
    *) versions+=("$1") ;;
    esac
    shift
done
[ ${#versions[@]} -gt 0 ] || versions=(1.0 1.1 dev)

suite=${OCI_CONFORMANCE:-$(command -v oci-conformance || true)}
if [ -z "$suite" ]; then
    say "skipped: not run, the suite is absent; put it on PATH as oci-conformance, or set OCI_CONFORMANCE"
    say "0 passed, 0 failed, 3 skipped"
    exit 0
fi
[ -x "$suite" ] || die "OCI_CONFORMANCE names $suite, which cannot be run"

scratch_make
if [ -z "$server" ]; then
    binary=$(entrepot_binary)
    entrepot_start
    server=$at
fi

# one VERSION: repositories are new in every run, since the suite counts on empty ones.
one() {
    local results=$scratch/conformance-$1 name=${prefix}conf-$RANDOM$RANDOM
    mkdir -p "$results"
    (
        cd "$results"
        unset OCI_CONFIGURATION
        OCI_REGISTRY=$server OCI_TLS=disabled OCI_VERSION=$1 OCI_RESULTS_DIR=$results \
            OCI_REPO1=$name/one OCI_REPO2=$name/two timeout 300 "$suite" > out.txt 2> err.txt
    ) || true
    [ -e "$results/results.yaml" ] || tail -n 3 "$results/err.txt" >&2
    python3 "$lib/conformance.py" "$results" "$1"
}

code=0
for version in "${versions[@]}"; do one "$version" || code=1; done
exit $code
