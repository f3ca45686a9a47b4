# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # common.sh, isolate.sh, sid.sh and the script set what is used here
# Engines that entrepot's own client speaks to: Docker's daemon and Podman's service, of this machine and of Debian sid, each
# on a socket and, where it can, on loopback with TLS. Needs lib/engines.sh.

# library_engines: what is tried, by name; `sid-` is that of Debian sid.
library_engines() {
    if [ "$quick" = yes ]; then echo "docker podman"; else echo "docker podman sid-docker sid-podman"; fi
}

# library_hub: a registry with the images, and others that refuse.
library_hub() {
    local kind address
    registry_start docker-registry hub
    python3 "$root/e2e/push.py" --to "http://$(host hub)" "$images/busybox=lab/busybox" "$images/large=lab/large"
    start refusing python3 "$lib/refusing.py" "$scratch/refusing" denied failing platform slow
    until_ready refusing test -s "$scratch/refusing"
    while read -r kind address; do export "ENTREPOT_TEST_${kind^^}=$address"; done < "$scratch/refusing"
    export ENTREPOT_TEST_IMAGE
    ENTREPOT_TEST_IMAGE=$(host hub)/lab/busybox:1.35
}

# library_server: entrepot in front of the hub, which stands for docker.io, with an entry and a spec.
library_server() {
    entrepot_at=127.0.0.1:$(free_port)
    cat > "$scratch/entrepot.yaml" << CONFIG
listen: "$entrepot_at"
data: "$scratch/entrepot"
public_url: "http://$entrepot_at"
mirror: {default_upstream: docker.io}
registries: {docker.io: {endpoints: ["http://$(host hub)"]}}
access: {anonymous: [pull, see]}
CONFIG
    start entrepot "$ENTREPOT_BIN" serve --config "$scratch/entrepot.yaml"
    until_ready entrepot answers "http://$entrepot_at/healthz"
    curl -sf --unix-socket "$scratch/entrepot/control.sock" -H 'content-type: application/json' -o "$scratch/entry.json" \
        -d '{"name": "busybox", "address": "docker.io/lab/busybox:1.35"}' http://localhost/api/v1/library/entries
    entrepot spec add small --cpus 0.5 --memory 128MiB
}

entrepot() { ENTREPOT_CONFIG=$scratch/entrepot.yaml "$ENTREPOT_BIN" "$@"; }

# has TEXT COMMAND...: the command succeeds, and prints this.
has() {
    local text=$1 out
    shift
    out=$("$@" 2>&1) || { tail -n 3 <<< "$out"; return 1; }
    grep -qF -- "$text" <<< "$out" || { tail -n 3 <<< "$out"; return 1; }
}

# eventually COMMAND...: the command succeeds within 20 s.
eventually() {
    local tries=100
    until "$@" > "$scratch/eventually" 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat "$scratch/eventually"; return 1; }
        sleep 0.2
    done
}

# told CASE COMMAND...: a line for it; fails with the command.
told() {
    local case=$1 out
    shift
    if out=$("$@" 2>&1); then
        result ok "$client" server "$case" - ""
    else
        result FAIL "$client" server "$case" - "$(tr '\n\t' '  ' <<< "$out" | cut -c 1-500)"
        return 1
    fi
}

