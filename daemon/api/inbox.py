"""The admin API's inbox: the same use cases as `released inbox`, by HTTP."""

from functools import partial

from aiohttp import web

from daemon.api.auth import actor_of, client_limit_of
from daemon.api.bodies import read_body_if_any, read_id, read_query
from daemon.api.inbox_models import InboxPage, RetryAll
from daemon.api.shared import RUNTIME
from daemon.core import inboxes


async def show_all(request: web.Request) -> web.Response:
    """List the newest messages, oldest first, without their text."""
    page = read_query(request, InboxPage)
    runtime = request.app[RUNTIME]
    job = partial(
        inboxes.list_documents,
        now=runtime.clock(),
        state=page.state,
        client=page.client,
        only=client_limit_of(request),
        before=page.before,
        limit=page.limit,
    )
    return web.json_response(await runtime.store.read(job))


async def show(request: web.Request) -> web.Response:
    """Show one message, its text, and what became of its answer."""
    inbox_id = read_id(request, "message")
    runtime = request.app[RUNTIME]
    now = runtime.clock()
    return web.json_response(
        await runtime.store.read(lambda conn: inboxes.show_entry(conn, inbox_id, now=now))
    )


async def retry(request: web.Request) -> web.Response:
    """Take one message up again that is parked, or whose answer Meta could not deliver."""
    inbox_id = read_id(request, "message")
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)
    await runtime.store.write(lambda conn: inboxes.retry(conn, inbox_id, now=now, actor=actor))
    return await show(request)


async def retry_all(request: web.Request) -> web.Response:
    """Take up all that is parked, or all with one error, what Meta could not deliver included."""
    chosen = await read_body_if_any(request, RetryAll)
    runtime = request.app[RUNTIME]
    look = partial(inboxes.find_retryable, error=chosen.error, now=runtime.clock())
    retry = partial(inboxes.retry_some, error=chosen.error, actor=actor_of(request))
    total = 0
    for ids in await runtime.store.read(look):
        total += await runtime.store.write(partial(retry, ids=ids, now=runtime.clock()))
    return web.json_response({"count": total})


async def drop(request: web.Request) -> web.Response:
    """Let one message go unanswered for good."""
    inbox_id = read_id(request, "message")
    runtime = request.app[RUNTIME]
    now, actor = runtime.clock(), actor_of(request)
    await runtime.store.write(lambda conn: inboxes.drop(conn, inbox_id, now=now, actor=actor))
    return await show(request)
