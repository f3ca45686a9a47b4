# shellcheck shell=bash disable=SC2154
# Helm: pulls a chart kept as an OCI artifact. To `run` is to render it; to push is to push the file.

client_commands() { echo "helm"; }

client_needs() { have helm || echo "helm is not on PATH nor in ENTREPOT_TOOLS, and could not be built with go"; }

# It reads the manifest that it pushed, to give it a tag.
# shellcheck disable=SC2034  # for the rounds
push_reads=yes

client_version() { echo "helm $(helm version --template '{{.Version}}')"; }

client_forms() { echo "prefix alias bare"; }

# A chart's name and version are the end of its reference.
# shellcheck disable=SC2034  # for the rounds
sample=lab/chart:0.1.0 sample_is=chart hosted_as=local/team/chart:0.1.0

client_cases() {
    cat << CASES
chart docker.io lab/chart:0.1.0
chart-by-digest docker.io lab/chart@0.1.0
CASES
}

client_start() {
    flags=(--plain-http)
    [ "$secure" = false ] || flags=()
}

client_trust() { flags=(--ca-file "$ca"); }
client_login() { helm registry login "${flags[@]}" --username "$user" --password-stdin "$1" <<< "$password" > /dev/null; }
client_logout() { helm registry logout "$1" > /dev/null; }

# chart_of NAME: sets `chart` to what Helm wants to be told: oci://NAME --version TAG, or oci://NAME@DIGEST.
chart_of() {
    if [[ $1 == *@* ]]; then chart=("oci://$1"); else chart=("oci://${1%:*}" --version "${1##*:}"); fi
}

client_pull() { fetch "$1" "${flags[@]}"; }

# fetch NAME OPTION...
fetch() {
    local said file blob
    chart_of "$1"
    shift
    mkdir -p "$scratch/store/helm"
    said=$(helm pull "${chart[@]}" "$@" --destination "$scratch/store/helm" 2>&1) || { note "$said"; return 1; }
    file=$scratch/store/helm/chart-0.1.0.tgz
    blob=$(sha256sum < "$file" | cut -d ' ' -f 1)
    [ -e "$images/chart/blobs/sha256/$blob" ] || { note "the chart has other bytes: sha256:$blob"; return 1; }
    sed -n 's/^Digest: //p' <<< "$said"
}

client_run() {
    chart_of "$1"
    helm template "${chart[@]}" "${flags[@]}" 2> /dev/null | sed -n 's/^ *says: //p'
}

# The source is at the origin, which has no TLS.
client_push() {
    fetch "$1" --plain-http > /dev/null || return
    helm push "${flags[@]}" "$scratch/store/helm/chart-0.1.0.tgz" "oci://${2%/*}" > "$scratch/store/helm/said" 2>&1 || { cat "$scratch/store/helm/said" >&2; return 1; }
    sed -n 's/^Digest: //p' "$scratch/store/helm/said"
}

# Helm 3.17 and newer keep what they pulled; elsewhere the folder is not there.
client_clear() { rm -rf "$scratch/store/helm" "$HOME/.cache/helm"; }
