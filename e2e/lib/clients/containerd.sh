# shellcheck shell=bash disable=SC2154
# containerd through `ctr`: hosts.toml sends every registry's name to entrepot, with `?ns=`.

client_commands() { echo "containerd ctr"; }

client_needs() { engine_lacks containerd ctr; }

client_version() { containerd --version; }

client_forms() { echo "ns prefix alias bare"; }

client_cannot() {
    case $1-${world_root:+2.1} in
    artifact-) echo "containerd 1.6 unpacks what it pulls, which takes an image" ;;
    referrers-*) echo "ctr does not copy referrers" ;;
    esac
}

# hosts_toml NAME SERVER [LINE]: requests for NAME go to SERVER and nowhere else.
hosts_toml() {
    local d=$scratch/$client/certs.d/$1
    mkdir -p "$d"
    printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve", "push"]\n%s\n' "$2" "$2" "${3:-}" > "$d/hosts.toml"
}

client_start() {
    local name d=$scratch/$client scheme=http
    [ "$secure" = false ] || scheme=https
    account=()
    snapshotter=$(layered overlayfs native)
    mkdir -p "$d"
    rm -rf "$d/certs.d"
    for name in docker.io quay.io "$at"; do hosts_toml "$name" "$scheme://$at"; done
    for name in $(mirror_hosts); do hosts_toml "$name" "$scheme://$name"; done
    hosts_toml "$origin" "http://$origin"
    cat > "$d/config.toml" << CONFIG
version = 2
root = "$d/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"]
[grpc]
  address = "/run/containerd.sock"
CONFIG
    start containerd "${world[@]}" containerd --config "$d/config.toml"
    until_ready containerd ctr_ version
}

client_trust() { hosts_toml "$1" "https://$1" "  ca = \"$ca\""; }
client_login() { account=(--user "$user:$password"); }

ctr_() { ctr --address /run/containerd.sock --namespace e2e "$@"; }

client_pull() {
    ctr_ images pull --hosts-dir "$scratch/$client/certs.d" --snapshotter "$snapshotter" "${account[@]}" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_run() { ctr_ run --rm --net-host --snapshotter "$snapshotter" "$1" "run-$RANDOM"; }

client_push() {
    client_pull "$1" > /dev/null || return
    ctr_ images push --hosts-dir "$scratch/$client/certs.d" "$2" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_clear() {
    local -a names
    mapfile -t names < <(ctr_ images ls --quiet)
    [ ${#names[@]} = 0 ] || ctr_ images rm --sync "${names[@]}" > /dev/null
}

client_stop() { stop containerd; }
