# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh sets what is used here
# Registries to copy between, on loopback, by name: Debian's docker-registry, distribution v3, zot.

# host NAME: where it is.
host() { echo "127.0.0.1:$(cat "$scratch/$1.port")"; }

# registry_start KIND NAME: on a port of its own, which it keeps.
registry_start() {
    [ -e "$scratch/$2.port" ] || free_port > "$scratch/$2.port"
    echo "$1" > "$scratch/$2.kind"
    mkdir -p "$scratch/$2"
    case $1 in
    docker-registry | registry) registry_config "$2" > "$scratch/$2/config" ;;
    zot) zot_config "$2" > "$scratch/$2/config" ;;
    esac
    # They take variables that begin with REGISTRY_ for configuration; skopeo's is none.
    start "$2" env -u REGISTRY_AUTH_FILE "$1" serve "$scratch/$2/config"
    until_ready "$2" answers "http://$(account "$2")$(host "$2")/v2/"
}

# registry_account NAME USER PASSWORD: from its start it will want them; docker-registry and distribution v3 only.
registry_account() {
    mkdir -p "$scratch/$1"
    htpasswd -Bbn "$2" "$3" > "$scratch/$1/htpasswd" && echo "$2:$3@" > "$scratch/$1/account"
}

# account NAME: what goes before its name in an address.
account() { [ ! -e "$scratch/$1/account" ] || cat "$scratch/$1/account"; }

# registry_again NAME: the same, with what it held.
registry_again() { registry_start "$(cat "$scratch/$1.kind")" "$1"; }

# clear_log NAME: what comes from now on. The file is written with an offset of its own, so it is emptied by a restart.
clear_log() {
    stop "$1"
    registry_again "$1"
}

# source_filled REPOSITORY...: a registry called `source` that has these of the small images below lab/, and a log without
# their pushes.
source_filled() {
    local name pairs=()
    registry_start docker-registry source
    for name in "$@"; do pairs+=("$images/$name=lab/$name"); done
    python3 "$root/e2e/push.py" --to "http://$(host source)" "${pairs[@]}"
    clear_log source
}

registry_config() {
    cat << CONFIG
version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $scratch/$1/data}, delete: {enabled: true}}
http: {addr: "$(host "$1")", secret: e2e, debug: {addr: ""}}
CONFIG
    [ ! -e "$scratch/$1/htpasswd" ] || echo "auth: {htpasswd: {realm: e2e, path: $scratch/$1/htpasswd}}"
}

zot_config() {
    cat << CONFIG
{
  "distSpecVersion": "1.1.0",
  "storage": {"rootDirectory": "$scratch/$1/data", "gc": false},
  "http": {"address": "127.0.0.1", "port": "$(cat "$scratch/$1.port")", "compat": ["docker2s2"]},
  "log": {"level": "info"}
}
CONFIG
}
