"""`released client`: the businesses whose bots run here."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from released_cli.client_options import (
    Fallback,
    Faqs,
    Hours,
    Locale,
    Name,
    PhoneNumber,
    PhoneNumberId,
    Ref,
    Timezone,
    TokenFile,
    Welcome,
    questions,
    read_faqs,
    read_token,
    refuse_two_stdin,
)
from released_cli.output import print_facts, print_json, print_table, say, working
from released_cli.session import AsJson, UsageError, actor, ask, can_ask, confirm, database, now

if TYPE_CHECKING:
    from daemon.core.store.clients import Client

app = typer.Typer(no_args_is_help=True)

ADD_EXAMPLE = (
    'Example: released client add --name "La Plaza" --phone-number +34666777888'
    " --phone-number-id 631261586727899 --faqs faqs.json"
)
UPDATE_EXAMPLE = (
    'Examples: released client update 1 --faqs faqs.json, or --welcome-message "" to clear it.'
)


@app.command("add", epilog=ADD_EXAMPLE)
def add(  # noqa: PLR0913 - one parameter an option
    ctx: typer.Context,
    *,
    name: Name = None,
    phone_number: PhoneNumber = None,
    phone_number_id: PhoneNumberId = None,
    faqs: Faqs = None,
    welcome_message: Welcome = None,
    fallback_message: Fallback = None,
    business_hours: Hours = None,
    timezone: Timezone = None,
    locale: Locale = None,
    access_token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Onboard a client; on a terminal, asks for what is missing."""
    from daemon.core.clients import add_client
    from daemon.core.seeds import ClientSeed, validate

    refuse_two_stdin(faqs, access_token_file)
    needed = ask(
        {
            "--name": name,
            "--phone-number": phone_number,
            "--phone-number-id": phone_number_id,
            "--faqs": faqs,
        },
        questions(),
    )
    values = {
        "name": needed["--name"],
        "phone_number": needed["--phone-number"],
        "phone_number_id": needed["--phone-number-id"],
        "welcome_message": welcome_message,
        "fallback_message": fallback_message,
        "business_hours": business_hours,
        "timezone": timezone,
        "locale": locale,
        "access_token": read_token(access_token_file),
    }
    given = {field: value for field, value in values.items() if value is not None}
    seed = validate(ClientSeed, given)
    entries = read_faqs(needed["--faqs"])
    with database(ctx) as opened, working(f"Creating the Assistant from {len(entries)} FAQs"):
        client = opened.write(
            lambda conn: add_client(conn, seed, entries, now=now(), actor=actor())
        )
    _print_client(client, as_json=as_json)
    _warn_of_hours(client)
    say(
        f"Client {client.id}, {client.name}, is on: its bot answers on {client.phone_number}"
        " while released-daemon runs."
    )


