#!/usr/bin/env bash
# A compose stack goes to a private registry, and a real client pulls it from there.
#
#   e2e/relay.sh [--quick]      --quick: without the large image
#
# Debian's docker-registry stands for docker.io, ghcr.io and quay.io, and is the private registry, which wants a password.
# One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/registries.sh
. "$lib/registries.sh"

large=1
for argument in "$@"; do
    case $argument in
    --quick) large= ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    *) die "unknown option $argument" ;;
    esac
done

# ---- the stack --------------------------------------------------------------------------------

# stack: a compose file, its variables, and where the registries are that it names.
stack() {
    mkdir -p "$work/own"
    echo 'FROM scratch' > "$work/own/Dockerfile"
    cat > "$work/docker-compose.yaml" << COMPOSE
# What is said here must stay.
x-shared: &shared
  restart: always
  environment: {SECRET: "\${SECRET}", EMPTY: ''}

services:
  web:
    <<: *shared
    image: lab/busybox:1.35 # as it is
    profiles: ["all"]
  worker: {image: "lab/busybox:1.35", command: ["sh", "-c", "image: not this one"]}
  api:
    image: "ghcr.io/lab/many-layers:\${TAG:-none}"
  db:
    image: \${DB_IMAGE:-postgres:15}
  tool:
    image: quay.io/lab/formats:zstd
  ignored:
    image: vendor/licensed
  own:
    build: ./own
COMPOSE
    [ -z "$large" ] || printf "  large: {image: 'quay.io/lab/large:v1'}\n" >> "$work/docker-compose.yaml"
    printf 'SECRET=canary\nTAG=v1\nDB_IMAGE=ghcr.io/lab/platforms:v1\n' > "$work/.env"
    echo 'vendor/*  # wants a licence' > "$work/ignore-images.txt"
    {
        printf 'registries:\n  docker.io: {endpoints: ["http://%s"]}\n' "$(host hub)"
        printf '  ghcr.io: {endpoints: ["http://%s"]}\n  quay.io: {endpoints: ["http://%s"]}\n' "$(host ghcr)" "$(host quay)"
    } > "$work/entrepot.yaml"
}

# relay NAME ARGUMENT...: in the directory of the stack; output in $scratch/NAME.out, exit code in $code.
relay() {
    local name=$1
    shift
    code=0
    (cd "$work" && "$binary" relay docker-compose.yaml --ignore ignore-images.txt "$@") > "$scratch/$name.out" 2>&1 < /dev/null || code=$?
}

# check CASE CONDITION...: one line; the condition is a command.
check() {
    local case=$1 why
    shift
    if why=$("$@" 2>&1); then
        result ok entrepot relay "$case" - "${why:-}"
    else
        result FAIL entrepot relay "$case" - "${why:-it does not hold}"
    fi
}

exits() { [ "$code" = "$1" ] || { echo "exit code $code, not $1: $(tail -n 3 "$scratch/$2.out" | tr '\n' ' ')"; return 1; }; }

# ---- what is looked at ------------------------------------------------------------------------

# images: where each image comes from, and what it is called in the private registry.
images() {
    printf '%s\n' "hub lab/busybox:1.35 lab-busybox:1.35" "ghcr lab/many-layers:v1 lab-many-layers:v1" \
        "ghcr lab/platforms:v1 lab-platforms:v1" "quay lab/formats:zstd lab-formats:zstd"
    [ -z "$large" ] || echo "quay lab/large:v1 lab-large:v1"
}

digest_of() { skopeo inspect --raw --tls-verify=false ${3:+--creds "$3"} "docker://$1/$2" | sha256sum | sed 's/ .*//'; }

# equal REGISTRY NAMESPACE [CREDENTIALS]: every image has the digest there that it has at its origin.
equal() {
    local from source target count=0
    have skopeo || { echo "skopeo is not installed: not looked at"; return 0; }
    while read -r from source target; do
        [ "$(digest_of "$(host "$from")" "$source")" = "$(digest_of "$(host "$1")" "$2/$target" "${3:-}")" ] \
            || { echo "$target has another digest"; return 1; }
        count=$((count + 1))
    done < <(images)
    echo "$count digests equal"
}

