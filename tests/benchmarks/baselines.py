"""What the daemon is measured against: the least a handler can do, and the obvious way to keep.

Run by the benchmarks: `python -m tests.benchmarks.baselines bare|commit PORT`.
"""

import json
import sys
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
        body = await request.read()
        if not verify_signature(SECRET, body, request.headers.get("X-Hub-Signature-256")):
            return web.Response(status=401)
        value = json.loads(body)["entry"][0]["changes"][0]["value"]
        message = value["messages"][0]
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


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def main() -> None:
    """Serve one of the two until SIGTERM."""
    which, port = sys.argv[1:]
    app = web.Application()
    if which == "bare":
        app.router.add_post("/webhook", answer)
    else:
        each = CommitEach()
        app.on_startup.append(each.prepare)
        app.router.add_post("/webhook", each.receive)
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
