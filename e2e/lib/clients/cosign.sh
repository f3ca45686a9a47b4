# shellcheck shell=bash disable=SC2154
# cosign: verifies signatures that lie at the upstream, made with a key of this run; nothing is asked of a log or a clock.

client_commands() { echo "cosign"; }

# It verifies what it pushed.
# shellcheck disable=SC2034  # for the rounds
push_reads=yes

# Debian's calls itself "devel".
# shellcheck disable=SC2016  # dpkg fills in the version
client_version() { "${world[@]}" dpkg-query --show --showformat 'cosign ${Version}\n' cosign 2> /dev/null || cosign version; }

client_forms() { echo "prefix alias bare"; }

# shellcheck disable=SC2034  # for the rounds
sample=lab/formats:gzip sample_is=signature-tag

# The first has a signature of the old form, under a tag made of the digest, the next ones of the new form: a bundle
# that refers to the image. One has none, and must not be taken for one that has.
client_cases() {
    cat << CASES
signature-tag docker.io lab/formats:gzip
signature-by-digest docker.io lab/formats@gzip
bundle docker.io lab/formats:zstd
bundle-of-index docker.io lab/busybox:1.35
unsigned docker.io lab/formats:plain
quay.io quay.io lab/busybox:1.35
CASES
}

# sign NAME OPTION...
sign() {
    local name=$1
    shift
    cosign sign --key "$keys/cosign.key" --allow-http-registry --yes "$@" "$name" 2>&1
}

sign_old() { sign "$1" --new-bundle-format=false --use-signing-config=false --tlog-upload=false; }
sign_new() { sign "$1" --signing-config "$keys/signing.json"; }

# client_prepare: two keys, and the signatures at the origins.
client_prepare() {
    local name gzip zstd index
    keys=$scratch/cosign
    export COSIGN_PASSWORD=''
    gzip=$(pushed docker.io lab/formats gzip 3) zstd=$(pushed docker.io lab/formats zstd 3) index=$(pushed docker.io lab/busybox 1.35 3)
    mkdir -p "$keys/other"
    for name in "$keys/cosign" "$keys/other/cosign"; do cosign generate-key-pair --output-key-prefix "$name" 2>&1 || return; done
    # A configuration without services: no log of signatures, no clock.
    cosign signing-config create --out "$keys/signing.json" || return
    sign_old "$origin/lab/formats@$gzip" && sign_new "$origin/lab/formats@$zstd" && sign_new "$origin/lab/busybox@$index" \
        && sign_new "127.0.0.1:$quay_port/lab/busybox@$(pushed quay.io lab/busybox 1.35 3)"
}

client_start() {
    flags=(--allow-http-registry)
    [ "$secure" = false ] || flags=()
}

client_trust() { flags=(--registry-cacert "$ca"); }
# It asks nobody whether the password is right, and forgets no login.
client_login() { cosign login --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { rm "$HOME/.docker/config.json"; }

verify_with() { cosign verify --key "$1/cosign.pub" --insecure-ignore-tlog "${flags[@]}" "$2"; }

# client_pull: the digest that the signature is for. With another key there must be none.
client_pull() {
    local said
    if [ "$2" = unsigned ]; then
        if verify_with "$keys" "$1" > /dev/null 2> "$scratch/cosign/said"; then note "it verified"; return 1; fi
        grep -iE 'no (matching )?signatures' "$scratch/cosign/said" > /dev/null || { cat "$scratch/cosign/said" >&2; return 1; }
        pushed docker.io lab/formats plain 3
        return
    fi
    said=$(verify_with "$keys" "$1") || return
    if verify_with "$keys/other" "$1" > /dev/null 2>&1; then note "another key verified it too"; return 1; fi
    sed -n 's/.*"docker-manifest-digest":"\(sha256:[0-9a-f]*\)".*/\1/p' <<< "$said" | sort -u
}

client_push() {
    local digest
    cosign copy "${flags[@]}" "$1" "$2" > /dev/null || return
    digest=$(verify_with "$keys" "$2") || return
    sed -n 's/.*"docker-manifest-digest":"\(sha256:[0-9a-f]*\)".*/\1/p' <<< "$digest" | sort -u
}

# It keeps nothing of what it verified.
client_clear() { :; }
