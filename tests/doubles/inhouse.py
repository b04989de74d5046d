"""The daemon's parts in the test's own process: a runtime, its HTTP surface, what it can be asked.

For tests of one edge. The whole daemon as a process is `stage`.
"""

import io
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from daemon.core.runtime import Runtime, open_runtime
from daemon.core.settings import Settings
from tests.doubles.cursed_disk import Disk
from tests.doubles.described import build_described_app
from tests.doubles.stage import SECRET, TOKEN, VERIFY_TOKEN, Answer, sign
from tests.doubles.stage_clients import SEEDS, onboard

NOWHERE = "http://127.0.0.1:9"
"""A Graph API that nobody plays: every send ends as not sent."""


@dataclass(slots=True)
class House:
    """A served application; `deaths` counts how often its workers died."""

    runtime: Runtime
    disk: Disk
    app: web.Application
    url: str
    http: aiohttp.ClientSession
    deaths: list[bool] = field(default_factory=list)

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        async with self.http.request(method, self.url + path, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def post(self, body: Mapping[str, Any] | bytes) -> Answer:
        """Post a webhook body, signed."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Hub-Signature-256": sign(raw)}
        return await self.call("POST", "/webhook", data=io.BytesIO(raw), headers=headers)


def make_settings(folder: Path, **given: Any) -> Settings:
    """Make settings that no environment has a say in, with the local engine."""
    plain: dict[str, Any] = {
        "database_url": f"sqlite+aiosqlite:///{folder / 'released.db'}",
        "meta_access_token": TOKEN,
        "meta_app_secret": SECRET,
        "meta_verify_token": VERIFY_TOKEN,
        "meta_graph_url": NOWHERE,
        "answer_engine": "local",
        "coalesce_seconds": 0,
        "metrics_open": True,
    }
    return Settings(_env_file=None, **(plain | given))


@asynccontextmanager
async def open_inhouse(
    folder: Path, *, tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[House]:
    """Open a runtime with the stage's clients and serve its application on a free port."""
    onboard(folder / "released.db", SEEDS)
    deaths: list[bool] = []
    async with open_runtime(make_settings(folder, **given)) as runtime:
        disk = Disk(runtime.store._database.engine)
        app = build_described_app(runtime, on_death=lambda: deaths.append(True))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            scheme = "http" if tls is None else "https"
            url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession() as http:
                yield House(runtime, disk, app, url, http, deaths)
        finally:
            await runner.cleanup()
