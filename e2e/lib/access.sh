# shellcheck shell=bash disable=SC2154
# The round `access`: entrepot has accounts of its own. Each client is refused, logs in, pushes, pulls, is refused what it was
# not granted, uses an API token, sees it revoked, and logs out. entrepot speaks TLS, at its own name.

# What a client says that is refused, in the words of all of them.
shut='401|403|unauthorized|denied|(invalid|incorrect) username|authentication required|no basic auth|credential|authorization failed|insufficient.scope|password is wrong'

# access_section: what everybody may do, and what this account may.
access_section() {
    cat << CONFIG
access:
  anonymous: [pull, see]
  grants: [{to: "account:$user", repositories: ["local/team/**"], may: [pull, push]}]
  private: ["local/**"]
CONFIG
}

# owner COMMAND...: as the server's owner, over its socket.
owner() { env "${foreign[@]}" "$binary" "$@" --config "$scratch/entrepot.yml"; }

# clock_library: what moves the clock of a program (Debian: libfaketime), or nothing.
clock_library() { find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2> /dev/null | head -n 1; }

# clock_lacks: what is missing to move the server's clock and to slow loopback down, or nothing.
clock_lacks() {
    if [ "$E2E_MODE" != inside ]; then
        echo "loopback cannot be slowed down ($E2E_MODE)"
    elif [ -z "$(clock_library)" ]; then
        echo "libfaketime is not installed"
    elif ! have tc; then
        echo "tc is not installed"
    fi
}

# clock_forward: ten minutes pass on the server's clock, not on its timers. It never goes back.
clock_forward() {
    ahead=$((ahead + 600))
    printf '+%s\n' "$ahead" > "$scratch/clock"
}

# clock_of_server: the variables that give entrepot that clock, one a line; none where it cannot be moved.
clock_of_server() {
    [ -z "$(clock_lacks)" ] || return 0
    echo +0 > "$scratch/clock"
    printf '%s\n' "LD_PRELOAD=$(clock_library)" "FAKETIME_TIMESTAMP_FILE=$scratch/clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
}

# done_as PHASE WHAT COMMAND...: what must succeed.
done_as() {
    local phase=$1 what=$2
    shift 2
    if "$@" > "$scratch/client.out" 2> "$scratch/client.err" < /dev/null; then
        result ok "$client" access "$what" "$phase" "$(head -n 1 "$scratch/client.out" | cut -c 1-19)"
    else
        result FAIL "$client" access "$what" "$phase" "$(said_last)"
    fi
}

# refused_as PHASE WHAT COMMAND...: what must be refused, for lack of a right and nothing else.
refused_as() {
    local phase=$1 what=$2
    shift 2
    if "$@" > "$scratch/client.out" 2> "$scratch/client.err" < /dev/null; then
        result FAIL "$client" access "$what" "$phase" "it was not refused"
    elif grep -qiE "$shut" "$scratch/client.err"; then
        result ok "$client" access "$what" "$phase" "$(grep -oiE "$shut" "$scratch/client.err" | head -n 1)"
    else
        result FAIL "$client" access "$what" "$phase" "for another reason: $(said_last)"
    fi
}

# pulled NAME IMAGE DIGEST: into an empty store.
pulled() {
    local digests
    client_clear && digests=$(client_pull "$1" "$2") || return
    grep -qxF "$3" <<< "$digests" || { note "expected $3, got: ${digests//$'\n'/ }"; return 1; }
    echo "$3"
}

# logged_in NAME PASSWORD COMMAND...: logs in, and does that. Some clients ask nobody before they use a password.
logged_in() {
    local user=$1 password=$2
    shift 2
    client_login "$host" && "$@"
}

