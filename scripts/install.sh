#!/usr/bin/env bash
# Puts Released on a Debian or Ubuntu server, and upgrades it: sudo scripts/install.sh [options]
#
# Owns /opt/released (one folder for each release, `current` names the one in use), /etc/released (settings and
# secrets) and the units. /var/lib/released holds the database, which an upgrade backs up before it touches it.
set -euo pipefail

usage="Usage: sudo scripts/install.sh [--dry-run] [--root DIR] [--no-input]

Installs this checkout, or upgrades what is installed: backup, migrate, restart, health check, and back to the
former release when it is not well. Run it again at any time; settings that are there are kept.

  --dry-run    print the steps and do nothing
  --root DIR   put all files under DIR, and leave users and services of this machine alone
  --no-input   never ask

The first run takes PUBLIC_URL, META_APP_SECRET, META_VERIFY_TOKEN, META_ACCESS_TOKEN, OPENAI_API_KEY, HOST and PORT
from the environment, and asks on a terminal for those it needs and does not have.
Exit code: 0 done, 1 refused or failed, 2 usage."

readonly SECRETS=(META_APP_SECRET META_VERIFY_TOKEN META_ACCESS_TOKEN OPENAI_API_KEY) HEALTH_S=${HEALTH_S:-60}
checkout=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
staging='' dry=no ask=no
if [[ -t 0 ]]; then ask=yes; fi

