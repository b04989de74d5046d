#!/usr/bin/env bash
# Sets up .venv and runs the demo, without a key or an account: scripts/demo.sh [--ask TEXT]
# stdout holds only what the demo itself prints; talk about the set-up goes to stderr.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

"$BASH" scripts/setup.sh plain
exec .venv/bin/released demo "$@"
