"""`released completion`: the shells' own completion, and which clients a REF may name.

The shell runs `released` with `_RELEASED_COMPLETE` set for each press of the key, so that must be
quick, change nothing, and say nothing when it fails.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from released_cli.commands import Command
from released_cli.given import Globals, current
from released_cli.output import print_text

if TYPE_CHECKING:
    from released_cli.places import Place

app = typer.Typer()

VARIABLE = "_RELEASED_COMPLETE"

BUDGET_S = 2.0
"""Seconds that a daemon far away has to name its clients."""

BASH = """\
_released_completion() {
    local IFS=$'\\n' word="${COMP_WORDS[COMP_CWORD]}" i
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
        _RELEASED_COMPLETE=complete_bash "$1" 2>/dev/null ) )
    if [[ "$word" != [\\"\\']* ]]; then
        for i in "${!COMPREPLY[@]}"; do
            printf -v COMPREPLY[i] %q "${COMPREPLY[i]}"
        done
    fi
}

complete -o default -F _released_completion released
"""
"""Typer's own puts `La Plaza` into the line as two words."""

Shell = Annotated[
    Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")
]

EPILOG = """
bash, in ~/.bashrc:
  eval "$(released completion bash)"
zsh, in ~/.zshrc after compinit:
  eval "$(released completion zsh)"
fish, once:
  released completion fish >~/.config/fish/completions/released.fish
"""


@app.command("completion", cls=Command, epilog=EPILOG)
def completion(shell: Shell) -> None:
    """Print the script that completes commands, options and clients' names in a shell."""
    from typer._completion_shared import get_completion_script

    if shell == "bash":
        print_text(BASH.rstrip())
        return
    print_text(
        get_completion_script(prog_name="released", complete_var=VARIABLE, shell=shell).rstrip()
    )


def is_asked() -> bool:
    """Tell whether a shell asks, and not a person."""
    return bool(os.environ.get(VARIABLE))


def answer(app: typer.Typer) -> int:
    """Answer a shell and give the exit code; whatever goes wrong, it says nothing."""
    from typer._completion_classes import completion_init

    try:
        completion_init()
        app(prog_name="released", standalone_mode=False)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except Exception:  # noqa: BLE001, S110 - an error would be printed into the line being typed
        pass
    return 1


def complete_ref(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the clients whose name begins so; one whose name is not its own alone, by its id."""
    from released_cli.choosing import choose_place

    given = _read_given(ctx.find_root().params)
    place = choose_place(given)
    clients = _ask_here(given.env_file) if place is None else _ask_there(place)
    names = [name for _, name in clients]
    return [
        (name if names.count(name) == 1 else str(client_id), f"client {client_id}")
        for client_id, name in clients
        if name.startswith(incomplete) or names.count(name) > 1
    ]


def _read_given(params: dict[str, Any]) -> Globals:
    known = ("env_file", "url", "token_file", "profile", "local", "insecure")
    given = Globals(**{name: params[name] for name in known if params.get(name) is not None})
    for name in known:
        # What stands behind the command's name, and so in none of the root's parameters.
        setattr(given, name, getattr(current(), name) or getattr(given, name))
    if given.token_file == "-":  # noqa: S105 - stdin, and no token
        raise ValueError("stdin belongs to the shell")
    return given


def _ask_here(env_file: Path | None) -> list[tuple[int, str]]:
    from daemon.core.settings import load_settings
    from daemon.core.store.clients import list_clients
    from daemon.core.store.engine import Database, sqlite_path

    path = sqlite_path(load_settings(env_file).database_url)
    if not path.is_file() or not path.stat().st_size:
        return []
    database = Database(path)
    try:
        return [(client.id, client.name) for client in database.read(list_clients)]
    finally:
        database.close()


def _ask_there(place: "Place") -> list[tuple[int, str]]:
    from released_cli.calling import Caller
    from released_cli.remote import RemoteAdmin

    office = RemoteAdmin(Caller(place, BUDGET_S))
    return [(client["id"], client["name"]) for client in office.list_clients()]