# wrong_password: says so within a second. The fastest of three counts: the machine may be busy.
wrong_password() {
    local began took best=9999 try
    for try in 1 2 3; do
        began=$(date +%s%N)
        if logged_in "$user" "not-$password" client_pull "$mine" "$sample_is" > /dev/null 2> "$scratch/client.err" < /dev/null; then
            result FAIL "$client" access login wrong "try $try: a wrong password was accepted"
            return
        fi
        took=$((($(date +%s%N) - began) / 1000000))
        [ $took -ge $best ] || best=$took
    done
    if ! grep -qiE "$shut" "$scratch/client.err"; then
        result FAIL "$client" access login wrong "for another reason: $(said_last)"
    elif [ $best -gt 1000 ]; then
        result FAIL "$client" access login wrong "it took $best ms"
    else
        result ok "$client" access login wrong "$(grep -oiE "$shut" "$scratch/client.err" | head -n 1), $best ms"
    fi
    client_logout "$host" 2> /dev/null || true
}

# with_api_token: as the password, with any name; it may pull only, and is over as soon as it is revoked.
with_api_token() {
    local secret id
    secret=$(owner token create "e2e-$client" --account "$user" --scope "pull:local/team/**" 2> /dev/null)
    id=$(owner token ls --output json | python3 -c '
import json, sys
print(next(one["id"] for one in json.load(sys.stdin)["tokens"] if one["name"] == sys.argv[1]))' "e2e-$client")
    done_as token pull logged_in ci "$secret" pulled "$mine" "$sample_is" "$landed"
    # A name that is new to it: what is there already, some clients do not send.
    refused_as token push client_push "$origin/$sample" "$host/local/team/new/${hosted_as##*/}"
    owner token rm "$id" > /dev/null
    refused_as revoked pull pulled "$mine" "$sample_is" "$landed"
    client_logout "$host" 2> /dev/null || true
}

# write_only: a token that may push and not read. Clients look with HEAD what is there, and that must do.
write_only() {
    local secret
    secret=$(owner token create "e2e-drop-$client" --account "$user" --scope "push:local/team/**" 2> /dev/null)
    done_as writer push logged_in ci "$secret" client_push "$origin/$sample" "$host/local/team/drop/${hosted_as##*/}"
    refused_as writer pull pulled "$mine" "$sample_is" "$landed"
    client_logout "$host" 2> /dev/null || true
}

# access: the round, on a server and a client that were just started.
access() {
    local host=$domain:$port mine other expected landed=''
    mine=$host/$hosted_as other=$host/local/other/${hosted_as##*/}
    expected=$(pushed docker.io "${sample%:*}" "${sample##*:}" 3)
    owner account add "$user" --password-stdin <<< "$password" > /dev/null
    client_trust "$host"
    done_as nobody public pulled "$host/docker.io/$sample" "$sample_is" "$expected"
    refused_as nobody pull pulled "$mine" "$sample_is" "$expected"
    refused_as nobody push client_push "$origin/$sample" "$mine"
    wrong_password
    done_as login login client_login "$host"
    if ! landed=$(client_push "$origin/$sample" "$mine" 2> "$scratch/client.err" < /dev/null) || [ -z "$landed" ]; then
        result FAIL "$client" access push login "$(said_last)"
        return
    fi
    result ok "$client" access push login "${landed:0:19}"
    done_as login pull pulled "$mine" "$sample_is" "$landed"
    refused_as login elsewhere client_push "$origin/$sample" "$other"
    expired
    ! declare -F client_access > /dev/null || client_access
    done_as logout logout client_logout "$host"
    refused_as logout pull pulled "$mine" "$sample_is" "$landed"
    refused_as logout push client_push "$origin/$sample" "$mine"
    with_api_token
    [ "${push_reads:-no}" = yes ] || write_only
    done_as nobody public pulled "$host/docker.io/$sample" "$sample_is" "$expected"
}

# loopback_sent: bytes that went over it since it was slowed down.
loopback_sent() { tc -s qdisc show dev lo | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p' | head -n 1; }

# why_not_expired: a reason to leave `expired` out, or nothing.
why_not_expired() {
    local lacks
    lacks=$(clock_lacks)
    if [ -n "$lacks" ]; then
        echo "$lacks"
    elif [ "${trusts_its_clock:-no}" = yes ] && [[ " $large_clients " != *" $client "* ]]; then
        echo "it takes six minutes, which are for one client of each kind"
    fi
}

# token_dies PID: until what a pull has for a token is over, while layers are on their way. Ten minutes pass on the server's clock;
# for a client that asks for another token only when its own clock says so, six minutes pass.
token_dies() {
    local tries=200 second
    if [ "${trusts_its_clock:-no}" = yes ]; then
        for ((second = 0; second < 370; second++)); do
            alive "$1" || return 0
            sleep 1
        done
        return
    fi
    until [ "$(loopback_sent)" -gt 10000000 ] || [ $tries = 0 ]; do
        tries=$((tries - 1))
        sleep 0.1
    done
    clock_forward
}

# staged: megabytes of uploads that are under way.
staged() { du -sm "$scratch/entrepot/staging" 2> /dev/null | cut -f 1; }

# is_mounted NAME: whether layers of the image were given by another repository.
is_mounted() {
    local path=${1#*/}
    grep -q "method=POST path=/v2/${path%:*}/blobs/uploads/ status=201 " "$scratch/entrepot.log"
}

# push_expired NAME: pushes a large image; the token ends while its layers are on their way.
push_expired() {
    local tries=300 code=0 push
    tc qdisc add dev lo root tbf rate 100mbit burst 256kb limit 64mb
    client_push "$origin/lab/large:v1" "$1" > "$scratch/client.out" 2> "$scratch/client.err" < /dev/null &
    push=$!
    until [ "$(staged)" -ge 5 ] || [ $tries = 0 ] || ! alive $push; do
        tries=$((tries - 1))
        sleep 0.1
    done
    served=$(staged)
    clock_forward
    wait $push || code=$?
    tc qdisc del dev lo root
    if [ $code != 0 ]; then
        result FAIL "$client" access pushing expired "$(said_last)"
    elif [ "$served" -lt 5 ] && is_mounted "$1"; then
        result skip "$client" access pushing expired "it mounts the layers from where it pulled them, so none is on its way"
    elif [ "$served" -lt 5 ]; then
        result FAIL "$client" access pushing expired "no layer was on its way when the token expired"
    else
        result ok "$client" access pushing expired "$(cut -c 1-19 "$scratch/client.out")"
    fi
}

# expired: the token ends while the layers of a large image are on their way, up and down. What was begun goes on, and the client
# gets another token for the rest.
expired() {
    local name=$host/local/team/$client-large:1 rate=100mbit ahead=0 digest served before code=0 lacks pull
    if [ "$quick" = yes ] || [ "$sample_is" != schema2 ]; then return; fi
    lacks=$(why_not_expired)
    if [ -n "$lacks" ]; then result skip "$client" access pulling expired "$lacks" && return; fi
    if ! digest=$(client_push "$origin/lab/large:v1" "$name" 2> "$scratch/client.err" < /dev/null); then
        result FAIL "$client" access pulling expired "it cannot be pushed: $(said_last)"
        return
    fi
    [ "${trusts_its_clock:-no}" = yes ] || push_expired "$host/local/team/$client-pushed:1"
    client_clear
    [ "${trusts_its_clock:-no}" = no ] || rate=1mbit
    tc qdisc add dev lo root tbf rate $rate burst 256kb limit 64mb
    before=$(grep -c 'path=/token ' "$scratch/entrepot.log")
    client_pull "$name" large > "$scratch/client.out" 2> "$scratch/client.err" < /dev/null &
    pull=$!
    token_dies $pull
    served=$(blobs_served)
    # Slow, it was on its way for long enough.
    [ $rate = 100mbit ] || tc qdisc del dev lo root
    wait $pull || code=$?
    [ $rate != 100mbit ] || tc qdisc del dev lo root
    if [ $code != 0 ]; then
        result FAIL "$client" access pulling expired "$(said_last)"
    elif ! grep -qxF "$digest" "$scratch/client.out"; then
        result FAIL "$client" access pulling expired "expected $digest, got: $(tr '\n' ' ' < "$scratch/client.out")"
    elif [ "$(blobs_served)" -le "$served" ]; then
        result FAIL "$client" access pulling expired "no layer was on its way when the token expired"
    else
        result ok "$client" access pulling expired "$(($(blobs_served) - served)) layers later, $(($(grep -c 'path=/token ' "$scratch/entrepot.log") - before)) tokens"
    fi
}
