"""`released sandbox`: WhatsApp on your own machine, for trying bots without an account."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.commands import Command
from released_cli.output import print_text, say
from released_cli.session import load, refuse_elsewhere

if TYPE_CHECKING:
    from daemon.core.settings import Settings
    from daemon.core.store.engine import Connection
    from daemon.sandbox import SandboxConfig

app = typer.Typer()


@app.command("sandbox", cls=Command)
def sandbox(
    ctx: typer.Context,
    *,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = 8081,
    webhook_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where to post webhooks; by default the daemon's."),
    ] = None,
) -> None:
    """Play WhatsApp on this machine: a Graph API, signed webhooks and a chat page."""
    import asyncio

    from daemon.core.runtime import open_database
    from daemon.core.store.clients import list_clients
    from daemon.sandbox import SandboxClient

    refuse_elsewhere(ctx, "sandbox", heed_login=False)
    settings = load(ctx)
    with open_database(settings) as database:
        config = configure(
            settings,
            webhook_url=webhook_url,
            list_clients=lambda: [
                SandboxClient(client.name, client.phone_number_id, client.phone_number)
                for client in database.read(lambda conn: list_clients(conn, active_only=True))
            ],
            list_questions=lambda number_id: database.read(partial(_list_questions, number_id)),
        )
        asyncio.run(_serve(config, port))


def configure(
    settings: "Settings",
    *,
    webhook_url: str | None,
    list_clients: "ListClients",
    list_questions: "ListQuestions",
) -> "SandboxConfig":
    """Make a sandbox that signs with the settings' secret and takes their token.

    Raises:
        Misconfigured: without META_APP_SECRET, by which the daemon knows its webhooks.

    """
    from daemon.core.errors import Misconfigured
    from daemon.sandbox import SandboxConfig

    if settings.meta_app_secret is None:
        raise Misconfigured(
            "META_APP_SECRET is not set: the sandbox signs its webhooks with the same secret as"
            " the daemon checks. Any word will do: META_APP_SECRET=secret."
        )
    return SandboxConfig(
        webhook_url=webhook_url or _daemon_url(settings) + "/webhook",
        app_secret=settings.meta_app_secret.get_secret_value(),
        access_token=settings.token_for(None),
        list_clients=list_clients,
        list_questions=list_questions,
    )


def _list_questions(phone_number_id: str, conn: "Connection") -> list[str]:
    """List what the FAQs of a number's client answer; nothing where it has none."""
    from daemon.core.store.assistants import get_current_version
    from daemon.core.store.clients import find_by_number_id

    client = find_by_number_id(conn, phone_number_id)
    if client is None:
        return []
    return [faq.question for faq in get_current_version(conn, client.id).faqs]


def _daemon_url(settings: "Settings") -> str:
    """Give the address on which a daemon with these settings can be reached from here."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
    host = everywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _serve(config: "SandboxConfig", port: int) -> None:
    import asyncio

    from daemon.sandbox import serve_sandbox

    async with serve_sandbox(config, port=port) as url:
        print_text(f"Chat page: {url}/")
        say(f"Webhooks go to {config.webhook_url}; Ctrl-C ends the sandbox.")
        say(f"The daemon that answers, in another terminal: META_GRAPH_URL={url} released-daemon")
        await asyncio.Event().wait()


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daemon.sandbox import SandboxClient

    ListClients = Callable[[], Sequence[SandboxClient]]
    ListQuestions = Callable[[str], Sequence[str]]
