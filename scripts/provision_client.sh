#!/usr/bin/env bash
# Makes one client an instance of its own, and runs it: scripts/provision_client.sh NAME PHONE [options]
#
# Owns instances/NAME with its .env, database and logs. How what runs there is begun and ended is provision_carriers.sh's and
# provision_docker.sh's. Meta's values come from the environment; without them a sandbox plays Meta.
set -euo pipefail

usage="Usage: scripts/provision_client.sh NAME PHONE [options]
       scripts/provision_client.sh --list | --stop NAME | --remove NAME [--yes]

Makes the instance NAME for the number PHONE, or starts it again.

  --phone-number-id ID     Meta's id of the number; needed with a
                           META_ACCESS_TOKEN
  --faqs PATH              JSON or CSV; the example restaurant's unless given
  --welcome-message TEXT   what a customer is greeted with
  --business-hours TEXT    when the business is open
  --port N                 where the daemon listens on this machine; a free one
                           unless given
  --public-url URL         what Meta calls, for example https://bot.example.com
  --runs-in HOW            systemd, docker or process; unless given, the first
                           of them that this machine has

NAME is letters, digits, - and _. META_ACCESS_TOKEN, META_APP_SECRET and
OPENAI_API_KEY are taken from the environment into instances/NAME/.env. Without
a META_ACCESS_TOKEN the sandbox plays WhatsApp, without a key the FAQs are
matched locally. INSTANCES_DIR names another folder than instances.
Exit code: 0 done, 1 refused or failed, 2 usage."

