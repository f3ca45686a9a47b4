#!/usr/bin/env bash
# Real clients pull real images through entrepot: cold, then warm with the upstreams gone.
#
#   e2e/run.sh [--quick] [--write-matrix] [--stand-in] [CLIENT...]
#
#   --quick         skopeo, Podman, crane and regctl on the small images, a few under every form of name
#   --write-matrix  writes docs/clients.md from the results
#   --stand-in      runs the procedures against a plain docker-registry cache instead of entrepot
#
# One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/isolate.sh
. "$lib/isolate.sh"
# shellcheck source=SCRIPTDIR/lib/servers.sh
. "$lib/servers.sh"
# shellcheck source=SCRIPTDIR/lib/cases.sh
. "$lib/cases.sh"

quick=no stand_in=no write_matrix=no clients=()
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    --stand-in) stand_in=yes ;;
    --write-matrix) write_matrix=yes ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    -*) die "unknown option $argument" ;;
    *) [ -e "$lib/clients/$argument.sh" ] || die "no client is called $argument"; clients+=("$argument") ;;
    esac
done
if [ ${#clients[@]} = 0 ]; then
    clients=(skopeo crane regctl podman)
    [ "$quick" = yes ] || clients+=(docker containerd)
fi

if [ -z "${E2E_MODE:-}" ]; then
    have docker-registry || die "docker-registry is not installed; e2e/setup.sh installs what is missing"
    [ "$stand_in" = yes ] || ENTREPOT_BIN=$(entrepot_binary)
    export ENTREPOT_BIN
    find_go_tool crane github.com/google/go-containerregistry/cmd/crane@latest
    find_go_tool regctl github.com/regclient/regclient/cmd/regctl@latest
    make_images small
    scratch_make
    isolated "$0" "$@"
    exit
fi

isolation_enter
binary=${ENTREPOT_BIN:-}
origins_fill
for name in "${clients[@]}"; do
    # Not `( ... ) || ...`: that would switch `set -e` off inside.
    set +e
    (set -e; client_rounds "$name")
    code=$?
    set -e
    [ $code = 0 ] || result FAIL "$name" all all - "the script broke off: $(said_last)"
done
if [ "$write_matrix" = yes ]; then
    touch "$scratch/versions.txt"
    python3 "$lib/matrix.py" "$scratch/results.tsv" "$scratch/versions.txt" > "$root/docs/clients.md"
fi
closing_line
