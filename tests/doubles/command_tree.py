"""The tree of commands that typer makes of all our signatures, made once in a process.

Each call of the program makes what it needs of it anew, and ever the same.
"""

from functools import cache
from typing import Any

import typer.main

_make = typer.main.get_command


@cache
def get_commands(app: typer.Typer) -> Any:
    """Stand in for `typer.main.get_command`."""
    return _make(app)
