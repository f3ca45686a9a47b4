#!/usr/bin/env bash
# Real clients pull real images through entrepot: cold, then warm with the upstreams gone.
#
#   e2e/run.sh [--quick] [--write-matrix] [--stand-in] [CLIENT...]
#
#   --quick         skopeo, Podman, crane and regctl of this machine on the small images, a few under every form of name
#   --write-matrix  writes docs/clients.md from the results
#   --stand-in      runs the procedures against a plain docker-registry cache instead of entrepot
#
# Clients are the files of lib/clients; with `sid-` before the name it is Debian sid's, from a folder (lib/sid.sh).
# One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/isolate.sh
. "$lib/isolate.sh"
# shellcheck source=SCRIPTDIR/lib/sid.sh
. "$lib/sid.sh"
# shellcheck source=SCRIPTDIR/lib/servers.sh
. "$lib/servers.sh"
# shellcheck source=SCRIPTDIR/lib/front.sh
. "$lib/front.sh"
# shellcheck source=SCRIPTDIR/lib/engines.sh
. "$lib/engines.sh"
# shellcheck source=SCRIPTDIR/lib/cases.sh
. "$lib/cases.sh"
# shellcheck source=SCRIPTDIR/lib/access.sh
. "$lib/access.sh"
# shellcheck source=SCRIPTDIR/lib/rounds.sh
. "$lib/rounds.sh"

quick=no stand_in=no write_matrix=no clients=()
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    --stand-in) stand_in=yes ;;
    --write-matrix) write_matrix=yes ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    -*) die "unknown option $argument" ;;
    *) [ -e "$lib/clients/${argument#sid-}.sh" ] || die "no client is called $argument"; clients+=("$argument") ;;
    esac
done
if [ ${#clients[@]} = 0 ]; then
    clients=(skopeo crane regctl podman)
    # cosign comes last: its signatures stay in the origins.
    [ "$quick" = yes ] || clients+=(buildah docker containerd helm sid-{skopeo,podman,buildah,docker,buildkit,containerd,oras,cosign})
fi
# A round with an image of several gigabytes is for one client of each kind.
large_clients="skopeo sid-podman sid-docker sid-containerd"

# large_lacks: why that image cannot be pulled here, or nothing. Besides the layout, it is at the origin, in
# entrepot, and in the client packed and unpacked.
large_lacks() {
    local free
    free=$(df -Pm "$scratch" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge 12000 ] || echo "12 GB of room are needed in $(dirname "$scratch")"
}

# wants WORD...: whether one of them is among the clients.
wants() {
    local word
    for word in "$@"; do [[ " ${clients[*]} " != *" $word "* ]] || return 0; done
    return 1
}

if [ -z "${E2E_MODE:-}" ]; then
    have docker-registry || die "docker-registry is not installed; e2e/setup.sh installs what is missing"
    [ "$stand_in" = yes ] || ENTREPOT_BIN=$(entrepot_binary)
    export ENTREPOT_BIN
    ! wants crane || find_go_tool crane github.com/google/go-containerregistry/cmd/crane@latest
    ! wants regctl || find_go_tool regctl github.com/regclient/regclient/cmd/regctl@latest
    ! wants containerd sid-containerd || find_go_tool crictl sigs.k8s.io/cri-tools/cmd/crictl@latest
    ! wants helm || find_go_tool helm helm.sh/helm/v3/cmd/helm@latest
    if [[ " ${clients[*]}" == *" sid-"* ]]; then sid_make; fi
    scratch_make
    large_missing=$(large_lacks)
    # shellcheck disable=SC2086  # the names of clients
    if [ "$quick" = no ] && [ -z "$large_missing" ] && wants $large_clients; then make_images small --multi-gb; else make_images small; fi
    export E2E_SID=${sid:-} E2E_SID_MISSING=${sid_missing:-} E2E_LARGE_MISSING=$large_missing
    isolated "$0" "$@"
    exit
fi

sid=$E2E_SID sid_missing=$E2E_SID_MISSING large_missing=$E2E_LARGE_MISSING front_missing=$(front_lacks)
isolation_enter
[ "$E2E_MODE" != inside ] || sid_enter
binary=${ENTREPOT_BIN:-}
origins_fill
for name in "${clients[@]}"; do
    # Not `( ... ) || ...`: that would switch `set -e` off inside.
    set +e
    (set -e; client_rounds "$name")
    code=$?
    set -e
    if [ $code != 0 ]; then
        result FAIL "$name" all all - "the script broke off: $(said_last)"
        stop_all
    fi
done
if [ "$write_matrix" = yes ]; then
    touch "$scratch/versions.txt"
    python3 "$lib/matrix.py" "$scratch/versions.txt" "$scratch/results.tsv" > "$root/docs/clients.md"
fi
closing_line
