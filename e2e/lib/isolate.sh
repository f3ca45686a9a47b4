# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and the script set: root, scratch, images, binary
# A world of its own for the clients: namespaces for processes, mounts and network, made from util-linux.
#
# Inside, only loopback exists, /etc/hosts is ours, daemons cannot touch the machine's /run, and when the
# script ends the kernel ends every process in it. Without root or namespaces the script goes on outside
# and skips what needs them.

# isolated SCRIPT ARGUMENT...: runs the script again inside, and returns its exit code.
isolated() {
    local mode=inside inner=$scratch code=0
    local -a wrap=(unshare --mount --pid --net --ipc --fork --kill-child --mount-proc)
    if [ "$(id -u)" != 0 ]; then
        mode="outside: root is needed"
    elif ! "${wrap[@]}" ip link set lo up 2> /dev/null; then
        mode="outside: this machine allows no namespaces"
    fi
    if [ "$mode" = inside ]; then mkdir "$scratch/pids" && inner=$scratch/pids; else wrap=(); fi
    # In the background, so that a signal reaches this script's trap at once.
    E2E_SCRATCH=$scratch E2E_PIDS=$inner E2E_IMAGES=$images E2E_MODE=$mode "${wrap[@]}" bash "$@" &
    echo $! > "$pids/isolated.pid"
    wait $! || code=$?
    rm -f "$pids/isolated.pid"
    return $code
}

# isolation_enter: what the inner script does first.
isolation_enter() {
    images=$E2E_IMAGES
    export HOME=$scratch/home XDG_RUNTIME_DIR=$scratch/home
    mkdir -p "$HOME" "$scratch/store"
    unset DOCKER_CONFIG REGISTRY_AUTH_FILE
    # Whom to trust is what some rounds are about.
    unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE
    unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
    [ "$E2E_MODE" = inside ] || return 0
    ip link set lo up
    # Docker trusts whatever is at 127.0.0.0/8, by name or not. So entrepot's names are at an address for examples.
    ip address add 192.0.2.1/32 dev lo
    printf '127.0.0.1 localhost %s\n192.0.2.1 %s\n' "registry.$domain auth.$domain" "$domain docker.$domain quay.$domain" > "$scratch/hosts"
    mount --bind "$scratch/hosts" /etc/hosts
    mount -t tmpfs tmpfs /run
    # skopeo and podman keep a note here of which blobs they saw where; every run starts without.
    if [ -d /var/lib/containers ]; then mount -t tmpfs tmpfs /var/lib/containers; fi
    # Docker looks for certificates here, and for nothing else that matters to these tests.
    if [ -d /etc/docker ]; then mount -t tmpfs tmpfs /etc/docker; fi
}

# overlay_works: whether a layered file system can be mounted in the scratch directory (not inside most containers).
overlay_works() {
    local d=$scratch/overlay-probe code=0
    mkdir -p "$d"/{lower,upper,work,merged}
    mount -t overlay overlay -o "lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work" "$d/merged" 2> /dev/null || code=1
    [ $code = 1 ] || umount "$d/merged"
    rm -rf "$d"
    return $code
}
