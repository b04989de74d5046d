"""`released inbox`: what customers wrote, what waits, and what was parked."""

from typing import Annotated, Literal

import typer

from released_cli.admin import Admin, Document
from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.completion import complete_ref
from released_cli.output import (
    print_facts,
    print_json,
    print_table,
    print_text,
    say,
    waiting,
    working,
)
from released_cli.session import AsJson, UsageError, Yes, admin
from released_cli.watching.moments import tell_local

app = typer.Typer(
    name="inbox",
    cls=Group,
    no_args_is_help=True,
    help="What customers wrote, what waits, what was parked.",
)

State = Literal["pending", "working", "done", "parked", "ignored"]

COLUMNS = {
    "id": "id",
    "received_at": "received",
    "client_id": "client",
    "customer": "customer",
    "type": "type",
    "state": "state",
    "attempts": "tries",
    "error": "error",
}
"""What a list shows of a message, by key, and under which heading; --json has the rest."""

DOUBTFUL = ("in_doubt", "lease_lost")
"""Errors of what was parked although the customer may have the answer."""

LARGEST_ID = 2**63 - 1

Id = Annotated[
    int,
    typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="As `released inbox list` shows it."),
]


@app.command("list", cls=Command)
def show_all(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option(help="Only messages in this state.")] = None,
    client: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Only this client's.", autocompletion=complete_ref),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("-n", "--limit", metavar="N", min=1, help="Only the newest so many."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List messages, oldest first, without their text.

    Times are those of this machine's own zone; in JSON they are UTC.
    """
    with admin(ctx) as office, waiting("Listing messages"):
        documents = office.list_inbox(state=state, client=client, limit=limit)
    if as_json:
        print_json(documents)
    elif documents:
        rows = [[_tell(document, key) for key in COLUMNS] for document in documents]
        print_table(list(COLUMNS.values()), rows, wide="customer")
    else:
        say("No messages." if state is None else f"No {state} messages.")


@app.command("show", cls=Command)
def show(ctx: typer.Context, inbox_id: Id, *, as_json: AsJson = False) -> None:
    """Show a message, its text, and what became of its answer.

    Ends with what it waits for, or with the command to run next.
    """
    with admin(ctx) as office, waiting("Looking"):
        document = office.show_message(inbox_id)
    if as_json:
        print_json(document)
        return
    answers = document.pop("answer")
    print_facts(document)
    for answer in answers:
        print_text("")
        print_facts({"answer": answer.pop("text"), **answer})
        if answer["state"] == "in_doubt":
            until = tell_local(answer["due_at"])
            say(f"Nobody knows whether Meta took it: word of it is waited for until {until}.")
            say("Without one it is sent again then, or parked after RETRY_LIMIT sends.")
    _say_next(document, answers)


@app.command("retry", cls=Command)
def retry(
    ctx: typer.Context,
    inbox_id: Annotated[
        int | None,
        typer.Argument(
            metavar="ID", min=1, max=LARGEST_ID, help="As `released inbox list` shows it."
        ),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    error: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="With --all: only what has this error."),
    ] = None,
) -> None:
    """Take up again what was parked, or what Meta could not deliver after all.

    The daemon does so within a second. What Meta could not deliver is not in --all; it is with
    --error CODE, as far as its customers wrote in the last 24 hours.
    """
    if error is not None and not everything:
        raise UsageError("--error goes with --all.")
    if everything == (inbox_id is not None):
        raise UsageError("Name one ID, or --all.")
    with admin(ctx) as office, working("Taking up again"):
        if inbox_id is not None:
            office.retry_message(inbox_id)
            said = f"Message {inbox_id} is taken up again{_tell_inactive(office, inbox_id)}"
        else:
            total = office.retry_messages(error=error)
            said = f"{total} message{'' if total == 1 else 's'} taken up again."
    say(said)


@app.command("drop", cls=Command)
def drop(
    ctx: typer.Context,
    inbox_id: Id,
    *,
    yes: Yes = False,
) -> None:
    """Let a message that waits or is parked go unanswered for good; on a terminal, asks first."""
    if not yes and can_ask():
        insist(f"Leave message {inbox_id} unanswered for good?")
    with admin(ctx) as office, working("Dropping"):
        office.drop_message(inbox_id)
    say(f"Message {inbox_id} is dropped.")


def _say_next(document: Document, answers: list[Document]) -> None:
    """Name the command to run next for a message that does not go on by itself."""
    number, client_id = document["id"], document["client_id"]
    if document["state"] == "done" and any(part["status"] == "failed" for part in answers):
        say("Meta took the answer and then could not deliver it; the error says why.")
        say(f"Next, when that is over: released inbox retry {number}")
    elif document["state"] == "parked":
        if document["error"] in DOUBTFUL:
            say("Meta may have taken it, perhaps more than once, and has sent no word of it.")
            say("Look at the chat first: a retry may be one more copy.")
        say(f"Next: released inbox retry {number}, or released inbox drop {number}")
    elif document["state"] == "pending" and document["error"] is not None:
        say(f"What it waits for: released client show {client_id}")


def _tell(document: Document, key: str) -> object:
    value: object = document[key]
    return tell_local(str(value)) if key == "received_at" else value


def _tell_inactive(office: Admin, inbox_id: int) -> str:
    """Say that a message will only be parked again while its client's bot is off."""
    client = office.find_client(str(office.show_message(inbox_id)["client_id"]))
    if client["active"]:
        return "."
    return (
        f", and will be parked again: client {client['id']}, {client['name']}, is deactivated."
        f" Bring it back first: released client activate {client['id']}"
    )
