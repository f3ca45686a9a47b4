# shellcheck shell=bash disable=SC2154
# oras: copies into an OCI layout, with the referrers where the case is about them.

client_commands() { echo "oras"; }

# It reads the manifest that it pushed, to give it a tag.
# shellcheck disable=SC2034  # for the rounds
push_reads=yes

client_version() { echo "oras $(oras version | sed -n 's/^Version: *//p')"; }

client_forms() { echo "prefix alias bare"; }

client_start() {
    source_flags=(--from-plain-http)
    target_flags=(--to-plain-http) resolve_flags=(--plain-http)
    [ "$secure" = false ] || source_flags=()
}

client_trust() { source_flags=(--from-ca-file "$ca") target_flags=(--to-ca-file "$ca") resolve_flags=(--ca-file "$ca"); }
client_login() { oras login --ca-file "$ca" --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { oras logout "$1" > /dev/null; }

client_pull() {
    local -a with=()
    [ "$2" != referrers ] || with=(--recursive)
    oras copy --no-tty "${with[@]}" "${source_flags[@]}" --to-oci-layout "$1" "$scratch/store/oras:pulled" > /dev/null || return
    if [ ${#with[@]} -gt 0 ]; then
        python3 "$lib/layout.py" referrers "$scratch/store/oras" "$images/signed" > /dev/null || return
    fi
    python3 "$lib/layout.py" oci "$scratch/store/oras"
}

client_push() {
    oras copy --no-tty --from-plain-http "${target_flags[@]}" "$1" "$2" > /dev/null && oras resolve "${resolve_flags[@]}" "$2"
}

client_clear() { rm -rf "$scratch/store/oras"; }
