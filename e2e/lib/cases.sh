# shellcheck shell=bash disable=SC2034,SC2154
# Which images are pulled, under which names, and what one pull has to show.

# image, registry, repository:tag; the digest case pulls the same image by its digest.
cases_all() {
    cat << CASES
multi-arch docker.io lab/busybox:1.35
by-digest docker.io lab/busybox@1.35
attestations docker.io lab/busybox:attest
schema2-list docker.io lab/busybox:docker
schema2 docker.io lab/busybox:docker-single
nested-index docker.io lab/formats:nested
zstd docker.io lab/formats:zstd
sixty-layers docker.io lab/many-layers:v1
platforms-12 docker.io lab/platforms:v1
artifact docker.io lab/signed:note
referrers docker.io lab/signed:v1
large docker.io lab/large:v1
quay.io quay.io lab/busybox:1.35
CASES
}

# cases FORM: quickly, the small images under the client's first form of name, and a few under the others.
cases() {
    if [ "$quick" = no ]; then
        cases_all
    elif [ "$1" = "${forms%% *}" ]; then
        cases_all | grep -Ev '^(large|attestations) '
    else
        cases_all | grep -E '^(multi-arch|by-digest|quay.io) '
    fi
}

# pushed REGISTRY REPOSITORY TAG COLUMN: what images.tsv says of it (3 its digest, 5 what it prints).
pushed() {
    local repository=${2#lab/}
    [ "$1" = docker.io ] || repository=elsewhere
    awk -F '\t' -v r="$repository" -v t="$3" -v c="$4" '$1 == r && $2 == t { print $c }' "$images/images.tsv"
}

# reference FORM REGISTRY PATH: the name a client uses; nothing where the form cannot say it.
reference() {
    case $1 in
    prefix) echo "$at/$2/$3" ;;
    alias) echo "${2%.io}.$domain:$port/$3" ;;
    bare) [ "$2" != docker.io ] || echo "$at/$3" ;;
    ns) echo "$2/$3" ;;
    mirror)
        case $client-$2 in
        *-docker.io | skopeo-* | podman-*) echo "$2/$3" ;;
        esac
        ;;
    esac
}

