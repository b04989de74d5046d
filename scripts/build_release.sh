#!/usr/bin/env bash
# Builds the folder of one release out of what lies around this script: scripts/build_release.sh [--dry-run] PYTHON FOLDER
#
# Around it is a checkout, or a wheel that is unpacked or installed, where it lies in released_cli/_deploy/scripts.
# Owns FOLDER, which afterwards is complete or not there. Knows nothing of settings, databases and services.
set -euo pipefail

dry=no
if [[ ${1:-} == --dry-run ]]; then dry=yes && shift; fi
python=${1:?PYTHON is needed} folder=${2:?FOLDER is needed}
building=${folder%/*}/building log=${folder%/*}/building.log
root=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
packages=$root
if [[ $root == */released_cli/_deploy ]]; then packages=${root%/released_cli/_deploy}; fi

# Every change goes through here, so that a dry run shows all of them and makes none.
run() { if [[ $dry == yes ]]; then printf '%s\n' "$*"; else "$@"; fi; }

# The same files in the same places, whatever they come from: a release can be the source of the next.
copy_files() {
    run rm -rf "$building"
    run mkdir -p "$building/scripts"
    run cp -R "$packages"/{daemon,released_cli} "$building/"
    run cp -R "$root"/{systemd,pyproject.toml,requirements.lock,README.md,LICENSE} "$building/"
    # Alerts and errors name docs/runbook.md.
    [[ ! -d $root/docs ]] || run cp -R "$root/docs" "$building/"
    run install -m 0755 "$root"/scripts/{install,install_settings,build_release}.sh "$building/scripts/"
    if [[ $packages == "$root" ]]; then
        run cp "$root/faqs.example.json" "$building/"
        return
    fi
    run mv "$building/released_cli/faqs.example.json" "$building/"
    run rm -rf "$building/released_cli/_deploy"
}

make_venv() {
    local pip=("$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install)
    run "$python" -m venv "$folder/venv" &&
        run "${pip[@]}" --require-hashes -r "$folder/requirements.lock" &&
        run "${pip[@]}" --no-deps --no-build-isolation "$folder"
}

printf 'install: building %s (a minute)\n' "${folder##*/}" >&2 || true
umask 022 # the daemon's user must be able to read it
copy_files
# The venv is made where it will lie: its scripts hold their path.
run mv "$building" "$folder"
if [[ $dry == yes ]]; then log=/dev/null; fi
if ! make_venv 2>"$log"; then
    rm -rf -- "$folder"
    printf 'install: building failed: %s (all of it: %s). What was installed is untouched.\n' "$(tail -n 1 "$log")" "$log" >&2
    exit 1
fi
