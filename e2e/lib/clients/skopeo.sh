# shellcheck shell=bash disable=SC2154
# skopeo: copies into a `dir:`, every platform, without changing a byte.

client_commands() { echo "skopeo"; }

# To say what it pushed, it reads it.
# shellcheck disable=SC2034  # for the rounds
push_reads=yes

# Until its own clock says that a token is over, it takes a refusal for the last word.
# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=yes

client_version() { skopeo --version; }

client_forms() { echo "prefix alias bare mirror"; }

client_cannot() {
    case $1 in
    nested-index) echo "skopeo refuses an index within an index" ;;
    referrers) echo "skopeo does not copy referrers" ;;
    esac
}

client_start() { containers_conf; }
client_trust() { containers_trust "$1"; }
client_login() { skopeo login --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { skopeo logout "$1" > /dev/null; }

client_pull() {
    skopeo copy --quiet --all --preserve-digests --src-tls-verify="$verify" \
        "docker://$1" "dir:$scratch/store/skopeo" || return
    python3 "$lib/layout.py" dir "$scratch/store/skopeo"
}

client_push() {
    skopeo copy --quiet --all --preserve-digests --src-tls-verify=false --dest-tls-verify="$verify" "docker://$1" "docker://$2" || return
    skopeo inspect --raw --tls-verify="$verify" "docker://$2" | sha256sum | sed 's/^/sha256:/; s/ .*//'
}

client_clear() { rm -rf "$scratch/store/skopeo"; }