readonly START_S=30 STOP_S=12
caller=$PWD
root=$(CDPATH='' cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
instances=${INSTANCES_DIR:-$root/instances}
[[ $instances == /* ]] || instances=$caller/$instances
units=${SYSTEMD_UNITS:-/etc/systemd/system}
# shellcheck source=scripts/provision_carriers.sh
source "$root/scripts/provision_carriers.sh"
# shellcheck source=scripts/provision_docker.sh
source "$root/scripts/provision_docker.sh"
umask 077 # all that is made here holds secrets or what customers wrote

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "provision: $*"
    exit 1
}

misuse() {
    say "provision: $*. See: scripts/provision_client.sh --help"
    exit 2
}

value() { sed -n "s/^$1='\(.*\)'\$/\1/p" "$home/.env"; }

# A shell of its own: whoever listens may close the door in the middle, which ends the one that writes.
is_well() (
    line=''
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || exit 1
    printf 'GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
    IFS= read -r -t 6 line <&3 || true
    [[ $line == *' 200 '* ]]
)

# Another's daemon at that port would answer too: ours must be there after it. And whoever is told where to chat goes there.
wait_until_well() {
    local deadline=$((SECONDS + START_S)) sandbox_port
    sandbox_port=$(value SANDBOX_PORT)
    until is_well "$(value PORT)" && runs daemon; do
        wait_for daemon "$name is not well"
    done
    if [[ -n $sandbox_port ]]; then
        until answers "$sandbox_port" && runs sandbox; do
            wait_for sandbox "the sandbox of $name does not answer"
        done
    fi
}

# Expects the `deadline` of whoever waits.
wait_for() {
    if ! runs "$1" || ((SECONDS > deadline)); then
        fail "$2: $(last_words "$1")"
    fi
    sleep 0.2
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
    local file state found=no
    for file in "$instances"/*/.env; do
        [[ -f $file ]] || continue
        found=yes
        find_instance "$(basename "$(dirname "$file")")"
        state=stopped
        if runs daemon; then state=running; fi
        printf '%s\t%s\thttp://127.0.0.1:%s\n' "$name" "$state" "$(value PORT)"
    done
    [[ $found == yes ]] || say "No instance in $instances yet. Make one: scripts/provision_client.sh NAME PHONE"
}

remove() {
    local answer=''
    need_instance "$1"
    if [[ ${2:-} != --yes ]]; then
        [[ -t 0 ]] || misuse "--remove deletes $home with its database: add --yes"
        read -r -p "Delete $home with its database? [y/N] " answer
        [[ $answer == [yY]* ]] || fail "nothing was removed"
    fi
    end_all
    rm -rf -- "$home"
    say "$name is removed."
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# One that is stopped has its port, too.
is_promised() { grep -qs "PORT='$1'" "$instances"/*/.env; }

is_taken() { [[ $1 == "$port" ]] || is_promised "$1" || answers "$1"; }

# What nothing need be made or built for.
check_port() {
    [[ -n $port && ! -f $home/.env ]] || return 0
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] || misuse "--port is a number from 1 to 65535"
    ! answers "$port" || fail "Port $port on 127.0.0.1 is in use: give another, or none, and a free one is found"
    ! is_promised "$port" || fail "port $port is that of another instance; --list shows all"
}

# Before it is started: who answers afterwards is ours.
refuse_taken() {
    local taken
    taken=$(value "$2")
    [[ -z $taken ]] || runs "$1" || ! answers "$taken" ||
        fail "$name was not started: Port $taken on 127.0.0.1 is in use. End what listens there, or change $2 in $home/.env"
}

# Below the ports that calls to elsewhere are given: none of those can be in the way at the next start.
free_port() {
    local found
    while found=$((20000 + RANDOM % 10000)) && is_taken "$found"; do :; done
    printf '%s' "$found"
}

random_word() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

put() {
    [[ $2 != *[\'$'\n']* ]] || fail "$1 must be one line without quotes"
    printf "%s='%s'\n" "$1" "$2"
}

# The whole file or none: a half-written .env would start with defaults.
write_settings() {
    local sandbox_port
    port=${port:-$(free_port)}
    (
        if [[ -n $runs_in ]]; then put RUNS_IN "$runs_in"; fi
        if [[ $runs_in == docker ]]; then put RELEASED_IMAGE "${RELEASED_IMAGE:-}"; fi
        put HOST 127.0.0.1
        put PORT "$port"
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
    if in_docker; then
        released_in_docker "$@"
        return
    fi
    (cd "$home" && env -i PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 "$root/.venv/bin/released" --local --quiet "$@")
}

# Customers write to the number that it has: another is no slip to take in passing.
refuse_another_number() {
    local kept=$1 how="(cd $home && $root/.venv/bin/released --local"
    if in_docker; then how="(docker exec released-$name-daemon-1 released"; fi
    how+=" client update $phone_number_id --phone-number NUMBER)"
    [[ ${phone//[!0-9+[:alpha:]]/} == "$kept" ]] ||
        fail "$name has $kept, not $phone. To change it: $how, or --remove $name first"
}

set_up_client() {
    local shown
    if shown=$(released client show "$phone_number_id" --json phone_number 2>/dev/null); then
        refuse_another_number "$(sed -n 's/.*"phone_number": "\(.*\)".*/\1/p' <<<"$shown")"
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
    [[ -z $phone_number_id || $phone_number_id == "$(value PHONE_NUMBER_ID)" ]] ||
        fail "$name has the phone_number_id $(value PHONE_NUMBER_ID), not $phone_number_id: --remove $name first"
    phone_number_id=$(value PHONE_NUMBER_ID)
    if ! set_up_client >/dev/null; then
        # What was begun and holds no client yet would only be in the way of the next try.
        if [[ $new == yes ]]; then rm -rf -- "$home"; fi
        exit 1
    fi
    refuse_taken daemon PORT
    refuse_taken sandbox SANDBOX_PORT
    start_all
    wait_until_well
}

tell() {
    local url
    url=$(value PUBLIC_URL)
    printf '%s is running at http://127.0.0.1:%s; its settings and database: %s\n' "$name" "$(value PORT)" "$home"
    if [[ -n $(value SANDBOX_PORT) ]]; then
        printf 'Chat with it as a customer: http://127.0.0.1:%s/\n' "$(value SANDBOX_PORT)"
    fi
    printf '%s\n' 'At Meta (WhatsApp > Configuration), with HTTPS in front of that address:' \
        "  Callback URL  ${url:-https://YOUR-SERVER}/webhook" "  Verify token  $(value META_VERIFY_TOKEN)" \
        '  Field         messages'
}

case ${1:-} in
--list)
    list_all
    exit 0
    ;;
--stop)
    (($# == 2)) || misuse "--stop needs a NAME"
    need_instance "$2"
    end_all
    say "$name is stopped."
    exit 0
    ;;
--remove)
    (($# > 1)) || misuse "--remove needs a NAME"
    remove "${@:2}"
    exit 0
    ;;
esac

words=() phone_number_id='' port='' public_url='' runs_in='' fields=()
while (($#)); do
    case $1 in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    -*) (($# >= 2)) || misuse "$1 needs a value" ;;
    *)
        words+=("$1")
        shift
        continue
        ;;
    esac
    case $1 in
    --phone-number-id) phone_number_id=$2 ;;
    --port) port=$2 ;;
    --public-url)
        [[ $2 =~ ^https://[^/[:space:]]+[^[:space:]]*$ ]] ||
            misuse "--public-url must be an https address: Meta calls no other"
        public_url=${2%/}
        ;;
    --runs-in) runs_in=$2 ;;
    --faqs) if [[ $2 == /* ]]; then fields+=("$1" "$2"); else fields+=("$1" "$caller/$2"); fi ;;
    --welcome-message | --business-hours) fields+=("$1" "$2") ;;
    *) misuse "unknown option $1" ;;
    esac
    shift 2
done
((${#words[@]} > 0)) || misuse "NAME and PHONE are needed"
find_instance "${words[0]}"
((${#words[@]} > 1)) || misuse "PHONE is needed, as +34666777888"
((${#words[@]} == 2)) || misuse "'${words[2]}' is too much after NAME and PHONE"
phone=${words[1]}
sandboxed=yes
if [[ -n ${META_ACCESS_TOKEN:-} ]]; then sandboxed=no; fi
check_port
choose_carrier
make
tell
