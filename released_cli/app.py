"""The root command: global options, and errors turned into one line and an exit code.

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 differences found; 130 interrupted.
"""

import sys
from io import TextIOWrapper
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from daemon.core.errors import ReleasedError
from released_cli import (
    audit,
    client,
    completion,
    contact,
    db,
    demo,
    doctor,
    fleet,
    inbox,
    listen,
    log,
    login,
    meta,
    sandbox,
    secrets,
    service,
    status,
    token,
    top,
)
from released_cli.commands import Command, Group
from released_cli.given import Globals, start
from released_cli.helping import HelpfulGroup
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
from released_cli.wording import explain

INTERRUPTED = 130

SECTIONS = {
    "Clients": ("client", "plan", "apply", "export"),
    "What happens": ("status", "top", "log", "listen", "inbox", "contact"),
    "Running it": ("doctor", "audit", "meta", "token", "secrets", "db", "service"),
    "Where to work": ("login", "logout", "completion"),
    "Trying it out": ("demo", "sandbox"),
}
"""The commands as `--help` lists them."""

EPILOG = """
Options stand before or behind the command.

Examples:
  released client add --faqs faqs.json      asks for what else it needs
  released status                           the daemon, every client, alerts
  released client list --json id,name       data for programs
  released doctor                           what is wrong, and the next step
  released COMMAND --help                   more about one of them
"""


class Root(HelpfulGroup):
    """Lists the commands by what they are for."""

    sections = SECTIONS


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    help="WhatsApp bots for hundreds of local businesses from one machine.",
    epilog=EPILOG,
)
app.add_typer(client.app, cls=Group, name="client", help="The businesses whose bots run here.")
app.add_typer(
    inbox.app, cls=Group, name="inbox", help="What customers wrote, what waits, what was parked."
)
app.add_typer(
    contact.app,
    cls=Group,
    name="contact",
    help="A person: what is held about them, and who talks to them.",
)
app.add_typer(token.app, cls=Group, name="token", help="Who may use the admin API.")
app.add_typer(meta.app, cls=Group, name="meta", help="Meta's access tokens.")
app.add_typer(
    secrets.app, cls=Group, name="secrets", help="The keys that seal access tokens at rest."
)
app.add_typer(db.app, cls=Group, name="db", help="The database.")
app.add_typer(
    service.app, cls=Group, name="service", help="The daemon as a service of this machine."
)
app.command("status", cls=Command)(status.status)
app.command("top", cls=Command)(top.top)
app.command("log", cls=Command)(log.log)
app.command("listen", cls=Command)(listen.listen)
app.command("plan", cls=Command, epilog=fleet.PLAN_EXAMPLE)(fleet.plan)
app.command("apply", cls=Command, epilog=fleet.APPLY_EXAMPLE)(fleet.apply)
app.command("export", cls=Command, epilog=fleet.EXPORT_EXAMPLE)(fleet.export)
app.command("doctor", cls=Command)(doctor.doctor)
app.command("audit", cls=Command)(audit.audit)
app.command("login", cls=Command, epilog=login.LOGIN_EXAMPLE)(login.login)
app.command("logout", cls=Command)(login.logout)
app.command("completion", cls=Command, epilog=completion.EPILOG)(completion.completion)
app.command("sandbox", cls=Command)(sandbox.sandbox)
app.command("demo", cls=Command)(demo.demo)


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
        _fail(str(refused), 1)
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


def _fail(message: str, code: int) -> NoReturn:
    line = " ".join(message.split())
    if line:
        typer.echo(f"released: {line}", err=True)
    sys.exit(code)
