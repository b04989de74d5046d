"""The composition root: what both programs open, each as much of it as it needs.

The CLI opens the database alone. The daemon's parts are imported where they are opened, because
aiohttp and the engines cost the CLI a second that it has no use for.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core.closed_files import refuse_open_file
from daemon.core.settings import Settings
from daemon.core.store.engine import Connection, Database, sqlite_path
from daemon.core.store.upgrade import prepare

if TYPE_CHECKING:
    from daemon.core.assistants.engine import Engine
    from daemon.core.directory import Directory
    from daemon.core.intake import Intake
    from daemon.core.meta.client import GraphClient
    from daemon.core.store.group_commit import GroupCommit


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database of the settings with an up-to-date schema, made when there is none.

    Raises:
        Misconfigured: when it is not ours, is newer than this code, or cannot be opened; in prod
            also when others on this machine can read it, or the file of its key.

    """
    path = sqlite_path(settings.database_url)
    database = Database(path, settings.build_keyring(path))
    if settings.app_env == "prod":
        for secret in (path, database.keyring.file):
            refuse_open_file(secret)
    try:
        prepare(database)
        yield database
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the daemon's edges and workers share. `clock` is seconds since the epoch."""

    settings: Settings
    store: "GroupCommit"
    directory: "Directory"
    intake: "Intake"
    engine: "Engine"
    graph: "GraphClient"
    clock: Callable[[], float]


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, clock: Callable[[], float] = time.time
) -> AsyncIterator[Runtime]:
    """Open everything the daemon needs, as the one daemon of its database.

    What a former one left in its hands is free again, or in doubt, when this yields.

    Raises:
        Misconfigured: as `open_database`, and when another daemon works on it.

    """
    import aiohttp  # noqa: PLC0415 - see the module's docstring

    from daemon.core.assistants.choosing import build_engine  # noqa: PLC0415
    from daemon.core.directory import Directory  # noqa: PLC0415
    from daemon.core.intake import Intake  # noqa: PLC0415
    from daemon.core.meta.client import GraphClient  # noqa: PLC0415
    from daemon.core.ownership import owned  # noqa: PLC0415
    from daemon.core.sealing.starting import take_charge  # noqa: PLC0415
    from daemon.core.store.group_commit import GroupCommit  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        stack.enter_context(owned(database.path))
        take_charge(database, now=clock())
        store = GroupCommit(database)
        stack.push_async_callback(store.close)
        await store.write(lambda conn: _begin(conn, settings, now=clock()))
        directory = Directory(store)
        await directory.refresh()
        intake = Intake(store, directory, clock=clock, person_s=settings.person_seconds)
        engine = build_engine(settings)
        stack.push_async_callback(engine.close)
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        )
        graph = GraphClient(
            session, base_url=settings.meta_graph_url, version=settings.meta_graph_version
        )
        yield Runtime(settings, store, directory, intake, engine, graph, clock)


def _begin(conn: Connection, settings: Settings, *, now: float) -> None:
    """Put in order what the time without a daemon has left."""
    from daemon.core.sealing.starting import stop_unreadable  # noqa: PLC0415 - as in `open_runtime`
    from daemon.core.taking_over import take_over  # noqa: PLC0415

    take_over(conn, now=now, in_doubt_s=settings.in_doubt_seconds)
    stop_unreadable(conn, now=now)
    _resume_replaced_tokens(conn, settings, now=now)


def _resume_replaced_tokens(conn: Connection, settings: Settings, *, now: float) -> None:
    """Let clients go on whose refused credential was the shared one and has been replaced."""
    from daemon.core import clients  # noqa: PLC0415 - see the module's docstring
    from daemon.core.sealing.sealed import digest_token  # noqa: PLC0415
    from daemon.core.store.audit import DAEMON  # noqa: PLC0415

    for client in clients.list_stopped(conn):
        token = settings.token_for(client.access_token)
        if token is None or client.stopped_token_digest == digest_token(token):
            continue
        if clients.is_credential_stop(client):
            clients.resume_client(conn, client.id, now=now, actor=DAEMON)
