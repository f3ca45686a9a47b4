# shellcheck shell=bash disable=SC2154
# Docker: a daemon of its own with `registry-mirrors`, no bridge and no firewall rules.

client_needs() {
    if [ "$E2E_MODE" != inside ]; then
        echo "$E2E_MODE"
    elif ! have dockerd || ! have docker; then
        echo "dockerd or the docker client is not installed"
    fi
}

client_version() { dockerd --version; }

client_forms() { echo "mirror prefix alias bare"; }

client_cannot() {
    case $1 in
    nested-index) echo "docker 20.10 refuses an index within an index" ;;
    zstd) echo "docker 20.10 cannot unpack zstd" ;;
    artifact) echo "docker pull takes images only" ;;
    referrers) echo "docker does not copy referrers" ;;
    esac
}

client_start() {
    local driver=vfs d=$scratch/docker
    mkdir -p "$d"
    overlay_works && driver=overlay2
    cat > "$d/daemon.json" << CONFIG
{"registry-mirrors": ["http://$at"], "insecure-registries": ["127.0.0.0/8", "docker.$domain:$port", "quay.$domain:$port"],
 "storage-driver": "$driver", "data-root": "$d/root", "exec-root": "/run/docker", "pidfile": "$d/daemon.pid",
 "hosts": ["unix:///run/docker.sock"], "exec-opts": ["native.cgroupdriver=cgroupfs"],
 "iptables": false, "ip-forward": false, "ip-masq": false, "bridge": "none",
 "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1024, "Soft": 1024}}}
CONFIG
    export DOCKER_HOST=unix:///run/docker.sock
    start dockerd dockerd --config-file "$d/daemon.json"
    until_ready dockerd docker version
}

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
