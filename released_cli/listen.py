"""`released listen`: what happens, as it happens; never what anybody wrote."""

import sys
from collections.abc import Callable

import typer

from released_cli.admin import Document
from released_cli.commands import Command
from released_cli.output import clean, is_terminal
from released_cli.session import AsJson, admin
from released_cli.stdout import need_stdout
from released_cli.watching.lines import Line, make_line, print_lines, print_record
from released_cli.watching.moments import tell_clock, tell_local
from released_cli.watching.options import OnlyClient
from released_cli.watching.polling import INTERRUPTED, INTERVAL_S, Patience, pause
from released_cli.watching.sources import Events

app = typer.Typer()

BATCH = 100
"""Events taken at once; when there are so many, the next ones are fetched without waiting."""

SHOWN_LAST = frozenset({"outbox_id"})
"""Long, and of use to programs rather than to people."""

SHOWN_APART = frozenset({"at", "kind", "client_id", "client"})
STYLES = {
    "message.parked": "red",
    "send.failed": "red",
    "turn.unanswered": "yellow",
    "turn.answered": "green",
    "client.changed": "cyan",
    "conversation.paused": "yellow",
    "conversation.resumed": "green",
}
KIND_CELLS = 20
"""The longest kind, so that what follows it stands in a column."""

NAME_CELLS = 22


@app.command("listen", cls=Command)
def listen(
    ctx: typer.Context,
    *,
    client: OnlyClient = None,
    as_json: AsJson = False,
) -> None:
    """Show what happens as it happens, until Ctrl-C.

    With --json each event is an object on a line of its own. While the daemon far away does not
    answer it waits, and then goes on where it was.
    """
    need_stdout()
    try:
        with admin(ctx) as office:
            client_id = None if client is None else int(office.find_client(client)["id"])
            follow_events(office, client_id=client_id, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def follow_events(
    office: Events,
    *,
    client_id: int | None,
    as_json: bool,
    pause: Callable[[float], None] = pause,
) -> None:
    """Print what comes after now. The cursor stays while nobody answers, so nothing is lost."""
    cursor: str = office.read_events()["cursor"]
    patience = Patience(pause, met=True)
    while True:
        after = cursor
        news = patience.ask(lambda: office.read_events(after=after, limit=BATCH))  # noqa: B023
        for event in news["events"]:
            if client_id is None or event["client_id"] == client_id:
                _print(event, as_json=as_json)
        cursor = news["cursor"]
        if len(news["events"]) < BATCH:
            pause(INTERVAL_S)


def _print(event: Document, *, as_json: bool) -> None:
    if as_json:
        print_record(event)
    elif is_terminal(sys.stdout):
        print_lines([describe_event(event, live=True)], cut=True)
    else:
        print_lines([describe_event(event)])


def describe_event(event: Document, *, live: bool = False) -> Line:
    """Write one event on one line: when, what, whose, and its facts.

    `live` is for who looks on: the time of day will do, and names stand in a column.
    """
    kind = str(event["kind"])
    facts = [
        f"{name}={_tell(value)}"
        for name, value in sorted(event.items(), key=lambda fact: fact[0] in SHOWN_LAST)
        # `turn.answered` need not say again that it was answered, nor any event what is not so.
        if name not in SHOWN_APART
        and value is not None
        and value is not False
        and not kind.endswith(f".{value}")
    ]
    client = " ".join(clean(event["client"]).split())
    return make_line(
        (f"{tell_clock(event['at']) if live else tell_local(event['at'])}  ", ""),
        (f"{kind:<{KIND_CELLS}}", STYLES.get(kind, "")),
        (f"  {_fit(client) if live else client}", "bold"),
        ("".join(f"  {fact}" for fact in facts), "dim"),
    )


def _fit(name: str) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(name) <= NAME_CELLS:
        return set_cell_size(name, NAME_CELLS)
    return set_cell_size(name, NAME_CELLS - 1) + "…"


def _tell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return " ".join(str(value).split())
