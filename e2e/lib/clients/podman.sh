# shellcheck shell=bash disable=SC2154
# Podman: pulls into a storage of its own and runs a container with runc.

client_commands() { echo "podman"; }

client_needs() { engine_lacks podman; }

# Until its own clock says that a token is over, it takes a refusal for the last word.
# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=yes

client_version() { podman --version; }

client_forms() { echo "prefix alias bare mirror"; }

client_cannot() {
    case $1-${world_root:+artifacts} in
    nested-index-*) echo "podman refuses an index within an index" ;;
    artifact-) echo "podman 4.3 pulls images only" ;;
    referrers-*) echo "podman does not copy referrers" ;;
    esac
}

client_start() { containers_engine; }
client_trust() { containers_trust "$1"; }
client_login() { podman login --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { podman logout "$1" > /dev/null; }

client_pull() {
    if [ "$2" = artifact ]; then
        podman artifact pull --quiet "$1" > /dev/null && podman artifact inspect --format '{{.Digest}}' "$1"
        return
    fi
    podman pull --quiet "$1" > /dev/null || return
    podman image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -n 's/.*@//p'
}

client_run() { podman run --rm --pull never "$1"; }

client_push() {
    client_pull "$1" image > /dev/null && podman tag "$1" "$2" || return
    podman push --quiet --digestfile "$scratch/$client/digest" "$2" > /dev/null && cat "$scratch/$client/digest"
}

client_clear() {
    [ -z "$world_root" ] || podman artifact rm --all > /dev/null 2>&1
    podman rmi --all --force > /dev/null 2>&1
}
