"""`released service`: the daemon as a service of this machine, run by systemd.

Works on the server itself only. Wraps scripts/install.sh, systemctl and journalctl, and replaces
none of them: whoever knows these may go on using them.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from daemon.core.errors import ReleasedError
from released_cli.commands import Command, Group
from released_cli.given import current
from released_cli.output import print_facts, print_json, say
from released_cli.serving import units
from released_cli.session import AsJson, UsageError, load, now, refuse_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from released_cli.serving.journal import Entry

app = typer.Typer(
    name="service", cls=Group, no_args_is_help=True, help="The daemon as a service of this machine."
)

FAULTS_FOUND = 3
"""The exit code of `status` when something is not as it should be."""

INTERRUPTED = 130

MOST_LINES = 100_000

BOTH = (units.SOCKET, units.SERVICE)
"""Stopped together: a socket that stays open would start the daemon again."""

INSTALL_EXAMPLES = """
It runs scripts/install.sh, and takes its options: --dry-run, --root DIR,
--no-input and others.

Examples:
  sudo released service install        asks for what it needs, or upgrades
  released service install --dry-run   only says what it would do
"""

LOGS_EXAMPLES = """
Examples:
  released service logs -f
  released service logs --level warning --since "2 hours ago"
"""

Lines = Annotated[
    int, typer.Option("-n", "--lines", metavar="N", min=1, max=MOST_LINES, help="The newest N.")
]
Level = Literal["debug", "info", "warning", "error", "critical"]


@app.command(
    "install",
    cls=Command,
    epilog=INSTALL_EXAMPLES,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def install(ctx: typer.Context) -> None:
    """Put the daemon under systemd, or upgrade it; goes back by itself when that is not well."""
    refuse_elsewhere(ctx, "service install")
    script = _find_script()
    options = [*ctx.args, *(["--no-input"] if current().no_input else [])]
    if not {"--root", "--dry-run"} & set(options):
        _require_systemd(ctx, "install")
        _require_root("install")
    bash = shutil.which("bash")
    if bash is None:
        raise ServiceRefused("bash is needed, and is not installed: apt install bash")
    sys.stdout.flush()
    os.execv(bash, [bash, str(script), *options])  # noqa: S606 - our own script, the operator's options


@app.command("status", cls=Command)
def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show how the service is: units, memory, restarts, health, version, backups.

    Exits 3 when something is not as it should be. Where systemd does not run the daemon it says
    what can be seen all the same.
    """
    from released_cli.serving import looking, telling
    from released_cli.spelling import spell

    refuse_elsewhere(ctx, "service status")
    found = units.ask_units() if units.runs_here() else {}
    settings = None
    if found and found[units.SERVICE].is_installed:
        trouble: tuple[str, ...] = ()
        try:
            settings = load(ctx)
        except ReleasedError as unreadable:
            trouble = (str(unreadable),)
        document = looking.look_at_service(found, settings, trouble=trouble)
    else:
        settings = load(ctx)
        document = looking.look_without_systemd(settings)
        say("systemd does not run the daemon here.")
    if as_json:
        print_json(document)
    else:
        keeps = settings is not None and settings.backup_dir is not None
        told = telling.tell_service(document, keeps_backups=keeps, now=now())
        print_facts({part: spell(text) for part, text in told.items()})
    for fault in document["faults"]:
        say(f"Fault: {fault}")
    if document["faults"]:
        raise typer.Exit(FAULTS_FOUND)


