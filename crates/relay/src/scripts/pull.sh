#!/usr/bin/env bash
# Pulls the images that @FILES@ names, so that push-images.sh can push them.
#
#   ./pull-images.sh [PLATFORM]
#
# What is here already for that platform is not pulled again: run it as often as need be. DOCKER=podman does too.
set -euo pipefail

docker=${DOCKER:-docker}
platform=@PLATFORM@
platform=${1:-${PLATFORM:-$platform}} # empty: that of this machine

images=(
@IMAGES@
)

# is_here IMAGE: whether it is on this machine, for the platform that is wanted.
is_here() {
    local found
    found=$("$docker" image inspect --format '{{.Os}}/{{.Architecture}}' "$1" 2> /dev/null) || return 1
    # A variant, as in linux/arm/v7, is not told.
    case $platform in
    '' | "$found" | "$found"/*) return 0 ;;
    *) return 1 ;;
    esac
}

number=0 pulled=0 here=0 failed=0
for image in "${images[@]}"; do
    number=$((number + 1))
    if is_here "$image"; then
        echo "[$number/${#images[@]}] here: $image"
        here=$((here + 1))
    elif "$docker" pull ${platform:+--platform "$platform"} "$image"; then
        echo "[$number/${#images[@]}] pulled: $image"
        pulled=$((pulled + 1))
    else
        echo "[$number/${#images[@]}] failed: $image" >&2
        failed=$((failed + 1))
    fi
done

echo "$pulled pulled, $here here already, $failed failed"
[ "$failed" = 0 ]
