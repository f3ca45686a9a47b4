# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the rounds use what is set here; the script sets: scratch, domain, port, entrepot_port
# Who is let in, and how that is known: a private certificate authority, a proxy that asks for a password, and the
# accounts that the origins want in the round `account`.

user=lab password=e2e-secret

# front_lacks: what is missing for the rounds with certificates and passwords, or nothing.
front_lacks() {
    local command
    for command in openssl nginx htpasswd; do have "$command" || { echo "$command is not installed" && return; }; done
}

# authority_make: the authority ($ca), and one certificate for all servers of the run.
authority_make() {
    local d=$scratch/tls
    ca=$d/ca.crt
    [ ! -e "$ca" ] || return 0
    mkdir -p "$d"
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:%s,DNS:*.%s\n' "$domain" "$domain" > "$d/names"
    {
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=authority of a test" -keyout "$d/ca.key" -out "$ca"
        openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$domain" -keyout "$d/server.key" -out "$d/server.csr"
        openssl x509 -req -in "$d/server.csr" -days 2 -CA "$ca" -CAkey "$d/ca.key" -CAcreateserial -extfile "$d/names" -out "$d/server.crt"
    } > "$d/log" 2>&1
}

# proxy_start PORT: nginx with TLS and a password in front of entrepot, as docs/how-to/tls.md has it.
proxy_start() {
    local d=$scratch/proxy
    mkdir -p "$d"
    htpasswd -bcB -C 5 "$d/users" "$user" "$password" 2> /dev/null
    cat > "$d/nginx.conf" << CONFIG
daemon off;
user root;
pid $d/nginx.pid;
error_log stderr;
events {}
http {
    access_log $d/access.log;
    client_body_temp_path $d/body;
    proxy_temp_path $d/proxied;
    fastcgi_temp_path $d/unused;
    uwsgi_temp_path $d/unused;
    scgi_temp_path $d/unused;
    server {
        listen $(listen_at):$1 ssl default_server;
        ssl_certificate $scratch/tls/server.crt;
        ssl_certificate_key $scratch/tls/server.key;
        return 444;
    }
    server {
        listen $(listen_at):$1 ssl;
        server_name $domain *.$domain 127.0.0.1;
        ssl_certificate $scratch/tls/server.crt;
        ssl_certificate_key $scratch/tls/server.key;
        auth_basic "entrepot";
        auth_basic_user_file $d/users;
        client_max_body_size 0;
        proxy_buffering off;
        proxy_request_buffering off;
        proxy_read_timeout 300s;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host \$http_host;
        proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        location / { proxy_pass http://127.0.0.1:$entrepot_port; }
    }
}
CONFIG
    start proxy nginx -p "$d" -e stderr -c "$d/nginx.conf"
    until_ready proxy curl -sf --cacert "$ca" --user "$user:$password" "https://127.0.0.1:$1/readyz"
}

# accounts_start: what the origins of the round `account` need: a file of passwords, and a server of tokens.
accounts_start() {
    local d=$scratch/account
    mkdir -p "$d"
    htpasswd -bcB -C 5 "$d/users" "$user" "$password" 2> /dev/null
    printf '%s' "$password" > "$d/password"
    chmod 600 "$d/password"
    token_port=$(free_port)
    start tokens python3 "$lib/tokens.py" --port "$token_port" --user "$user" --password "$password" \
        --cert "$scratch/tls/server.crt" --key "$scratch/tls/server.key"
    until_ready tokens answers "https://127.0.0.1:$token_port/"
}

# account_auth ORIGIN: its section of the configuration: docker.io wants the password itself, quay.io a token
# that a server of the same domain gives for it.
account_auth() {
    case $1 in
    origin-docker) echo "auth: {htpasswd: {realm: e2e, path: $scratch/account/users}}" ;;
    origin-quay)
        echo "auth: {token: {realm: \"https://auth.$domain:$token_port/token\", service: e2e, issuer: e2e, rootcertbundle: $ca}}"
        ;;
    esac
}
