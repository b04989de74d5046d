# Instances as containers, for scripts/provision_client.sh, which sources this: image, client commands, start and end.
#
# Owns how Docker is asked. Expects `root`, `name`, `home`, `value` and `fail` of the script that sources it.
# shellcheck shell=bash disable=SC2154

readonly OWN_IMAGE=released:local

# The one that the instance was made with, unless another is named now; without any, this checkout's own.
named_image() {
    local image=${RELEASED_IMAGE:-}
    [[ -n $image || ! -f $home/.env ]] || image=$(value RELEASED_IMAGE)
    printf '%s' "$image"
}

# An engine on this machine whose users are this machine's: only there does a container write our files as ours, and have
# the loopback that a proxy and the health check here can reach.
has_engine() {
    local about
    about=$(docker info --format '{{.OSType}} {{.OperatingSystem}} {{.SecurityOptions}}' 2>/dev/null) || return 1
    [[ $about == linux* && $about != *'Docker Desktop'* && $about != *name=rootless* && $about != *name=userns* ]] &&
        docker compose version >/dev/null 2>&1
}

# The files are the caller's; root's go to the image's own user, because no container runs as root.
container_user() { if [[ $EUID == 0 ]]; then printf '10001:10001'; else printf '%s:%s' "$EUID" "$(id -g)"; fi; }

compose() {
    local sandbox_port image
    sandbox_port=$(value SANDBOX_PORT)
    image=$(named_image)
    env RELEASED_IMAGE="${image:-$OWN_IMAGE}" INSTANCE_HOME="$home" INSTANCE_USER="$(container_user)" SANDBOX_PORT="$sandbox_port" \
        COMPOSE_PROFILES="${sandbox_port:+sandbox}" \
        docker compose --project-name "released-$name" --file "$root/deploy/instance/docker-compose.yml" \
        --progress quiet "$@"
}

# This checkout's own is built, which takes no time when it is as it was; one that is named is only fetched.
make_image() {
    local log image
    image=$(named_image)
    log=$(mktemp)
    if [[ -n $image ]]; then
        docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >"$log" 2>&1
    else
        say "provision: building the image $OWN_IMAGE (minutes the first time)"
        docker build --tag "$OWN_IMAGE" "$root" >"$log" 2>&1
    fi || fail "there is no image ${image:-$OWN_IMAGE}: $(tail -n 1 "$log") (all of it: $log)"
    rm -f "$log"
}

# A file of FAQs lies where no container can see it: it goes in by stdin.
released_in_docker() {
    local faqs=/dev/null words=()
    while (($#)); do
        if [[ $1 == --faqs ]]; then
            [[ -f $2 && -r $2 ]] || { say "provision: $2 is no file that can be read" && return 1; }
            words+=(--faqs -) faqs=$2
            shift
        else
            words+=("$1")
        fi
        shift
    done
    hand_over
    compose run --rm --no-deps -T daemon released --local --quiet "${words[@]}" <"$faqs"
}

hand_over() { if [[ $EUID == 0 ]]; then chown -R "$(container_user)" "$home"; fi; }

runs_in_docker() { [[ -n $(compose ps --quiet --status running "$1" 2>/dev/null) ]]; }

launch_in_docker() {
    hand_over
    compose up --detach --remove-orphans >&2
}

end_in_docker() { compose down --timeout "$STOP_S" >&2; }

last_words_in_docker() { compose logs --no-log-prefix --tail 1 "$1" 2>&1; }
