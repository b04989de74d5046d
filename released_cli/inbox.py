"""`released inbox`: what customers wrote, what waits, and what was parked."""

from functools import partial
from typing import Annotated, Literal

import typer

from released_cli.output import print_facts, print_json, print_table, say
from released_cli.session import AsJson, UsageError, actor, database, now

app = typer.Typer(no_args_is_help=True)

State = Literal["pending", "working", "done", "parked", "ignored"]

LARGEST_ID = 2**63 - 1

Id = Annotated[
    int,
    typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="As `released inbox list` shows it."),
]


@app.command("list")
def show_all(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option(help="Only messages in this state.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """List messages, oldest first, without their text."""
    from daemon.core.inboxes import entry_document
    from daemon.core.store.inbox_entries import list_entries

    with database(ctx) as opened:
        entries = opened.read(lambda conn: list_entries(conn, now=now(), state=state, limit=limit))
    documents = [entry_document(entry) for entry in entries]
    if as_json:
        print_json(documents)
    elif documents:
        print_table(list(documents[0]), [list(document.values()) for document in documents])
    else:
        say("No messages." if state is None else f"No {state} messages.")


@app.command("show")
def show(ctx: typer.Context, inbox_id: Id, *, as_json: AsJson = False) -> None:
    """Show a message, its text, and what became of its answer."""
    from daemon.core.inboxes import show_entry

    with database(ctx) as opened:
        document = opened.read(lambda conn: show_entry(conn, inbox_id, now=now()))
    if as_json:
        print_json(document)
        return
    answers = document.pop("answer")
    print_facts(document)
    if answers:
        print_table(list(answers[0]), [list(answer.values()) for answer in answers])


@app.command("retry")
def retry(
    ctx: typer.Context,
    inbox_id: Annotated[
        int | None, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="A parked message.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    error: Annotated[
        str | None, typer.Option(help="With --all: only what was parked for this error.")
    ] = None,
) -> None:
    """Take parked messages up again; the daemon does so within a second."""
    from daemon.core import inboxes

    if everything == (inbox_id is not None):
        raise UsageError("Name one ID, or --all.")
    if error is not None and not everything:
        raise UsageError("--error goes with --all.")
    with database(ctx) as opened:
        if inbox_id is not None:
            opened.write(lambda conn: inboxes.retry(conn, inbox_id, now=now(), actor=actor()))
            say(f"Message {inbox_id} is taken up again.")
            return
        total = last = 0
        while True:
            some = partial(inboxes.retry_some, error=error, after=last, now=now(), actor=actor())
            count, last = opened.write(some)
            if count == 0:
                break
            total += count
    say(f"{total} message{'' if total == 1 else 's'} taken up again.")


@app.command("drop")
def drop(ctx: typer.Context, inbox_id: Id) -> None:
    """Let a message that waits or is parked go unanswered for good."""
    from daemon.core import inboxes

    with database(ctx) as opened:
        opened.write(lambda conn: inboxes.drop(conn, inbox_id, now=now(), actor=actor()))
    say(f"Message {inbox_id} is dropped.")
