# shellcheck shell=bash disable=SC2154
# Cases that are one command each: a line for each, and a closing line of counts. Needs lib/common.sh and `scratch_make`.

passed=0 failed=0

# check WHAT COMMAND...: what the command printed last is told where it fails.
check() {
    local what=$1
    shift
    if "$@" > "$scratch/out" 2>&1; then
        say "ok    $what"
        passed=$((passed + 1))
    else
        say "FAIL  $what: $(tail -1 "$scratch/out")"
        failed=$((failed + 1))
    fi
}

fails() { ! "$@"; }

# checked: the closing line; fails when a case did.
checked() {
    say "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