# library_story: a node from nothing to a container and back, by entrepot's own commands.
library_story() {
    if [ "$kind" = podman ] && [ ! -x "$world_root/usr/lib/podman/netavark" ]; then
        result skip "$client" server all - "netavark is not installed"
        return
    fi
    told node-add has connected entrepot node add "$client" "unix://$socket" || return 0
    told pull has '' entrepot pull "$client" docker.io/lab/busybox:1.35
    told pull-refused fails entrepot pull "$client" docker.io/lab/nope:1
    told run has '' entrepot run busybox --spec small --name "$client-1" --no-data -- sh -c 'echo hello from it; sleep 1000' || return 0
    told ps has "$client-1" entrepot ps
    told logs eventually has 'hello from it' entrepot logs "$client-1"
    told exec has uid=0 entrepot exec "$client-1" id
    told exec-input has 'from a pipe' library_piped
    told exec-code library_code
    told commit has local/saved entrepot commit "$client-1" "saved-$client:1"
    told reimage has '' entrepot reimage "$client-1" busybox
    told stop has '' entrepot stop "$client-1"
    told start eventually entrepot start "$client-1"
    told running eventually has running entrepot ps
    told behind-our-back library_remove
    told lost eventually has lost entrepot ps
    told rm has '' entrepot rm "$client-1" --volumes remove
    told gone eventually fails has "$client-1" entrepot ps
    told node-rm eventually entrepot node rm "$client"
}

# library_piped: a program in the container reads what is piped to us.
library_piped() { echo from a pipe | entrepot exec "$client-1" -i cat; }

# library_code: the exit code is that of the program.
library_code() {
    local code=0
    entrepot exec "$client-1" -- sh -c 'exit 7' || code=$?
    [ $code = 7 ]
}

# library_remove: somebody else removes the container.
library_remove() {
    local name
    name=$(curl -sf --unix-socket "$socket" "http://engine/v1.41/containers/json" | python3 -c 'import json, sys
print(next(c["Id"] for c in json.load(sys.stdin) if c["Labels"].get("io.entrepot.purpose") == "instance"))')
    curl -sf -X DELETE --unix-socket "$socket" "http://engine/v1.41/containers/$name?force=true"
}

fails() { ! "$@"; }

# library_certificates: an authority, a server's and a client's certificate, and one that the server does not know.
library_certificates() {
    local d=$scratch/certificates name
    mkdir -p "$d"
    for name in ca other-ca; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=entrepot $name" \
            -addext "basicConstraints=critical,CA:true" -keyout "$d/$name.key" -out "$d/$name.pem" 2> /dev/null
    done
    printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > "$d/server.names"
    printf 'extendedKeyUsage=clientAuth\n' > "$d/client.names"
    library_certificate ca server server
    library_certificate ca client ''
    library_certificate other-ca client other-
}

# library_certificate AUTHORITY KIND PREFIX: PREFIXcert.pem and PREFIXkey.pem, of a server or a client.
library_certificate() {
    local d=$scratch/certificates
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$d/$3key.pem" -out "$d/$3.csr" 2> /dev/null
    openssl x509 -req -in "$d/$3.csr" -CA "$d/$1.pem" -CAkey "$d/$1.key" -CAcreateserial -days 2 -extfile "$d/$2.names" \
        -out "$d/$3cert.pem" 2> /dev/null
}

# library_cards: a specification of two cards that are none, for engines that know the container device interface.
library_cards() {
    mkdir -p /run/cdi
    cat > /run/cdi/cards.json << 'CARDS'
{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [
 {"name": "GPU-1", "containerEdits": {"env": ["CARD=1"],
  "deviceNodes": [{"path": "/dev/nvidia0", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3}]}},
 {"name": "GPU-2", "containerEdits": {"env": ["CARD=2"],
  "deviceNodes": [{"path": "/dev/nvidia1", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3}]}}]}
CARDS
}

# library_hook: what Docker's driver for NVIDIA calls before a container starts. Ours writes down what reached it.
library_hook() {
    mkdir -p "$scratch/hook"
    cat > "$scratch/hook/nvidia-container-runtime-hook" << HOOK
#!/bin/sh
bundle=\$(sed -n 's/.*"bundle":"\([^"]*\)".*/\1/p')
grep -o 'NVIDIA_VISIBLE_DEVICES=[^"]*' "\$bundle/config.json" >> "$scratch/hook/log"
HOOK
    chmod +x "$scratch/hook/nvidia-container-runtime-hook"
    : > "$scratch/hook/log"
}

# library_lacks: why the engine of `client` cannot run here, or nothing.
library_lacks() {
    case $kind in
    docker) engine_lacks dockerd docker ;;
    podman) engine_lacks podman conmon ;;
    esac
}

