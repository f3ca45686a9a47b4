#!/usr/bin/env bash
# entrepot copies between real registries, and another client looks whether it is true.
#
#   e2e/sync.sh [--quick]      --quick: the small repositories, killed once
#
# The source and two destinations are Debian's docker-registry; distribution v3 (`registry`) and zot are destinations
# too where they are on PATH. One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/registries.sh
. "$lib/registries.sh"

kills=5 repositories=(busybox formats many-layers platforms signed large)
for argument in "$@"; do
    case $argument in
    --quick) kills=1 repositories=(busybox formats many-layers platforms signed) ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    *) die "unknown option $argument" ;;
    esac
done

# ---- what is run ------------------------------------------------------------------------------

# rules DESTINATION...: a file with one rule for all repositories.
rules() {
    local name
    printf 'registries:\n'
    for name in source "$@"; do printf '  "%s": {endpoints: ["http://%s"]}\n' "$(host "$name")" "$(host "$name")"; done
    printf 'sync:\n  - name: lab\n    from: "%s/lab/{%s}"\n    tags: {include: ["*"]}\n    to:\n' \
        "$(host source)" "$(IFS=,; echo "${repositories[*]}")"
    for name in "$@"; do printf '      - {repository: "%s/copy/{name}"}\n' "$(host "$name")"; done
}

# sync NAME DESTINATION...: its output in $scratch/NAME.out, its exit code in $code.
sync() {
    local name=$1
    shift
    rules "$@" > "$scratch/$name.yaml"
    code=0
    "$binary" sync "$scratch/$name.yaml" --cache "$scratch/cache" > "$scratch/$name.out" 2>&1 < /dev/null || code=$?
}

# check CASE CONDITION...: one line; the condition is a command.
check() {
    local case=$1 why
    shift
    if why=$("$@" 2>&1); then
        result ok entrepot sync "$case" - "${why:-}"
    else
        result FAIL entrepot sync "$case" - "${why:-it does not hold}"
    fi
}

# ---- what is looked at ------------------------------------------------------------------------

# digest_of HOST REPOSITORY TAG: by another client than ours.
digest_of() {
    if have skopeo; then
        skopeo inspect --raw --tls-verify=false "docker://$1/$2:$3" | sha256sum | sed 's/ .*//; s/^/sha256:/'
    else
        curl -sf -H "Accept: $accepted" "http://$1/v2/$2/manifests/$3" | sha256sum | sed 's/ .*//; s/^/sha256:/'
    fi
}
accepted="application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"

# tags_wanted: name, tag and digest of every image there is to be copied.
tags_wanted() {
    local name
    for name in "${repositories[@]}"; do awk -F '\t' -v n="$name" '$1 == n { print $1, $2, $3 }' "$scratch/images.tsv"; done
}

# listed ADDRESS: the digests that an index there names.
listed() { curl -sf -H "Accept: $accepted" "$1" | grep -oE '"digest": ?"sha256:[0-9a-f]+"' | grep -oE 'sha256:[0-9a-f]+' | sort; }

# lists_same DESTINATION NAME TAG: a registry with a referrers API needs no tag that lists them; it lists the same.
lists_same() {
    local there here
    here=$(listed "http://$(host source)/v2/lab/$2/manifests/$3")
    there=$(listed "http://$(host "$1")/v2/copy/$2/referrers/sha256:${3#sha256-}")
    [ -n "$here" ] && [ "$here" = "$there" ]
}

# equal DESTINATION: every tag there has the digest that it was made with.
equal() {
    local name tag digest found count=0
    while read -r name tag digest; do
        if [ "$(cat "$scratch/$1.kind")" = zot ] && [[ $tag =~ ^sha256-[0-9a-f]{64}$ ]]; then
            lists_same "$1" "$name" "$tag" || { echo "what refers to $name@${tag/-/:} is not listed"; return 1; }
            count=$((count + 1))
            continue
        fi
        found=$(digest_of "$(host "$1")" "copy/$name" "$tag") || found='not there'
        [ "$found" = "$digest" ] || { echo "$name:$tag is $found, not $digest"; return 1; }
        count=$((count + 1))
    done < <(tags_wanted)
    echo "$count tags equal"
}

# whole DESTINATION: every child and every blob can be had as well; skopeo fetches them all.
whole() {
    local name tag count=0
    have skopeo || { echo "skopeo is not installed: not looked at"; return 0; }
    while read -r name tag _; do
        # Lists of referrers are no images, and skopeo takes an index of indexes for broken.
        case $tag in sha256-* | nested) continue ;; esac
        rm -rf "$scratch/whole"
        skopeo copy --all --preserve-digests --src-tls-verify=false "docker://$(host "$1")/copy/$name:$tag" \
            "dir:$scratch/whole" > "$scratch/whole.out" 2>&1 || { tail -n 1 "$scratch/whole.out"; return 1; }
        count=$((count + 1))
    done < <(tags_wanted)
    echo "$count images fetched"
}

# exits CODE: the last run did.
exits() { [ "$code" = "$1" ] || { echo "exit code $code, not $1: $(tail -n 3 "$scratch/$2.out" | tr '\n' ' ')"; return 1; }; }

# asked NAME PATTERN: how many requests in a registry's log, since it was last cleared, match.
asked() { grep -cE "\"($2)" "$scratch/$1.log" || true; }

