# shellcheck shell=bash disable=SC2154
# Docker: a daemon of its own. Debian sid's keeps images in containerd's store, this machine's in graph drivers.

client_commands() { echo "dockerd docker"; }

client_needs() { engine_lacks dockerd docker; }

# Until its own clock says that a token is over, it takes a refusal for the last word.
# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=yes

client_version() { dockerd --version; }

client_forms() { echo "mirror prefix alias bare"; }

# The store of images decides what can be pulled.
client_cannot() {
    case $1-${world_root:+containerd} in
    nested-index-) echo "docker 20.10 refuses an index within an index" ;;
    zstd-) echo "docker 20.10 cannot unpack zstd" ;;
    artifact-) echo "docker 20.10 pulls images only" ;;
    referrers-*) echo "docker does not copy referrers" ;;
    esac
}

client_start() {
    unset SSL_CERT_FILE
    # To ask for tokens, containerd's image store takes what the system trusts, and nothing of /etc/docker/certs.d.
    if [ -n "$world_root" ] && [ "$scene" = access ]; then export SSL_CERT_FILE=$ca; fi
    if [ -n "$world_root" ]; then
        docker_start '"features": {"containerd-snapshotter": true}, "storage-driver": "'"$(layered overlayfs native)"'"'
    else
        docker_start '"storage-driver": "'"$(layered overlay2 vfs)"'"'
    fi
}

client_trust() { docker_trust "$1"; }
client_login() { docker_login "$1"; }
client_logout() { docker logout "$1" > /dev/null; }

client_pull() {
    docker pull --quiet "$1" > /dev/null || return
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -n 's/.*@//p'
}

client_run() { docker run --rm --network host "$1"; }

client_push() {
    client_pull "$1" > /dev/null && docker tag "$1" "$2" || return
    docker push "$2" | sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p'
}

client_clear() {
    local -a ids
    mapfile -t ids < <(docker images --all --quiet)
    [ ${#ids[@]} = 0 ] || docker rmi --force "${ids[@]}" > /dev/null 2>&1 || true
    docker system prune --all --force > /dev/null
}

client_stop() { stop dockerd; }
