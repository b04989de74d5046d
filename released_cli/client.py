"""`released client`: the businesses whose bots run here."""

from typing import Annotated

import typer

from released_cli.admin import Document
from released_cli.asking import insist
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
    gather,
    questions,
    read_faqs,
)
from released_cli.client_output import (
    find_changes,
    needs_resuming,
    print_client,
    tell_state,
    warn_of,
)
from released_cli.commands import Command, Group
from released_cli.output import print_json, print_table, say, waiting, working
from released_cli.session import AsJson, UsageError, Yes, admin, ask, can_ask
from released_cli.watching.lines import make_line, print_lines

app = typer.Typer(
    name="client", cls=Group, no_args_is_help=True, help="The businesses whose bots run here."
)

ADD_EXAMPLE = """
Example:
  released client add --name "La Plaza" --phone-number +34666777888 \\
      --phone-number-id 631261586727899 --faqs faqs.json
"""
FAQS_EXAMPLE = """
Example, to change a few of them:
  released client faqs "La Plaza" --json >faqs.json
  released client update "La Plaza" --faqs faqs.json
"""
UPDATE_EXAMPLE = """
Examples:
  released client update 1 --faqs faqs.json
  released client update "La Plaza" --welcome-message ""    clears it
"""


@app.command("add", cls=Command, epilog=ADD_EXAMPLE)
def add(  # noqa: PLR0913 - one parameter an option
    ctx: typer.Context,
    *,
    name: Name = None,
    phone_number: PhoneNumber = None,
    phone_number_id: PhoneNumberId = None,
    faqs: Faqs = None,
    welcome_message: Welcome = None,  # noqa: ARG001 - `gather` takes it from the context
    fallback_message: Fallback = None,  # noqa: ARG001
    business_hours: Hours = None,  # noqa: ARG001
    timezone: Timezone = None,  # noqa: ARG001
    locale: Locale = None,  # noqa: ARG001
    access_token_file: TokenFile = None,  # noqa: ARG001
    as_json: AsJson = False,
) -> None:
    """Onboard a client; on a terminal, asks for what is missing."""
    from daemon.core.seeds import ClientSeed, validate

    given = gather(ctx.params)
    options = {
        "--name": name,
        "--phone-number": phone_number,
        "--phone-number-id": phone_number_id,
        "--faqs": faqs,
    }
    needed = ask(options, questions())
    path = needed.pop("--faqs")
    seed = given | {option[2:].replace("-", "_"): value for option, value in needed.items()}
    validate(ClientSeed, seed)
    entries = read_faqs(path)
    with admin(ctx) as office, working(f"Creating the Assistant from {len(entries)} FAQs"):
        client = office.add_client(seed, entries)
    print_client(client, as_json=as_json)
    warn_of(client)
    say(
        f"Client {client['id']}, {client['name']}, is on: its bot answers on"
        f" {client['phone_number']} while released-daemon runs."
    )


