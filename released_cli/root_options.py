"""The options of `released` itself, which may stand before or behind a command."""

from pathlib import Path
from typing import Annotated

import typer


def _show_version(*, wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        typer.echo(f"released {importlib.metadata.version('released')}")
        raise typer.Exit


Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Work at the daemon there (or RELEASED_URL), not on this machine."
    ),
]
TokenFile = Annotated[
    str | None,
    typer.Option(metavar="PATH|-", help="File with the token to it (or RELEASED_TOKEN)."),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Work at a daemon that `released login` saved (RELEASED_PROFILE)."
    ),
]
Local = Annotated[bool, typer.Option("--local", help="Work on this machine, whatever was saved.")]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Let the token travel in clear, over http.")
]
EnvFile = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Read settings from this file instead of .env."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")]
NoInput = Annotated[
    bool, typer.Option("--no-input", help="Never ask; what is missing is an error.")
]
Version = Annotated[
    bool,
    typer.Option(
        "--version",
        is_eager=True,
        callback=lambda value: _show_version(wanted=value),
        help="Show the version and exit.",
    ),
]
