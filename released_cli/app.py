"""The root command: global options, and errors turned into one line and an exit code.

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 differences found; 130 interrupted.
"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from daemon.core.errors import ReleasedError
from released_cli import client, db, demo, inbox, sandbox, token
from released_cli.output import close_stdout
from released_cli.session import Globals

INTERRUPTED = 130

ORDER = ("client", "inbox", "token", "db", "sandbox", "demo")
"""The commands as `--help` lists them; one that is not named here follows."""


class InOrder(TyperGroup):
    """Lists the commands in the order of their use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Give the names, those of `ORDER` first."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="WhatsApp bots for hundreds of local businesses from one machine.",
)
app.add_typer(client.app, name="client", help="The businesses whose bots run here.")
app.add_typer(inbox.app, name="inbox", help="What customers wrote, what waits, what was parked.")
app.add_typer(token.app, name="token", help="Who may use the admin API.")
app.add_typer(db.app, name="db", help="The database.")
app.command("sandbox")(sandbox.sandbox)
app.command("demo")(demo.demo)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        typer.echo(f"released {importlib.metadata.version('released')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    env_file: Annotated[
        Path | None, typer.Option(help="Read settings from this file instead of .env.")
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda value: _show_version(wanted=value),
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Run what follows with these settings."""
    ctx.obj = Globals(env_file=env_file)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    _print_what_it_can()
    try:
        code = app(prog_name="released", standalone_mode=False)
    except ReleasedError as refused:
        _fail(str(refused), 1)
    except TyperException as wrong:
        _fail(_explain(wrong), wrong.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except OSError as failed:
        close_stdout()
        _fail(f"it failed: {failed.strerror or failed}", 1)
    except UnicodeEncodeError:
        # Bytes of an argument that are no UTF-8 travel as lone surrogates until they are written.
        _fail("a value on the command line is not UTF-8.", 2)
    except Exception as bug:
        if sys.flags.dev_mode:
            raise
        _fail(f"a fault of its own ({type(bug).__name__}); PYTHONDEVMODE=1 shows where", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _print_what_it_can() -> None:
    """Let a terminal that lacks a character show a substitute instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(wrong: TyperException) -> str:
    message = wrong.format_message()
    context: typer.Context | None = getattr(wrong, "ctx", None)
    if context is None or not message:
        return message
    return f"{message.rstrip('.')}. See: {context.command_path} --help"


def _fail(message: str, code: int) -> NoReturn:
    line = " ".join(message.split())
    if line:
        typer.echo(f"released: {line}", err=True)
    sys.exit(code)
