#!/usr/bin/env bash
# Client types made from the published description of the API compile, in a client that uses every operation.
#
#   e2e/api.sh
#
# Node and npm, and the packages of e2e/api/package-lock.json. Where one of them is missing this says so and succeeds.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"

if ! have node || ! have npm; then skip_all "node and npm are not installed"; fi
cd "$root/e2e/api"
npm ci --no-audit --no-fund --silent || skip_all "the packages of e2e/api/package-lock.json cannot be installed"
if npm run --silent check; then
    say "1 passed, 0 failed"
else
    say "0 passed, 1 failed"
    exit 1
fi
