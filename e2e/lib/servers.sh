# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the cases use what is set here; common.sh and the script set: root, scratch, images, binary
# The servers of a run, all on loopback: two origins (Debian's docker-registry), and entrepot in front of them.

domain=m.test

# listen_at: loopback; in a network of our own, where there is nothing else, every address of it.
listen_at() { if [ "${E2E_MODE:-}" = inside ]; then echo 0.0.0.0; else echo 127.0.0.1; fi; }

# origin_start NAME PORT: a registry whose data outlives its stops; its log holds only what came since. In the round
# `account` it wants one, and the one for quay.io has a certificate of the private authority.
origin_start() {
    local auth='' tls='' url=http://127.0.0.1:$2/
    if [ "${scene:-}" = account ]; then
        auth=$(account_auth "$1")
        if [ "$1" = origin-quay ]; then
            url=https://127.0.0.1:$2/
            tls=", tls: {certificate: $scratch/tls/server.crt, key: $scratch/tls/server.key}"
        fi
    fi
    mkdir -p "$scratch/$1"
    cat > "$scratch/$1/config.yml" << CONFIG
version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $scratch/$1/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$2", secret: e2e, debug: {addr: ""}$tls}
$auth
CONFIG
    # It takes variables that begin with REGISTRY_ for configuration; skopeo's is none.
    start "$1" env -u REGISTRY_AUTH_FILE docker-registry serve "$scratch/$1/config.yml"
    until_ready "$1" answers "$url"
}

origins_start() {
    origin_start origin-docker "$docker_port"
    origin_start origin-quay "$quay_port"
}

origins_stop() {
    stop origin-docker
    stop origin-quay
}

# origins_fill: docker.io gets every image; quay.io another one under the name busybox.
origins_fill() {
    docker_port=$(free_port) quay_port=$(free_port)
    origin=127.0.0.1:$docker_port
    origins_start
    local name pairs=()
    while read -r name; do
        [ "$name" = elsewhere ] || pairs+=("$images/$name=lab/$name")
    done < <(cut -f 1 "$scratch/images.tsv" | sort -u)
    python3 "$root/e2e/push.py" --to "http://127.0.0.1:$docker_port" "${pairs[@]}"
    python3 "$root/e2e/push.py" --to "http://127.0.0.1:$quay_port" "$images/elsewhere=lab/busybox"
    origins_stop
}

# access_open: everybody may do everything; what only our account gets is given away too, where that is said.
access_open() {
    local given=''
    [ "${scene:-}" != account ] || given=', grants: [{to: anonymous, repositories: ["docker.io/**", "quay.io/**"], may: [pull]}]'
    echo "access: {anonymous: [pull, push, delete, see]$given}"
}

# entrepot_config PORT: the origins stand for docker.io and quay.io; in `account` with what they want, in `tls` and `access` with a certificate.
entrepot_config() {
    local docker='' quay='' quay_at=http://127.0.0.1 account
    if [ "${scene:-}" = account ]; then
        # A password goes to a server of tokens only over TLS and within one domain; both are at private addresses here. Nor
        # does it go to an endpoint that does not have the registry's name, unless that is named.
        quay_at=https://registry.$domain
        account="username: $user, password: \"file:$scratch/account/password\""
        docker=", credentials: [{$account, endpoint: \"http://127.0.0.1:${docker_port:-9}\"}]"
        quay=", credentials: [{$account, endpoint: \"$quay_at:${quay_port:-9}\"}], ca: $ca, private_network: true"
    fi
    cat << CONFIG
listen: "$(listen_at):$1"
data: "$scratch/entrepot"
mirror:
  domain: $domain
  default_upstream: docker.io
registries:
  docker.io: {endpoints: ["http://127.0.0.1:${docker_port:-9}"], alias: docker$docker}
  quay.io: {endpoints: ["$quay_at:${quay_port:-9}"], alias: quay$quay}
CONFIG
    if [[ ${scene:-} =~ ^(access|closed)$ ]]; then access_section; else access_open; fi
    [[ ! ${scene:-} =~ ^(tls|access)$ ]] || printf 'tls: {cert: "%s/tls/server.crt", key: "%s/tls/server.key"}\n' "$scratch" "$scratch"
}

# stand_in_start PORT: a plain pull-through cache in entrepot's place, to see whether a procedure itself is right.
stand_in_start() {
    cat > "$scratch/entrepot.yml" << CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $scratch/entrepot}}
http: {addr: "$(listen_at):$1", secret: e2e, debug: {addr: ""}}
proxy: {remoteurl: "http://127.0.0.1:$docker_port", ttl: 168h}
CONFIG
    start entrepot env -u REGISTRY_AUTH_FILE docker-registry serve "$scratch/entrepot.yml"
    until_ready entrepot answers "http://127.0.0.1:$1/v2/"
}

# entrepot_start: a fresh and empty one; sets $port and $at, where the clients go: in `login` that is the proxy in front.
entrepot_start() {
    local url
    local -a clock=()
    port=$(free_port)
    entrepot_port=$port
    at=127.0.0.1:$port
    rm -rf "$scratch/entrepot"
    if [ "${stand_in:-no}" = yes ]; then
        stand_in_start "$port"
        return
    fi
    entrepot_config "$port" > "$scratch/entrepot.yml"
    # Variables of that prefix are configuration to entrepot; those of the caller are not meant here.
    mapfile -t foreign < <(compgen -e | sed -n 's/^ENTREPOT_/-uENTREPOT_/p')
    [ "${scene:-}" != access ] || mapfile -t clock < <(clock_of_server)
    start entrepot env "${foreign[@]}" "${clock[@]}" "$binary" serve --config "$scratch/entrepot.yml"
    url=http://$at/readyz
    [[ ! ${scene:-} =~ ^(tls|access)$ ]] || url=https://$at/readyz
    until_ready entrepot answers "$url"
    if [ "${scene:-}" = login ]; then
        port=$(free_port)
        at=127.0.0.1:$port
        proxy_start "$port"
    fi
}
