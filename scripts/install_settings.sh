# The settings of an installation, for install.sh to source: asked for once, then kept.
#
# Owns /etc/released: released.env, and one file for each secret in credentials/; how a file is put in place, and how a
# command is run by these settings alone. Decides no path, and knows nothing of releases and services.
# shellcheck shell=bash disable=SC2154 # $etc, $state and their like are install.sh's

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

write_settings() {
    local name why lines=("DATABASE_URL=sqlite+aiosqlite:///$state/released.db" "BACKUP_DIR=$state/backups")
    local -A secret=()
    if [[ -f $etc/released.env ]]; then
        tell_kept
        return
    fi
    take PUBLIC_URL "the https address that Meta calls; empty: try it on this machine first"
    PUBLIC_URL=$given
    find_address
    [[ -z $PUBLIC_URL ]] || lines+=("PUBLIC_URL=$PUBLIC_URL" "APP_ENV=prod")
    lines+=("HOST=$host" "PORT=$port")
    for name in "${SECRETS[@]}"; do
        take "$name" "empty: none"
        secret[$name]=$given
    done
    if [[ -z ${secret[META_APP_SECRET]} ]]; then
        why="META_APP_SECRET is not set: App Dashboard > App settings > Basic > App secret"
        # A dry run is there to be read before anything is at hand.
        [[ $dry == yes ]] || fail "$why"
        say "$why; the installation will need it"
    fi
    : "${secret[META_VERIFY_TOKEN]:=$("$python" -c 'import secrets; print(secrets.token_hex(16))')}"
    for name in "${SECRETS[@]}"; do
        printf '%s' "${secret[$name]}" | put_file "$etc/credentials/$name" 0640
    done
    # Last, because it is what tells a later run that the settings are complete.
    printf '%s\n' "${lines[@]}" | put_file "$etc/released.env" 0640
}

value() {
    if [[ -f $etc/released.env ]]; then sed -n "s/^$1=//p" "$etc/released.env" | tail -n 1 | tr -d "\"'"; fi
}

# What was given for this run and is not what stands there: nobody is to believe that it was taken.
tell_kept() {
    local name kept place
    for name in PUBLIC_URL HOST PORT "${SECRETS[@]}"; do
        kept=$(value "$name") place=$etc/released.env
        if [[ -z $kept && " ${SECRETS[*]} " == *" $name "* ]]; then
            place=$etc/credentials/$name
            kept=$(cat "$place" 2>/dev/null || true)
        fi
        [[ -z ${!name:-} || ${!name} == "$kept" ]] ||
            say "settings are kept, and $name is another than was given: change it in $place, then run this again"
    done
}

# What a later version needs in the settings of an earlier one.
add_settings() {
    if [[ ! -f $etc/released.env ]] || grep -q '^BACKUP_DIR=' "$etc/released.env"; then return; fi
    { awk 1 "$etc/released.env" && printf 'BACKUP_DIR=%s/backups\n' "$state"; } |
        put_file "$etc/released.env" 0640
}

# With what the daemon has: settings of this shell would win over the file's.
ours() {
    local alone=(env -i PATH="$PATH" LANG=C.UTF-8)
    if [[ $dry == yes ]]; then alone=(); fi
    run "${alone[@]}" "$prefix/usr/local/bin/released" --local --quiet "$@"
}

# Sets `host` and `port` to where the daemon listens: as the file has it, or will have it. What the daemon or systemd would
# refuse is refused here, before anything is built.
find_address() {
    local url=${PUBLIC_URL:-} where=''
    host=${HOST:-127.0.0.1} port=${PORT:-8080}
    if [[ -f $etc/released.env ]]; then
        where=" in $etc/released.env" url='' host=$(value HOST) port=$(value PORT)
        if [[ $(value APP_ENV) == prod ]]; then url=$(value PUBLIC_URL); fi
    fi
    host=${host:-127.0.0.1} port=${port:-8080}
    host=${host//[\[\]]/}
    [[ -z $url || $url =~ ^https://[^/[:space:]]+[^[:space:]]*$ ]] ||
        fail "PUBLIC_URL$where must be the https address that Meta calls, for example https://bot.example.com"
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] || fail "PORT$where must be a number from 1 to 65535"
    socket_address >/dev/null
}

# systemd takes addresses and no names, and an IPv6 one in brackets.
socket_address() {
    case $host in
    localhost) printf '127.0.0.1:%s' "$port" ;;
    *:*) printf '[%s]:%s' "$host" "$port" ;;
    *[!0-9.]*) fail "HOST${where:-} must be an address, for example 127.0.0.1, 0.0.0.0 or ::" ;;
    *) printf '%s:%s' "$host" "$port" ;;
    esac
}
