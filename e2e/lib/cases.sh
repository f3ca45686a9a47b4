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

# client_cases: what a client pulls; one for other things than images has its own.
client_cases() { cases_all; }

# cases ROUND: all of them under the client's first form of name, without the large ones under the others, which are about
# names, and fewer where the round is about something else. Quickly, the small images under the first form, and a few
# in the other rounds.
cases() {
    local without='' only='.*' special='attestations|schema2.*|nested-index|zstd|platforms-12|large'
    case $1-$quick in
    multi-gb-*) echo "multi-gb docker.io lab/multi-gb:v1" && return ;;
    "${forms%% *}-no") ;;
    "${forms%% *}-yes") without='large|attestations' ;;
    *-yes) only='multi-arch|by-digest|chart|signature-tag|bundle|quay.io' ;;
    login-*) without="$special|sixty-layers" ;;
    tls-* | account-*) without=$special ;;
    *) without='large|sixty-layers' ;;
    esac
    client_cases | grep -E "^($only) " | grep -Ev "^($without) "
}

# pushed REGISTRY REPOSITORY TAG COLUMN: what images.tsv says of it (3 its digest, 5 what it prints).
pushed() {
    local repository=${2#lab/}
    [ "$1" = docker.io ] || repository=elsewhere
    awk -F '\t' -v r="$repository" -v t="$3" -v c="$4" '$1 == r && $2 == t { print $c }' "$scratch/images.tsv"
}

# form_of ROUND: the form of name it uses. Certificates and passwords belong to a host name.
form_of() {
    case $1 in
    tls | login) echo alias ;;
    account | access | multi-gb) echo "${forms%% *}" ;;
    *) echo "$1" ;;
    esac
}

# reference FORM REGISTRY PATH: the name a client uses; nothing where the form cannot say it.
reference() {
    case $1 in
    prefix) echo "$at/$2/$3" ;;
    alias) echo "${2%.io}.$domain:$port/$3" ;;
    bare) [ "$2" != docker.io ] || echo "$at/$3" ;;
    ns) echo "$2/$3" ;;
    mirror)
        case $kind-$2 in
        *-docker.io | skopeo-* | podman-* | buildah-*) echo "$2/$3" ;;
        esac
        ;;
    esac
}

# why_not ROUND IMAGE REGISTRY: a reason to skip the case, or nothing.
why_not() {
    case $1 in
    tls | login | account | access) [ -z "$front_missing" ] || { echo "$front_missing" && return; } ;;
    esac
    if [ "$stand_in" = yes ] && { [[ $1 =~ ^(prefix|alias|hosted|tls|login|account|access)$ ]] || [ "$3" != docker.io ] || [ "$2" = referrers ]; }; then
        echo "a plain cache has one upstream, one name form and no referrers"
    elif [[ $1 =~ ^(alias|tls|login|account|access)$ ]] && [ "$E2E_MODE" != inside ]; then
        echo "a host name needs an own /etc/hosts ($E2E_MODE)"
    else
        client_cannot "$2"
    fi
}

# resolve ROUND REGISTRY PATH: sets name (what the client is told to pull), expected (its digest), prints.
resolve() {
    local tag=${3##*[:@]} repository=${3%[:@]*} path=$3
    expected=$(pushed "$2" "$repository" "$tag" 3)
    prints=$(pushed "$2" "$repository" "$tag" 5)
    [ "${3#*@}" = "$3" ] || path=$repository@$expected
    name=$(reference "$(form_of "$1")" "$2" "$path")
}

# blobs_served: how many blobs entrepot has handed out since it started.
blobs_served() { grep -Ec ' method=GET path=[^ ]*/blobs/[^ ]* status=(20|307)' "$scratch/entrepot.log"; }

# was_asked COUNT: whether more blobs were handed out than before. A client that had them in its store shows nothing;
# the log is a moment behind.
was_asked() {
    local tries=30
    [ "$stand_in" = no ] || return 0
    until [ "$(blobs_served)" -gt "$1" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

# attempt ROUND IMAGE REGISTRY PATH: pulls, compares the digest, runs; prints what it saw, fails with the reason.
attempt() {
    local name expected prints digests said='' before
    resolve "$1" "$3" "$4"
    client_clear || { echo "the client's store could not be emptied"; return 1; }
    before=$(blobs_served)
    digests=$(client_pull "$name" "$2" 2> "$scratch/client.err") || { said_last; return 1; }
    grep -qxF "$expected" <<< "$digests" || { echo "expected $expected, got: ${digests//$'\n'/ }"; return 1; }
    [ "$2" = unsigned ] || was_asked "$before" || { echo "the client asked entrepot for no blob"; return 1; }
    if [ "$prints" != - ] && [ "$runs" = yes ]; then
        said=$(client_run "$name" 2> "$scratch/client.err") || { said_last; return 1; }
        [ "$said" = "$prints" ] || { echo "the container printed '$said', not '$prints'"; return 1; }
    fi
    echo "${expected:0:19}${said:+, ran: $said}"
}

said_last() { tail -n 3 "$scratch/client.err" | tr '\n\t' '  ' | cut -c 1-600; }

# phase ROUND PHASE: every case of this client and round.
phase() {
    local image registry path reason note
    # The list comes on descriptor 3: clients must not eat it.
    while read -r image registry path <&3; do
        [ -n "$(reference "$(form_of "$1")" "$registry" "$path")" ] || continue
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