say() { printf 'install: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Every change of the machine goes through here, so that a dry run shows all of them and makes none.
run() { if [[ $dry == yes ]]; then printf '%s\n' "$*"; else "$@"; fi; }

# What concerns users and services of this machine; with --root only a stand-in named by SYSTEMCTL is asked.
on_machine() { if [[ -z $staging ]]; then run "$@"; fi; }

control() {
    if [[ -z $staging || -n ${SYSTEMCTL:-} ]]; then run "${SYSTEMCTL:-systemctl}" "$@"; fi
}

# Content comes on stdin, and the whole file or none of it is put in place.
put_file() {
    local path=$1 mode=$2
    if [[ $dry == yes ]]; then
        cat >/dev/null
        printf 'write %s (%s)\n' "$path" "$mode"
        return
    fi
    (umask 077 && cat >"$path.new")
    chmod "$mode" "$path.new"
    [[ -n $staging || $path != "$etc"* ]] || chown root:released "$path.new"
    mv "$path.new" "$path"
}

# Sets `given` to a setting from the environment, or from the person at the terminal.
take() {
    given=${!1:-}
    if [[ -z $given && $ask == yes && $dry == no ]]; then
        if [[ " ${SECRETS[*]} " == *" $1 "* ]]; then
            read -r -s -p "$1 ($2): " given && printf '\n' >&2
        else
            read -r -p "$1 ($2): " given
        fi
    fi
    [[ $given != *[[:space:]\'\"\\]* ]] || fail "$1 must be one word without quotes or backslashes"
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        python=$(command -v "$name") || continue
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    fail "Python 3.11 or newer is needed: apt install python3 python3-venv"
}

make_user() {
    if getent passwd released >/dev/null; then return; fi
    on_machine useradd --system --user-group --home-dir /var/lib/released --shell /usr/sbin/nologin released
}

make_folders() {
    run mkdir -p "$opt" "$etc/credentials" "$state/backups" "$units" "$prefix/usr/local/bin"
    run chmod 0750 "$etc" "$etc/credentials"
    run chmod 0700 "$state" "$state/backups"
    on_machine chown root:released "$etc" "$etc/credentials"
    on_machine chown released:released "$state" "$state/backups"
}

# A release is complete or has no folder: it is built under another name.
build_release() {
    local building=$opt/building log=$opt/building.log
    say "building $release (a minute)"
    run rm -rf "$building"
    run mkdir -p "$building"
    run cp -R "$checkout"/{daemon,released_cli,systemd,pyproject.toml,requirements.lock,README.md,LICENSE} \
        "$checkout/faqs.example.json" "$building/"
    # Made where it will lie: a venv's scripts hold its path.
    run mv "$building" "$opt/$release"
    local pip=("$opt/$release/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install)
    {
        run "$python" -m venv "$opt/$release/venv" &&
            run "${pip[@]}" --require-hashes -r "$opt/$release/requirements.lock" &&
            run "${pip[@]}" --no-deps --no-build-isolation "$opt/$release"
    } 2>"$([[ $dry == yes ]] && echo /dev/null || echo "$log")" || {
        rm -rf -- "${opt:?}/$release"
        fail "building failed: $(tail -n 1 "$log") (all of it: $log). What was installed is untouched."
    }
}

write_settings() {
    local name lines=("DATABASE_URL=sqlite+aiosqlite:///$state/released.db")
    local -A secret=()
    [[ ! -f $etc/released.env ]] || return 0
    take PUBLIC_URL "the https address that Meta calls; empty: try it on this machine first"
    [[ -z $given ]] || lines+=("PUBLIC_URL=$given" "APP_ENV=prod")
    lines+=("HOST=${HOST:-127.0.0.1}" "PORT=${PORT:-8080}")
    for name in "${SECRETS[@]}"; do
        take "$name" "empty: none"
        secret[$name]=$given
    done
    [[ -n ${secret[META_APP_SECRET]} || $dry == yes ]] ||
        fail "META_APP_SECRET is not set: App Dashboard > App settings > Basic > App secret"
    : "${secret[META_VERIFY_TOKEN]:=$("$python" -c 'import secrets; print(secrets.token_hex(16))')}"
    for name in "${SECRETS[@]}"; do
        printf '%s' "${secret[$name]}" | put_file "$etc/credentials/$name" 0640
    done
    # Last, because it is what tells a later run that the settings are complete.
    printf '%s\n' "${lines[@]}" | put_file "$etc/released.env" 0640
}

value() { if [[ -f $etc/released.env ]]; then sed -n "s/^$1=//p" "$etc/released.env" | tail -n 1; fi; }

write_units() {
    local unit
    for unit in "$1"/systemd/*; do
        sed "s#/opt/released#$opt#g; s#/etc/released#$etc#g; s#/var/lib/released#$state#g" "$unit" |
            put_file "$units/${unit##*/}" 0644
    done
    run mkdir -p "$units/released.socket.d"
    printf '[Socket]\nListenStream=\nListenStream=%s:%s\n' "$host" "$port" |
        put_file "$units/released.socket.d/address.conf" 0644
    # The operator's command: as the daemon's user, with the daemon's settings and a home that this user can read.
    printf '#!/bin/sh\nexport HOME=%s CREDENTIALS_DIRECTORY=%s\nexec %s%s --env-file %s "$@"\n' "$state" \
        "$etc/credentials" "$as_user" "$opt/current/venv/bin/released" "$etc/released.env" |
        put_file "$prefix/usr/local/bin/released" 0755
}

switch_to() {
    run ln -sfn "$1" "$opt/current.new"
    run mv -T "$opt/current.new" "$opt/current"
}

ours() { run "$prefix/usr/local/bin/released" --local --quiet "$@"; }

in_database() {
    run "$opt/$release/venv/bin/python" - "$@" <<'PYTHON'
import sqlite3, sys

if sys.argv[1] == "schema":
    found = sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True)
    print(found.execute("SELECT version_num FROM alembic_version").fetchone()[0])
else:
    with sqlite3.connect(sys.argv[2]) as source, sqlite3.connect(sys.argv[3]) as copy:
        source.backup(copy)
PYTHON
}

back_up() {
    copy=$state/backups/before-$release.db
    [[ -f $state/released.db ]] || return 0
    (umask 077 && in_database copy "$state/released.db" "$copy") || fail "the backup failed: nothing was changed"
    on_machine chown released:released "$copy"
    say "the database is backed up to $copy"
}

is_well() {
    local line=''
    { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return 1
    printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    IFS= read -r -t 6 line <&3 || true
    exec 3>&-
    [[ $line == *' 200 '* ]]
}

# Asks only where something was started.
wait_until_well() {
    [[ $dry == no && (-z $staging || -n ${SYSTEMCTL:-}) ]] || return 0
    local deadline=$((SECONDS + $1))
    until is_well; do
        ((SECONDS < deadline)) || return 1
        sleep 0.5
    done
}

restart() {
    control daemon-reload
    control enable --quiet --now released.socket released-backup.timer
    control enable --quiet released.service
    control restart released.service
}

# Messages that the new release has taken stay in the file that is put aside.
roll_back() {
    say "$release is not well: going back to $former"
    control stop released.socket released.service
    if [[ -f $copy && $(in_database schema "$copy") != "$(in_database schema "$state/released.db")" ]]; then
        for part in '' -wal -shm; do
            [[ ! -f $state/released.db$part ]] || mv "$state/released.db$part" "$state/failed-$release.db$part"
        done
        cp -p "$copy" "$state/released.db"
        say "its database is put aside as $state/failed-$release.db"
    fi
    switch_to "$former"
    write_units "$opt/$former"
    control daemon-reload
    control start released.socket
    control start released.service
    wait_until_well 60 || fail "$former is not well either: journalctl -u released"
    fail "$former is running again; why $release was not: journalctl -u released"
}

install_release() {
    find_python
    make_user
    make_folders
    write_settings
    host=$(value HOST) port=$(value PORT)
    host=${host:-${HOST:-127.0.0.1}} port=${port:-${PORT:-8080}}
    build_release
    back_up
    write_units "$checkout"
    switch_to "$release"
    if ! ours db upgrade || ! restart || ! wait_until_well "$HEALTH_S"; then
        [[ -n $former ]] || give_up
        roll_back
    fi
    remove_old
}

give_up() {
    control stop released.socket released.service
    run rm -f "$opt/current"
    fail "$release is not well: journalctl -u released. Settings are in $etc; run this again when they are mended."
}

# What is in use and what it can be put back to stay; the rest is only in the way.
remove_old() {
    local folder
    for folder in "$opt"/*-*/; do
        folder=$(basename "$folder")
        [[ ! -d $opt/$folder || $folder == "$release" || $folder == "$former" ]] || run rm -rf "${opt:?}/$folder"
    done
}

tell() {
    say "$release is installed${former:+ in the place of $former}."
    if [[ -z $former && $dry == no ]]; then
        say "the first token of the admin API, shown this once:"
        "$prefix/usr/local/bin/released" --local token create first --json
        say "next: HTTPS in front of $host:$port; the webhook at Meta, its verify token stands in" \
            "$etc/credentials/META_VERIFY_TOKEN; and \`sudo released client add\`"
    fi
}

while (($#)); do
    case $1 in
    --dry-run) dry=yes ;;
    --no-input) ask=no ;;
    --root)
        staging=${2:?--root needs a DIR}
        shift
        ;;
    -h | --help)
        printf '%s\n' "$usage"
        exit 0
        ;;
    *)
        printf '%s\n' "$usage" >&2
        exit 2
        ;;
    esac
    shift
done
prefix=''
if [[ -n $staging ]]; then prefix=$(realpath -m "$staging"); fi
[[ -n $staging || $dry == yes || $EUID == 0 ]] || fail "run it as root (sudo), or with --dry-run"
opt=$prefix/opt/released etc=$prefix/etc/released state=$prefix/var/lib/released
units=$prefix/etc/systemd/system
as_user='runuser -u released -- '
if [[ -n $staging ]]; then as_user=''; fi
release=$(sed -n 's/^version = "\(.*\)"/\1/p' "$checkout/pyproject.toml")-$(date -u +%Y%m%d%H%M%S)
former=$(readlink "$opt/current" || true)
install_release
tell
