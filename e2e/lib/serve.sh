#!/usr/bin/env bash
# What `make run` does: builds the release binary and becomes it. Installs nothing.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(cd "$(dirname "$0")" && pwd)/common.sh"
have cargo || die "cargo is missing: install Rust from https://rustup.rs, then run this again"
have cc || die "a C compiler is missing: install it (Debian: apt-get install gcc libc6-dev), then run this again"
cd "$root"
cargo build --release --locked --package entrepot
exec "${CARGO_TARGET_DIR:-target}/release/entrepot" serve "$@"
