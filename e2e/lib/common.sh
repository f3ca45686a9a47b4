# shellcheck shell=bash
# What the scripts share: where things lie, processes that end with the script, free ports, results.
#
# Kept between runs (images, tools):  $ENTREPOT_LAB, or .lab in the checkout, which git ignores.
# Gone after a run (data, logs):      $scratch, made by `scratch_make`; E2E_KEEP=1 leaves it for a look.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kept=${ENTREPOT_LAB:-$root/.lab}
scratch=${E2E_SCRATCH:-}
# Where process numbers are noted. A script in a process namespace has its own place: its numbers mean others outside.
pids=${E2E_PIDS:-$scratch}

say() { printf '%s\n' "$*"; }
note() { printf '%s\n' "$*" >&2; }
die() {
    note "error: $*"
    exit 1
}
have() { command -v "$1" > /dev/null 2>&1; }

# ---- processes and places ---------------------------------------------------------------------

scratch_make() {
    scratch=$(mktemp -d "${ENTREPOT_LAB:-${TMPDIR:-/tmp}}/entrepot-e2e.XXXXXX")
    pids=$scratch
    # PostgreSQL runs as another user and has to get through.
    chmod 711 "$scratch"
    trap scratch_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

scratch_end() {
    # unshare takes no SIGTERM; with it ends everything in its namespace.
    if [ -e "$pids/isolated.pid" ]; then kill -KILL "$(cat "$pids/isolated.pid")" || true; fi
    stop_all
    ! declare -F sid_forget > /dev/null || sid_forget
    if [ "${E2E_KEEP:-}" = 1 ]; then note "kept: $scratch"; else rm -rf "$scratch"; fi
}

# start NAME COMMAND...: runs in the background, output in $scratch/NAME.log (a fresh one).
start() {
    local name=$1
    shift
    "$@" > "$scratch/$name.log" 2>&1 < /dev/null &
    echo $! > "$pids/$name.pid"
}

# stop NAME: asks politely, waits ten seconds, then insists.
stop() {
    local file=$pids/$1.pid pid tries=100
    [ -e "$file" ] || return 0
    pid=$(cat "$file")
    rm -f "$file"
    kill "$pid" 2> /dev/null || return 0
    while alive "$pid" && [ $tries -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.1
    done
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
}

stop_all() {
    local file
    for file in "$pids"/*.pid; do [ ! -e "$file" ] || stop "$(basename "$file" .pid)"; done
}

# alive PID: a process that ended but was not waited for does not count.
alive() { kill -0 "$1" 2> /dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2> /dev/null; }

# until_ready NAME COMMAND...: waits up to 30 s for the command to succeed while NAME lives.
until_ready() {
    local name=$1 pid tries=300
    shift
    pid=$(cat "$pids/$name.pid")
    until "$@" > /dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ] || ! alive "$pid"; then
            note "$name did not start:"
            tail -n 5 "$scratch/$name.log" >&2
            return 1
        fi
        sleep 0.1
    done
}

answers() { curl -sf -o /dev/null --max-time 5 ${ca:+--cacert "$ca"} "$1"; }

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- tools and images -------------------------------------------------------------------------

# find_go_tool NAME MODULE: adds the tool to PATH from $ENTREPOT_TOOLS or the kept folder, or builds it.
find_go_tool() {
    have "$1" && return
    mkdir -p "$kept"
    if [ -n "${ENTREPOT_TOOLS:-}" ] && [ -x "$ENTREPOT_TOOLS/$1" ]; then
        PATH=$PATH:$ENTREPOT_TOOLS
    elif [ -x "$kept/tools/$1" ] || { have go && GOBIN=$kept/tools go install "$2" > "$kept/$1.build.log" 2>&1; }; then
        PATH=$PATH:$kept/tools
    fi
    export PATH
}

# make_images SCALE [OPTION...]: and their list in the scratch directory; the one beside the images is written anew by each
# run, and there may be others.
make_images() {
    mkdir -p "$kept"
    images=$kept/images-$1
    (
        flock 9
        python3 "$root/e2e/make-images.py" --out "$images" --scale "$@" && cp "$images/images.tsv" "$scratch/images.tsv"
    ) 9> "$kept/images.lock" || die "the test images could not be built"
}

# entrepot_binary: ENTREPOT_BIN, else the newest of the two builds.
entrepot_binary() {
    local target=${CARGO_TARGET_DIR:-$root/target} newest=
    if [ -n "${ENTREPOT_BIN:-}" ]; then
        # Scripts run it in other directories.
        newest=$(realpath "$ENTREPOT_BIN")
    else
        for build in "$target/debug/entrepot" "$target/release/entrepot"; do
            if [ -x "$build" ] && { [ -z "$newest" ] || [ "$build" -nt "$newest" ]; }; then newest=$build; fi
        done
    fi
    [ -x "$newest" ] || die "no entrepot binary: run 'cargo build' first, or set ENTREPOT_BIN"
    echo "$newest"
}

# ---- results ----------------------------------------------------------------------------------

# result STATUS CLIENT FORM IMAGE PHASE NOTE: prints one line and remembers it.
result() {
    printf '%-4s  %-14s  %-8s  %-16s  %-7s  %s\n' "$@"
    local IFS=$'\t'
    printf '%s\n' "$*" >> "$scratch/results.tsv"
}

count() { awk -F '\t' -v want="$1" '$1 == want { n++ } END { print n + 0 }' "$scratch/results.tsv"; }

# closing_line: the counts; fails when a case failed or none ran.
closing_line() {
    touch "$scratch/results.tsv"
    say "$(count ok) passed, $(count FAIL) failed, $(count skip) skipped"
    [ "$(count FAIL)" = 0 ] && [ "$(count ok)" != 0 ]
}

# skip_all REASON: ends a script that cannot run here.
skip_all() {
    say "skipped: $1"
    say "0 passed, 0 failed, 1 skipped"
    exit 0
}