@app.command("list", cls=Command)
def show_all(
    ctx: typer.Context,
    *,
    active_only: Annotated[bool, typer.Option("--active-only", help="Leave inactive ones out.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """List the clients."""
    with admin(ctx) as office, waiting("Listing clients"):
        clients = office.list_clients(active_only=active_only)
    if as_json:
        print_json(clients)
        return
    if not clients:
        kind = "active clients" if active_only else "clients yet"
        say(f"No {kind}. Onboard one: released client add")
        return
    print_table(
        ["id", "name", "phone number", "phone_number_id", "state", "FAQs"],
        [
            (
                client["id"],
                client["name"],
                client["phone_number"],
                client["phone_number_id"],
                tell_state(client),
                client["faq_count"],
            )
            for client in clients
        ],
        wide="name",
    )


@app.command("show", cls=Command)
def show(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Show all that is known of a client."""
    with admin(ctx) as office, waiting("Looking"):
        client = office.find_client(ref)
    print_client(client, as_json=as_json)
    warn_of(client)
    if needs_resuming(client):
        say(f"Once the cause is mended: released client resume {client['id']}")


@app.command("faqs", cls=Command, epilog=FAQS_EXAMPLE)
def faqs(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Show the FAQs that a client's bot answers from; --json is what `--faqs` takes."""
    with admin(ctx) as office, waiting("Looking"):
        client = office.find_client(ref)
        entries = office.list_faqs(client["id"])
    if as_json:
        print_json(entries)
        return
    lines = [
        line
        for number, entry in enumerate(entries, start=1)
        for line in (
            make_line((entry["q"], "bold"), mark=f"{f'F{number}':<5}"),
            make_line((entry["a"], ""), mark=" " * 5),
        )
    ]
    print_lines(lines)


@app.command("update", cls=Command, epilog=UPDATE_EXAMPLE)
def update(  # noqa: PLR0913 - one parameter an option
    ctx: typer.Context,
    ref: Ref,
    *,
    name: Name = None,  # noqa: ARG001 - `gather` takes it from the context
    phone_number: PhoneNumber = None,  # noqa: ARG001
    phone_number_id: PhoneNumberId = None,  # noqa: ARG001
    faqs: Faqs = None,
    welcome_message: Welcome = None,  # noqa: ARG001
    fallback_message: Fallback = None,  # noqa: ARG001
    business_hours: Hours = None,  # noqa: ARG001
    timezone: Timezone = None,  # noqa: ARG001
    locale: Locale = None,  # noqa: ARG001
    access_token_file: TokenFile = None,  # noqa: ARG001
    as_json: AsJson = False,
) -> None:
    """Change a client; an empty text clears what may be empty. New FAQs make a new version."""
    from daemon.core.seeds import ClientChanges, validate

    given = gather(ctx.params)
    validate(ClientChanges, given)
    entries = None if faqs is None else read_faqs(faqs)
    with admin(ctx) as office, working("Updating"):
        before = office.find_client(ref)
        after = office.update_client(before["id"], given, entries)
    changed = ", ".join(find_changes(before, after, given))
    if changed or as_json:
        print_client(after, as_json=as_json)
    warn_of(after)
    say(f"Changed: {changed}." if changed else "Nothing to change: it is so already.")


@app.command("deactivate", cls=Command)
def deactivate(
    ctx: typer.Context,
    ref: Ref,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Stop a client's bot; its data stays, and `activate` brings it back."""
    if not yes and not can_ask():
        raise UsageError("Deactivating needs --yes when nobody can be asked.")
    if not yes:
        with admin(ctx) as office:
            found = office.find_client(ref)
        insist(f"Stop the bot of {found['name']} (client {found['id']}, {found['phone_number']})?")
    _set_active(ctx, ref, active=False, as_json=as_json)


@app.command("activate", cls=Command)
def activate(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Bring a deactivated client's bot back."""
    _set_active(ctx, ref, active=True, as_json=as_json)


@app.command("resume", cls=Command)
def resume(ctx: typer.Context, ref: Ref, *, as_json: AsJson = False) -> None:
    """Let a client send again whose sends were stopped by an error of Meta's."""
    with admin(ctx) as office, working("Resuming"):
        before = office.find_client(ref)
        client = office.resume_client(before["id"])
    print_client(client, as_json=as_json)
    was_stopped = before["stopped"] is not None
    say("Resumed: what waits goes out now." if was_stopped else "It was not stopped.")


def _set_active(ctx: typer.Context, ref: str, *, active: bool, as_json: bool) -> None:
    with admin(ctx) as office, working("Updating"):
        before: Document = office.find_client(ref)
        client = office.update_client(before["id"], {"active": active})
    is_news = before["active"] is not active
    if is_news or as_json:
        print_client(client, as_json=as_json)
    state = "active" if active else "inactive"
    say(f"{client['name']} is {state}{'' if is_news else ' already'}.")