only_images() { python3 "$lib/same.py" "$1" "$2"; }

# compose_reads FILE [OPTION...]: what compose makes of a file, in FILE.config.
compose_reads() {
    local file=$1
    shift
    (cd "$(dirname "$file")" && $compose "$@" -f "$file" config) > "$file.config" 2> "$scratch/compose.err"
}

# compose_agrees OLD NEW [OPTION...]: compose itself takes both for the same, but for the images.
compose_agrees() {
    local old=$1 new=$2 file
    shift 2
    for file in "$old" "$new"; do
        compose_reads "$file" "$@" || { tail -n 1 "$scratch/compose.err"; return 1; }
    done
    diff "$old.config" "$new.config" | grep '^[<>]' | grep -v 'image:' && return 1
    echo "$compose agrees"
}

# compose_says CASE OLD NEW [OPTION...]
compose_says() {
    local case=$1
    shift
    if [ -n "$compose" ]; then
        check "$case" compose_agrees "$@"
    else
        result skip compose relay "$case" - "neither docker compose nor docker-compose is installed"
    fi
}

find_compose() {
    local words
    for words in "docker compose" docker-compose; do
        # shellcheck disable=SC2086  # two words are meant
        if $words version > /dev/null 2>&1; then echo "$words" && return; fi
    done
}

