#!/usr/bin/env bash
# Certificates by ACME, from a real authority on loopback: Pebble.
#
#   e2e/acme.sh
#
# By TLS-ALPN-01 and by HTTP-01, for several names; kept over restarts, renewed ahead of time, and the old one used while the
# authority is away. Pebble is taken from PATH, or built where Go is there; without it the script is skipped, which
# it says. One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/checks.sh
. "$lib/checks.sh"

have openssl || die "openssl is missing"
find_go_tool pebble github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3
have pebble || skip_all "pebble is not there, and cannot be built"
binary=$(entrepot_binary)
scratch_make
cd "$scratch"

authority=$(free_port) management=$(free_port) tls=$(free_port) http=$(free_port) dns=$(free_port)

# The authority's own certificate.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -addext basicConstraints=critical,CA:FALSE -keyout authority.key -out authority.pem 2> openssl.log

# pebble_start LIFETIME [KEY]: certificates are valid for so many seconds; with one more key of its configuration.
pebble_start() {
    cat > pebble.json << CONFIG
{"pebble": {
  "listenAddress": "127.0.0.1:$authority", "managementListenAddress": "127.0.0.1:$management",
  "certificate": "$scratch/authority.pem", "privateKey": "$scratch/authority.key",
  "httpPort": $http, "tlsPort": $tls, "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
  "profiles": {"default": {"description": "the only one", "validityPeriod": $1}}${2:+, $2}
}}
CONFIG
    PEBBLE_VA_NOSLEEP=1 start pebble pebble -config pebble.json -dnsserver "127.0.0.1:$dns"
    until_ready pebble curl -sf --cacert authority.pem "https://localhost:$authority/dir"
    curl -sf --cacert authority.pem "https://localhost:$management/roots/0" > root.pem
}

# server NAME [KEY]: writes its configuration, with one more key of `tls.acme`, and starts it.
server() {
    cat > "$1.yaml" << CONFIG
listen: 127.0.0.1:$tls
data: "$scratch/$1"
public_url: https://m.example.test
mirror: {domain: mirror.example.test}
tls:
  acme: {directory: "https://localhost:$authority/dir", directory_ca: "$scratch/authority.pem", email: ops@example.test${2:+, $2}}
CONFIG
    start "$1" "$binary" serve --config "$scratch/$1.yaml"
}

handshake() { openssl s_client -connect "127.0.0.1:$tls" -servername "$1" < /dev/null 2> s_client.log; }
names() { handshake m.example.test | openssl x509 -noout -ext subjectAltName | grep -q "DNS:$1"; }
serial() { handshake m.example.test | openssl x509 -noout -serial; }
trusted() { curl -sf --cacert root.pem --resolve "$1:$tls:127.0.0.1" "https://$1:$tls/v2/"; }
until_true() {
    local tries=300
    until "$@" > /dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then
            tail -n 3 "$scratch"/*.log
            return 1
        fi
        sleep 0.1
    done
}
private() { [ "$(stat -c %a "$1")" = 600 ]; }
other_than() { [ -n "$(serial)" ] && [ "$(serial)" != "$1" ]; }
same_as() { [ "$(serial)" = "$1" ]; }
says() { grep -q "$2" "$scratch/$1.log"; }

start dns python3 "$lib/dns.py" "$dns" quay.mirror.example.test
pebble_start 7776000

server alpn
check "tls-alpn-01: there is a certificate that is trusted" until_true trusted m.example.test
check "and for the mirror's domain" trusted mirror.example.test
check "and for the name of an upstream" trusted docker.mirror.example.test
check "a name that leads nowhere is left out, which is said" until_true says alpn 'left out for a day: quay.mirror.example.test: '
check "key and certificate are the server's user's alone" private "$(echo "$scratch"/alpn/acme/*/certificate.pem)"
check "so is the account" private "$(echo "$scratch"/alpn/acme/*/account.json)"
first=$(serial)
stop alpn
server alpn
check "a restart keeps it" until_true same_as "$first"
sed -i 's/^public_url/names: [other.example.test]\n&/' alpn.yaml
check "a name that is new in the configuration is asked for, without a restart" until_true names other.example.test
first=$(serial)
stop pebble
stop alpn
server alpn
check "also while the authority is away" until_true same_as "$first"
stop alpn

# This authority keeps nothing, so that it does not know the account any more.
pebble_start 7776000
sed 's/^public_url/names: [third.example.test]\n&/' alpn.yaml > again.yaml
start again "$binary" serve --config "$scratch/again.yaml"
check "an account that the authority has forgotten is made anew" until_true names third.example.test
stop again
server http "http: \"127.0.0.1:$http\""
check "http-01: there is a certificate that is trusted" until_true trusted docker.mirror.example.test
redirected() { curl -s -o /dev/null -w '%{redirect_url}' --resolve "m.example.test:$http:127.0.0.1" "http://m.example.test:$http/v2/" | grep -qx https://m.example.test/v2/; }
check "whoever asks for something else there is sent to https" redirected
stop http

# An authority that wants an account of its own.
stop pebble
key=$(head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d '=')
pebble_start 7776000 "\"externalAccountBindingRequired\": true, \"externalAccountMACKeys\": {\"kid-1\": \"$key\"}"
server stranger
check "an authority that wants an account of its own says so" until_true says stranger 'externalAccountRequired.*tls.acme.eab'
stop stranger
server member "eab: {kid: kid-1, hmac: \"$key\"}"
check "and takes one" until_true trusted m.example.test
absent() { ! grep -q "$1" "$2"; }
check "whose key is in no log" absent "$key" member.log
stop member

# A lifetime of half a minute: it is renewed after 20 seconds.
stop pebble
pebble_start 30
server renewed
check "a certificate of half a minute" until_true trusted m.example.test
first=$(serial)
check "is renewed ahead of time, without a restart" until_true other_than "$first"
second=$(serial)
stop pebble
check "a renewal that fails is said loudly, with a way out" until_true says renewed 'no new certificate: .*the one in use stays'
check "and leaves the old certificate in use" same_as "$second"
stop renewed

checked
