#!/usr/bin/env bash
# A real browser logs in and out, with the script of the pages off, and is let in and out by what others do.
#
#   e2e/sessions.sh
#
# Two entrepots: one that everybody may see, one that asks for a login, behind a proxy of this script that speaks for others.
# E2E_PICTURES=DIRECTORY keeps pictures of the pages there. Where Chromium is missing this says so and succeeds. Exit code 1
# when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"

if ! have chromium; then
    skip_all "chromium is not installed; e2e/setup.sh installs what is missing"
fi

scratch_make
binary=$(entrepot_binary)
password='correct horse battery'
mapfile -t foreign < <(compgen -e | sed -n 's/^ENTREPOT_/-uENTREPOT_/p')
read -r open closed < <(for _ in 1 2; do free_port; done | paste -sd ' ')

# entrepot_start NAME PORT [LINE...]
entrepot_start() {
    local name=$1 port=$2
    shift 2
    printf '%s\n' "listen: \"127.0.0.1:$port\"" "data: \"$scratch/$name\"" "$@" > "$scratch/$name.yaml"
    start "$name" env "${foreign[@]}" ENTREPOT_ADMIN_PASSWORD="$password" "$binary" serve --config "$scratch/$name.yaml"
    until_ready "$name" answers "http://127.0.0.1:$port/readyz"
}

entrepot_start open "$open" 'names: [m.example.com]' 'sync: [{name: r1, from: quay.io/a/b, tags: {names: [none]}, to: ["127.0.0.1:9/x/y"]}]'
entrepot_start closed "$closed" 'access: {anonymous: [pull]}'
for name in open closed; do
    printf %s "$password" | "$binary" account add alice --password-stdin --config "$scratch/$name.yaml" > /dev/null
done
python3 "$lib/sessions.py" chromium "$scratch" "$open" "$closed" "$binary"
