#!/usr/bin/env bash
# Upgrades a server to this checkout, from another machine: scripts/deploy.sh [--wheel FILE]
#
# Owns the way there: the wheel, the key and one SSH connection. What happens on the server, and whether it is kept, is the
# business of scripts/install.sh, which the release that runs there has and which gives way to the one in the wheel.
set -euo pipefail

usage="Usage: scripts/deploy.sh [--wheel FILE]

Builds the wheel of this checkout (or takes FILE) and hands it to the installer on the server, which backs up, upgrades,
asks /health, and goes back to the former release when it is not well.

  DEPLOY_HOST         the server's name or address; the first installation there is made by hand
  DEPLOY_USER         a user who may run there by sudo: /opt/released/current/scripts/install.sh --no-input --wheel -
  DEPLOY_SSH_KEY      the user's private key without a passphrase, or the absolute path of its file
  DEPLOY_KNOWN_HOSTS  the server's lines of known_hosts (ssh-keyscan prints them), or the absolute path of such a file
  DEPLOY_PORT         22 unless given

Exit code: 0 done, 1 refused, failed or taken back, 2 usage."

readonly COMMAND='sudo -n /opt/released/current/scripts/install.sh --no-input --wheel -'
root=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'deploy: %s\n' "$*" >&2; }

fail() {
    say "$@"
    # What GitHub shows above the log.
    if [[ ${GITHUB_ACTIONS:-} == true ]]; then printf '::error title=deploy::%s\n' "$*"; fi
    exit 1
}

# Each of them that is missing is told at once; of what they hold nothing is printed.
check_given() {
    local name missing=()
    for name in DEPLOY_HOST DEPLOY_USER DEPLOY_SSH_KEY DEPLOY_KNOWN_HOSTS; do
        [[ -n ${!name:-} ]] || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "nothing was done: ${missing[*]} not set (scripts/deploy.sh --help)"
    # A name that begins with a dash would be an option of ssh.
    [[ $DEPLOY_HOST =~ ^[A-Za-z0-9:][A-Za-z0-9.:_-]*$ ]] || fail "DEPLOY_HOST must be a host name or an address"
    [[ $DEPLOY_USER =~ ^[A-Za-z_][A-Za-z0-9._-]*$ ]] || fail "DEPLOY_USER must be the name of a user"
    [[ $port =~ ^[0-9]+$ ]] || fail "DEPLOY_PORT must be a number"
}

# Puts what a variable holds, or the file it names, into the scratch folder. Pasted text may have lost its last line end.
keep() {
    local given=${!1}
    if [[ $given == /* ]]; then
        cp -- "$given" "$scratch/$2" 2>/dev/null || fail "$1 names a file that cannot be read: $given"
    else
        printf '%s\n' "${given//$'\r'/}" >"$scratch/$2"
    fi
    chmod 0600 "$scratch/$2" # ssh refuses a key that others can read
    unset "$1" # no program that builds the wheel is to see it
}

build_wheel() {
    "$BASH" "$root/scripts/setup.sh" plain
    (cd "$root" && .venv/bin/python -m hatchling build -t wheel -d "$scratch/dist" >/dev/null) ||
        fail "nothing was done: the wheel could not be built"
    wheel=$(printf '%s' "$scratch"/dist/*.whl)
}

hand_over() {
    ssh -F /dev/null -T -i "$scratch/key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
        -o "UserKnownHostsFile=$scratch/known_hosts" -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 \
        -o ServerAliveInterval=15 -o ServerAliveCountMax=8 -p "$port" -l "$DEPLOY_USER" -- "$DEPLOY_HOST" "$COMMAND" \
        <"$wheel"
}

wheel='' port=${DEPLOY_PORT:-22}
while (($#)); do
    case $1 in
    --wheel)
        wheel=${2:?--wheel needs a FILE}
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
check_given
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
keep DEPLOY_SSH_KEY key
keep DEPLOY_KNOWN_HOSTS known_hosts
[[ -n $wheel ]] || build_wheel
[[ -f $wheel ]] || fail "nothing was done: there is no wheel $wheel"

say "handing ${wheel##*/} to $DEPLOY_HOST"
code=0
hand_over || code=$?
case $code in
0) say "$DEPLOY_HOST runs ${wheel##*/}" ;;
255) fail "no connection to $DEPLOY_HOST, or it broke; an upgrade that had begun goes on there: released service status" ;;
127) fail "$DEPLOY_HOST has no sudo" ;;
*) fail "$DEPLOY_HOST does not run ${wheel##*/}: what it said stands above" ;;
esac
