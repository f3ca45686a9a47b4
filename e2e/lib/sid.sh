# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and the script set: kept, scratch
# Debian's development suite in a folder, for clients newer than this machine's. They run in it by chroot(2), so they
# have the machine's kernel and, inside the namespaces of isolate.sh, the same loopback.
#
# Made once, under $kept/sid: half a minute and 0.9 GB. Remove the folder to have newer packages.

sid_packages="ca-certificates,skopeo,oras,cosign,containerd,runc,docker.io,docker-cli,docker-buildx,podman,buildah,iptables"

# apt_mirror: where this machine has its Debian packages from.
apt_mirror() {
    # shellcheck disable=SC2016  # apt fills in the names
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 2> /dev/null | awk '$1 == "Debian" { print $2; exit }'
}

# sid_lacks: why the folder cannot be made here, or nothing.
sid_lacks() {
    local free
    if [ "$(id -u)" != 0 ]; then
        echo "root is needed"
    elif ! have mmdebstrap; then
        echo "mmdebstrap is not installed; e2e/setup.sh installs it"
    elif [ -z "$(apt_mirror)" ]; then
        echo "apt has no list of a Debian mirror; try apt-get update"
    else
        free=$(df -Pm "$kept" | awk 'NR == 2 { print $4 }')
        [ "$free" -ge 2000 ] || echo "2 GB of room are needed in $kept"
    fi
}

# sid_make: makes the folder where it is missing. Sets sid (where it is) or sid_missing (why there is none).
sid_make() {
    local log
    sid=$kept/sid sid_missing=
    mkdir -p "$kept"
    [ "$(cat "$sid/.packages" 2> /dev/null)" != "$sid_packages" ] || return 0
    sid_missing=$(sid_lacks)
    if [ -z "$sid_missing" ]; then
        log=$kept/sid.log
        note "making Debian sid in $sid"
        rm -rf "$sid"
        # The lists of a mirror that lags behind are past their date, but signed all the same.
        if mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
            --include="$sid_packages" sid "$sid" "$(apt_mirror)" > "$log" 2>&1; then
            printf '%s' "$sid_packages" > "$sid/.packages"
            return
        fi
        sid_missing="mmdebstrap failed: $(grep -m 1 -E '^E:' "$log" || tail -n 1 "$log")"
        rm -rf "$sid"
    fi
    sid=
}

# sid_enter: inside the namespaces, joins the folder to this world: devices, /run, host names, the scratch directory.
sid_enter() {
    local place
    [ -n "$sid" ] || return 0
    # A container's runtime changes its root, which takes a root that is a mount.
    mount --bind "$sid" "$sid"
    for place in dev proc sys run; do mount --rbind "/$place" "$sid/$place"; done
    mount --bind /etc/hosts "$sid/etc/hosts"
    for place in tmp var/lib/containers etc/docker; do
        mkdir -p "$sid/$place"
        mount -t tmpfs tmpfs "$sid/$place"
    done
    mkdir -p "$sid$scratch"
    mount --bind "$scratch" "$sid$scratch"
}

# sid_forget: the scratch directory's empty name in the folder, after the namespaces are gone.
sid_forget() { [ ! -d "$kept/sid$scratch" ] || rmdir -p --ignore-fail-on-non-empty "$kept/sid$scratch"; }