@app.command("list")
def show_all(
    ctx: typer.Context,
    *,
    active_only: Annotated[bool, typer.Option("--active-only", help="Leave inactive ones out.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """List the clients."""
    from daemon.core.store.clients import list_clients

    with database(ctx) as opened:
        clients = opened.read(lambda conn: list_clients(conn, active_only=active_only))
    if as_json:
        from daemon.core.documents import client_document

        print_json([client_document(client) for client in clients])
        return
    if not clients:
        kind = "active clients" if active_only else "clients yet"
        say(f"No {kind}. Onboard one: released client add")
        return
    print_table(
        ["id", "name", "phone number", "phone_number_id", "state", "FAQs", "version"],
        [
            (
                client.id,
                client.name,
                client.phone_number,
                client.phone_number_id,
                _state(client),
                client.faq_count,
                client.assistant_version,
            )
            for client in clients
        ],
    )


@app.command("show")
def show(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Show all that is known of a client."""
    from daemon.core.clients import get_client, is_credential_stop

    with database(ctx) as opened:
        client = opened.read(lambda conn: get_client(conn, ref))
    _print_client(client, as_json=as_json)
    _warn_of_hours(client)
    if client.stopped_code is not None and not is_credential_stop(client):
        say(f"Once the cause is mended: released client resume {client.id}")


@app.command("update", epilog=UPDATE_EXAMPLE)
def update(  # noqa: PLR0913 - one parameter an option
    ctx: typer.Context,
    ref: Ref,
    *,
    name: Name = None,
    phone_number: PhoneNumber = None,
    phone_number_id: PhoneNumberId = None,
    faqs: Faqs = None,
    welcome_message: Welcome = None,
    fallback_message: Fallback = None,
    business_hours: Hours = None,
    timezone: Timezone = None,
    locale: Locale = None,
    access_token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a client; an empty text clears what may be empty. New FAQs make a new version."""
    from daemon.core.clients import Change, get_client, update_client
    from daemon.core.seeds import ClientChanges, validate
    from daemon.core.store.engine import Connection

    refuse_two_stdin(faqs, access_token_file)
    values = {
        "name": name,
        "phone_number": phone_number,
        "phone_number_id": phone_number_id,
        "welcome_message": welcome_message,
        "fallback_message": fallback_message,
        "business_hours": business_hours,
        "timezone": timezone,
        "locale": locale,
        "access_token": read_token(access_token_file),
    }
    given = {field: value for field, value in values.items() if value is not None}
    changes = validate(ClientChanges, given)
    entries = None if faqs is None else read_faqs(faqs)

    def job(conn: Connection) -> Change:
        client = get_client(conn, ref)
        return update_client(conn, client.id, changes, faqs=entries, now=now(), actor=actor())

    with database(ctx) as opened, working("Updating"):
        change = opened.write(job)
    _print_client(change.client, as_json=as_json)
    _warn_of_hours(change.client)
    changed = ", ".join(change.changed)
    say(f"Changed: {changed}." if changed else "Nothing to change: it is so already.")


@app.command("deactivate")
def deactivate(
    ctx: typer.Context,
    ref: Ref,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop a client's bot; its data stays, and `activate` brings it back."""
    if not yes and not can_ask():
        raise UsageError("Deactivating needs --yes when nobody can be asked.")
    if not yes and not _is_sure(ctx, ref):
        say("Nothing is changed.")
        raise typer.Exit(1)
    _set_active(ctx, ref, active=False, as_json=as_json)


@app.command("activate")
def activate(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Bring a deactivated client's bot back."""
    _set_active(ctx, ref, active=True, as_json=as_json)


@app.command("resume")
def resume(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Let a client send again whose sends were stopped by an error of Meta's."""
    from daemon.core.clients import Change, get_client, resume_client
    from daemon.core.store.engine import Connection

    def job(conn: Connection) -> Change:
        return resume_client(conn, get_client(conn, ref).id, now=now(), actor=actor())

    with database(ctx) as opened:
        change = opened.write(job)
    _print_client(change.client, as_json=as_json)
    say("Resumed: what waits goes out now." if change.changed else "It was not stopped.")


def _is_sure(ctx: typer.Context, ref: str) -> bool:
    from daemon.core.clients import get_client

    with database(ctx) as opened:
        client = opened.read(lambda conn: get_client(conn, ref))
    return confirm(f"Stop the bot of {client.name} (client {client.id}, {client.phone_number})?")


def _set_active(ctx: typer.Context, ref: str, *, active: bool, as_json: bool) -> None:
    from daemon.core.clients import Change, get_client, set_active
    from daemon.core.store.engine import Connection

    def job(conn: Connection) -> Change:
        client = get_client(conn, ref)
        return set_active(conn, client.id, active=active, now=now(), actor=actor())

    with database(ctx) as opened:
        change = opened.write(job)
    _print_client(change.client, as_json=as_json)
    state = "active" if active else "inactive"
    say(f"{change.client.name} is {state}{'' if change.changed else ' already'}.")


def _print_client(client: "Client", *, as_json: bool) -> None:
    from daemon.core.documents import client_document

    document = client_document(client)
    if as_json:
        print_json(document)
        return
    document.pop("warnings")
    stopped: dict[str, Any] | None = document.pop("stopped")
    if stopped is not None:
        document["stopped"] = f"since {stopped['since']}, error {stopped['code']}: " + str(
            stopped["reason"]
        )
    print_facts(document)


def _state(client: "Client") -> str:
    if not client.active:
        return "inactive"
    return "active" if client.stopped_code is None else f"stopped ({client.stopped_code})"


def _warn_of_hours(client: "Client") -> None:
    from daemon.core.documents import unread_hours

    unread = unread_hours(client)
    if unread is not None:
        say(f"Business hours stay text, so the bot cannot tell when it is open: {unread}")
