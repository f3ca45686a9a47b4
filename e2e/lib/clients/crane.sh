# shellcheck shell=bash disable=SC2154
# crane: asks for the digest (a HEAD), then pulls into an OCI layout.

client_commands() { echo "crane"; }

client_needs() { have crane || echo "crane is not on PATH nor in ENTREPOT_TOOLS, and could not be built with go"; }

client_version() { echo "crane $(crane version)"; }

client_forms() { echo "prefix alias bare"; }

client_cannot() { [ "$1" != referrers ] || echo "crane does not copy referrers"; }

client_start() {
    unset SSL_CERT_FILE
    insecure=(--insecure)
    [ "$secure" = false ] || insecure=()
}

# Go's own way to trust other certificates than the system's; crane has no option for it.
client_trust() { export SSL_CERT_FILE=$ca; }
# It asks nobody whether the password is right.
client_login() { crane auth login --username "$user" --password-stdin "$1" <<< "$password"; }
client_logout() { crane auth logout "$1"; }

client_pull() {
    local told got
    told=$(crane digest "${insecure[@]}" "$1") || return
    crane pull "${insecure[@]}" --format=oci "$1" "$scratch/store/crane" || return
    got=$(python3 "$lib/layout.py" oci "$scratch/store/crane") || return
    [ "$told" = "$got" ] || { note "crane digest said $told"; return 1; }
    echo "$got"
}

# Loopback may be without TLS anyway.
client_push() { crane copy "${insecure[@]}" "$1" "$2" && crane digest "${insecure[@]}" "$2"; }

client_clear() { rm -rf "$scratch/store/crane"; }
