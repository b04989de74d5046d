"""`released contact`: what is held about one person, given out or erased; and who talks to them."""

from collections.abc import Callable
from typing import Annotated

import typer

from daemon.core.errors import NotFound
from released_cli.admin import Admin, Document
from released_cli.asking import can_ask, insist
from released_cli.commands import Command, Group
from released_cli.completion import complete_ref
from released_cli.output import print_facts, print_json, say, waiting, working
from released_cli.session import AsJson, UsageError, Yes, admin

app = typer.Typer(
    name="contact",
    cls=Group,
    no_args_is_help=True,
    help="A person: what is held about them, and who talks to them.",
)

First = Annotated[
    str | None,
    typer.Argument(
        metavar="CLIENT_REF",
        help="Whose customer; left out with --all-clients.",
        autocompletion=complete_ref,
    ),
]
Second = Annotated[
    str | None,
    typer.Argument(metavar="CUSTOMER", help="Phone number with country code, or user id."),
]
AllClients = Annotated[
    bool, typer.Option("--all-clients", help="Look at every client, each for itself.")
]

Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="Phone number with country code, or user id.")
]
ClientRef = Annotated[
    str,
    typer.Argument(metavar="CLIENT_REF", help="Whose customer.", autocompletion=complete_ref),
]

EXPORT_EXAMPLE = 'Example:\n  released contact export "La Plaza" +34600111222 >person.json'
ERASE_EXAMPLE = "Example:\n  released contact erase --all-clients +34600111222"
PAUSE_EXAMPLE = 'Example:\n  released contact pause "La Plaza" +34600111222 --hours 48'
RESUME_EXAMPLE = 'Example:\n  released contact resume "La Plaza" +34600111222'


@app.command("export", cls=Command, epilog=EXPORT_EXAMPLE)
def export(
    ctx: typer.Context,
    first: First = None,
    second: Second = None,
    *,
    all_clients: AllClients = False,
    as_json: AsJson = False,  # noqa: ARG001 - it prints nothing else; `Command` takes the keys
) -> None:
    """Print everything that is held about a customer, as JSON."""
    ref, customer = _read_words(first, second, all_clients=all_clients)
    with admin(ctx) as office, waiting("Looking"):
        if ref is None:
            found = _each(office, lambda client_id: office.export_contact(client_id, customer))
            print_json(found)
        else:
            print_json(office.export_contact(_find_id(office, ref), customer))


@app.command("erase", cls=Command, epilog=ERASE_EXAMPLE)
def erase(
    ctx: typer.Context,
    first: First = None,
    second: Second = None,
    *,
    all_clients: AllClients = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete everything that is held about a customer, for good, and print a receipt."""
    ref, customer = _read_words(first, second, all_clients=all_clients)
    if not yes and not can_ask():
        raise UsageError("Erasing needs --yes when nobody can be asked.")
    with admin(ctx) as office:
        client_id = None if ref is None else _find_id(office, ref)
        if not yes:
            whose = "every client" if client_id is None else f"client {client_id}"
            insist(f"Erase all that {whose} holds about {customer}, for good?")
        with working("Erasing"):
            if client_id is None:
                receipts = _each(office, lambda found: office.erase_contact(found, customer))
            else:
                receipts = [office.erase_contact(client_id, customer)]
    if as_json:
        print_json(receipts[0] if client_id is not None else receipts)
        return
    for receipt in receipts:
        erased = receipt.pop("erased")
        print_facts({**receipt, **erased})
    say("Backups made before still hold it, until they are deleted.")


@app.command("pause", cls=Command, epilog=PAUSE_EXAMPLE)
def pause(
    ctx: typer.Context,
    ref: ClientRef,
    customer: Customer,
    *,
    hours: Annotated[
        float | None, typer.Option("--hours", metavar="N", help="For how long; 24 if not said.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a conversation over from the bot: it says nothing there, and leaves it to you."""
    with admin(ctx) as office, waiting("Taking over"):
        state = office.pause_contact(_find_id(office, ref), customer, hours=hours)
    _show_state(state, as_json=as_json)


@app.command("resume", cls=Command, epilog=RESUME_EXAMPLE)
def resume(
    ctx: typer.Context, ref: ClientRef, customer: Customer, *, as_json: AsJson = False
) -> None:
    """Give a conversation back to the bot; what was written meanwhile stays unanswered."""
    with admin(ctx) as office, waiting("Giving back"):
        state = office.resume_contact(_find_id(office, ref), customer)
    _show_state(state, as_json=as_json)
    if not state["changed"]:
        say("There was nothing to resume: the bot answers this customer already.")


def _show_state(state: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(state)
        return
    print_facts({key: value for key, value in state.items() if key != "changed"})
    if state["paused_by"] == "stopped":
        say("This customer has asked the bot to stop: it stays silent until they write otherwise.")


def _read_words(
    first: str | None, second: str | None, *, all_clients: bool
) -> tuple[str | None, str]:
    """Tell the client from the customer; the client is None for all of them."""
    if all_clients and second is not None:
        raise UsageError("Name a client or --all-clients, not both.")
    if all_clients and first is not None:
        return None, first
    if first is None or second is None:
        raise UsageError("Name the client and the customer, or --all-clients and the customer.")
    return first, second


def _find_id(office: Admin, ref: str) -> int:
    return int(office.find_client(ref)["id"])


def _each(office: Admin, work: Callable[[int], Document]) -> list[Document]:
    """Do it for every client that holds something; the first error ends it, and can be run again.

    Raises:
        NotFound: when no client does.

    """
    done = []
    for client in office.list_clients():
        try:
            done.append(work(int(client["id"])))
        except NotFound:
            continue
    if not done:
        raise NotFound(
            "No client holds anything about this customer. Name them by the phone number with its"
            " country code, or by the user id, as `released inbox list` shows it."
        )
    return done
