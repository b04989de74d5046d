# The settings of an installation, for install.sh to source: asked for once, then kept.
#
# Owns /etc/released: released.env, and one file for each secret in credentials/. Decides no path, and knows nothing of
# releases and services.
# shellcheck shell=bash disable=SC2154 # $etc, $state and their like are install.sh's

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

write_settings() {
    local name lines=("DATABASE_URL=sqlite+aiosqlite:///$state/released.db" "BACKUP_DIR=$state/backups")
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

# What a later version needs in the settings of an earlier one.
add_settings() {
    if [[ ! -f $etc/released.env ]] || grep -q '^BACKUP_DIR=' "$etc/released.env"; then return; fi
    { awk 1 "$etc/released.env" && printf 'BACKUP_DIR=%s/backups\n' "$state"; } |
        put_file "$etc/released.env" 0640
}

# Sets `host` and `port` to where the daemon listens.
find_address() {
    host=$(value HOST) port=$(value PORT)
    host=${host:-${HOST:-127.0.0.1}} port=${port:-${PORT:-8080}}
    host=${host//[\[\]\"\']/} port=${port//[\"\']/}
    socket_address >/dev/null
}

# systemd takes addresses and no names, and an IPv6 one in brackets.
socket_address() {
    case $host in
    localhost) printf '127.0.0.1:%s' "$port" ;;
    *:*) printf '[%s]:%s' "$host" "$port" ;;
    *[!0-9.]*) fail "HOST in $etc/released.env must be an address, for example 127.0.0.1, 0.0.0.0 or ::" ;;
    *) printf '%s:%s' "$host" "$port" ;;
    esac
}
