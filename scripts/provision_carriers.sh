# How an instance runs, for scripts/provision_client.sh, which sources this: as units of systemd, containers or processes.
#
# Owns that choice, units and pid files: what it ends is ended by its pid, and only while that is still the process that was
# started. Containers are provision_docker.sh's. Expects the variables and `value`, `fail` and `misuse` of the script.
# shellcheck shell=bash disable=SC2154

# An instance stays what it is; a new one is what the machine is best at, and what that needs is made ready.
choose_carrier() {
    if [[ -f $home/.env ]]; then
        [[ -z $runs_in || $runs_in == "$(carrier)" ]] || fail "$name runs in $(carrier): --remove it first"
        runs_in=$(carrier)
    elif [[ -z $runs_in ]] && ! use_systemd && has_engine; then
        runs_in=docker
    fi
    case $runs_in in
    docker)
        has_engine || fail "no Docker engine of this machine answers, with Docker Compose: docker info says why"
        [[ $name == "${name,,}" ]] || misuse "NAME must be in small letters where Docker runs it"
        make_image
        ;;
    systemd) use_systemd || fail "systemd does not run here, or you are not root" ;;
    '' | process) ;;
    *) misuse "--runs-in is systemd, docker or process" ;;
    esac
    [[ $runs_in == docker ]] || "$BASH" "$root/scripts/setup.sh" plain
}

# How the instance runs: as it was begun, and where that says nothing, as this machine has it now.
carrier() {
    local begun
    begun=$(value RUNS_IN)
    if [[ -z $begun ]]; then
        if use_systemd; then begun=systemd; else begun=process; fi
    fi
    printf '%s' "$begun"
}

in_docker() { [[ $(carrier) == docker ]]; }

runs() { if in_docker; then runs_in_docker "$1"; else runs_here "$1"; fi; }

start_all() {
    local sandbox_port
    sandbox_port=$(value SANDBOX_PORT)
    if in_docker; then
        launch_in_docker
        return
    fi
    if [[ -n $sandbox_port ]]; then
        launch sandbox "$root/.venv/bin/released" --local sandbox --port "$sandbox_port"
    fi
    launch daemon "$root/.venv/bin/released-daemon"
}

launch() {
    if runs_here "$1"; then
        return
    elif [[ $(carrier) == systemd ]]; then
        launch_unit "$@"
    else
        launch_process "$@"
    fi
}

end_all() {
    if in_docker; then
        end_in_docker
    else
        end_here daemon
        end_here sandbox
    fi
}

last_words() {
    if in_docker; then
        last_words_in_docker "$1"
    else
        printf '%s (all of it: %s)' "$(tail -n 1 "$home/$1.log" 2>/dev/null)" "$home/$1.log"
    fi
}

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

runs_here() { if has_unit "$1"; then systemctl is-active --quiet "released-$name-$1.service"; else alive "$1"; fi; }

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

launch_process() {
    local part=$1
    shift
    # Nothing of this shell's settings may overrule the instance's own.
    (cd "$home" && exec env -i PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 nohup "$@") \
        >>"$home/$part.log" 2>&1 </dev/null &
    printf '%s\n%s\n' $! "$(began $!)" >"$home/$part.pid"
}

end_here() {
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
