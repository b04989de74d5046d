"""What tests of saved profiles share: who logs in, where that is saved, and what is seen there."""

from pathlib import Path

from tests.doubles.command_line import Shell
from tests.doubles.served import make_world

FAR = "https://bot.example.com"


def operator() -> bytes:
    """Give the token of who may do everything, as stdin has it."""
    return make_world().tokens["operator"].encode()


def find_file(shell: Shell) -> Path:
    """Tell where profiles are saved."""
    return shell.folder / "config" / "released" / "profiles.toml"


def log_in(shell: Shell, url: str, *more: str) -> None:
    """Save a profile of a daemon."""
    shell.must("login", url, "--token-file", "-", *more, stdin=operator())


def count_clients(shell: Shell, *options: str) -> int:
    """Count the clients that a command sees, here or there."""
    return len(shell.must(*options, "client", "list", "--json").json)
