"""The root command: global options, and errors turned into one line and an exit code.

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 differences found; 130 interrupted.
"""

import sys
from io import TextIOWrapper
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from daemon.core.errors import ReleasedError
from released_cli import completion
from released_cli.given import Globals, start
from released_cli.root_options import (
    EnvFile,
    Insecure,
    Local,
    NoInput,
    Profile,
    Quiet,
    TokenFile,
    Url,
    Version,
)
from released_cli.stdout import StdoutLost, close_stdout, open_stdout
from released_cli.tree import Root
from released_cli.wording import explain

INTERRUPTED = 130

EPILOG = """
Options stand before or behind the command.

Examples:
  released client add --faqs faqs.json      asks for what else it needs
  released status                           the daemon, every client, alerts
  released client list --json id,name       data for programs
  released doctor                           what is wrong, and the next step
  released COMMAND --help                   more about one of them
"""


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    help="WhatsApp bots for hundreds of local businesses from one machine.",
    epilog=EPILOG,
)


@app.callback()
def root(  # noqa: PLR0913 - one parameter an option
    ctx: typer.Context,
    *,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    local: Local = False,
    insecure: Insecure = False,
    env_file: EnvFile = None,
    quiet: Quiet = False,
    no_input: NoInput = False,
    _version: Version = False,
) -> None:
    """Run what follows with these settings."""
    ctx.obj = Globals(
        env_file=env_file,
        url=url,
        token_file=token_file,
        profile=profile,
        local=local,
        insecure=insecure,
        quiet=quiet,
        no_input=no_input,
    )
    start(ctx.obj)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    _print_what_it_can()
    start(Globals())
    if completion.is_asked():
        sys.exit(completion.answer(app))
    try:
        code = app(prog_name="released", standalone_mode=False)
    except ReleasedError as refused:
        _fail(str(refused), 1, source=refused)
    except TyperException as wrong:
        _fail(explain(wrong), wrong.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except OSError as failed:
        what = "stdout cannot be written" if isinstance(failed, StdoutLost) else "it failed"
        close_stdout()
        _fail(f"{what}: {failed.strerror or failed}", 1)
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
    open_stdout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, code: int, *, source: Exception | None = None) -> NoReturn:
    from released_cli.spelling import spell

    line = spell(" ".join(message.split()), source=source)
    if line:
        typer.echo(f"released: {line}", err=True)
    sys.exit(code)
