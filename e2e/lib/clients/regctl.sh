# shellcheck shell=bash disable=SC2154
# regctl: copies into an OCI layout, with the referrers where the case is about them.

client_commands() { echo "regctl"; }

client_needs() { have regctl || echo "regctl is not on PATH nor in ENTREPOT_TOOLS, and could not be built with go"; }

# Until its own clock says that a token is over, it takes a refusal for the last word.
# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=yes

client_version() { echo "regctl $(regctl version --format '{{.VCSTag}}')"; }

client_forms() { echo "prefix alias bare mirror"; }

client_start() {
    local name mirrors=
    export REGCTL_CONFIG=$scratch/regctl.json
    rm -f "$REGCTL_CONFIG"
    for name in "$at" "$origin"; do plain "$name"; done
    [ "$secure" = true ] || each_host plain
    [ "$1" != mirror ] || mirrors=$at
    regctl registry set --skip-check --mirror "$mirrors" docker.io
}

plain() { regctl registry set --skip-check --tls disabled "$1"; }
client_trust() { regctl registry set --skip-check --cacert "$(cat "$ca")" "$1"; }
# Where its own endpoint at `/v2/` is closed, it can tell whether the password is right.
client_login() { regctl registry login --user "$user" --pass-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { regctl registry logout "$1" > /dev/null; }

client_pull() {
    local -a with=()
    [ "$2" != referrers ] || with=(--referrers)
    regctl image copy --verbosity error "${with[@]}" "$1" "ocidir://$scratch/store/regctl:pulled" > /dev/null || return
    if [ ${#with[@]} -gt 0 ]; then
        python3 "$lib/layout.py" referrers "$scratch/store/regctl" "$images/signed" > /dev/null || return
    fi
    python3 "$lib/layout.py" oci "$scratch/store/regctl"
}

client_push() {
    regctl image copy --verbosity error "$1" "$2" > /dev/null && regctl image digest "$2"
}

client_clear() { rm -rf "$scratch/store/regctl"; }
