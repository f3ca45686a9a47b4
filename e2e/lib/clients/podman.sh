# shellcheck shell=bash disable=SC2154
# Podman: pulls into a storage of its own and runs a container with runc.

client_needs() {
    if [ "$E2E_MODE" != inside ]; then
        echo "$E2E_MODE"
    elif ! have podman; then
        echo "podman is not installed"
    elif ! have runc; then
        echo "runc is not installed"
    fi
}

client_version() { podman --version; }

client_forms() { echo "prefix alias bare mirror"; }

client_cannot() {
    case $1 in
    nested-index) echo "podman refuses an index within an index" ;;
    artifact) echo "podman pull takes images only" ;;
    referrers) echo "podman does not copy referrers" ;;
    esac
}

client_start() {
    local driver=vfs d=$scratch/podman
    mkdir -p "$d"
    overlay_works && driver=overlay
    containers_conf
    # Host namespaces and low limits: what a machine without systemd and with capped limits can give.
    cat > "$d/containers.conf" << CONFIG
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
cgroupns = "host"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[engine.runtimes]
runc = ["$(command -v runc)"]
CONFIG
    cat > "$d/storage.conf" << CONFIG
[storage]
driver = "$driver"
graphroot = "$d/root"
runroot = "$d/run"
CONFIG
    export CONTAINERS_CONF=$d/containers.conf CONTAINERS_STORAGE_CONF=$d/storage.conf
}

client_pull() {
    podman pull --quiet "$1" > /dev/null || return
    podman image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -n 's/.*@//p'
}

client_run() { podman run --rm --pull never "$1"; }

client_push() {
    client_pull "$1" > /dev/null && podman tag "$1" "$2" || return
    podman push --quiet --digestfile "$scratch/podman/digest" "$2" > /dev/null && cat "$scratch/podman/digest"
}

client_clear() { podman rmi --all --force > /dev/null 2>&1; }
client_stop() { :; }
