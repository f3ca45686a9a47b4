# shellcheck shell=bash disable=SC2154
# BuildKit as Docker carries it: `docker buildx build` with the daemon's own builder. To pull is to build an image FROM
# it; the record of the build says which digest the name led to.

# shellcheck source=SCRIPTDIR/docker.sh
. "$lib/clients/docker.sh"

# shellcheck disable=SC2034  # for the rounds
trusts_its_clock=no

client_needs() {
    local reason
    reason=$(engine_lacks dockerd docker)
    if [ -n "$reason" ]; then
        echo "$reason"
    elif ! docker buildx version > /dev/null 2>&1; then
        echo "docker's buildx is not installed"
    fi
}

client_version() { echo "buildx $(docker buildx version | cut -d ' ' -f 2), BuildKit in $(dockerd --version)"; }

client_cannot() {
    case $1 in
    artifact) echo "a build is FROM an image" ;;
    referrers) echo "a build does not copy referrers" ;;
    esac
}

# BuildKit remembers for minutes how it reached a repository, certificates and all.
client_trust() { docker_trust "$1" && client_stop && client_start; }

# Nor does it forget a token with the login that it got it for.
client_login() { docker_login "$1" && client_stop && client_start; }
client_logout() { docker logout "$1" > /dev/null && client_stop && client_start; }

# build BASE OPTION...: the RUN line prints what the base says of itself.
build() {
    local d=$scratch/$client/context base=$1
    shift
    mkdir -p "$d"
    # shellcheck disable=SC2016  # the container's shell expands it
    printf 'FROM %s\nRUN echo "said: $(cat /etc/image), $(ls /opt | wc -l) parts"\n' "$base" > "$d/Dockerfile"
    rm -f "$d.json"
    docker buildx build --pull --no-cache --network host --progress plain --metadata-file "$d.json" "$@" "$d" > "$d.log" 2>&1 && return
    cat "$d.log" >&2
    return 1
}

client_pull() {
    build "$1" || return
    python3 -c '
import json, sys
for material in json.load(open(sys.argv[1]))["buildx.build.provenance"]["materials"]:
    print("sha256:" + material["digest"]["sha256"])' "$scratch/$client/context.json"
}

client_run() { sed -n 's/^#[0-9]* [0-9.]* said: //p' "$scratch/$client/context.log"; }

client_push() {
    build "$1" --provenance=false --push --tag "$2" || return
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["containerimage.digest"])' "$scratch/$client/context.json"
}

client_clear() {
    docker system prune --all --force > /dev/null
    docker builder prune --all --force > /dev/null
}
