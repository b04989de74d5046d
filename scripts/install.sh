#!/usr/bin/env bash
# Puts Released on a Debian or Ubuntu server, and upgrades it: sudo scripts/install.sh [options]
#
# Lies in a checkout, in a wheel (released_cli/_deploy) and in each release; what lies around it is what it installs.
# Owns /opt/released (one folder for each release, `current` names the one in use), /etc/released (settings and
# secrets) and the units. /var/lib/released holds the database, which an upgrade backs up before it touches it.
set -euo pipefail

usage="Usage: sudo scripts/install.sh [--wheel FILE] [--dry-run] [--root DIR] [--no-input]

Installs this checkout, or upgrades what is installed: backup, migrate, restart, health check, and back to the
former release when it is not well. Run it again at any time; settings that are there are kept.

  --wheel FILE install what is in a wheel instead; - is one that comes on stdin
  --dry-run    print the steps, ask nothing and do nothing
  --root DIR   put all files under DIR, and leave users and services of this machine alone
  --no-input   never ask

The first run takes PUBLIC_URL, META_APP_SECRET, META_VERIFY_TOKEN, META_ACCESS_TOKEN, OPENAI_API_KEY, HOST and PORT
from the environment, and asks on a terminal for those it needs and does not have.
Exit code: 0 done, 1 refused or failed, 2 usage."

readonly SECRETS=(META_APP_SECRET META_VERIFY_TOKEN META_ACCESS_TOKEN OPENAI_API_KEY) HEALTH_S=${HEALTH_S:-60}
origin=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/install_settings.sh
source "$origin/scripts/install_settings.sh"
staging='' dry=no ask=no wheel='' passed=() changes_schema=no trial=''
if [[ -t 0 ]]; then ask=yes; fi

# An upgrade that is under way is brought to its end, even when nobody listens any more.
trap '' HUP PIPE
say() { printf 'install: %s\n' "$*" >&2 || true; }

fail() {
    say "$@"
    exit 1
}

misuse() {
    say "$*. See: scripts/install.sh --help"
    exit 2
}

# Every change of the machine goes through here, so that a dry run shows all of them and makes none.
run() { if [[ $dry == yes ]]; then printf '%s\n' "$*"; else "$@"; fi; }

# What concerns users and services of this machine; with --root only a stand-in named by SYSTEMCTL is asked.
on_machine() { if [[ -z $staging ]]; then run "$@"; fi; }

control() {
    if [[ -z $staging || -n ${SYSTEMCTL:-} ]]; then run "${SYSTEMCTL:-systemctl}" "$@"; fi
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
    getent passwd released >/dev/null || on_machine useradd --system --user-group --home-dir /var/lib/released --shell /usr/sbin/nologin released
}

make_folders() {
    run mkdir -p "$opt" "$etc/credentials" "$state/backups" "$units" "$prefix/usr/local/bin"
    run chmod 0750 "$etc" "$etc/credentials"
    run chmod 0700 "$state" "$state/backups"
    on_machine chown root:released "$etc" "$etc/credentials"
    on_machine chown released:released "$state" "$state/backups"
}

# A wheel has its own installer, which knows what that wheel needs.
hand_over() {
    local own=released_cli/_deploy/scripts/install.sh code=0
    unpacked=$(mktemp -d)
    trap 'rm -rf -- "$unpacked"' EXIT
    if [[ $wheel == - ]]; then
        cat >"$unpacked/wheel"
        wheel=$unpacked/wheel
    fi
    [[ -f $wheel ]] || fail "there is no wheel $wheel"
    "$python" -m zipfile -e "$wheel" "$unpacked" 2>/dev/null || fail "this is no whole wheel: nothing was changed"
    [[ -f $unpacked/$own ]] || fail "this wheel has no installer ($own), so it is none of Released: nothing was changed"
    "$BASH" "$unpacked/$own" "${passed[@]}" || code=$?
    exit "$code"
}

build_release() {
    local options=()
    if [[ $dry == yes ]]; then options=(--dry-run); fi
    "$BASH" "$origin/scripts/build_release.sh" "${options[@]}" "$python" "$opt/$release" || exit 1
}