@app.command("logs", cls=Command, epilog=LOGS_EXAMPLES)
def logs(
    ctx: typer.Context,
    *,
    lines: Lines = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new ones as they come.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help='As journalctl reads it: "2 hours ago", 2026-11-22.'),
    ] = None,
    level: Annotated[Level, typer.Option(help="Only of this level, or graver.")] = "debug",
    every: Annotated[
        bool, typer.Option("--all", help="What backup and maintenance say, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the daemon logged, the newest last; never what customers wrote.

    Times are those of this machine's own zone; with --json each line is an object, in UTC. Where
    systemd does not run the daemon, it is LOG_FILE that is shown.
    """
    refuse_elsewhere(ctx, "service logs")
    try:
        if units.runs_here():
            newest, more = _read_journal(lines, since=since, level=level, every=every)
        else:
            newest, more = _read_file(_find_log(ctx, since), lines, level=level)
        for entry in newest:
            _print_entry(entry, as_json=as_json)
        if follow:
            for entry in more:
                _print_entry(entry, as_json=as_json)
        elif not newest:
            say("Nothing was logged." if since is None else f"Nothing was logged since {since}.")
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command("start", cls=Command)
def start(ctx: typer.Context) -> None:
    """Start the daemon, and open its socket."""
    _order(ctx, "start", BOTH)


@app.command("stop", cls=Command)
def stop(ctx: typer.Context) -> None:
    """Stop the daemon and close its socket; Meta keeps what comes meanwhile for 7 days."""
    _order(ctx, "stop", BOTH)


@app.command("restart", cls=Command)
def restart(ctx: typer.Context) -> None:
    """Start the daemon anew, with the settings as they are now; what comes meanwhile waits."""
    _order(ctx, "restart", [units.SERVICE])


@app.command("reload", cls=Command)
def reload(ctx: typer.Context) -> None:
    """Let the daemon read log level, LOG_FILE and certificates anew, without a restart."""
    _order(ctx, "reload", [units.SERVICE])


class ServiceRefused(ReleasedError):
    """It cannot be done on this machine, or not by this user."""


def _order(ctx: typer.Context, verb: str, names: "list[str] | tuple[str, ...]") -> None:
    refuse_elsewhere(ctx, f"service {verb}")
    _require_systemd(ctx, verb)
    _require_root(verb)
    units.order(verb, names)
    say(f"{units.SERVICE} is {units.ask_units([units.SERVICE])[units.SERVICE].state}.")


def _read_journal(
    lines: int, *, since: str | None, level: Level, every: bool
) -> "tuple[list[Entry], Iterator[Entry]]":
    """Read the newest entries, and those that follow as they come."""
    from released_cli.serving import journal

    ours = [name for name in units.UNITS if name.endswith(".service")]
    chosen = ours if every else [units.SERVICE]
    newest = journal.read_newest(chosen, limit=lines, level=level, since=since)
    after = newest[-1].cursor if newest else ""
    return newest, journal.follow(chosen, after=after, level=level)


def _read_file(file: Path, lines: int, *, level: Level) -> "tuple[list[Entry], Iterator[Entry]]":
    """Read what `_read_journal` does where there is no journal."""
    from released_cli.serving import log_file

    newest = log_file.read_newest(file, limit=lines, level=level)
    return newest, log_file.follow(file, level=level)


def _find_log(ctx: typer.Context, since: str | None) -> Path:
    """Find the file that the daemon logs to, where systemd's journal has nothing of it."""
    from daemon.core.store.engine import sqlite_path

    settings = load(ctx)
    # Where scripts/provision_client.sh lets an instance log to.
    beside = sqlite_path(settings.database_url).absolute().with_name("daemon.log")
    file = settings.log_file or (beside if beside.is_file() else None)
    if file is None:
        raise ServiceRefused(
            "systemd does not run this machine, and LOG_FILE is not set: the log is on the terminal"
            " where released-daemon was started, or in docker compose logs daemon."
        )
    if since is not None:
        raise UsageError(f"--since reads systemd's journal, and the log here is {file}.")
    return file


def _require_systemd(ctx: typer.Context, verb: str) -> None:
    from daemon.core.orders import find_orders
    from daemon.core.store.engine import sqlite_path

    if units.runs_here():
        return
    orders = find_orders(sqlite_path(load(ctx).database_url))
    ways = {
        "start": orders.start,
        "stop": orders.stop,
        "restart": orders.restart,
        "reload": orders.reload,
        "install": f"docker compose, scripts/provision_client.sh, or by hand: {orders.start}",
    }
    instead = "To run the daemon without it" if verb == "install" else f"To {verb} the daemon"
    raise ServiceRefused(f"systemd does not run this machine. {instead}: {ways[verb]}")


def _require_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise ServiceRefused(f"This needs root: sudo {sys.argv[0]} service {verb}")


def _find_script() -> Path:
    here = Path(__file__).resolve().parent
    for folder in (here / "_deploy", here.parent):
        script = folder / "scripts" / "install.sh"
        if script.is_file():
            return script
    raise ServiceRefused(
        "There is no install.sh with this program. From a checkout: sudo ./scripts/install.sh"
    )


def _print_entry(entry: "Entry", *, as_json: bool) -> None:
    from released_cli.serving.telling import draw_entry, entry_document
    from released_cli.watching.lines import print_lines, print_record

    if as_json:
        print_record(entry_document(entry))
    else:
        print_lines([draw_entry(entry)])
