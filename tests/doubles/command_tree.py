"""The tree of commands that typer makes of all our signatures, made once in a process.

Each call of the program makes it anew, which is half of a short command, and ever the same.
"""

from functools import cache

import typer.main

_make = typer.main.get_command


@cache
def get_commands(app: typer.Typer) -> object:
    """Stand in for `typer.main.get_command`."""
    return _make(app)
