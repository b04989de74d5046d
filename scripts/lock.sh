#!/usr/bin/env bash
# Writes both lock files anew from pyproject.toml: scripts/lock.sh [--upgrade] [other options of uv pip compile]
#
# Pins that still fit are kept; --upgrade moves all of them. Owns what is in the locks, installs nothing into .venv.
# The development lock is solved first and bounds the plain one, so that both can share one .venv.
# Each names the tools that build this project too, which lets setup.sh install it without fetching anything unlocked.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

uv=$(command -v uv || true)
if [[ -z $uv ]]; then
    "${PYTHON:-python3}" -m venv "$scratch/venv"
    "$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    uv=$scratch/venv/bin/uv
fi

compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header "$@"
}

compile "$@" pyproject.toml --group dev --output-file requirements-dev.lock
printf 'hatchling\neditables\n' |
    compile "$@" pyproject.toml - --constraint requirements-dev.lock --output-file requirements.lock

if grep -nE '://|(^|[[:space:]@])/' requirements.lock requirements-dev.lock >&2; then
    echo "lock: the lines above hold an address or an absolute path, which no lock may" >&2
    exit 1
fi
