#!/usr/bin/env bash
# Everything that `make test` runs, set-up included; a step that fails does not keep the next from running.
#
#   e2e/test.sh [--check]      --check: formatting, clippy and cargo test, nothing installed
#
# Ends with a summary and the line `N passed, N failed` over all steps.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/postgres.sh
. "$lib/postgres.sh"
cd "$root"

# tally FILE: passed, failed and the number of such lines, summed over what cargo test and our scripts end with.
tally() {
    sed -nE 's/^(test result: [^0-9]*)?([0-9]+) passed[,;] ([0-9]+) failed.*/\2 \3/p' "$1" \
        | awk '{ p += $1; f += $2 } END { print p + 0, f + 0, NR }'
}

# step NAME COMMAND...: runs it, shows its output, remembers its counts.
step() {
    local name=$1 log began=$SECONDS passed failed lines code=0
    log=$scratch/step-$name.log
    logs+=("$name=$log")
    shift
    say "== $name"
    "$@" 2>&1 | tee "$log" || code=$?
    read -r passed failed lines < <(tally "$log")
    # A step that broke off before it could count is a failure; one that has nothing to count is one check.
    if [ $code != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
    if [ $code = 0 ] && [ "$lines" = 0 ]; then passed=1; fi
    summary+=("$(printf '%-12s %6s passed %4s failed %5s s' "$name" "$passed" "$failed" $((SECONDS - began)))")
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
    if [ "$failed" != 0 ]; then broken+=("$name=$log"); fi
}

scripts() {
    if ! have shellcheck; then
        say "skipped: shellcheck is not installed"
    else
        # A step is what its last command comes to, whatever `set -e` says elsewhere.
        shellcheck -x .ci/run e2e/*.sh e2e/lib/*.sh e2e/lib/clients/*.sh fuzz/*.sh deploy/package/*.sh || return
    fi
    python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' e2e/*.py e2e/lib/*.py bench/*.py soak/*.py
}

conformance() { "$root/e2e/conformance.sh"; }

# database: a PostgreSQL of our own, where it is installed; the tests say when they go without.
database() {
    if [ -n "${ENTREPOT_TEST_POSTGRES:-}" ]; then
        say "using ENTREPOT_TEST_POSTGRES as it is set"
    elif [ -z "$(postgres_bin)" ]; then
        say "PostgreSQL is not installed: its tests say that they are skipped"
    elif ! postgres_start; then
        summary+=("database: PostgreSQL did not start")
        all_failed=$((all_failed + 1))
    fi
}

scratch_make
summary=() logs=() broken=() all_passed=0 all_failed=0
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
# What is built once only needs no second copy for the next build: it would take some 10 GB.
if [ -n "${CI:-}" ]; then export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}; fi
[ "${1:-}" = --check ] || step setup e2e/setup.sh --quick
step format cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets --locked -- -D warnings
database
# Tests that are skipped say so where cargo shows it only when asked to.
step tests cargo test --workspace --locked --no-fail-fast -- --show-output
stop postgres
if [ "${1:-}" != --check ]; then
    step scripts scripts
    step api e2e/api.sh
    # The binary that cargo built for the tests of it; another build would only choose its features anew.
    ENTREPOT_BIN=${ENTREPOT_BIN:-${CARGO_TARGET_DIR:-$root/target}/debug/entrepot}
    export ENTREPOT_BIN
    step clients e2e/run.sh --quick
    step login e2e/login.sh
    step partial e2e/partial.sh
    step canary e2e/canary.sh
    step oidc e2e/oidc.sh
    step ldap e2e/ldap.sh
    step acme e2e/acme.sh
    step library e2e/library.sh --quick
    step sync e2e/sync.sh --quick
    step relay e2e/relay.sh --quick
    step migrate e2e/migrate.sh --quick
    step stores e2e/stores.sh --quick
    step browser e2e/browser.sh
    step sessions e2e/sessions.sh
    step faults soak/run.py --quick
    step conformance conformance
fi

say
if ! python3 "$lib/skipped.py" e2e/may-be-skipped.txt "${logs[@]}"; then
    summary+=("not run: something that always ran before, see above")
    all_failed=$((all_failed + 1))
fi
if [ ${#broken[@]} != 0 ]; then say && python3 "$lib/failed.py" "${broken[@]}"; fi
say
printf '%s\n' "${summary[@]}"
say "$all_passed passed, $all_failed failed"
[ $all_failed = 0 ]
