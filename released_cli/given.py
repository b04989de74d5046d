"""What was given before the command and holds for all of it: `released --quiet client list`.

A plain value that the root command sets and anybody below may read.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Globals:
    """The options before the command; `json_keys` were chosen by `--json id,name`.

    `warned` says that misspelt settings were told, `stdin_is_read` that it cannot be read again.
    """

    env_file: Path | None = None
    url: str | None = None
    token_file: str | None = None
    profile: str | None = None
    local: bool = False
    insecure: bool = False
    quiet: bool = False
    no_input: bool = False
    json_keys: tuple[str, ...] = ()
    warned: bool = False
    stdin_is_read: bool = False


_GIVEN: ContextVar[Globals | None] = ContextVar("given", default=None)


def current() -> Globals:
    """Give what holds now; what was never set is as if nothing had been given."""
    found = _GIVEN.get()
    return Globals() if found is None else found


def start(given: Globals) -> None:
    """Let this hold from now on."""
    _GIVEN.set(given)
