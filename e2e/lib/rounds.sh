# shellcheck shell=bash disable=SC2034,SC2154
# The rounds of one client: each form of name, then certificates, passwords, accounts there and here, an image of several
# gigabytes, and a push. In each, entrepot starts empty; images come cold, and once more with both origins gone.

# The rounds about how entrepot stands, beside those about names. A quick run has four of them for two clients, and one for the others.
other_rounds() {
    if [ "$quick" = no ]; then
        echo "tls login account access"
        [[ " $large_clients " != *" $client "* ]] || echo multi-gb
    elif [[ $client =~ ^(skopeo|crane)$ ]]; then
        echo "tls login account access"
    else
        echo access
    fi
}

# fetched_once ROUND: the origins' logs of the cold phase.
fetched_once() {
    local note status=ok
    [ "$stand_in" = no ] || return 0
    note=$(python3 "$lib/upstream.py" "$scratch") || status=FAIL
    result $status "$client" "$1" upstream cold "$note"
}

# survived ROUND: nothing in the server's log that must not be there.
survived() {
    local note
    if note=$(grep -m 1 -i 'panicked' "$scratch/entrepot.log"); then result FAIL "$client" "$1" log - "$note"; fi
}

# fresh_home: nothing of an earlier round, no login and no trust.
fresh_home() {
    rm -rf "${scratch:?}/home"
    mkdir -p "$HOME"
    [ "$E2E_MODE" != inside ] || rm -rf "$world_root/etc/docker/certs.d"
}

# round_start ROUND: its servers and the client.
round_start() {
    fresh_home
    secure=false
    case $1 in tls | login | account | access) authority_make ;; esac
    case $1 in tls | login | access) secure=true ;; esac
    [ "$1" != account ] || accounts_start
    origins_start && entrepot_start && client_start "$1"
}

# refused ROUND PATTERN NAME: pulls what must not come, and looks whether it was refused for that reason.
refused() {
    local image registry path name=${3:-} expected prints
    read -r image registry path < <(cases "$1")
    [ -n "$name" ] || resolve "$1" "$registry" "$path"
    client_clear
    if client_pull "$name" "$image" > /dev/null 2> "$scratch/client.err" < /dev/null; then
        result FAIL "$client" "$1" "$image" refused "it came without"
    elif grep -qiE "$2" "$scratch/client.err"; then
        result ok "$client" "$1" "$image" refused "$(grep -oiE "$2" "$scratch/client.err" | head -n 1)"
    else
        result FAIL "$client" "$1" "$image" refused "for another reason: $(said_last)"
    fi
}

# entry ROUND: first without what the round is about, then the client is given it.
entry() {
    local distrust='x509|certificate|unknown authority' shut='401|unauthorized|authentication required|no basic auth|access denied|credential'
    case $1 in
    tls)
        refused tls "$distrust"
        each_host client_trust
        ;;
    login)
        each_host client_trust
        refused login "$shut"
        each_host client_login
        ;;
    account) refused account "$shut" "$origin/$sample" ;;
    esac
}

# client_round ROUND
client_round() {
    scene=$1
    if round_skipped "$1"; then return; fi
    if ! round_start "$1" 2> "$scratch/client.err"; then
        result FAIL "$client" "$1" all cold "$(said_last)"
    elif [ "$1" = hosted ]; then
        hosted
    elif [ "$1" = access ]; then
        access 2> "$scratch/access.err" || result FAIL "$client" access all - "$(tail -n 3 "$scratch/access.err" | tr '\n\t' '  ')"
    elif ! entry "$1" 2> "$scratch/entry.err"; then
        result FAIL "$client" "$1" all entry "$(tail -n 3 "$scratch/entry.err" | tr '\n\t' '  ')"
    else
        phase "$1" cold
        origins_stop
        fetched_once "$1"
        phase "$1" warm
    fi
    survived "$1"
    client_stop
    stop proxy
    stop entrepot
    stop tokens
    origins_stop
}

# hosted: pushes to a name that is entrepot's own, and pulls it back with the upstreams gone.
hosted() {
    local name=$at/$hosted_as pushed='' digests=''
    client_clear
    if ! pushed=$(client_push "$origin/$sample" "$name" 2> "$scratch/client.err" < /dev/null) || [ -z "$pushed" ]; then
        result FAIL "$client" hosted "$sample_is" push "$(said_last)"
        return
    fi
    result ok "$client" hosted "$sample_is" push "${pushed:0:19}"
    client_clear
    origins_stop
    if digests=$(client_pull "$name" "$sample_is" 2> "$scratch/client.err" < /dev/null) && grep -qxF "$pushed" <<< "$digests"; then
        result ok "$client" hosted "$sample_is" pull "${pushed:0:19}"
    else
        result FAIL "$client" hosted "$sample_is" pull "pushed $pushed, got: ${digests//$'\n'/ } $(said_last)"
    fi
}

# control: what the client does straight from the origin. A client that cannot pull there is skipped, and one
# that cannot run there (no cgroups, no overlay) runs nothing; entrepot has no part in either.
control() {
    local name=$origin/$sample code=0
    at=127.0.0.1:9 port=9 runs=no scene=control secure=false
    fresh_home
    origins_start
    if ! { client_prepare && client_start control && client_clear && client_pull "$name" "$sample_is" > /dev/null; } 2> "$scratch/client.err" < /dev/null; then
        result skip "$client" all all - "it does not work here, not even without entrepot: $(said_last)"
        code=1
    elif declare -F client_run > /dev/null; then
        if client_run "$name" > /dev/null 2> "$scratch/client.err" < /dev/null; then
            runs=yes
        else
            result skip "$client" all all run "no container runs here, not even without entrepot: $(said_last)"
        fi
    fi
    client_stop
    origins_stop
    return $code
}

# round_skipped ROUND: whether every case of it is skipped; the reason is then told once.
round_skipped() {
    local reason image registry path
    read -r image registry path < <(cases "$1")
    reason=$(why_not "$1" "${image:-}" docker.io)
    if [ -z "$reason" ] && [ "$1" = multi-gb ] && [ -n "$large_missing" ]; then reason=$large_missing; fi
    [ -n "$reason" ] && result skip "$client" "$1" all - "$reason"
}

# What a client file may leave out.
client_needs() { world_lacks "$(client_commands)"; }
client_prepare() { :; }
client_cannot() { :; }
client_stop() { :; }

# client_rounds NAME: runs in a subshell, since every client file defines the same functions.
client_rounds() {
    local name reason
    client=$1 sample=lab/busybox:docker-single sample_is=schema2 hosted_as=local/team/$1:1
    world_of "$client"
    # shellcheck source=/dev/null
    . "$lib/clients/$kind.sh"
    # shellcheck disable=SC2046  # the names of commands
    world_commands $(client_commands)
    forms=$(client_forms)
    reason=$(client_needs)
    if [ -n "$reason" ]; then
        result skip "$client" all all - "$reason"
        return
    fi
    printf '%s\t%s\n' "$client" "$(client_version | head -n 1)" >> "$scratch/versions.txt"
    control || return 0
    for name in ${E2E_ROUNDS:-$forms $(other_rounds) hosted}; do client_round "$name"; done
    rm -rf "${scratch:?}/$client"
}
