"""`released log`: what customers asked and what the bot answered, as a conversation one can read.

It shows what was written, unlike any other list; nothing of it is kept.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from released_cli.admin import Document, TurnKind
from released_cli.commands import Command
from released_cli.output import print_json, say
from released_cli.session import AsJson, admin
from released_cli.watching.lines import Line, make_line, print_lines, print_record
from released_cli.watching.moments import tell_latency, tell_local
from released_cli.watching.names import Names
from released_cli.watching.options import MOST, Newest, Whose
from released_cli.watching.polling import INTERRUPTED, INTERVAL_S, Patience, pause
from released_cli.watching.sources import Conversations

app = typer.Typer()

SOME = 100
"""Turns that are looked for when there are new ones: more than a second brings."""

DELETED = "(the texts are deleted: they were older than RETENTION_DAYS)"
NOBODY = "(erased)"
"""The customer of turns of which nothing is left but the figures."""

FORGOTTEN = "(the texts are deleted, and all else that was known of the customer)"
NO_TEXT = "(no text)"
INDENT = " " * 4


@app.command("log", cls=Command)
def log(
    ctx: typer.Context,
    ref: Whose = None,
    *,
    query: Annotated[
        str | None, typer.Option("-q", "--query", metavar="TEXT", help="Only with this text.")
    ] = None,
    only: Annotated[
        TurnKind | None,
        typer.Option(
            "--only",
            help="unanswered: no answer could be given. handoff: they asked for a person.",
        ),
    ] = None,
    limit: Newest = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new ones as they come.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show recent questions and answers, the newest last.

    Times are those of this machine's own zone; in JSON they are UTC. With --follow and --json each
    turn is on a line of its own.
    """
    with admin(ctx) as office:
        show = Turns(office, ref=ref, query=query, only=only, as_json=as_json)
        if not follow:
            show.list_once(limit)
            return
        try:
            show.follow(limit)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


class Turns:
    """Shows turns of one client or of all, each once."""

    def __init__(
        self,
        office: Conversations,
        *,
        ref: str | None,
        query: str | None,
        only: TurnKind | None = None,
        as_json: bool,
        pause: Callable[[float], None] = pause,
    ) -> None:
        """Show nothing yet; `ref`, `query` and `only` say which turns, None for any."""
        self._office = office
        self._wanted: dict[str, Any] = {"client": ref, "query": query, "only": only}
        self._names = None if ref is not None else Names(office)
        self._as_json = as_json
        self._pause = pause
        self._last_id = 0

    def list_once(self, limit: int) -> None:
        """Show the newest `limit`."""
        turns = self._office.list_turns(**self._wanted, limit=limit)
        if self._as_json:
            print_json(turns)
        elif turns:
            self._print(turns)
        else:
            say("Nothing was asked yet." if not any(self._wanted.values()) else "Nothing found.")

    def follow(self, limit: int) -> None:
        """Show the newest `limit`, then each new one; events tell when there is one."""
        cursor = self._office.read_events()["cursor"]
        self._print_new(self._office.list_turns(**self._wanted, limit=limit))
        patience = Patience(self._pause, met=True)
        while True:
            self._pause(INTERVAL_S)
            after = cursor
            news = patience.ask(lambda: self._office.read_events(after=after, limit=MOST))  # noqa: B023
            cursor = news["cursor"]
            if any(event["kind"].startswith("turn.") for event in news["events"]):
                self._print_new(patience.ask(self._find_new))

    def _find_new(self) -> list[Document]:
        turns = self._office.list_turns(**self._wanted, limit=SOME)
        if len(turns) < SOME or turns[0]["id"] <= self._last_id:
            return turns
        return self._office.list_turns(**self._wanted, limit=MOST)

    def _print_new(self, turns: list[Document]) -> None:
        new = [turn for turn in turns if turn["id"] > self._last_id]
        if not new:
            return
        self._last_id = new[-1]["id"]
        if not self._as_json:
            self._print(new)
            return
        for turn in new:
            print_record(turn)

    def _print(self, turns: list[Document]) -> None:
        print_lines([line for turn in turns for line in describe_turn(turn, self._names)])


def describe_turn(turn: Document, names: Names | None) -> list[Line]:
    """Write one turn: when and who, what was asked, what was answered, and how that came about."""
    who = turn["customer"]
    if names is not None:
        who = f"{names.tell(turn['client_id'])} · {who}"
    outcome, style = _tell_outcome(turn)
    return [
        make_line((tell_local(turn["at"]), "bold"), (f"  {who}", "cyan")),
        *_quote(turn),
        make_line((outcome, style), (_tell_rest(turn), "dim"), mark=INDENT),
        make_line(("", "")),
    ]


def _quote(turn: Document) -> list[Line]:
    question, answer = turn["question"], turn["answer"]
    if question is None and answer is None:
        told = FORGOTTEN if turn["customer"] == NOBODY else DELETED
        return [make_line((told, "dim"), mark=INDENT)]
    return [
        make_line((question or NO_TEXT, ""), mark="  Q "),
        make_line((answer or NO_TEXT, "green"), mark="  A "),
    ]


def _tell_outcome(turn: Document) -> tuple[str, str]:
    told, style = _tell_answer(turn)
    return f"{told} → asks for a person" if turn["handoff"] else told, style


def _tell_answer(turn: Document) -> tuple[str, str]:
    outcome, cause = turn["outcome"], turn["cause"]
    because = "" if cause is None else f": {cause}"
    if outcome == "answered":
        known = ", ".join(turn["faq_ids"])
        return f"✓ answered{because}" + (f" from {known}" if known else ""), "green"
    if outcome == "clarify":
        return f"? asked back{because}", "yellow"
    return f"✗ {outcome}{because}", "red"


def _tell_rest(turn: Document) -> str:
    """Say how long it took, what made it, what it cost, and how far its message has come."""
    model = turn["model"]
    engine = turn["engine"] if model is None else f"{turn['engine']} {model}"
    parts = [
        tell_latency(turn["latency_ms"]),
        f"{engine}, version {turn['assistant_version']}",
    ]
    if turn["input_tokens"] or turn["output_tokens"]:
        parts.append(f"{turn['input_tokens']} + {turn['output_tokens']} tokens")
    if turn["cost_usd"] is not None:
        parts.append(f"${turn['cost_usd']:.4f}")
    if turn["state"] is not None:
        parts.append(str(turn["state"]).replace("_", " "))
    return "".join(f" · {part}" for part in parts)
