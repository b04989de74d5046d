"""`released status`: the daemon, the inbox, every client's last message, and what needs somebody.

A look at one moment; `released top` goes on looking.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.admin import Document
from released_cli.commands import Command
from released_cli.output import is_terminal, print_json, print_table, print_text, say
from released_cli.session import AsJson, admin, load
from released_cli.spelling import spell
from released_cli.watching.attention import is_well, name_clients, rank_alerts
from released_cli.watching.board import build_board, draw_board
from released_cli.watching.lines import Line, draw_line, make_line
from released_cli.watching.moments import parse_moment
from released_cli.watching.summary import sum_up, tell_alert

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

app = typer.Typer()

MIN_CLIENTS = 3
"""Clients a terminal sees even where alerts would take all of its height."""

INDENT = "  "


@app.command("status", cls=Command)
def status(
    ctx: typer.Context,
    *,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help="Exit 1 while the daemon is down or an alert is an error."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how daemon, inbox and clients are, alerts first.

    Exits 0 whenever the status could be read, whatever it says. For cron: --exit-code, or
    `released doctor`, which looks deeper and exits 3.
    """
    with admin(ctx) as office:
        document = office.read_status()
    if as_json:
        print_json(document)
    elif is_terminal(sys.stdout):
        _draw(document)
    else:
        _write(document)
    if document["daemon"]["state"] != "running":
        say(f"Start it: {_find_start(ctx)}. What else is wrong: released doctor")
    if exit_code and not is_well(document):
        raise typer.Exit(1)


def _find_start(ctx: typer.Context) -> str:
    # A daemon asked by HTTP runs: one that is down was looked at here.
    from daemon.core.orders import find_orders
    from daemon.core.store.engine import sqlite_path

    return find_orders(sqlite_path(load(ctx).database_url)).start


def _write(document: Document) -> None:
    """Write all of it in plain columns, a blank line between its parts."""
    now, names = parse_moment(document["time"]), name_clients(document)
    alerts = rank_alerts(document)
    for alert in alerts:
        # Two lines, as on a terminal: side by side they are wider than any window.
        print_text(f"{alert['level']}: {tell_alert(alert, names)}")
        print_text(f"{INDENT}{spell(alert['next'], source=document)}")
    if alerts:
        print_text("")
    print_table(["part", "how it is"], list(sum_up(document, now=now).items()))
    board = build_board(document, now=now)
    if not board.rows:
        say("No clients yet. Onboard one: released client add")
        return
    print_text("")
    print_table(board.headings, [[row[name] for name in board.headings] for row in board.rows])


def _draw(document: Document) -> None:
    """Draw what needs somebody, and as much of the rest as the terminal's height takes."""
    from rich.console import Console

    console = Console(highlight=False)
    now = parse_moment(document["time"])
    board = build_board(document, now=now)
    facts = [
        text
        for name, told in sum_up(document, now=now).items()
        for text in draw_line(make_line((f"{name:<10}", "bold"), (told, _style(told))), console)
    ]
    # The blank lines, the headings, the line about the rest, and the shell's prompt.
    room = console.height - len(facts) - 5
    alerts = _draw_alerts(document, console, room=room - min(MIN_CLIENTS, len(board.rows)))
    for text in (*alerts, *facts):
        console.print(text, soft_wrap=True)
    if not board.rows:
        say("No clients yet. Onboard one: released client add")
        return
    shown = max(MIN_CLIENTS, room - len(alerts))
    console.print()
    console.print(draw_board(board, shown=shown, width=console.width))
    hidden = len(board.rows) - shown
    if hidden > 0:
        more = spell(f"… and {hidden} more: released client list")
        for text in draw_line(make_line((more, "dim")), console):
            console.print(text, soft_wrap=True)


def _draw_alerts(document: Document, console: "Console", *, room: int) -> "list[Text]":
    """Draw as many alerts as `room` lines take, at least one, and say how many are left out."""
    names = name_clients(document)
    alerts = rank_alerts(document)
    drawn: list[Text] = []
    for number, alert in enumerate(alerts):
        described = _describe(alert, names, step=spell(str(alert["next"]), source=document))
        lines = [text for line in described for text in draw_line(line, console)]
        if drawn and len(drawn) + len(lines) > room - 2:
            left = len(alerts) - number
            more = spell(f"… and {left} more alerts: released status --json")
            drawn += draw_line(make_line((more, "dim")), console)
            break
        drawn += lines
    return [*drawn, *draw_line(make_line(("", "")), console)] if drawn else []


def _describe(alert: Document, names: dict[int, str], *, step: str) -> list[Line]:
    style = "bold red" if alert["level"] == "error" else "bold yellow"
    return [
        make_line((f"{alert['level']}: ", style), (tell_alert(alert, names), "")),
        make_line((step, "cyan"), mark=INDENT),
    ]


def _style(told: str) -> str:
    return "bold red" if told.startswith("DOWN") else ""