# library_init: an init program for Podman's containers; Docker brings its own.
library_init() {
    local path
    for path in /usr/libexec/podman/catatonit /usr/bin/catatonit /usr/bin/tini-static /usr/bin/tini; do
        [ ! -x "$world_root$path" ] || { echo "$path" && return; }
    done
}

# library_start: the engine of `client`. Sets `socket`, and `secure_at` where it listens with TLS too.
library_start() {
    local d=$scratch/$client certificates=$scratch/certificates init
    secure_at=
    case $kind in
    docker)
        secure_at=127.0.0.1:$(free_port)
        library_docker "$d"
        start "$client" "${world[@]}" env "PATH=$scratch/hook:$PATH" dockerd --config-file "$d/daemon.json"
        ;;
    podman)
        origin=$entrepot_at at=$(host hub) secure=false containers_engine
        containers_insecure
        init=$(library_init)
        # A followed log ends by an event.
        sed -i 's/^events_logger = .*/events_logger = "file"/' "$d/containers.conf"
        sed -i "s|^\[engine\]\$|&\ncdi_spec_dirs = [\"/run/cdi\"]${init:+\ninit_path = \"$init\"}|" "$d/containers.conf"
        socket=$d/engine.sock
        start "$client" "${world[@]}" podman system service --time=0 "unix://$socket"
        if "${world[@]}" podman system service --help | grep -q -- --tls-client-ca; then
            secure_at=127.0.0.1:$(free_port)
            start "$client-tls" "${world[@]}" podman system service --time=0 --tls-cert "$certificates/servercert.pem" \
                --tls-key "$certificates/serverkey.pem" --tls-client-ca "$certificates/ca.pem" "tcp://$secure_at"
        fi
        ;;
    esac
    until_ready "$client" curl -sf --unix-socket "$socket" http://engine/_ping
    [ -z "$secure_at" ] || until_ready "$([ -e "$pids/$client-tls.pid" ] && echo "$client-tls" || echo "$client")" listens "$secure_at"
}

listens() { python3 -c 'import socket, sys; h, p = sys.argv[1].split(":"); socket.create_connection((h, int(p)), 1)' "$1"; }

# containers_insecure: the registries that refuse are plain HTTP too.
containers_insecure() {
    local address
    awk '{ print $2 }' "$scratch/refusing" | while read -r address; do
        printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$address"
    done >> "$HOME/.config/containers/registries.conf"
}

# library_docker DIR: its configuration. Sid's keeps images in containerd's store and knows the container device interface.
library_docker() {
    local d=$1 more certificates=$scratch/certificates
    mkdir -p "$d"
    socket=/run/$client.sock
    if [ -n "$world_root" ]; then
        more='"features": {"containerd-snapshotter": true, "cdi": true}'
    else
        more="\"storage-driver\": \"$(layered overlay2 vfs)\""
    fi
    cat > "$d/daemon.json" << CONFIG
{"insecure-registries": ["127.0.0.0/8"], $more,
 "data-root": "$d/root", "exec-root": "/run/$client", "pidfile": "$d/daemon.pid",
 "hosts": ["unix://$socket", "tcp://$secure_at"], "exec-opts": ["native.cgroupdriver=cgroupfs"],
 "tlsverify": true, "tlscacert": "$certificates/ca.pem", "tlscert": "$certificates/servercert.pem", "tlskey": "$certificates/serverkey.pem",
 "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false, "bridge": "none",
 "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1024, "Soft": 1024}}}
CONFIG
}

library_version() {
    curl -sf --unix-socket "$socket" http://engine/version | python3 -c 'import json, sys; print(json.load(sys.stdin)["Version"])'
}

# library_cannot TEST: why a test means nothing with this engine, or nothing.
library_cannot() {
    case $client-$1 in
    docker-*cards_are_given*) echo "Docker 20.10 knows no container device interface" ;;
    esac
}