no_secret() { ! grep -rl canary "$scratch"/*.out || { echo "a secret was printed"; return 1; }; }

files_absent() { [ ! -e "$work/docker-compose-mirror.yaml" ] && [ ! -e "$work/.env-mirror" ]; }

written() { grep -cE '"(PUT|POST|PATCH) ' "$scratch/$1.log" || true; }

nothing_written() {
    [ "$(written "$1")" = 0 ] || { echo "$(written "$1") writes"; return 1; }
    echo "no writes"
}

# podman_ready: Podman with a storage of its own, which speaks plain HTTP to the registry.
podman_ready() {
    local d=$scratch/podman
    mkdir -p "$d"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/root"\nrunroot = "%s/run"\n' "$d" "$d" > "$d/storage.conf"
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$(host private)" > "$d/registries.conf"
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' > "$d/containers.conf"
    export CONTAINERS_STORAGE_CONF=$d/storage.conf CONTAINERS_REGISTRIES_CONF=$d/registries.conf CONTAINERS_CONF=$d/containers.conf
    podman login --username me --password-stdin "$(host private)" <<< secret > /dev/null 2>&1
}

# wanted: the images of the new file that were relayed, as compose fills them in.
wanted() {
    local image
    while read -r image; do
        # shellcheck source=/dev/null
        [ "$image" = vendor/licensed ] || (set -a && . "$work/.env-mirror" && eval "echo \"$image\"")
    done < <(python3 "$lib/same.py" --images "$work/docker-compose-mirror.yaml" | sort -u)
}

# pulled: deployed as it is meant, everything comes but what was left alone.
pulled() {
    local image count=0 there=$scratch/deployed
    mkdir -p "$there"
    cp "$work/.env-mirror" "$there/.env"
    sed '/^  ignored:/,+1d' "$work/docker-compose-mirror.yaml" > "$there/docker-compose.yml"
    if have podman-compose; then
        (cd "$there" && podman-compose pull) > "$scratch/pull.log" 2>&1 || { tail -n 2 "$scratch/pull.log"; return 1; }
    else
        for image in $(wanted); do
            podman pull --quiet "$image" > /dev/null 2> "$scratch/pull.log" || { tail -n 1 "$scratch/pull.log"; return 1; }
        done
    fi
    for image in $(wanted); do
        podman image exists "$image" || { echo "$image did not come: $(tail -n 1 "$scratch/pull.log")"; return 1; }
        count=$((count + 1))
    done
    echo "$count pulled${1:+ by $1}"
}

# ---- cases ------------------------------------------------------------------------------------

without_login() {
    relay denied --to "$(host private)/mirrors"
    check "no login, exit" exits 1 denied
    check "no login, files" files_absent
    printf secret | "$binary" login "$(host private)" -u me --password-stdin > "$scratch/login.out"
}

# killed: some way into it. Nothing is half written, and the next run goes on.
killed() {
    local pid tries=400
    (cd "$work" && exec "$binary" relay docker-compose.yaml --ignore ignore-images.txt --to "$(host private)/mirrors") \
        > "$scratch/killed.out" 2>&1 < /dev/null &
    pid=$!
    until [ "$(written private)" -ge 6 ] || [ $tries = 0 ]; do tries=$((tries - 1)) && sleep 0.01; done
    kill -KILL $pid 2> /dev/null || true
    wait $pid 2> /dev/null || true
    check "killed, files" files_absent
}

whole() {
    relay first --to "$(host private)/mirrors"
    check "first, exit" exits 0 first
    check "first, digests" equal private mirrors me:secret
    check "first, PyYAML" only_images "$work/docker-compose.yaml" "$work/docker-compose-mirror.yaml"
    check "first, left" grep -q 'image: vendor/licensed' "$work/docker-compose-mirror.yaml"
    compose_says "first, compose" "$work/docker-compose.yaml" "$work/docker-compose-mirror.yaml" --env-file "$work/.env"
    clear_log private
    relay again --to "$(host private)/mirrors"
    check "again, exit" exits 0 again
    check "again, writes" nothing_written private
    check "no secrets" no_secret
}

real_client() {
    if ! have podman; then
        result skip podman relay pull - "podman is not installed"
    elif [ "$(id -u)" != 0 ]; then
        result skip podman relay pull - "root is needed"
    else
        podman_ready
        check "podman pulls" pulled "$(have podman-compose && echo podman-compose)"
    fi
}

# same_id FORMAT: what was loaded has the config that Podman knows the image by.
same_id() {
    local image id found
    for image in "${saved[@]}"; do
        id=$(podman image inspect --format '{{.Id}}' "$image")
        found=$(skopeo inspect --raw --tls-verify=false "docker://$(host offline)/$1/$(basename "$(dirname "$image")")-$(basename "$image")" \
            | python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["digest"].split(":")[1])') || return 1
        [ "$id" = "$found" ] || { echo "$image is $id, and $found after it"; return 1; }
    done
    echo "${#saved[@]} images"
}

# saved_by_podman: what a real client writes goes to a registry.
saved_by_podman() {
    local format more saved
    if ! have podman || ! have skopeo || [ "$(id -u)" != 0 ]; then
        result skip podman relay save - "podman, skopeo and root are needed"
        return
    fi
    for format in docker-archive oci-archive; do
        # Docker's form knows no zstd, and only it has room for several images.
        mapfile -t saved < <(wanted | grep -v formats)
        more=-m
        [ $format = docker-archive ] || { more='' && saved=("${saved[0]}"); }
        podman save --quiet $more --format $format -o "$scratch/$format.tar" "${saved[@]}" > /dev/null 2> "$scratch/save.log" \
            || { result FAIL podman relay "save, $format" - "$(tail -n 1 "$scratch/save.log")"; continue; }
        code=0
        "$binary" load "$scratch/$format.tar" --to "$(host offline)/$format" > "$scratch/load-saved.out" 2>&1 || code=$?
        check "load, $format" exits 0 load-saved
        check "load, $format, ids" same_id $format
    done
}

bundled() {
    relay bundle --to registry.lan/apps --bundle "$scratch/stack.tar"
    check "bundle, exit" exits 0 bundle
    check "bundle, skopeo" bundle_reads
    # There is no network on the other side.
    stop hub && stop ghcr && stop quay
    mkdir "$scratch/there"
    code=0
    (cd "$scratch/there" && "$binary" load "$scratch/stack.tar" --to "$(host offline)/apps") > "$scratch/load.out" 2>&1 || code=$?
    check "load, exit" exits 0 load
    check "load, PyYAML" only_images "$work/docker-compose.yaml" "$scratch/there/stack/docker-compose-mirror.yaml"
    for name in hub ghcr quay; do registry_again $name; done
    check "load, digests" equal offline apps
}

# bundle_reads: others find the images in it under their names.
bundle_reads() {
    have skopeo || { echo "skopeo is not installed: not looked at"; return 0; }
    skopeo inspect --raw "oci-archive:$scratch/stack.tar:docker.io/lab/busybox:1.35" > /dev/null
}

scripted() {
    relay scripts --to "$(host scripted)/s" --scripts "$scratch/scripts"
    check "scripts, exit" exits 0 scripts
    if have skopeo; then
        mkdir -p "$HOME/.config/containers"
        {
            for name in hub:docker.io ghcr:ghcr.io quay:quay.io; do
                printf '[[registry]]\nprefix = "%s"\nlocation = "%s"\ninsecure = true\n' "${name#*:}" "$(host "${name%:*}")"
            done
            printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$(host scripted)"
        } > "$HOME/.config/containers/registries.conf"
        code=0
        env -u CONTAINERS_REGISTRIES_CONF "$scratch/scripts/push-images.sh" > "$scratch/push.out" 2>&1 || code=$?
        check "push, exit" exits 0 push
        check "push, digests" equal scripted s
    else
        result skip skopeo relay scripts - "skopeo is not installed"
    fi
}

# leant_on DIRECTORY FILE: what compose wants to be there before it reads the file.
leant_on() {
    local name
    grep -oE '[a-z]+\.env$' "$2" | while read -r name; do touch "$1/$name"; done || true
    sed -nE 's#^ *(build|context): *"?(\./)?([A-Za-z0-9_-]+)"?$#\3#p' "$2" | while read -r name; do
        mkdir -p "$1/$name"
        touch "$1/$name/Dockerfile"
    done
    # Values that must be numbers, times or images.
    { grep -oE 'HEALTHCHECK_[A-Z_]+|[A-Z_]+_IMAGE' "$2" || true; } | sort -u \
        | sed -E 's/.*RETRIES$/&=3/; t; s/.*IMAGE$/&=quay.io\/lab\/\L&:1/; t; s/$/=9s/' > "$1/.env"
}

# real_files: stacks that people run, where they are at hand: every image but what is built has another name, nothing else.
real_files() {
    local cases=$root/../shared/cases file name there
    if [ ! -d "$cases" ]; then
        result skip entrepot relay "real files" - "they are not beside this repository"
        return
    fi
    for file in "$cases"/*compose*.y*ml; do
        name=$(basename "${file%.*}")
        there=$scratch/real/$name
        mkdir -p "$there"
        cp "$file" "$there/old.yaml"
        leant_on "$there" "$file"
        code=0
        (cd "$there" && "$binary" relay old.yaml --to registry.lan/apps --dry-run) > "$scratch/plan.out" 2>&1 || code=$?
        check "$name, plan" exits 0 plan
        code=0
        "$binary" rewrite --kind compose --to registry.lan/apps "$there/old.yaml" > "$there/new.yaml" 2> "$scratch/rewrite.out" || code=$?
        check "$name, exit" exits 0 rewrite
        check "$name, PyYAML" only_images "$there/old.yaml" "$there/new.yaml"
        # An old compose knows less than people write.
        if [ -n "$compose" ] && ! compose_reads "$there/old.yaml"; then
            result skip compose relay "$name, compose" - "$compose does not take it as it is: $(tail -n 1 "$scratch/compose.err")"
        else
            compose_says "$name, compose" "$there/old.yaml" "$there/new.yaml"
        fi
    done
}

# ---- the run ----------------------------------------------------------------------------------

for command in docker-registry htpasswd; do have $command || die "$command is not installed; e2e/setup.sh installs what is missing"; done
binary=$(entrepot_binary)
scratch_make
make_images small
# Logins of whoever runs this are none of our business.
export HOME=$scratch/home
unset DOCKER_CONFIG REGISTRY_AUTH_FILE
mkdir -p "$HOME"
work=$scratch/work
compose=$(find_compose)
registry_account private me secret
for name in hub ghcr quay private offline scripted; do registry_start docker-registry "$name"; done
python3 "$root/e2e/push.py" --to "http://$(host hub)" "$images/busybox=lab/busybox"
python3 "$root/e2e/push.py" --to "http://$(host ghcr)" "$images/many-layers=lab/many-layers" "$images/platforms=lab/platforms"
python3 "$root/e2e/push.py" --to "http://$(host quay)" "$images/formats=lab/formats" ${large:+"$images/large=lab/large"}
stack
without_login
killed
whole
real_client
saved_by_podman
bundled
scripted
real_files
closing_line