# heads_only DESTINATION...: nothing was done but looking: one HEAD for each tag on each side, and the tags listed.
heads_only() {
    local name tags writes reads heads
    tags=$(tags_wanted | wc -l)
    for name in source "$@"; do
        # Its log has another form.
        [ "$(cat "$scratch/$name.kind")" != zot ] || continue
        writes=$(asked "$name" 'PUT|POST|PATCH|DELETE')
        reads=$(asked "$name" 'GET /v2/[^ ]*/(manifests|blobs|referrers)/')
        heads=$(asked "$name" 'HEAD ')
        if [ "$writes" != 0 ] || [ "$reads" != 0 ] || [ "$heads" -gt "$tags" ]; then
            echo "$name: $writes writes, $reads reads, $heads HEADs for $tags tags"
            return 1
        fi
    done
    echo "$tags tags, at most as many HEADs on each side, nothing else"
}

# read_once: no blob was fetched from the source more than once, however many destinations there are.
read_once() {
    local twice
    twice=$(grep -oE '"GET /v2/[^ ]*/blobs/sha256:[0-9a-f]+ HTTP/1.1" 200' "$scratch/source.log" \
        | grep -oE 'sha256:[0-9a-f]+' | sort | uniq -d | wc -l)
    [ "$twice" = 0 ] || { echo "$twice blobs were read more than once"; return 1; }
    echo "$(asked source 'GET /v2/[^ ]*/blobs/') blobs read"
}

# pushed NAME: the blobs that a registry was sent, with their repositories. A mount sends nothing.
pushed() {
    sed -nE 's#.*"PUT /v2/([^ ]*)/blobs/uploads/[^ ]*digest=sha256(%3A|:)([0-9a-f]+).*" 20.*#\1 \3#p' "$scratch/$1.log" | sort -u
}

# ---- cases ------------------------------------------------------------------------------------

first_sync() {
    sync first "$@"
    check "first, exit" exits 0 first
    check "first, source" read_once
    local name
    for name in "$@"; do
        check "first, $name" equal "$name"
        check "whole, $name" whole "$name"
    done
}

again() {
    local name
    for name in source "$@"; do clear_log "$name"; done
    sync again "$@"
    check "again, exit" exits 0 again
    check "again, requests" heads_only "$@"
    code=0
    "$binary" check "$scratch/again.yaml" --cache "$scratch/cache" > "$scratch/check.out" 2>&1 || code=$?
    check "check, exit" exits 0 check
}

# killed: with nothing but what the destination has, the next run goes on.
killed() {
    local nth pid tries
    for nth in $(seq "$kills"); do
        registry_start docker-registry "killed$nth"
        rules "killed$nth" > "$scratch/killed.yaml"
        "$binary" sync "$scratch/killed.yaml" --cache "$scratch/cache-$nth" > "$scratch/killed.out" 2>&1 < /dev/null &
        pid=$!
        tries=600
        # Some way into it: further each time.
        until [ "$(asked "killed$nth" 'PUT ')" -ge $((nth * 8)) ] || [ $tries = 0 ]; do
            tries=$((tries - 1))
            sleep 0.02
        done
        kill -KILL $pid 2> /dev/null || true
        wait $pid 2> /dev/null || true
        pushed "killed$nth" > "$scratch/before.txt"
        clear_log "killed$nth"
        sync killed "killed$nth"
        check "killed $nth, exit" exits 0 killed
        check "killed $nth, equal" equal "killed$nth"
        pushed "killed$nth" > "$scratch/after.txt"
        check "killed $nth, rest" nothing_twice
        stop "killed$nth"
    done
}

# nothing_twice: no blob that was there was sent again.
nothing_twice() {
    local twice
    twice=$(comm -12 "$scratch/before.txt" "$scratch/after.txt" | wc -l)
    [ "$twice" = 0 ] || { echo "$twice were sent again"; return 1; }
    echo "$(wc -l < "$scratch/before.txt") before, $(wc -l < "$scratch/after.txt") after"
}

# down: what one destination lacks, the other has.
down() {
    local up=$1 away=$2
    stop "$away"
    # A new tag, so that there is something to do.
    local name tag digest media
    read -r name tag digest < <(tags_wanted)
    curl -sf -H "Accept: $accepted" "http://$(host source)/v2/lab/$name/manifests/$tag" > "$scratch/manifest"
    media=$(curl -sfI -H "Accept: $accepted" "http://$(host source)/v2/lab/$name/manifests/$tag" \
        | tr -d '\r' | sed -n 's/^Content-Type: //Ip')
    curl -sf -X PUT -H "Content-Type: $media" --data-binary "@$scratch/manifest" \
        "http://$(host source)/v2/lab/$name/manifests/brand-new"
    sync down "$up" "$away"
    check "down, exit" exits 1 down
    check "down, the other" has_tag "$up" "$name" brand-new "$digest"
    registry_again "$away"
    sync up "$up" "$away"
    check "up, exit" exits 0 up
    check "up, equal" has_tag "$away" "$name" brand-new "$digest"
}

has_tag() {
    local found
    found=$(digest_of "$(host "$1")" "copy/$2" "$3") || found='not there'
    [ "$found" = "$4" ] || { echo "$2:$3 is $found, not $4"; return 1; }
}

# ---- the run ----------------------------------------------------------------------------------

have docker-registry || die "docker-registry is not installed; e2e/setup.sh installs what is missing"
binary=$(entrepot_binary)
scratch_make
make_images small
source_filled "${repositories[@]}"

destinations=(one two)
registry_start docker-registry one
registry_start docker-registry two
for kind in registry zot; do
    if have "$kind"; then
        registry_start "$kind" "$kind"
        destinations+=("$kind")
    else
        result skip "$kind" sync - - "not on PATH"
    fi
done
first_sync "${destinations[@]}"
again "${destinations[@]}"
down one two
killed
closing_line
