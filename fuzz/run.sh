#!/usr/bin/env bash
# Hostile input by cargo-fuzz: every target in turn, or one of them.
#
#   TIME=60     seconds for each target (60)
#   TARGET=     only this one; `fuzz/run.sh --list` names them
#
# What was found interesting stays in fuzz/corpus, what broke a law is written to fuzz/artifacts with the command that
# shows it again. Ends with 1 if anything was found.
set -euo pipefail
cd "$(dirname "$0")"
time=${TIME:-60} target=${TARGET:-}
# Nothing here is unsafe but one mapping, so the address sanitizer, which needs a nightly compiler, is not worth its price.
flags=(--sanitizer none)

say() { printf '%s\n' "$*"; }
fail() { say "fuzz: $1" >&2; say "hint: $2" >&2; exit 2; }

mapfile -t all < <(sed -n 's/^name = "\([a-z]*\)"$/\1/p' Cargo.toml)
if [ "${1:-}" = --list ]; then
    printf '%s\n' "${all[@]}"
    exit
fi
cargo fuzz --version >/dev/null 2>&1 || fail "cargo-fuzz is not installed" "run \`cargo install cargo-fuzz --locked\`"
command -v c++ >/dev/null || fail "there is no C++ compiler, which libFuzzer is built with" "install \`g++\` or \`clang\`"
case $time in '' | *[!0-9]*) fail "TIME is not a number of seconds" "run \`make fuzz TIME=60\`" ;; esac
if [ -n "$target" ]; then
    printf '%s\n' "${all[@]}" | grep -qx -- "$target" \
        || fail "there is no target \`$target\`" "the targets are ${all[*]}"
    all=("$target")
fi

# dictionary TARGET: the option that names its dictionary, where it has one.
dictionary() { if [ -f "dict/$1.dict" ]; then say "-dict=dict/$1.dict"; fi; }

say "== build"
cargo fuzz build "${flags[@]}" ${target:+"$target"}
summary=() found=0
for one in "${all[@]}"; do
    say "== $one, $time s"
    mkdir -p "corpus/$one" artifacts
    log=artifacts/$one.log
    options=("-max_total_time=$time" -max_len=4096 -use_value_profile=1 -timeout=60 -print_final_stats=1)
    mapfile -t more < <(dictionary "$one")
    code=0
    cargo fuzz run "${flags[@]}" "$one" "corpus/$one" "seeds/$one" -- "${options[@]}" "${more[@]}" 2>"$log" || code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    verdict="nothing found"
    if [ $code != 0 ]; then
        found=1 verdict="FOUND, see fuzz/$log"
        tail -n 40 "$log"
    fi
    summary+=("$(printf '%-10s %12s inputs %8s edges   %s' "$one" "${runs:-?}" "${edges:-?}" "$verdict")")
done
say
printf '%s\n' "${summary[@]}"
exit $found
