#!/usr/bin/env bash
# The official OCI distribution-spec conformance suite against a fresh entrepot, for three versions of the spec: open to
# everybody, and closed to everybody but one account, which logs in with a token (bearer) or sends its password each time (basic).
#
#   e2e/conformance.sh [--access open|bearer|basic] [--at HOST:PORT [--prefix NAME/]] [VERSION...]
#
# The suite is a binary: OCI_CONFORMANCE names it, or it is `oci-conformance` on PATH. Where there is none this
# says so and succeeds. --at takes another server over plain HTTP. Exit code 1 on any failure, or if nothing ran.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/servers.sh
. "$lib/servers.sh"

server='' prefix=local/ versions=() kinds=(open bearer basic)
while [ $# -gt 0 ]; do
    case $1 in
    --at) server=${2:?} && shift ;;
    --prefix) prefix=${2:?} && shift ;;
    --access) kinds=("${2:?}") && shift ;;
    -*) die "unknown option $1" ;;
    *) versions+=("$1") ;;
    esac
    shift
done
[ ${#versions[@]} -gt 0 ] || versions=(1.0 1.1 dev)
[ -z "$server" ] || kinds=(open)

suite=${OCI_CONFORMANCE:-$(command -v oci-conformance || true)}
if [ -z "$suite" ]; then
    say "skipped: not run, the suite is absent; put it on PATH as oci-conformance, or set OCI_CONFORMANCE"
    say "0 passed, 0 failed, $((${#kinds[@]} * ${#versions[@]})) skipped"
    exit 0
fi
[ -x "$suite" ] || die "OCI_CONFORMANCE names $suite, which cannot be run"

scratch_make
owner=suite secret="a password of ${RANDOM}s"

# access_section: for the closed ones.
access_section() { echo "access: {anonymous: [], grants: [{to: \"account:$owner\", repositories: [\"$prefix**\"], may: [pull, push, delete]}]}"; }

# password_start PORT: a proxy that sends the password with each request, as some clients do.
password_start() {
    local d=$scratch/password
    mkdir -p "$d"
    cat > "$d/nginx.conf" << CONFIG
daemon off;
pid $d/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path $d/body;
    proxy_temp_path $d/proxied;
    fastcgi_temp_path $d/unused;
    uwsgi_temp_path $d/unused;
    scgi_temp_path $d/unused;
    server {
        listen 127.0.0.1:$1;
        client_max_body_size 0;
        proxy_buffering off;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_set_header Host \$http_host;
        proxy_set_header Authorization "Basic $(printf %s "$owner:$secret" | base64 -w 0)";
        location / { proxy_pass http://$at; }
    }
}
CONFIG
    start password nginx -p "$d" -e stderr -c "$d/nginx.conf"
    until_ready password answers "http://127.0.0.1:$1/readyz"
}

# serve_kind KIND: a fresh server ($server), and who the suite says it is.
serve_kind() {
    login=()
    if [ "$1" = open ]; then
        entrepot_start
        server=$at
        return
    fi
    scene=closed entrepot_start
    "$binary" account add "$owner" --password-stdin --config "$scratch/entrepot.yml" <<< "$secret" > /dev/null
    server=$at login=(OCI_USERNAME="$owner" OCI_PASSWORD="$secret")
    if [ "$1" = basic ]; then
        login=()
        port=$(free_port)
        server=127.0.0.1:$port
        password_start "$port"
    fi
}

# one KIND VERSION: repositories are new in every run, since the suite counts on empty ones.
one() {
    local results=$scratch/conformance-$1-$2 name=${prefix}conf-$RANDOM$RANDOM
    mkdir -p "$results"
    (
        cd "$results"
        unset OCI_CONFIGURATION
        env "${login[@]}" OCI_REGISTRY="$server" OCI_TLS=disabled OCI_VERSION="$2" OCI_RESULTS_DIR="$results" \
            OCI_REPO1="$name/one" OCI_REPO2="$name/two" timeout 300 "$suite" > out.txt 2> err.txt
    ) || true
    [ -e "$results/results.yaml" ] || tail -n 3 "$results/err.txt" >&2
    say "access: $1"
    python3 "$lib/conformance.py" "$results" "$2"
}

code=0 login=()
if [ -n "$server" ]; then
    for version in "${versions[@]}"; do one open "$version" || code=1; done
    exit $code
fi
binary=$(entrepot_binary)
for kind in "${kinds[@]}"; do
    if [ "$kind" = basic ] && ! have nginx; then
        say "skipped: $kind not run, nginx is not installed"
        continue
    fi
    serve_kind "$kind"
    for version in "${versions[@]}"; do one "$kind" "$version" || code=1; done
    stop password
    stop entrepot
done
exit $code