# Two at once would each take the other's release for the former one.
be_alone() {
    if [[ $dry == yes ]]; then return; fi
    exec 9>"$opt/.lock"
    flock -n 9 || fail "another installation is under way"
}

write_units() {
    local unit
    for unit in "$1"/systemd/*; do
        sed -E '/^Exec/s#(/opt|/etc|/var/lib)/released[^ ]*#"&"#g' "$unit" |
            sed "s#/opt/released#$opt#g; s#/etc/released#$etc#g; s#/var/lib/released#$state#g" |
            put_file "$units/${unit##*/}" 0644
    done
    run mkdir -p "$units/released.socket.d"
    printf '[Socket]\nListenStream=\nListenStream=%s\n' "$(socket_address)" |
        put_file "$units/released.socket.d/address.conf" 0644
    # The operator's command: as the daemon's user, with the daemon's settings and a home that this user can read;
    # but systemd obeys root, and shows its journal to nobody else.
    local command="'$opt/current/venv/bin/released' --env-file '$etc/released.env'"
    # shellcheck disable=SC2016 # these are for the shell that runs it
    printf '%s\n' '#!/bin/sh' "export HOME='$state' CREDENTIALS_DIRECTORY='$etc/credentials'" \
        'case "$1 $2" in' '"service status") ;;' '"service "*)'" exec $command"' "$@" ;;' 'esac' \
        "exec $as_user$command"' "$@"' |
        put_file "$prefix/usr/local/bin/released" 0755
}

switch_to() {
    run ln -sfn "$1" "$opt/current.new"
    run mv -T "$opt/current.new" "$opt/current"
}

in_database() {
    run "$opt/$release/venv/bin/python" - "$@" <<'PYTHON'
import sqlite3, sys

if sys.argv[1] == "schema":
    found = sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True)
    print(found.execute("SELECT version_num FROM alembic_version").fetchone()[0])
elif sys.argv[1] == "head":
    from daemon.core.store.upgrade import HEAD

    print(HEAD)
else:
    with sqlite3.connect(sys.argv[2]) as source, sqlite3.connect(sys.argv[3]) as copy:
        source.backup(copy)
PYTHON
}

back_up() {
    copy=$state/backups/before-$release.db
    [[ -f $state/released.db ]] || return 0
    # Across a change of the schema the way back leads to this copy: nothing may be acknowledged between the two. Meta
    # sends again whatever finds the door closed.
    if [[ $dry == no && $(in_database schema "$state/released.db") != "$(in_database head)" ]]; then
        changes_schema=yes
        trap 'end_trial; control start released.socket released.service' EXIT
        control stop released.socket released.service
    fi
    (umask 077 && in_database copy "$state/released.db" "$copy") || fail "the backup failed: nothing was changed"
    on_machine chown released:released "$copy"
    [[ $dry == yes ]] || say "the database is backed up to $copy"
}

