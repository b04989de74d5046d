"""`released inbox`: what customers wrote, what waits, and what was parked."""

from typing import Annotated, Literal

import typer

from released_cli.admin import Admin
from released_cli.asking import can_ask, insist
from released_cli.commands import Command
from released_cli.completion import complete_ref
from released_cli.output import print_facts, print_json, print_table, say, waiting, working
from released_cli.session import AsJson, UsageError, admin

app = typer.Typer(no_args_is_help=True)

State = Literal["pending", "working", "done", "parked", "ignored"]

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
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """List messages, oldest first, without their text."""
    with admin(ctx) as office, waiting("Listing messages"):
        documents = office.list_inbox(state=state, client=client, limit=limit)
    if as_json:
        print_json(documents)
    elif documents:
        print_table(list(documents[0]), [list(document.values()) for document in documents])
    else:
        say("No messages." if state is None else f"No {state} messages.")


@app.command("show", cls=Command)
def show(ctx: typer.Context, inbox_id: Id, *, as_json: AsJson = False) -> None:
    """Show a message, its text, and what became of its answer."""
    with admin(ctx) as office, waiting("Looking"):
        document = office.show_message(inbox_id)
    if as_json:
        print_json(document)
        return
    answers = document.pop("answer")
    print_facts(document)
    if answers:
        print_table(list(answers[0]), [list(answer.values()) for answer in answers])


@app.command("retry", cls=Command)
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
    if everything == (inbox_id is not None):
        raise UsageError("Name one ID, or --all.")
    if error is not None and not everything:
        raise UsageError("--error goes with --all.")
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let a message that waits or is parked go unanswered for good; on a terminal, asks first."""
    if not yes and can_ask():
        insist(f"Leave message {inbox_id} unanswered for good?")
    with admin(ctx) as office, working("Dropping"):
        office.drop_message(inbox_id)
    say(f"Message {inbox_id} is dropped.")


def _tell_inactive(office: Admin, inbox_id: int) -> str:
    """Say that a message will only be parked again while its client's bot is off."""
    client = office.find_client(str(office.show_message(inbox_id)["client_id"]))
    if client["active"]:
        return "."
    return (
        f", and will be parked again: client {client['id']}, {client['name']}, is deactivated."
        f" Bring it back first: released client activate {client['id']}"
    )
