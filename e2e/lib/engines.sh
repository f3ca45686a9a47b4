# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the clients use what is set here; the script sets: scratch, domain, port, at, origin
# What clients share: the world they run in, the settings of skopeo, Podman and Buildah, and Docker's daemon.

# ---- worlds -----------------------------------------------------------------------------------

# world_of CLIENT: sets `world`, what goes before a command to run it where the client is installed, and `kind`, the
# file that drives it: `sid-podman` is driven as `podman` is.
world_of() {
    kind=${1#sid-} world=(env) world_root=
    if [ "$kind" != "$1" ]; then world=(chroot "$sid") world_root=$sid; fi
}

# world_commands COMMAND...: calls by these names run in the client's world.
world_commands() {
    local command
    for command in "$@"; do eval "$command() { \"\${world[@]}\" $command \"\$@\"; }"; done
}

# world_lacks COMMAND...: why the client cannot run, or nothing.
world_lacks() {
    local command
    if [ "$kind" != "$client" ]; then
        if [ -z "$sid" ]; then echo "no Debian sid: $sid_missing" && return; fi
        if [ "$E2E_MODE" != inside ]; then echo "$E2E_MODE" && return; fi
    fi
    for command in "$@"; do
        "${world[@]}" sh -c "command -v $command" > /dev/null 2>&1 || { echo "$command is not installed" && return; }
    done
}

# engine_lacks COMMAND...: the same for what mounts file systems and runs containers.
engine_lacks() {
    if [ "$E2E_MODE" != inside ]; then echo "$E2E_MODE"; else world_lacks "$@" runc; fi
}

# layered OVERLAY PLAIN: the storage driver's name, by what can be mounted.
layered() { if overlay_works; then echo "$1"; else echo "$2"; fi; }

# mirror_hosts: entrepot's host names, port and all.
mirror_hosts() { printf '%s\n' "docker.$domain:$port" "quay.$domain:$port"; }

# each_host COMMAND...: runs it with each of them as its last word.
each_host() {
    local host
    for host in $(mirror_hosts); do "$@" "$host" || return; done
}

# ---- skopeo, Podman, Buildah ------------------------------------------------------------------

# containers_conf: entrepot as the mirror of docker.io (bare names) and quay.io (prefixed).
containers_conf() {
    local d=$HOME/.config/containers name
    local -a plain=("$origin")
    verify=$secure
    [ "$secure" = true ] || plain+=("$at" "*.$domain")
    export REGISTRY_AUTH_FILE=$HOME/auth.json
    mkdir -p "$d"
    printf '{}' > "$REGISTRY_AUTH_FILE"
    printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' > "$d/policy.json"
    for name in "${plain[@]}"; do
        printf '[[registry]]\n%s = "%s"\ninsecure = true\n' "$(case $name in \**) echo prefix ;; *) echo location ;; esac)" "$name"
    done > "$d/registries.conf"
    cat >> "$d/registries.conf" << CONFIG
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "$at"
insecure = true
[[registry]]
location = "quay.io"
[[registry.mirror]]
location = "$at/quay.io"
insecure = true
CONFIG
}

# containers_engine: a storage of its own, and containers with what a machine without systemd and with capped limits can give.
containers_engine() {
    local d=$scratch/$client
    mkdir -p "$d"
    containers_conf
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
runc = ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc", "/usr/local/bin/runc"]
CONFIG
    cat > "$d/storage.conf" << CONFIG
[storage]
driver = "$(layered overlay vfs)"
graphroot = "$d/root"
runroot = "$d/run"
CONFIG
    export CONTAINERS_CONF=$d/containers.conf CONTAINERS_STORAGE_CONF=$d/storage.conf
}

containers_trust() {
    local d=$HOME/.config/containers/certs.d/$1
    mkdir -p "$d" && cp "$ca" "$d/ca.crt"
}

# ---- Docker -----------------------------------------------------------------------------------

# docker_start [JSON]: a daemon with entrepot in `registry-mirrors`, no bridge and no firewall rules; JSON are further keys.
docker_start() {
    local d=$scratch/$client hosts
    hosts=$(mirror_hosts | sed 's/.*/, "&"/')
    [ "$secure" = false ] || hosts=
    mkdir -p "$d"
    cat > "$d/daemon.json" << CONFIG
{"registry-mirrors": ["http://$at"], "insecure-registries": ["127.0.0.0/8"${hosts//$'\n'/}],
 "data-root": "$d/root", "exec-root": "/run/docker", "pidfile": "$d/daemon.pid",
 "hosts": ["unix:///run/docker.sock"], "exec-opts": ["native.cgroupdriver=cgroupfs"],
 "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false, "bridge": "none",
 "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1024, "Soft": 1024}}${1:+, $1}}
CONFIG
    export DOCKER_HOST=unix:///run/docker.sock
    start dockerd "${world[@]}" dockerd --config-file "$d/daemon.json"
    until_ready dockerd docker version
}

docker_trust() {
    local d=$world_root/etc/docker/certs.d/$1
    mkdir -p "$d" && cp "$ca" "$d/ca.crt"
}

docker_login() { docker login --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
