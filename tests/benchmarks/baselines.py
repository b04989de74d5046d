"""What the daemon is measured against: the least a handler can do, and the obvious way to keep.

Run by the benchmarks: `python -m tests.benchmarks.baselines bare|parse|commit PORT`.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import create_async_engine

from daemon.core.meta.wire import verify_signature
from tests.benchmarks.processes import SECRET

metadata = sa.MetaData()
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("wamid", sa.Text, nullable=False, unique=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
)
KEEP = insert(inbox).on_conflict_do_nothing(index_elements=["wamid"])


async def answer(_request: web.Request) -> web.Response:
    """Say 200 and know nothing."""
    return web.Response()


async def parse(request: web.Request) -> web.Response:
    """Verify and parse a message, and keep nothing of it."""
    return web.Response(status=200 if await _read_message(request) else 401)


class CommitEach:
    """Verifies, parses and commits every message on its own, with FULL."""

    def __init__(self) -> None:
        self._engine = create_async_engine("sqlite+aiosqlite:///commit_each.db")
        event.listen(self._engine.sync_engine, "connect", _set_pragmas)

    async def prepare(self, _app: web.Application) -> None:
        """Make the table."""
        async with self._engine.begin() as conn:
            await conn.run_sync(metadata.create_all)

    async def receive(self, request: web.Request) -> web.Response:
        """Keep one message."""
        message = await _read_message(request)
        if message is None:
            return web.Response(status=401)
        async with self._engine.begin() as conn:
            await conn.execute(
                KEEP,
                {
                    "wamid": message["id"],
                    "customer": message["from"],
                    "text": message["text"]["body"],
                },
            )
        return web.Response()


async def _read_message(request: web.Request) -> Mapping[str, Any] | None:
    """Give the one message of a delivery; None when it is not signed as it should be."""
    body = await request.read()
    if not verify_signature(SECRET, body, request.headers.get("X-Hub-Signature-256")):
        return None
    message: Mapping[str, Any] = json.loads(body)["entry"][0]["changes"][0]["value"]["messages"][0]
    return message


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def main() -> None:
    """Serve one of the three until SIGTERM."""
    which, port = sys.argv[1:]
    app = web.Application()
    each = CommitEach()
    handlers = {"bare": answer, "parse": parse, "commit": each.receive}
    if which == "commit":
        app.on_startup.append(each.prepare)
    app.router.add_post("/webhook", handlers[which])
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
