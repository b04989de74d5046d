#!/usr/bin/env bash
# Makes .venv fit to run this checkout: scripts/setup.sh [plain|dev]
#
# plain is what the programs need; dev, the default, adds the tests and linters, and serves as plain too.
# PYTHON names the interpreter to use, else the first of 3.11 or newer on PATH. uv does the work when it is there.
# Owns .venv and its stamp: a .venv without a stamp was cut off half-way, and is made anew. Talks on stderr only.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

wanted=${1:-dev}
stamp=.venv/released-stamp
log=.venv/set-up.log

say() { printf 'set-up: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# What the packages rest on. cksum is on every machine, and tells a change as well as any hash.
inputs() { cksum requirements.lock requirements-dev.lock pyproject.toml | tr '\n' ';'; }

# What .venv itself rests on: where it lies (its scripts hold the path) and the interpreter it links to.
base() { printf '%s %s' "$PWD" "$(readlink -f .venv/bin/python || true)"; }

read_stamp() {
    had_set='' had_base='' had_inputs=''
    [[ -f $stamp ]] || return 0
    { IFS= read -r had_set && IFS= read -r had_base && IFS= read -r had_inputs; } <"$stamp" || had_set=''
}

# Another interpreter than the one .venv has can only be meant when it is asked for by name.
usable() {
    [[ -n $had_set && -x .venv/bin/python && $had_base == "$(base)" ]] || return 1
    [[ -z ${PYTHON:-} ]] || { find_python && [[ -d .venv/lib/python$version ]]; }
}

ready() { usable && [[ $had_inputs == "$(inputs)" && ($had_set == dev || $wanted == plain) ]]; }

# Sets `python` and `version`. Asks for the base interpreter: the first on PATH may be an activated .venv's own.
find_python() {
    local ask name names=(python3 python3.14 python3.13 python3.12 python3.11) old=''
    ask='import sys; print("%d.%d %s" % (sys.version_info[:2] + (getattr(sys, "_base_executable", ""),)))'
    [[ -z ${PYTHON:-} ]] || names=("$PYTHON")
    for name in "${names[@]}"; do
        read -r version python < <("$name" -c "$ask" 2>/dev/null) || continue
        ((${version%%.*} == 3 && ${version#*.} >= 11)) && return
        old="${old:+$old, }$name is $version"
    done
    fail "Python 3.11 or newer is needed, but ${old:-there is no ${PYTHON:-python3}}:" \
        "install it (Debian, Ubuntu: apt install python3 python3-venv) or set PYTHON=/path/to/it"
}

make_venv() {
    rm -rf .venv 2>/dev/null || fail "cannot remove the old '$PWD/.venv': remove it by hand"
    "$@" .venv >/dev/null 2>&1
}

# Runs one step with its talk in the log.
step() { "$@" >>"$log" 2>&1 </dev/null; }

install_with_uv() {
    [[ $keep == yes ]] || make_venv uv venv --quiet --python "$python" || return
    step uv pip install --python .venv/bin/python --require-hashes -r "$lock" &&
        step uv pip install --python .venv/bin/python --no-deps --no-build-isolation -e .
}

install_with_pip() {
    if [[ $keep == no ]]; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "$python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"
        make_venv "$python" -m venv || fail "this failed: '$python' -m venv '$PWD/.venv'"
    fi
    local pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check --no-input)
    # pip compiles with one core what compile_all does with all of them.
    step "${pip[@]}" install --no-compile --require-hashes -r "$lock" &&
        step "${pip[@]}" install --no-deps --no-build-isolation -e .
}

# Where Python may write no bytecode of its own, every start would compile the libraries anew.
compile_all() { step .venv/bin/python -m compileall -q -j 0 .venv/lib || true; }

install_set() {
    if command -v uv >/dev/null; then
        install_with_uv && return
        keep=no # uv may know no way to a registry that pip is set up to reach
    fi
    compgen -G '.venv/lib/python3*/site-packages/pip' >/dev/null || keep=no # uv's have none
    [[ $keep == yes ]] || find_python
    install_with_pip
}

last_words() { { grep -iE '^ *(error|x |×)' "$log" || cat "$log"; } 2>/dev/null | tail -n 1; }

[[ $wanted == plain || $wanted == dev ]] || fail "usage: scripts/setup.sh [plain|dev]"
trap 'exit 130' INT
unset PYTHONHOME PYTHONPATH
export PIP_USER=0
# Without a home the caches would land in / or in a folder named ~.
[[ -n ${HOME:-} ]] || { unset HOME && export PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1; }

read_stamp
if ready; then exit 0; fi
if command -v flock >/dev/null; then
    exec 9<scripts/setup.sh
    flock -n 9 || { say "waiting for another set-up to end" && flock 9; }
    read_stamp
    if ready; then exit 0; fi
fi

if [[ $had_set == dev ]]; then wanted=dev; fi # never take a developer's tools away
lock=requirements.lock
if [[ $wanted == dev ]]; then lock=requirements-dev.lock; fi
keep=no
if usable; then keep=yes; else find_python; fi
rm -f "$stamp"
say "installing $lock into .venv (a minute the first time)"
install_set || fail "installing $lock failed: $(last_words) (all of it: '$PWD/$log')"
compile_all
printf '%s\n' "$wanted" "$(base)" "$(inputs)" >"$stamp.new"
mv "$stamp.new" "$stamp"
