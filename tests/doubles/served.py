"""One state of a house, worked at from this machine and over HTTP: a daemon on a thread of its own.

    with serve(house, folder) as url: ...

Its workers run, so what a test compares is of states that no worker moves.
"""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from daemon.core import inboxes, tokens
from daemon.core.clients import set_active, stop_client, update_client
from daemon.core.runtime import open_runtime
from daemon.core.sealing.keyring import Keyring
from daemon.core.seeds import ClientChanges, validate
from daemon.core.store import clients
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection, Database
from tests.doubles.bookkeeping import keep, park_unanswered, park_unsent, send, settle
from tests.doubles.described import build_described_app
from tests.doubles.inhouse import make_settings
from tests.doubles.stage_clients import onboard

TESTER = Actor("test")
DATABASE = "released.db"


@dataclass(frozen=True, slots=True)
class World:
    """A database file's bytes, and the tokens that its daemon takes, by name."""

    database: bytes
    tokens: dict[str, str]


@cache
def make_world() -> World:
    """Three clients: one with messages in every state at rest, one stopped, one deactivated.

    Tokens: `operator`; `reader`, which changes nothing; `sol`, which sees client 2 only; `old`.
    """
    folder = Path(tempfile.mkdtemp())
    try:
        onboard(folder / DATABASE)
        database = Database(folder / DATABASE)
        made = database.write(_furnish)
        database.close()
        return World((folder / DATABASE).read_bytes(), made)
    finally:
        shutil.rmtree(folder)


def put_world(folder: Path) -> None:
    """Put the database into a folder, under the name that no setting changes."""
    path = folder / DATABASE
    path.touch(mode=0o600)
    path.write_bytes(make_world().database)
    # The first access token would make it, and on one side only somebody is there to be told.
    Keyring(path).seal("EAAfirst", client_id=1)


@contextmanager
def serve_world(folder: Path) -> Iterator[str]:
    """Put the database into a folder and serve it, giving the address."""
    put_world(folder)
    with serve(folder) as url:
        yield url


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the database in a folder, giving the address."""
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, ready)))
    thread.start()
    url, loop, stop = ready.result(30)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()


async def _serve(
    folder: Path, ready: "Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]"
) -> None:
    stop = asyncio.Event()
    try:
        async with open_runtime(make_settings(folder)) as runtime:
            app = build_described_app(runtime, on_death=stop.set)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                ready.set_result((url, asyncio.get_running_loop(), stop))
                await stop.wait()
            finally:
                await runner.cleanup()
    except BaseException as failed:
        if not ready.done():
            ready.set_exception(failed)
        raise


def _furnish(conn: Connection) -> dict[str, str]:
    now = time.time()
    plaza, sol, closed = clients.list_clients(conn)
    own = validate(ClientChanges, {"access_token": "EAAitsown", "business_hours": "a veces"})
    update_client(conn, sol.id, own, now=now, actor=TESTER)
    stop_client(conn, sol.id, code=131031, access_token=None, now=now)
    park_unanswered(conn, plaza, keep(conn, plaza, "w1", customer="34601", now=now), "crashed")
    park_unsent(conn, plaza, keep(conn, plaza, "w2", customer="34602", now=now), "131016")
    kept = keep(conn, plaza, "w3", customer="34603", now=now)
    for row in settle(conn, plaza, kept, now=now):
        send(conn, row, now=now)
    dropped = keep(conn, sol, "w4", customer="34604", now=now)
    inboxes.drop(conn, dropped.id, now=now, actor=TESTER)
    off = keep(conn, closed, "w5", customer="34605", now=now)
    park_unanswered(conn, closed, off, "client_inactive")
    set_active(conn, closed.id, active=False, now=now, actor=TESTER)
    return {
        name: _make_token(conn, name, scope=scope, client=client, days=days, now=now)
        for name, scope, client, days in (
            ("operator", "write", None, 60),
            ("reader", "read", None, 60),
            ("sol", "write", "Bar Sol", 60),
            ("old", "write", None, 0),
        )
    }


def _make_token(
    conn: Connection, name: str, *, scope: str, client: str | None, days: float, now: float
) -> str:
    made = tokens.create_token(
        conn,
        name,
        lifetime_days=days,
        now=now,
        actor=TESTER,
        scope="read" if scope == "read" else "write",
        client=client,
    )
    return made.token