# containers_conf: entrepot as the mirror of docker.io (bare names) and quay.io (prefixed), for skopeo and Podman.
containers_conf() {
    local d=$HOME/.config/containers
    mkdir -p "$d"
    printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' > "$d/policy.json"
    cat > "$d/registries.conf" << CONFIG
[[registry]]
location = "$at"
insecure = true
[[registry]]
location = "$origin"
insecure = true
[[registry]]
prefix = "*.$domain"
insecure = true
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

# why_not FORM IMAGE REGISTRY: a reason to skip the case, or nothing.
why_not() {
    if [ "$stand_in" = yes ] && { [ "$1" = prefix ] || [ "$1" = alias ] || [ "$1" = hosted ] || [ "$3" != docker.io ] || [ "$2" = referrers ]; }; then
        echo "a plain cache has one upstream, one name form and no referrers"
    elif [ "$1" = alias ] && [ "$E2E_MODE" != inside ]; then
        echo "a host name needs an own /etc/hosts ($E2E_MODE)"
    else
        client_cannot "$2"
    fi
}

# attempt FORM IMAGE REGISTRY PATH: pulls, compares the digest, runs; prints what it saw, fails with the reason.
attempt() {
    local tag=${4##*[:@]} repository=${4%[:@]*} path=$4 name digests expected prints said=
    expected=$(pushed "$3" "$repository" "$tag" 3)
    prints=$(pushed "$3" "$repository" "$tag" 5)
    [ "${4#*@}" = "$4" ] || path=$repository@$expected
    name=$(reference "$1" "$3" "$path")
    client_clear || { echo "the client's store could not be emptied"; return 1; }
    digests=$(client_pull "$name" "$2" 2> "$scratch/client.err") || { said_last; return 1; }
    grep -qxF "$expected" <<< "$digests" || { echo "expected $expected, got: ${digests//$'\n'/ }"; return 1; }
    if [ "$prints" != - ] && [ "$runs" = yes ]; then
        said=$(client_run "$name" 2> "$scratch/client.err") || { said_last; return 1; }
        [ "$said" = "$prints" ] || { echo "the container printed '$said', not '$prints'"; return 1; }
    fi
    echo "${expected:0:19}${said:+, ran: $said}"
}

said_last() { tail -n 3 "$scratch/client.err" | tr '\n' ' '; }

# phase FORM PHASE: every case of this client and name form.
phase() {
    local image registry path reason note
    now=$2
    # The list comes on descriptor 3: clients must not eat it.
    while read -r image registry path <&3; do
        [ -n "$(reference "$1" "$registry" "$path")" ] || continue
        reason=$(why_not "$1" "$image" "$registry")
        if [ -n "$reason" ]; then
            [ "$2" = warm ] || result skip "$client" "$1" "$image" - "$reason"
        elif note=$(attempt "$1" "$image" "$registry" "$path" < /dev/null); then
            result ok "$client" "$1" "$image" "$2" "$note"
        else
            result FAIL "$client" "$1" "$image" "$2" "$note"
        fi
    done 3< <(cases "$1")
}

# fetched_once FORM: the origins' logs of the cold phase.
fetched_once() {
    local note status=ok
    [ "$stand_in" = no ] || return 0
    note=$(python3 "$lib/upstream.py" "$images" "$scratch"/origin-*.log) || status=FAIL
    result $status "$client" "$1" upstream cold "$note"
}

# survived FORM: nothing in the server's log that must not be there.
survived() {
    local note
    if note=$(grep -m 1 -i 'panicked' "$scratch/entrepot.log"); then result FAIL "$client" "$1" log - "$note"; fi
}

# client_round FORM: cold from a fresh server, then warm with both origins gone.
client_round() {
    if form_skipped "$1"; then return; fi
    if ! { origins_start && entrepot_start && client_start "$1"; } 2> "$scratch/client.err"; then
        result FAIL "$client" "$1" all cold "$(said_last)"
    else
        if [ "$1" = hosted ]; then
            hosted
        else
            phase "$1" cold
            origins_stop
            fetched_once "$1"
            phase "$1" warm
        fi
        survived "$1"
    fi
    client_stop
    stop entrepot
    origins_stop
}

# hosted: pushes to a name that is entrepot's own, and pulls it back with the upstreams gone.
hosted() {
    local name=$at/local/team/$client:1 pushed='' digests=''
    now=hosted
    client_clear
    if ! pushed=$(client_push "$origin/lab/busybox:docker-single" "$name" 2> "$scratch/client.err") || [ -z "$pushed" ]; then
        result FAIL "$client" hosted schema2 push "$(said_last)"
        return
    fi
    result ok "$client" hosted schema2 push "${pushed:0:19}"
    client_clear
    origins_stop
    if digests=$(client_pull "$name" schema2 2> "$scratch/client.err") && grep -qxF "$pushed" <<< "$digests"; then
        result ok "$client" hosted schema2 pull "${pushed:0:19}"
    else
        result FAIL "$client" hosted schema2 pull "pushed $pushed, got: ${digests//$'\n'/ } $(said_last)"
    fi
}

# control: what the client does straight from the origin. A client that cannot pull there is skipped, and one
# that cannot run there (no cgroups, no overlay) runs nothing; entrepot has no part in either.
control() {
    local name=$origin/lab/busybox:docker-single code=0
    at=127.0.0.1:9 port=9 runs=no now=control
    origins_start
    if ! { client_start control && client_clear && client_pull "$name" schema2 > /dev/null; } 2> "$scratch/client.err"; then
        result skip "$client" all all - "it does not work here, not even without entrepot: $(said_last)"
        code=1
    elif declare -F client_run > /dev/null; then
        if client_run "$name" > /dev/null 2> "$scratch/client.err"; then
            runs=yes
        else
            result skip "$client" all all run "no container runs here, not even without entrepot: $(said_last)"
        fi
    fi
    client_stop
    origins_stop
    return $code
}

# form_skipped FORM: whether every case of the form is skipped; the reason is then told once.
form_skipped() {
    local reason
    reason=$(why_not "$1" multi-arch docker.io)
    [ -n "$reason" ] && result skip "$client" "$1" all - "$reason"
}

# client_rounds NAME: runs in a subshell, since every client file defines the same functions.
client_rounds() {
    local form reason
    client=$1
    # shellcheck source=/dev/null
    . "$lib/clients/$client.sh"
    forms=$(client_forms)
    reason=$(client_needs)
    if [ -n "$reason" ]; then
        result skip "$client" all all - "$reason"
        return
    fi
    client_version | head -n 1 >> "$scratch/versions.txt"
    control || return 0
    for form in $forms hosted; do client_round "$form"; done
}
