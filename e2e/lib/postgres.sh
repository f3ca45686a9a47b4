# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and the script set: root, scratch, images, binary
# A PostgreSQL of our own on loopback, for the tests that want one. It refuses to run as root, hence `as_postgres`.

as_postgres=()
[ "$(id -u)" != 0 ] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)

postgres_bin() {
    local found
    found=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2> /dev/null | sort -V | tail -n 1)
    if [ -n "$found" ]; then echo "$found"; elif have initdb; then dirname "$(command -v initdb)"; fi
}

# postgres_start: sets ENTREPOT_TEST_POSTGRES; fails, and says why, where there is none.
postgres_start() {
    local bin data=$scratch/postgres port
    bin=$(postgres_bin)
    [ -n "$bin" ] || { note "PostgreSQL is not installed"; return 1; }
    port=$(free_port)
    mkdir -p "$data"
    [ "$(id -u)" != 0 ] || chown postgres: "$data"
    (cd / && "${as_postgres[@]}" "$bin/initdb" -D "$data/db" -U postgres -A trust -E UTF8 --locale=C --no-sync) > "$scratch/initdb.log" 2>&1 \
        || { tail -n 5 "$scratch/initdb.log" >&2; return 1; }
    # Durability is not what these tests are about; the server lives as long as they do.
    cd / && start postgres "${as_postgres[@]}" "$bin/postgres" -D "$data/db" -h 127.0.0.1 -p "$port" -k "$data" -c fsync=off -c max_connections=300
    cd "$root" || return 1
    until_ready postgres "$bin/pg_isready" -h 127.0.0.1 -p "$port" -U postgres
    export ENTREPOT_TEST_POSTGRES=postgres://postgres@127.0.0.1:$port/postgres
}
