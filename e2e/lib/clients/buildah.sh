# shellcheck shell=bash disable=SC2154
# Buildah: pulls, and builds from what it pulled. To `run` is to build an image FROM it: its RUN line leaves what the
# base says of itself in a file, since the output of such a line was seen to get lost on a busy machine.

client_commands() { echo "buildah"; }

client_needs() { engine_lacks buildah; }

# Until its own clock says that a token is over, it takes a refusal for the last word.
# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=yes

client_version() { buildah --version; }

client_forms() { echo "prefix alias bare mirror"; }

client_cannot() {
    case $1 in
    nested-index) echo "buildah refuses an index within an index" ;;
    artifact) echo "buildah pull takes images only" ;;
    referrers) echo "buildah does not copy referrers" ;;
    esac
}

client_start() { containers_engine; }
client_trust() { containers_trust "$1"; }
client_login() { buildah login --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { buildah logout "$1" > /dev/null; }

client_pull() {
    buildah pull --quiet "$1" > /dev/null || return
    buildah images --json | sed -n 's/.*"digest": "\(sha256:[0-9a-f]*\)".*/\1/p'
}

# build BASE NAME: an image of one line more than its base.
build() {
    local d=$scratch/$client/context
    mkdir -p "$d"
    # shellcheck disable=SC2016  # the container's shell expands it
    printf 'FROM %s\nRUN echo "$(cat /etc/image), $(ls /opt | wc -l) parts" > /said\n' "$1" > "$d/Containerfile"
    buildah build --isolation chroot --pull=never --no-cache --tag "$2" --file "$d/Containerfile" "$d"
}

client_run() {
    local container
    build "$1" localhost/built > /dev/null || return
    container=$(buildah from --pull-never localhost/built) || return
    # shellcheck disable=SC2016  # the inner shell expands it
    "${world[@]}" sh -c 'cat "$(buildah mount "$1")/said"' - "$container" || return
    buildah rm "$container" > /dev/null
}

client_push() {
    client_pull "$1" > /dev/null && build "$1" "$2" > /dev/null || return
    buildah push --quiet --digestfile "$scratch/$client/digest" "$2" > /dev/null && cat "$scratch/$client/digest"
}

client_clear() {
    buildah rm --all > /dev/null 2>&1
    buildah rmi --all --force > /dev/null 2>&1
}
