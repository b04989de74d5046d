"""What the daemon is measured against: the least a handler can do, and the obvious way to keep.

Run by the benchmarks: `python -m tests.benchmarks.baselines bare|commit PORT`.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert

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
    """Verifies, parses and commits every message on its own, off the loop, with FULL."""

    def __init__(self) -> None:
        self._engine = sa.create_engine("sqlite:///commit_each.db", poolclass=sa.StaticPool)
        event.listen(self._engine, "connect", _set_pragmas)
        metadata.create_all(self._engine)
        self._thread = ThreadPoolExecutor(1)

    async def receive(self, request: web.Request) -> web.Response:
        """Keep one message."""
        body = await request.read()
        if not verify_signature(SECRET, body, request.headers.get("X-Hub-Signature-256")):
            return web.Response(status=401)
        value = json.loads(body)["entry"][0]["changes"][0]["value"]
        await asyncio.get_running_loop().run_in_executor(self._thread, self._keep, value)
        return web.Response()

    def _keep(self, value: dict[str, Any]) -> None:
        message = value["messages"][0]
        with self._engine.begin() as conn:
            conn.execute(
                KEEP,
                {
                    "wamid": message["id"],
                    "customer": message["from"],
                    "text": message["text"]["body"],
                },
            )


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def main() -> None:
    """Serve one of the two until SIGTERM."""
    which, port = sys.argv[1:]
    app = web.Application()
    app.router.add_post("/webhook", answer if which == "bare" else CommitEach().receive)
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