# By the address at which one who is here reaches it; its certificate is for the public name.
is_well() {
    "$python" - "$host" "$port" "$(value TLS_CERT_FILE)" <<'PYTHON' 2>/dev/null
import socket, ssl, sys

host, port, certificate = sys.argv[1:]
door = socket.create_connection(({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port), 6)
if certificate:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    door = context.wrap_socket(door)
door.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
sys.exit(b" 200 " not in door.makefile("rb").readline())
PYTHON
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

# The way back across a change of the schema loses what came after the copy. So nothing may: a daemon that finds this
# file proves itself by /health, and takes nothing in and sends nothing until it has gone (daemon/core/trial.py).
begin_trial() {
    [[ $changes_schema == yes ]] || return 0
    trial=$state/released.db.on-trial
    touch "$trial"
}

end_trial() {
    [[ -z $trial ]] || rm -f "$trial"
}

restart() {
    control daemon-reload
    control enable --quiet --now released.socket released-backup.timer released-maintenance.timer
    control enable --quiet released.service
    control restart released.service
    trap end_trial EXIT
}

roll_back() {
    local part timer
    trap end_trial EXIT
    say "$release is not well: going back to $former"
    control stop released.socket released.service
    [[ -z $trial || -e $trial ]] || say "its trial was over before: what it took in since then is put aside with its database"
    # Not before it is stopped: it would begin to work.
    end_trial
    if [[ -f $copy && $(in_database schema "$copy") != "$(in_database schema "$state/released.db")" ]]; then
        # Whole before it gets the name: without a database under it, a daemon would begin with an empty one.
        cp -p "$copy" "$state/released.db.new" || fail "nothing runs now: there must be room to put $copy back"
        [[ ! -f $state/released.db ]] || ln "$state/released.db" "$state/failed-$release.db"
        for part in -wal -shm; do
            [[ ! -f $state/released.db$part ]] || mv "$state/released.db$part" "$state/failed-$release.db$part"
        done
        mv "$state/released.db.new" "$state/released.db"
        say "its database is put aside as $state/failed-$release.db"
    fi
    switch_to "$former"
    write_units "$opt/$former"
    for timer in "$origin"/systemd/*.timer; do
        # It would only fail.
        [[ -f $opt/$former/systemd/${timer##*/} ]] || control disable --quiet --now "${timer##*/}"
    done
    control daemon-reload
    control start released.socket released.service
    wait_until_well 60 || fail "$former is not well either: $journal"
    fail "$former is running again; why $release was not: $why"
}

# Sets `why` to where it is told when it does not.
comes_up() {
    why='it is told above'
    ours db upgrade || return
    why=$journal
    begin_trial || return
    restart && wait_until_well "$HEALTH_S"
}

install_release() {
    make_user
    make_folders
    be_alone
    former=$(readlink "$opt/current" || true)
    write_settings
    add_settings
    find_address
    build_release
    back_up
    write_units "$origin"
    switch_to "$release"
    if ! comes_up; then
        [[ -n $former ]] || give_up
        roll_back
    fi
    end_trial
    remove_old
}

give_up() {
    control stop released.socket released.service
    end_trial
    run rm -f "$opt/current"
    fail "$release is not well: $why. Settings are in $etc; run this again when they are mended."
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
    if [[ $dry == yes ]]; then
        say "dry run: these are the steps, and nothing was done"
        return
    fi
    say "$release is installed${former:+ in the place of $former}."
    if [[ -z $former ]]; then
        say "the first token of the admin API, shown this once:"
        ours token create first --json
        say "next: HTTPS in front of $host:$port; the webhook at Meta, its verify token stands in" \
            "$etc/credentials/META_VERIFY_TOKEN; and \`sudo released client add\`"
    fi
}

while (($#)); do
    case $1 in
    --dry-run) dry=yes ;;
    --no-input) ask=no ;;
    --wheel)
        wheel=${2:-}
        [[ -n $wheel ]] || misuse "--wheel needs a FILE"
        shift 2
        continue
        ;;
    --root)
        staging=${2:-}
        [[ -n $staging ]] || misuse "--root needs a DIR"
        passed+=("$1")
        shift
        ;;
    -h | --help)
        printf '%s\n' "$usage"
        exit 0
        ;;
    *) misuse "unknown option $1" ;;
    esac
    passed+=("$1")
    shift
done
prefix=${staging:+$(realpath -m "$staging")}
[[ $prefix != *[\'\"\#\&\\]* ]] || misuse "the path of --root must be without quotes, #, & and backslashes"
[[ -n $staging || $dry == yes || $EUID == 0 ]] || fail "run it as root (sudo), or with --dry-run"
find_python
if [[ -n $wheel ]]; then hand_over; fi
opt=$prefix/opt/released etc=$prefix/etc/released state=$prefix/var/lib/released
units=$prefix/etc/systemd/system
as_user='runuser -u released -- '
journal='journalctl -u released'
if [[ -n $staging ]]; then as_user='' journal="the logs of what ${SYSTEMCTL:-} started"; fi
[[ $dry == no || ! -d $etc || -x $etc ]] || fail "$etc cannot be read: also the dry run must be root's here"
release=$(sed -n 's/^version = "\(.*\)"/\1/p' "$origin/pyproject.toml")-$(date -u +%Y%m%d%H%M%S)
install_release
tell
