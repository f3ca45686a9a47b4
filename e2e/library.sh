#!/usr/bin/env bash
# entrepot's own client of container engines, against real ones: containers are made, run, watched, saved and removed, images
# are pulled and pushed, and cards that are none are given by the container device interface. Then its own commands: a node is
# added, and an instance runs on it.
#
#   e2e/library.sh [--quick]      --quick: this machine's Docker and Podman, without those of Debian sid
#
# An engine that is missing is said to be, and skipped. One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/isolate.sh
. "$lib/isolate.sh"
# shellcheck source=SCRIPTDIR/lib/sid.sh
. "$lib/sid.sh"
# shellcheck source=SCRIPTDIR/lib/registries.sh
. "$lib/registries.sh"
# shellcheck source=SCRIPTDIR/lib/engines.sh
. "$lib/engines.sh"
# shellcheck source=SCRIPTDIR/lib/library.sh
. "$lib/library.sh"

quick=no
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    *) die "unknown option $argument" ;;
    esac
done
# Names of the world that the clients of e2e/run.sh share.
domain=entrepot.example

# tests_binary: the tests of the crate `engine` that want a real one.
tests_binary() {
    [ -z "${ENTREPOT_ENGINE_TESTS:-}" ] || { realpath "$ENTREPOT_ENGINE_TESTS" && return; }
    (cd "$root" && cargo test --locked --package entrepot-engine --test real --no-run --message-format json 2> "$scratch/build.log") \
        | python3 -c 'import json, sys
for line in sys.stdin:
    built = json.loads(line)
    if built.get("executable") and built["target"]["name"] == "real": print(built["executable"])'
}

if [ -z "${E2E_MODE:-}" ]; then
    have docker-registry || skip_all "docker-registry is not installed; e2e/setup.sh installs what is missing"
    scratch_make
    ENTREPOT_ENGINE_TESTS=$(tests_binary)
    ENTREPOT_BIN=$(entrepot_binary)
    export ENTREPOT_ENGINE_TESTS ENTREPOT_BIN
    [ -x "$ENTREPOT_ENGINE_TESTS" ] || die "the tests could not be built: $(tail -n 3 "$scratch/build.log")"
    sid='' sid_missing="left out by --quick"
    [ "$quick" = yes ] || sid_make
    export E2E_SID=$sid E2E_SID_MISSING=$sid_missing
    make_images small
    isolated "$0" "$@"
    exit
fi

# tests_run FORM TEST...: runs these tests, or all, and tells each.
tests_run() {
    local form=$1 test status reason
    shift
    "$ENTREPOT_ENGINE_TESTS" --test-threads 2 "$@" > "$scratch/$client-$form.out" 2>&1 < /dev/null || true
    while read -r test status; do
        reason=$(library_cannot "$test")
        if [ -n "$reason" ]; then
            result skip "$client" "$form" "${test##*::}" - "$reason"
        elif [ "$status" = ok ]; then
            result ok "$client" "$form" "${test##*::}" - ""
        else
            result FAIL "$client" "$form" "${test##*::}" - "$(why "$test" "$scratch/$client-$form.out")"
        fi
    done < <(sed -nE 's/^test ([a-z_:]+) \.\.\. (ok|FAILED)$/\1 \2/p' "$scratch/$client-$form.out")
    grep -q '^test result' "$scratch/$client-$form.out" || result FAIL "$client" "$form" all - "$(tail -n 2 "$scratch/$client-$form.out" | tr '\n' ' ')"
}

# why TEST FILE: what a test that failed said.
why() { awk -v want="---- $1 stdout ----" '$0 == want { on = 1; next } /^---- / { on = 0 } on && NF' "$2" | head -n 6 | tr '\n' ' ' | cut -c 1-700; }

# engine_rounds: all tests over the socket, and whom to trust over TLS.
engine_rounds() {
    local missing
    world_of "$client"
    missing=$(library_lacks)
    if [ -n "$missing" ]; then
        result skip "$client" socket all - "$missing"
        return
    fi
    # What is set for Podman's client means the same to its service.
    library_cards
    library_hook
    library_start
    say "$client is version $(library_version)"
    unset ENTREPOT_TEST_CDI ENTREPOT_TEST_HOOK
    [ "$kind" != docker ] || export ENTREPOT_TEST_HOOK=$scratch/hook/log
    [ "$client" = docker ] || export ENTREPOT_TEST_CDI=yes
    export ENTREPOT_TEST_PRODUCT=$kind ENTREPOT_TEST_DIRECTORY=$scratch/split
    ENTREPOT_TEST_ENGINE=unix://$socket tests_run socket --skip death:: --skip a_certificate
    if [ -n "$secure_at" ]; then
        ENTREPOT_TEST_ENGINE=tcp://$secure_at ENTREPOT_TEST_CERTIFICATES=$scratch/certificates tests_run tls trust:: lives_and_dies a_terminal
    else
        result skip "$client" tls all - "it does not listen with TLS"
    fi
    (library_story) || true
    # Nobody needs to be told that it was killed.
    disown "$(cat "$pids/$client.pid")"
    ENTREPOT_TEST_ENGINE=unix://$socket ENTREPOT_TEST_VICTIM=$(cat "$pids/$client.pid") tests_run killed death::
    stop "$client"
    stop "$client-tls"
}

isolation_enter
sid=$E2E_SID sid_missing=$E2E_SID_MISSING
[ "$E2E_MODE" != inside ] || sid_enter
mkdir -p "$scratch/split" && : > "$scratch/split/libvgpu.so"
library_hub
library_server
library_certificates
for client in $(library_engines); do
    # Not `( ... ) || ...`: that would switch `set -e` off inside.
    set +e
    (set -e; engine_rounds)
    code=$?
    set -e
    if [ $code != 0 ]; then
        result FAIL "$client" all all - "the script broke off: $(tail -n 2 "$scratch/$client.log" 2> /dev/null | tr '\n\t' '  ' | cut -c 1-400)"
        stop "$client"
    fi
done
closing_line
