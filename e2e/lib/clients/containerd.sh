# shellcheck shell=bash disable=SC2154
# containerd through `ctr`: hosts.toml sends every registry's name to entrepot, with `?ns=`.

client_needs() {
    if [ "$E2E_MODE" != inside ]; then
        echo "$E2E_MODE"
    elif ! have containerd || ! have ctr; then
        echo "containerd is not installed"
    elif ! have runc; then
        echo "runc is not installed"
    fi
}

client_version() { containerd --version; }

client_forms() { echo "ns prefix alias bare"; }

client_cannot() {
    case $1 in
    artifact) echo "ctr pull unpacks, which takes an image" ;;
    referrers) echo "ctr does not copy referrers" ;;
    esac
}

# hosts_toml NAME SERVER: requests for NAME go to SERVER and nowhere else.
hosts_toml() {
    local d=$scratch/containerd/certs.d/$1
    mkdir -p "$d"
    printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$2" "$2" > "$d/hosts.toml"
}

client_start() {
    local name d=$scratch/containerd
    snapshotter=native
    mkdir -p "$d"
    overlay_works && snapshotter=overlayfs
    rm -rf "$d/certs.d"
    for name in docker.io quay.io "$at"; do hosts_toml "$name" "http://$at"; done
    for name in "$origin" "docker.$domain:$port" "quay.$domain:$port"; do hosts_toml "$name" "http://$name"; done
    cat > "$d/config.toml" << CONFIG
version = 2
root = "$d/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/containerd.sock"
CONFIG
    start containerd containerd --config "$d/config.toml"
    until_ready containerd ctr_ version
}

ctr_() { ctr --address /run/containerd.sock --namespace e2e "$@"; }

client_pull() {
    ctr_ images pull --hosts-dir "$scratch/containerd/certs.d" --snapshotter "$snapshotter" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_run() { ctr_ run --rm --net-host --snapshotter "$snapshotter" "$1" "run-$RANDOM"; }

client_push() {
    client_pull "$1" > /dev/null || return
    ctr_ images push --hosts-dir "$scratch/containerd/certs.d" "$2" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_clear() {
    local -a names
    mapfile -t names < <(ctr_ images ls --quiet)
    [ ${#names[@]} = 0 ] || ctr_ images rm --sync "${names[@]}" > /dev/null
}

client_stop() { stop containerd; }
