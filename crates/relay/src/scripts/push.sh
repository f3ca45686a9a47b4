#!/usr/bin/env bash
# Brings the images that @FILES@ names to a registry. Log in there first.
#
#   ./push-images.sh [PLATFORM]
#
# Where skopeo is installed it copies from registry to registry: nothing need be pulled before, and without a platform all
# of them are copied and digests stay the same. Otherwise docker pushes what pull-images.sh has pulled.
# What is there already is left: run it as often as need be. FORCE=1 pushes it again, TOOL=docker does without skopeo.
set -euo pipefail

registry=@REGISTRY@
registry=${REGISTRY:-$registry}
namespace=@NAMESPACE@
namespace=${NAMESPACE-$namespace}
docker=${DOCKER:-docker}
tool=${TOOL:-$(command -v skopeo > /dev/null 2>&1 && echo skopeo || echo "$docker")}
platform=@PLATFORM@
platform=${1:-${PLATFORM:-$platform}} # with skopeo; empty: all

to=$registry${namespace:+/$namespace}
# What it is called, and what it is to be called; what begins with a slash is below that.
images=(
@IMAGES@
)

# is_there TARGET
is_there() {
    [ "${FORCE:-0}" = 0 ] || return 1
    case $tool in
    *skopeo) "$tool" inspect --raw "docker://$1" > /dev/null 2>&1 ;;
    *) "$tool" manifest inspect "$1" > /dev/null 2>&1 ;;
    esac
}

# push SOURCE TARGET
push() {
    local os rest
    case $tool in
    *skopeo)
        # Of an image that is named by its digest only the whole has that.
        case $platform-$1 in
        -* | *@*) "$tool" copy --all --preserve-digests "docker://$1" "docker://$2" ;;
        *)
            os=${platform%%/*} rest=${platform#*/}
            case $rest in
            */*) "$tool" --override-os "$os" --override-arch "${rest%%/*}" --override-variant "${rest#*/}" copy "docker://$1" "docker://$2" ;;
            *) "$tool" --override-os "$os" --override-arch "$rest" copy "docker://$1" "docker://$2" ;;
            esac
            ;;
        esac
        ;;
    *)
        case $1 in
        *@*) echo "$1 is named by its digest, which $tool does not keep: install skopeo" >&2 && return 1 ;;
        *) "$tool" tag "$1" "$2" && "$tool" push "$2" ;;
        esac
        ;;
    esac
}

number=0 pushed=0 there=0 failed=0
for pair in "${images[@]}"; do
    number=$((number + 1))
    source=${pair%% *} target=${pair#* }
    case $target in /*) target=$to$target ;; esac
    if is_there "$target"; then
        echo "[$number/${#images[@]}] there: $target"
        there=$((there + 1))
    elif push "$source" "$target"; then
        echo "[$number/${#images[@]}] pushed: $target"
        pushed=$((pushed + 1))
    else
        echo "[$number/${#images[@]}] failed: $target" >&2
        failed=$((failed + 1))
    fi
done

echo "$pushed pushed, $there there already, $failed failed"
[ "$failed" = 0 ]
