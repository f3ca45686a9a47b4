#!/usr/bin/env bash
# A project moves between real registries, step by step, and another client looks whether it is true.
#
#   e2e/migrate.sh [--quick]      --quick: the small repositories
#
# Source and destination are Debian's docker-registry; the destination wants a password. One line per case, a closing
# line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/registries.sh
. "$lib/registries.sh"

repositories=(busybox formats many-layers platforms signed large)
for argument in "$@"; do
    case $argument in
    --quick) repositories=(busybox formats platforms signed) ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    *) die "unknown option $argument" ;;
    esac
done
user=mover password=e2e-password

# guarded_start NAME: a registry that wants a password.
guarded_start() {
    registry_start docker-registry "$1"
    stop "$1"
    htpasswd -bcB -C 5 "$scratch/$1/users" "$user" "$password" 2> /dev/null
    echo "auth: {htpasswd: {realm: e2e, path: $scratch/$1/users}}" >> "$scratch/$1/config"
    start "$1" env -u REGISTRY_AUTH_FILE docker-registry serve "$scratch/$1/config"
    until_ready "$1" curl -sf -o /dev/null --user "$user:$password" "http://$(host "$1")/v2/"
}

# migration [ACCOUNT]: the file, with or without an account for the destination.
migration() {
    local account=''
    [ -z "${1:-}" ] || account=", credentials: [{username: $user, password: \"file:$scratch/password\"}]"
    cat << FILE
migrate:
  from: "$(host source)/lab"
  to: "$(host guarded)/team/moved"
  names: "lab-{name}"
  documents: ["checkout/*.yml"]
registries:
  "$(host source)": {endpoints: ["http://$(host source)"]}
  "$(host guarded)": {endpoints: ["http://$(host guarded)"]$account}
FILE
}

# step NAME ARGUMENT...: a step of the migration, its output in $scratch/NAME.out, its exit code in $code.
step() {
    local name=$1
    shift
    code=0
    "$binary" migrate "$@" "$scratch/migrate.yaml" --cache "$scratch/cache" > "$scratch/$name.out" 2>&1 < /dev/null || code=$?
}

# check CASE CONDITION...: one line; the condition is a command.
check() {
    local case=$1 why
    shift
    if why=$("$@" 2>&1); then
        result ok entrepot migrate "$case" - "${why:-}"
    else
        result FAIL entrepot migrate "$case" - "${why:-it does not hold}"
    fi
}

exits() { [ "$code" = "$1" ] || { echo "exit code $code, not $1: $(tail -n 3 "$scratch/$2.out" | tr '\n' ' ')"; return 1; }; }

says() { grep -qF -- "$2" "$scratch/$1.out" || { echo "it does not say: $2"; return 1; }; }

# empty: nothing was left at the destination, not even an upload.
empty() {
    local left
    left=$(curl -sf --user "$user:$password" "http://$(host guarded)/v2/_catalog")
    [ "$left" = '{"repositories":[]}' ] || { echo "there is $left"; return 1; }
    # It keeps the state of a hash of what it has forgotten, which nobody can go on with.
    left=$(find "$scratch/guarded/data" -path '*_uploads/*' -name startedat 2> /dev/null | wc -l)
    [ "$left" = 0 ] || { echo "$left uploads are left"; return 1; }
}

# untouched: nothing was written to the source.
untouched() {
    local writes
    writes=$(grep -cE '"(PUT|POST|PATCH|DELETE)' "$scratch/source.log" || true)
    [ "$writes" = 0 ] || { echo "$writes writes"; return 1; }
}

# equal: every tag there has the digest that it was made with, as skopeo sees it.
equal() {
    local name tag digest found tags=0
    while IFS=$'\t' read -r name tag digest _; do
        case " ${repositories[*]} " in *" $name "*) ;; *) continue ;; esac
        found=$(skopeo inspect --raw --tls-verify=false --creds "$user:$password" \
            "docker://$(host guarded)/team/moved/lab-$name:$tag" | sha256sum | sed 's/ .*//; s/^/sha256:/') || found='not there'
        [ "$found" = "$digest" ] || { echo "$name:$tag is $found, not $digest"; return 1; }
        tags=$((tags + 1))
    done < "$scratch/images.tsv"
    echo "$tags tags equal"
}

rewritten() {
    grep -qF "image: $(host guarded)/team/moved/lab-busybox:" "$scratch/checkout/compose.yml" || { cat "$scratch/checkout/compose.yml"; return 1; }
}

# secret: no output has the password in it.
secret() { ! grep -lF "$password" "$scratch"/*.out; }

have docker-registry || die "docker-registry is not installed; e2e/setup.sh installs what is missing"
have htpasswd || die "htpasswd is not installed; e2e/setup.sh installs what is missing"
binary=$(entrepot_binary)
scratch_make
make_images small
source_filled "${repositories[@]}"
guarded_start guarded
(umask 077 && printf '%s' "$password" > "$scratch/password")
mkdir -p "$scratch/checkout"
printf 'services:\n  box: {image: x}\n  own:\n    image: %s/lab/busybox:1 # ours\n' "$(host source)" > "$scratch/checkout/compose.yml"

migration > "$scratch/migrate.yaml"
step unready check
check "no account, exit" exits 1 unready
check "no account, told" says unready "entrepot login $(host guarded)"
migration account > "$scratch/migrate.yaml"
step plan plan
check "plan, exit" exits 0 plan
step ready check
check "account, exit" exits 0 ready
check "account, told" says ready "everything may be done; nothing was left behind"
check "nothing left" empty
step apply apply
check "apply, exit" exits 0 apply
step verify verify
check "verify, exit" exits 0 verify
if have skopeo; then check "verify, skopeo" equal; else result skip skopeo migrate - - "not installed"; fi
step status status
check "status, exit" exits 1 status
step rewrite rewrite -i
check "rewrite, exit" exits 0 rewrite
check "rewrite, file" rewritten
step finished status
check "status, finished" exits 0 finished
check "source untouched" untouched
check "no secret told" secret
closing_line
