#!/usr/bin/env bash
# entrepot on each pair of stores, for real: disk or S3 for bytes, SQLite or PostgreSQL for records. Flows, kills, outages,
# restarts, and a proxy before S3 that misbehaves.
#
#   e2e/stores.sh [--quick] [--only CASE,...] [--pair PAIR,...]      --quick: what takes less than a minute
#
# PostgreSQL is the one that is installed. S3 is MinIO and, without --quick, versitygw too, where they are on PATH:
# `go install github.com/minio/minio@latest github.com/versity/versitygw/cmd/versitygw@latest`. What is not there is skipped, and
# said so. One line per case, a closing line of counts, exit code 1 when a case failed.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"

for argument in "$@"; do
    case $argument in
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
    esac
done
have python3 || die "python3 is missing"
for tool in minio versitygw; do
    if ! have "$tool" && [ -x "${ENTREPOT_TOOLS:-$kept/tools}/$tool" ]; then PATH=$PATH:${ENTREPOT_TOOLS:-$kept/tools}; fi
done
export PATH
python3 "$lib/stores.py" "$(entrepot_binary)" "$@"
