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

# client_start ROUND: without CRI, which is for Kubernetes, but in the part of `access` that is about it.
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
    containerd_start "\"io.containerd.grpc.v1.cri\", \"io.containerd.cri.v1.images\", \"io.containerd.cri.v1.runtime\", "
}

# containerd_start PLUGINS [LINES]: without these plugins, with these lines of configuration.
containerd_start() {
    local d=$scratch/$client
    cat > "$d/config.toml" << CONFIG
version = 2
root = "$d/root"
state = "/run/containerd"
disabled_plugins = [${1}"io.containerd.nri.v1.nri"]
[grpc]
  address = "/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "$d/certs.d"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "$snapshotter"
${2:-}
CONFIG
    start containerd "${world[@]}" containerd --config "$d/config.toml"
    until_ready containerd ctr_ version
}

client_trust() { hosts_toml "$1" "https://$1" "  ca = \"$ca\""; }
client_login() { account=(--user "$user:$password"); }
client_logout() { account=(); }

ctr_() { ctr --address /run/containerd.sock --namespace e2e "$@"; }

client_pull() {
    ctr_ images pull --hosts-dir "$scratch/$client/certs.d" --snapshotter "$snapshotter" "${account[@]}" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_run() { ctr_ run --rm --net-host --snapshotter "$snapshotter" "$1" "run-$RANDOM"; }

client_push() {
    client_pull "$1" > /dev/null || return
    ctr_ images push --hosts-dir "$scratch/$client/certs.d" "${account[@]}" "$2" "$1" > /dev/null || return
    ctr_ images ls "name==$1" | awk 'NR > 1 { print $3 }'
}

client_clear() {
    local -a names
    mapfile -t names < <(ctr_ images ls --quiet)
    [ ${#names[@]} = 0 ] || ctr_ images rm --sync "${names[@]}" > /dev/null
}

client_stop() { stop containerd; }

# header NAME VALUE: what hosts.toml sends with each request for NAME.
header() {
    hosts_toml "$1" "https://$host" "  ca = \"$ca\"
  [host.\"https://$host\".header]
    Authorization = [\"$2\"]"
}

# client_access: as nodes log in: by a header in hosts.toml, and by what is in `imagePullSecrets`, which kubelet passes on through CRI.
client_access() {
    local secret
    secret=$(owner token create node --account "$user" --scope "pull:local/team/**" --scope "pull:docker.io/**" 2> /dev/null)
    client_logout "$host"
    header "$host" "Basic $(printf '%s' "$user:$password" | base64 -w 0)"
    done_as hosts.toml basic pulled "$mine" "$sample_is" "$landed"
    header "$host" "Bearer $secret"
    done_as hosts.toml bearer pulled "$mine" "$sample_is" "$landed"
    header docker.io "Bearer $secret"
    done_as hosts.toml mirror pulled "docker.io/$sample" "$sample_is" "$expected"
    client_trust "$host"
    cri_access "$secret"
    client_login "$host"
}

# cri_access TOKEN
cri_access() {
    local cri=(crictl --image-endpoint unix:///run/containerd.sock --runtime-endpoint unix:///run/containerd.sock)
    if ! have crictl; then
        result skip "$client" access cri - "crictl is not on PATH nor in ENTREPOT_TOOLS, and could not be built with go"
        return
    fi
    client_stop && containerd_start ""
    refused_as cri nobody cri_pull
    refused_as cri wrong cri_pull --creds "$user:not-$password"
    done_as cri password cri_pull --creds "$user:$password"
    done_as cri token cri_pull --creds "kubelet:$1"
    # What k3s makes of `configs` in registries.yaml.
    client_stop && containerd_start "" "[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"$host\".auth]
  username = \"k3s\"
  password = \"$1\""
    done_as cri k3s cri_pull
    # What is left there would be in everybody's reach: containerd's namespaces share what they hold.
    "${cri[@]}" rmi --all > /dev/null 2>&1
    client_stop && client_start access && client_trust "$host"
}

cri_pull() {
    "${cri[@]}" rmi --all > /dev/null 2>&1
    "${cri[@]}" pull "$@" "$mine" > /dev/null || return
    "${cri[@]}" images --digests --no-trunc --output json | grep -qF "$landed" && echo "$landed"
}
