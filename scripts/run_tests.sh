#!/usr/bin/env bash
# Sets up .venv and runs the tests: scripts/run_tests.sh [pytest options, paths from the checkout's root]
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

"$BASH" scripts/setup.sh dev
unset PYTHONDONTWRITEBYTECODE # the tests start hundreds of programs, and each would compile ours anew
exec .venv/bin/python -m pytest "$@"
