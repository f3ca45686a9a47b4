#!/usr/bin/env bash
# Logins by an OpenID provider that is not ours: npm's `oidc-provider`, which is certified, and forms filled in by a script.
#
#   e2e/oidc.sh
#
# Node and npm, and the packages of e2e/oidc/package-lock.json. One line per case, a closing line of counts, exit code 1 when a
# case failed. Where Node or the packages are missing this says so and succeeds.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/checks.sh
. "$lib/checks.sh"

if ! have node || ! have npm; then skip_all "node and npm are not installed"; fi
(cd "$root/e2e/oidc" && npm ci --no-audit --no-fund --silent) || skip_all "the packages of e2e/oidc/package-lock.json cannot be installed"

binary=$(entrepot_binary)
scratch_make
port=$(free_port) idp=$(free_port)
at=127.0.0.1:$port
url=http://$at

# provider [id-token]: starts it, with its claims in userinfo or in the ID token.
provider() {
    stop provider
    start provider node "$root/e2e/oidc/provider.mjs" "$idp" "$url/login/oidc/callback" "$url/" "$@"
    until_ready provider answers "http://127.0.0.1:$idp/.well-known/openid-configuration"
}
# configure [LINE...]: lines for the section `oidc`.
configure() {
    cat > "$scratch/entrepot.yaml" << CONFIG
listen: $at
data: "$scratch/data"
access:
  anonymous: []
  oidc:
    issuer: http://127.0.0.1:$idp
    client_id: entrepot
    client_secret: env:OIDC_SECRET
    scopes: [profile, email, groups]
    admins: [ops]
    users: [dev]
$(printf '    %s\n' "$@")
  grants: [{to: "group:dev", repositories: ["local/app/**"], may: [pull, push]}]
  private: ["local/**"]
CONFIG
}
export OIDC_SECRET="a-secret/with+100%"
entrepot() { "$binary" "$@" --config "$scratch/entrepot.yaml"; }
server() {
    stop entrepot
    start entrepot "$binary" serve --config "$scratch/entrepot.yaml"
    until_ready entrepot answers "$url/readyz"
}
# browser COOKIES VERB URL...: see lib/browser.py; its output is in $scratch/page.
browser() { python3 "$lib/browser.py" "$scratch/$1" "${@:2}" > "$scratch/page"; }
page_has() { grep -qF -e "$1" "$scratch/page"; }
# lands STATUS ADDRESS: where the browser ended.
lands() {
    head -2 "$scratch/page" | tr '\n' ' '
    [ "$(head -2 "$scratch/page" | tr '\n' ' ')" = "$1 $2 " ]
}
# me COOKIES: who the session is.
me() {
    browser "$1" get "$url/api/v1/me"
    tail -n +3 "$scratch/page" | python3 -c 'import json, sys; me = json.load(sys.stdin); print(me.get("account"), me.get("role"))'
}

provider
configure
server
printf 'correct horse battery' | entrepot account password admin --password-stdin > /dev/null

browser alice get "$url/login"
check "the login page offers the provider" page_has "/login/oidc"
browser alice login "$url/login/oidc?next=/account" alice
check "a login by the provider, claims in userinfo" lands 200 "$url/account"
check "it gives the role of the group" [ "$(me alice)" = "alice user" ]
browser olivia login "$url/login/oidc" olivia
check "another one" [ "$(me olivia)" = "olivia admin" ]
browser eve login "$url/login/oidc" eve
check "a group that is only nearly the same is no access" page_has "403"
check "and says so" page_has "is in no group that has access here"
check "nobody is logged in then" [ "$(me eve)" = "None None" ]
browser next login "$url/login/oidc?next=//evil.example/" alice
check "an address of elsewhere is not gone to" lands 200 "$url/"
browser stolen get "$url/login/oidc/callback?code=x&state=y"
check "a callback that no login began" page_has "400"
check "is explained" page_has "did not begin"

start device env DOCKER_CONFIG="$scratch/docker" "$binary" login "$at" --device
code=
for _ in $(seq 100); do
    code=$(sed -nE 's/.*code: +([A-Z]{4}-[A-Z]{4}).*/\1/p' "$scratch/device.log")
    [ -z "$code" ] || break
    sleep 0.1
done
check "a program shows a code" [ -n "$code" ]
browser nobody get "$url/login/device?code=$code"
check "confirming needs a login" page_has "/login"
browser alice get "$url/login/device?code=$code"
check "the page says which program it is" page_has "entrepot on "
browser alice post "$url/login/device" "code=$code" answer=approve
check "it is confirmed" lands 200 "$url/login/device"
tries=150
while alive "$(cat "$scratch/device.pid")" && [ $tries -gt 0 ]; do tries=$((tries - 1)) && sleep 0.1; done
check "the program is logged in" grep -qF "as \`alice\`" "$scratch/device.log"
token=$(python3 -c 'import base64, json, sys; print(base64.b64decode(list(json.load(open(sys.argv[1]))["auths"].values())[0]["auth"]).decode())' "$scratch/docker/config.json")
check "what is kept is an API token" [ "${token%%_*}" = "alice:ep" ]
check "which works as a password" answers "http://$token@$at/v2/"
browser alice post "$url/login/device" "code=$code" answer=approve
check "a code counts once" page_has "404"

entrepot account disable alice > /dev/null
check "a session of a disabled account ends" [ "$(me alice)" = "None None" ]
browser again login "$url/login/oidc" alice
check "and begins no other" page_has "403"
entrepot account enable alice > /dev/null

check "test login: the provider answers and accepts us" entrepot access test oidc
OIDC_SECRET=wrong check "test login: a wrong secret" fails entrepot access test oidc
configure "ca: $scratch/none.pem"
check "test login: a file that is missing" fails entrepot access test oidc
configure
sed -i "s#issuer: .*#issuer: http://127.0.0.1:$idp/#" "$scratch/entrepot.yaml"
entrepot access test oidc > "$scratch/page" 2>&1 || true
check "test login: another issuer, and the way out" page_has "to the letter"

provider id-token
configure
server
browser claims login "$url/login/oidc" alice
check "a login by the provider, claims in the ID token" [ "$(me claims)" = "alice user" ]
stop provider
server
browser away get "$url/login/oidc"
check "the provider is away: 503" page_has "503"
check "and says so" page_has "does not answer"
check "accounts that were made here go on" answers "http://admin:correct%20horse%20battery@$at/v2/"
check "no secret in log or database" fails grep -rqF -e "$OIDC_SECRET" -e "${token#alice:}" "$scratch/data" "$scratch/entrepot.log"
checked
