#!/usr/bin/env bash
# Makes one client an instance of its own, and runs it: scripts/provision_client.sh NAME PHONE [options]
#
# Owns instances/NAME: its .env, database, logs and pid files. What runs there is ended by its pid, and only while
# that is still the process that was started. Meta's values come from the environment; without them a sandbox plays Meta.
set -euo pipefail

usage="Usage: scripts/provision_client.sh NAME PHONE [options]   make the instance, or start it again
       scripts/provision_client.sh --list | --stop NAME | --remove NAME [--yes]

  --phone-number-id ID     Meta's id of the number; needed with META_ACCESS_TOKEN
  --faqs PATH              JSON or CSV; the example restaurant's unless given
  --welcome-message TEXT   --business-hours TEXT
  --port N                 where the daemon listens on this machine; a free one unless given
  --public-url URL         what Meta calls, for example https://bot.example.com

NAME is letters, digits, - and _. META_ACCESS_TOKEN, META_APP_SECRET and OPENAI_API_KEY are taken from the
environment into instances/NAME/.env. Without a META_ACCESS_TOKEN the sandbox plays WhatsApp, without a key
the FAQs are matched locally. INSTANCES_DIR names another folder than instances.
Exit code: 0 done, 1 refused or failed, 2 usage."

readonly START_S=30 STOP_S=12
caller=$PWD
root=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
instances=${INSTANCES_DIR:-$root/instances}
[[ $instances == /* ]] || instances=$caller/$instances
units=${SYSTEMD_UNITS:-/etc/systemd/system}
umask 077 # all that is made here holds secrets or what customers wrote

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "provision: $*"
    exit 1
}

misuse() {
    say "provision: $*" && say "$usage"
    exit 2
}

value() { sed -n "s/^$1='\(.*\)'\$/\1/p" "$home/.env"; }

# When a process began, which tells it from a later one with the same number.
began() {
    if [[ -d /proc/self ]]; then
        # One that has ended and that nobody has taken note of (Z) is no process any more.
        { sed -n 's/.*) \([^ZX]\)/\1/p' "/proc/$1/stat" | cut -d ' ' -f 20; } 2>/dev/null
    else
        ps -o lstart= -p "$1" 2>/dev/null
    fi
}

# Sets `pid` to that of our process, or says that there is none.
alive() {
    local since
    [[ -f $home/$1.pid ]] && { read -r pid && IFS= read -r since; } <"$home/$1.pid" || return 1
    [[ -n $since && $(began "$pid" || true) == "$since" ]]
}

has_unit() { [[ -f $units/released-$name-$1.service ]]; }

runs() { if has_unit "$1"; then systemctl is-active --quiet "released-$name-$1.service"; else alive "$1"; fi; }

# Where systemd runs and we may ask it, the instance comes back after a reboot.
use_systemd() {
    [[ $EUID == 0 && $(systemctl is-system-running 2>/dev/null) =~ ^(running|degraded|starting)$ ]]
}

launch_unit() {
    local part=$1 owner
    shift
    owner=$(stat -c %U "$root")
    chown -R "$owner" "$home"
    # A unit is no secret, and systemd complains of one that others cannot read.
    umask 022
    printf '%s\n' '[Unit]' "Description=Released instance $name: $part" 'After=network-online.target' '' \
        '[Service]' "ExecStart=$(printf '"%s" ' "$@")" "WorkingDirectory=$home" "User=$owner" 'UMask=0077' \
        'Restart=always' 'RestartSec=2' 'NoNewPrivileges=yes' "StandardOutput=append:$home/$part.log" \
        'StandardError=inherit' '' '[Install]' 'WantedBy=multi-user.target' >"$units/released-$name-$part.service"
    umask 077
    systemctl daemon-reload
    systemctl enable --now --quiet "released-$name-$part.service"
}

launch() {
    local part=$1
    if runs "$part"; then return; fi
    if use_systemd; then
        launch_unit "$@"
        return
    fi
    shift
    # Nothing of this shell's settings may overrule the instance's own.
    (cd "$home" && exec env -i PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 nohup "$@") \
        >>"$home/$part.log" 2>&1 </dev/null &
    printf '%s\n%s\n' $! "$(began $!)" >"$home/$part.pid"
}

end() {
    local part=$1 tries unit=released-$name-$1.service
    if has_unit "$part"; then
        systemctl disable --now --quiet "$unit"
        rm -f "$units/$unit"
        systemctl daemon-reload
    fi
    if alive "$part"; then kill "$pid"; fi
    for ((tries = STOP_S * 10; tries > 0; tries--)); do
        alive "$part" || break
        sleep 0.1
    done
    if alive "$part"; then kill -KILL "$pid"; fi
    rm -f "$home/$part.pid"
}

is_well() {
    local line=''
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
    IFS= read -r -t 6 line <&3 || true
    exec 3>&-
    [[ $line == *' 200 '* ]]
}

wait_until_well() {
    local deadline=$((SECONDS + START_S))
    until is_well "$(value PORT)"; do
        if ! runs daemon || ((SECONDS > deadline)); then
            fail "$name is not well: $(tail -n 1 "$home/daemon.log" 2>/dev/null) (all of it: $home/daemon.log)"
        fi
        sleep 0.2
    done
}

find_instance() {
    name=$1
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$ ]] || misuse "'$name' is no NAME"
    home=$instances/$name
}

need_instance() {
    find_instance "$1"
    [[ -f $home/.env ]] || fail "there is no instance $name; --list shows all"
}

list_all() {
    local file state
    for file in "$instances"/*/.env; do
        [[ -f $file ]] || continue
        find_instance "$(basename "$(dirname "$file")")"
        state=stopped
        if runs daemon; then state=running; fi
        printf '%s\t%s\thttp://127.0.0.1:%s\n' "$name" "$state" "$(value PORT)"
    done
}

remove() {
    local answer=''
    need_instance "$1"
    if [[ ${2:-} != --yes ]]; then
        [[ -t 0 ]] || misuse "--remove deletes $home with its database: add --yes"
        read -r -p "Delete $home with its database? [y/N] " answer
        [[ $answer == [yY]* ]] || fail "nothing was removed"
    fi
    end daemon
    end sandbox
    rm -rf -- "$home"
    say "$name is removed."
}

free_port() {
    "$root/.venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

random_word() { "$root/.venv/bin/python" -c 'import secrets; print(secrets.token_hex(16))'; }

put() {
    [[ $2 != *[\'$'\n']* ]] || fail "$1 must be one line without quotes"
    printf "%s='%s'\n" "$1" "$2"
}

# The whole file or none: a half-written .env would start with defaults.
write_settings() {
    local sandbox_port
    (
        put HOST 127.0.0.1
        put PORT "${port:-$(free_port)}"
        put DATABASE_URL "sqlite+aiosqlite:///released.db"
        put PHONE_NUMBER_ID "$phone_number_id"
        put META_VERIFY_TOKEN "${META_VERIFY_TOKEN:-$(random_word)}"
        put META_APP_SECRET "${META_APP_SECRET:-$(random_word)}"
        put META_ACCESS_TOKEN "${META_ACCESS_TOKEN:-$(random_word)}"
        if [[ $sandboxed == yes ]]; then
            sandbox_port=$(free_port)
            put META_GRAPH_URL "http://127.0.0.1:$sandbox_port"
            put SANDBOX_PORT "$sandbox_port"
        fi
        if [[ -n ${OPENAI_API_KEY:-} ]]; then put OPENAI_API_KEY "$OPENAI_API_KEY"; fi
        if [[ -n $public_url ]]; then put PUBLIC_URL "$public_url"; fi
        if [[ $sandboxed == no && $public_url == https://* ]]; then put APP_ENV prod; fi
    ) >"$home/.env.new"
    mv "$home/.env.new" "$home/.env"
}

released() {
    (cd "$home" && env -i PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 "$root/.venv/bin/released" --local --quiet "$@")
}

set_up_client() {
    if released client show "$phone_number_id" >/dev/null 2>&1; then
        ((${#fields[@]} == 0)) || released client update "$phone_number_id" "${fields[@]}"
        return
    fi
    [[ " ${fields[*]} " == *' --faqs '* ]] || fields+=(--faqs "$root/faqs.example.json")
    released client add --name "$name" --phone-number "$phone" --phone-number-id "$phone_number_id" "${fields[@]}"
}

make() {
    local new=no
    if [[ ! -f $home/.env ]]; then
        new=yes
        [[ $sandboxed == yes || -n $phone_number_id ]] ||
            misuse "--phone-number-id is needed with META_ACCESS_TOKEN: WhatsApp > API Setup shows it"
        [[ $sandboxed == yes || -n ${META_APP_SECRET:-} ]] ||
            fail "META_APP_SECRET is not set: App Dashboard > App settings > Basic > App secret"
        phone_number_id=${phone_number_id:-1000${phone//[!0-9]/}}
        mkdir -p "$home"
        write_settings
    elif [[ -n $port$public_url ]]; then
        say "provision: --port and --public-url are for a new instance; change them in $home/.env"
    fi
    phone_number_id=$(value PHONE_NUMBER_ID)
    if ! set_up_client >/dev/null; then
        # What was begun and holds no client yet would only be in the way of the next try.
        if [[ $new == yes ]]; then rm -rf -- "$home"; fi
        exit 1
    fi
    if [[ -n $(value SANDBOX_PORT) ]]; then
        launch sandbox "$root/.venv/bin/released" --local sandbox --port "$(value SANDBOX_PORT)"
    fi
    launch daemon "$root/.venv/bin/released-daemon"
    wait_until_well
}

tell() {
    local url
    url=$(value PUBLIC_URL)
    printf '%s is running at http://127.0.0.1:%s; its settings, database and logs: %s\n' "$name" "$(value PORT)" "$home"
    if [[ -n $(value SANDBOX_PORT) ]]; then
        printf 'Chat with it as a customer: http://127.0.0.1:%s/\n' "$(value SANDBOX_PORT)"
    fi
    printf '%s\n' 'At Meta (WhatsApp > Configuration), with HTTPS in front of that address:' \
        "  Callback URL  ${url:-https://YOUR-SERVER}/webhook" "  Verify token  $(value META_VERIFY_TOKEN)" \
        '  Field         messages'
}

case ${1:-} in
-h | --help) printf '%s\n' "$usage" && exit 0 ;;
--list)
    list_all
    exit 0
    ;;
--stop)
    (($# == 2)) || misuse "--stop needs a NAME"
    need_instance "$2"
    end daemon
    end sandbox
    say "$name is stopped."
    exit 0
    ;;
--remove)
    (($# > 1)) || misuse "--remove needs a NAME"
    remove "${@:2}"
    exit 0
    ;;
'' | -*) misuse "NAME and PHONE are needed" ;;
esac

(($# >= 2)) || misuse "PHONE is needed, as +34666777888"
find_instance "$1"
phone=$2 phone_number_id='' port='' public_url='' fields=()
shift 2
while (($#)); do
    (($# >= 2)) || misuse "$1 needs a value"
    case $1 in
    --phone-number-id) phone_number_id=$2 ;;
    --port) port=$2 ;;
    --public-url) public_url=$2 ;;
    --faqs) if [[ $2 == /* ]]; then fields+=("$1" "$2"); else fields+=("$1" "$caller/$2"); fi ;;
    --welcome-message | --business-hours) fields+=("$1" "$2") ;;
    *) misuse "unknown option $1" ;;
    esac
    shift 2
done
sandboxed=yes
if [[ -n ${META_ACCESS_TOKEN:-} ]]; then sandboxed=no; fi
"$BASH" "$root/scripts/setup.sh" plain
make
tell
