#!/usr/bin/env bash
# Secrets of every kind are planted, entrepot is used in every way, and nothing that it wrote, printed or answered may have them.
#
#   e2e/canary.sh
#
# Registries, a target and a proxy on loopback are handed passwords, give out tokens of their own and repeat what they were told
# (lib/hostile.py). Looked through are logs at their most talkative, the data directory, pages, the API, metrics, errors, what
# commands print, a dump of PostgreSQL, and every command line on the machine; for each secret as it is, in base64, hexadecimal, and as URLs, JSON and
# HTML write it. All is done twice: with SQLite, and with PostgreSQL where it is installed. One line per kind of secret, a closing line of counts, exit code 1 when one was found.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/postgres.sh
. "$lib/postgres.sh"

have python3 || die "python3 is missing"
have openssl || die "openssl is missing"
scratch_make
postgres_start || note "the second round has SQLite too"
python3 "$lib/canary.py" "$(entrepot_binary)"
