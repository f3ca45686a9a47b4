#!/usr/bin/env bash
# A real browser opens pages of strangers, and what they try on a registry of this machine comes to nothing.
#
#   e2e/browser.sh
#
# Chromium, nginx as docs/how-to/tls.md has it, and three entrepots: without a token, with one, and behind that nginx.
# Where Chromium is missing this says so and succeeds. Exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"

for command in chromium nginx openssl; do
    have "$command" && continue
    skip_all "$command is not installed; e2e/setup.sh installs what is missing"
done

scratch_make
binary=$(entrepot_binary)
# Variables of that prefix are configuration to entrepot; those of the caller are not meant here.
mapfile -t foreign < <(compgen -e | sed -n 's/^ENTREPOT_/-uENTREPOT_/p')
read -r open token front behind registry pages < <(for _ in 1 2 3 4 5 6; do free_port; done | paste -sd ' ')

# entrepot_start NAME PORT [LINE...]: one with a rule, whose docker.io and evil.test are the registry of the test.
entrepot_start() {
    local name=$1 port=$2
    shift 2
    {
        cat << CONFIG
listen: "127.0.0.1:$port"
data: "$scratch/$name"
registries:
  evil.test: {mirror: true, endpoints: ["http://127.0.0.1:$registry"]}
sync: [{name: r1, from: evil.test/ns/app, tags: {names: [none]}, to: ["127.0.0.1:9/x/y"]}]
CONFIG
        printf '%s\n' "$@"
    } > "$scratch/$name.yaml"
    start "$name" env "${foreign[@]}" "$binary" serve --config "$scratch/$name.yaml"
    until_ready "$name" answers "http://127.0.0.1:$port/readyz"
}

# nginx_start: the example as it is written, at another port, with our certificate, and open to loopback.
nginx_start() {
    local d=$scratch/nginx
    mkdir -p "$d"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=m.example.com -keyout "$d/key" -out "$d/crt" 2> /dev/null
    {
        printf 'daemon off; user root; pid %s/pid; error_log stderr; events {}\nhttp {\naccess_log off;\n' "$d"
        printf '%s_temp_path %s/temp;\n' client_body "$d" proxy "$d" fastcgi "$d" uwsgi "$d" scgi "$d"
        # shellcheck disable=SC2016  # the fences of a Markdown block
        sed -n '/^```nginx/,/^```$/p' "$root/docs/how-to/tls.md" | sed '/^```/d' \
            | sed -e "s|listen 443|listen 127.0.0.1:$front|; s|http://127.0.0.1:5000|http://127.0.0.1:$behind|; s|allow 10.0.0.0/8|allow 127.0.0.0/8|" \
                -e "s|/etc/ssl/m.example.com.crt|$d/crt|; s|/etc/ssl/m.example.com.key|$d/key|"
        printf '}\n'
    } > "$d/conf"
    start nginx nginx -p "$d" -e stderr -c "$d/conf"
    until_ready nginx curl -skf -o /dev/null --resolve "m.example.com:$front:127.0.0.1" "https://m.example.com:$front/readyz"
}

entrepot_start open "$open"
entrepot_start token "$token" 'api_token: SECRETTOK'
entrepot_start behind "$behind" 'names: [m.example.com]'
# The probe above is of this machine; what nginx passes on is not, and comes with the first request of the test.
nginx_start
stop behind
entrepot_start behind "$behind" 'names: [m.example.com]'
python3 "$lib/pages.py" chromium "$scratch" "$open" "$token" "$front" "$behind" "$registry" "$pages"
