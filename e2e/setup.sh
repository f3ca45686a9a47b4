#!/usr/bin/env bash
# Installs what the tests need and is missing, from Debian's packages; starts nothing.
#
#   e2e/setup.sh [--quick]     --quick: without Docker, containerd, Buildah, mmdebstrap and Chromium, which only `make e2e` uses
#
# Without root or apt it says what is missing instead. Exit code 1 when the build itself cannot go on.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/postgres.sh
. "$lib/postgres.sh"

# What has to be there (a command, or a file by its path), and the package that brings it.
needed() {
    cat << NEEDED
cc gcc
/usr/include/stdio.h libc6-dev
curl curl
python3 python3
zstd zstd
dpkg-deb dpkg
unshare util-linux
ip iproute2
shellcheck shellcheck
docker-registry docker-registry
openssl openssl
nginx nginx-light
htpasswd apache2-utils
skopeo skopeo
podman podman
conmon conmon
/usr/lib/podman/netavark netavark
/usr/bin/catatonit catatonit
tc iproute2
faketime faketime
runc runc
initdb postgresql
podman-compose podman-compose
docker-compose docker-compose
chromium chromium
slapd slapd
promtool prometheus
ssh openssh-client
NEEDED
    [ "${1:-}" = --quick ] || printf '%s\n' "containerd containerd" "ctr containerd" "dockerd docker.io" "docker docker.io" \
        "buildah buildah" "mmdebstrap mmdebstrap"
}

is_there() {
    case $1 in
    initdb) [ -n "$(postgres_bin)" ] ;;
    # Debian has it where only root looks.
    slapd) [ -x /usr/sbin/slapd ] || have slapd ;;
    /*) [ -e "$1" ] ;;
    *) have "$1" ;;
    esac
}

missing() {
    local command package
    while read -r command package; do is_there "$command" || echo "$package"; done < <(needed "$@") | sort -u
}

# install PACKAGE...: a policy file of the time of the call keeps the packages from starting their services.
install() {
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update || note "apt-get update had errors; trying to install nevertheless"
    apt-get -qq install -y --no-install-recommends "$@" > /dev/null
}

mapfile -t absent < <(missing "$@")
if [ ${#absent[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && have apt-get; then
        say "installing: ${absent[*]}"
        install "${absent[@]}" || note "some packages could not be installed"
    else
        say "missing, and not installed without root and apt; Debian's packages: ${absent[*]}"
    fi
fi

have cargo || die "cargo is missing: install Rust from https://rustup.rs"
for command in cc curl python3; do have "$command" || die "$command is missing"; done
