"""The admin API's clients: the same use cases as `released client`, by HTTP."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from daemon.api.auth import actor_of, client_limit_of
from daemon.api.bodies import read_body, read_id, read_json, read_query
from daemon.api.idempotency import Made, create_once
from daemon.api.models import ClientPage, ClientPatch, NewAgent, NewClient
from daemon.api.shared import RUNTIME
from daemon.core import clients
from daemon.core.clients import Change
from daemon.core.documents import show_clients
from daemon.core.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from daemon.core.faqs import Faq, faqs_from_objects
from daemon.core.seeds import ClientChanges, ClientSeed, validate
from daemon.core.store import clients as store
from daemon.core.store.assistants import get_current_version
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection
from daemon.core.tenancy import get_visible_client, list_visible_clients


async def create(request: web.Request) -> web.Response:
    """Onboard a client."""
    body = await read_body(request, NewClient)
    faqs = await _read_faqs(body.faqs)
    seed = ClientSeed.model_construct(
        _fields_set=body.model_fields_set - {"faqs"},
        **{name: getattr(body, name) for name in ClientSeed.model_fields},
    )

    def show(conn: Connection, client: Client) -> Made:
        headers = {"Location": f"/clients/{client.id}", "ETag": _tag(client)}
        [shown] = show_clients(conn, [client])
        return Made(shown, headers)

    return await _add(request, seed, faqs, show=show)


async def create_agent(request: web.Request) -> web.Response:
    """Make a bot from a number and its FAQs, and no more."""
    body = await read_body(request, NewAgent)
    number_id = body.phone_number_id or request.app[RUNTIME].settings.phone_number_id
    if number_id is None:
        reason = "is missing, and PHONE_NUMBER_ID is not set"
        raise Invalid(f"phone_number_id {reason}.", problems=(_at("phone_number_id", reason),))
    faqs = await _read_faqs(body.faqs)
    values = {
        "name": body.phone_number,
        "phone_number": body.phone_number,
        "phone_number_id": number_id,
    }

    def show(_conn: Connection, client: Client) -> Made:
        agent = {"agent_id": client.assistant_id, "phone_number_id": client.phone_number_id}
        return Made(agent | {"status": "ok"})

    return await _add(request, validate(ClientSeed, values), faqs, show=show)


async def show_all(request: web.Request) -> web.Response:
    """List clients by id, a page at a time, or the one that a REF names."""
    page = read_query(request, ClientPage)
    only = client_limit_of(request)

    def job(conn: Connection) -> list[dict[str, Any]]:
        if page.ref is not None:
            return show_clients(conn, [get_visible_client(conn, page.ref, only=only)], only=only)
        found = list_visible_clients(
            conn, only=only, active_only=page.active_only, after=page.after, limit=page.limit
        )
        # Here and not on the loop: the hours of a thousand clients take a while to read.
        return show_clients(conn, found, only=only)

    return web.json_response(await request.app[RUNTIME].store.read(job))


async def show(request: web.Request) -> web.Response:
    """Show one client."""
    client_id = read_id(request, "client")
    client = await request.app[RUNTIME].store.read(lambda conn: store.find_client(conn, client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    return await _answer(request, client)


async def change(request: web.Request) -> web.Response:
    """Set the fields given."""
    client_id = read_id(request, "client")
    decoded = await read_json(request)
    if isinstance(decoded, dict) and "faqs" in decoded:
        reason = f"is set by PUT /clients/{client_id}/faqs"
        raise Invalid(f"faqs {reason}.", problems=(_at("faqs", reason),))
    if not isinstance(decoded, dict):
        raise Invalid("The body must be a JSON object.", problems=(_at("body", "is no object"),))
    return await _update(request, client_id, validate(ClientPatch, decoded))


async def show_faqs(request: web.Request) -> web.Response:
    """List the FAQs of the client's current version."""
    client_id = read_id(request, "client")

    def job(conn: Connection) -> list[dict[str, str]]:
        if store.find_client(conn, client_id) is None:
            raise NotFound(f"There is no client {client_id}.")
        version = get_current_version(conn, client_id)
        return [{"q": faq.question, "a": faq.answer} for faq in version.faqs]

    return web.json_response(await request.app[RUNTIME].store.read(job))


async def replace_faqs(request: web.Request) -> web.Response:
    """Make the next version of the client's Assistant; the same FAQs make none."""
    client_id = read_id(request, "client")
    faqs = await _read_faqs(await read_json(request))
    return await _update(request, client_id, ClientChanges(), faqs=faqs)


async def deactivate(request: web.Request) -> web.Response:
    """Stop the client's bot; its data stays."""
    return await _update(request, read_id(request, "client"), ClientChanges(active=False))


async def resume(request: web.Request) -> web.Response:
    """Let a stopped client send again."""
    client_id = read_id(request, "client")
    runtime = request.app[RUNTIME]
    actor = actor_of(request)
    changed = await runtime.store.write(
        partial(clients.resume_client, client_id=client_id, now=runtime.clock(), actor=actor)
    )
    await runtime.directory.refresh()
    return await _answer(request, changed.client)


async def _read_faqs(items: object) -> tuple[Faq, ...]:
    # In a thread: tens of thousands of entries take the better part of a second.
    return await asyncio.to_thread(faqs_from_objects, items, source="faqs")


async def _add(
    request: web.Request,
    seed: ClientSeed,
    faqs: tuple[Faq, ...],
    *,
    show: Callable[[Connection, Client], Made],
) -> web.Response:
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)

    def make(conn: Connection) -> Made:
        return show(conn, clients.add_client(conn, seed, faqs, now=now, actor=actor))

    answer = await create_once(request, make)
    await runtime.directory.refresh()
    return answer


async def _update(
    request: web.Request,
    client_id: int,
    changes: ClientChanges,
    *,
    faqs: tuple[Faq, ...] | None = None,
) -> web.Response:
    runtime = request.app[RUNTIME]
    expected = request.headers.get("If-Match")
    now = runtime.clock()
    actor = actor_of(request)

    def job(conn: Connection) -> Change:
        if expected is not None:
            _refuse_stale(conn, client_id, expected)
        return clients.update_client(conn, client_id, changes, faqs=faqs, now=now, actor=actor)

    try:
        changed = await runtime.store.write(job)
    except Conflict:
        if client_limit_of(request) is None:
            raise
        # Not whose it is: that is another client's name, which this token must not learn.
        reason = "is taken"
        raise Conflict(
            f"phone_number_id {changes.phone_number_id} {reason}: ask whoever gave you the token.",
            problems=(_at("phone_number_id", reason),),
        ) from None
    await runtime.directory.refresh()
    return await _answer(request, changed.client)


def _refuse_stale(conn: Connection, client_id: int, expected: str) -> None:
    client = store.find_client(conn, client_id)
    if client is None:
        return
    named = {tag.strip() for tag in expected.split(",")}
    if named.isdisjoint(("*", _tag(client))):
        raise Stale(f"Client {client_id} has changed since you read it. Read it again.")


async def _answer(request: web.Request, client: Client) -> web.Response:
    [shown] = await request.app[RUNTIME].store.read(
        partial(show_clients, clients=[client], only=client_limit_of(request))
    )
    return web.json_response(shown, headers={"ETag": _tag(client)})


def _tag(client: Client) -> str:
    """Name the state of a client: what changes it changes this."""
    stopped = client.stopped_code if client.stopped_code is not None else ""
    return f'"{client.id}-{client.updated_at!r}-{client.assistant_version}-{stopped}"'


def _at(field: str, reason: str) -> FieldProblem:
    return FieldProblem(field, reason)
