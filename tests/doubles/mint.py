"""A daemon and a Meta whose access tokens end: sandbox, admin API and a folder to run commands in.

async with open_mint(tmp_path) as mint:
await mint.set_faults(token_expires_at=time.time() + 5 * DAY_S)
result = await mint.run("meta", "token", "rotate")
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from daemon.core.clients import update_client
from daemon.core.credentials.means import Means, make_means
from daemon.core.seeds import ClientChanges, validate
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client, find_client
from daemon.sandbox import SandboxConfig, serve_sandbox
from tests.doubles.admin import Admin, open_admin
from tests.doubles.command_line import Result, run_quickly
from tests.doubles.stage import SECRET, TOKEN, VERIFY_TOKEN
from tests.doubles.ward import KNOWN

DAY_S = 86_400.0
LIFE_DAYS = 59
"""Whole days that an exchanged token has left a moment later."""

SOL_ID = 2
"""Bar Sol, the client to whom tests give a token of its own."""


@dataclass(slots=True)
class Mint:
    """`means` are those of the daemon; the folder's `.env` holds the daemon's settings."""

    admin: Admin
    folder: Path
    sandbox_url: str
    means: Means

    async def set_faults(self, **faults: Any) -> None:
        """Let the sandbox do these things wrong, and no others."""
        url = f"{self.sandbox_url}/sandbox/faults"
        async with self.admin.house.http.put(url, json=faults) as answer:
            assert 200 == answer.status, await answer.text()

    async def end_in(self, days: float, **faults: Any) -> None:
        """Let the sandbox's first token end then."""
        await self.set_faults(token_expires_at=time.time() + days * DAY_S, **faults)

    async def give_token(self, client_id: int, token: str | None = TOKEN) -> None:
        """Store a client's own token, as `client update` does."""
        job = partial(
            update_client,
            client_id=client_id,
            changes=validate(ClientChanges, {"access_token": token}),
            now=time.time(),
            actor=Actor("test"),
        )
        await self.admin.house.runtime.store.write(job)
        await self.admin.house.runtime.directory.refresh()

    async def give_ending_token(self) -> None:
        """Give Bar Sol a token of its own that ends, as the shared one does, in ten days."""
        await self.give_token(SOL_ID)
        await self.end_in(10)

    def change_settings(self, **settings: Any) -> None:
        """Let the means have other settings."""
        changed = self.means.settings.model_copy(update=settings)
        self.means = replace(self.means, settings=changed)

    async def find(self, client_id: int) -> Client:
        """Look a client up."""
        runtime = self.admin.house.runtime
        client = await runtime.store.read(lambda conn: find_client(conn, client_id))
        assert client is not None
        return client

    async def reveal(self, client_id: int) -> str | None:
        """Tell a client's own token."""
        own = (await self.find(client_id)).access_token
        return None if own is None else own.reveal()

    async def count_exchanges(self) -> int:
        """Tell how many tokens the sandbox has exchanged."""
        async with self.admin.house.http.get(f"{self.sandbox_url}/sandbox/accepted") as answer:
            return int((await answer.json())["counters"]["exchanges"])

    async def run(self, *arguments: str, far: bool = False, **settings: str) -> Result:
        """Run `released` in the folder, on this machine or at the daemon."""
        before = ("--url", self.admin.house.url, "--token-file", "token") if far else ()
        return await asyncio.to_thread(
            run_quickly, self.folder, *before, *arguments, settings=settings
        )


@asynccontextmanager
async def open_mint(folder: Path, **settings: Any) -> AsyncIterator[Mint]:
    """Open sandbox and daemon; whatever a test does not spoil is well."""
    config = SandboxConfig("http://127.0.0.1:9/webhook", SECRET, TOKEN, lambda: KNOWN)
    async with (
        serve_sandbox(config, port=0) as url,
        open_admin(folder, meta_graph_url=url, **settings) as admin,
        aiohttp.ClientSession() as http,
    ):
        lines = {
            "META_GRAPH_URL": url,
            "META_ACCESS_TOKEN": TOKEN,
            "META_APP_SECRET": SECRET,
            "META_VERIFY_TOKEN": VERIFY_TOKEN,
            "ANSWER_ENGINE": "local",
        }
        written = "".join(f"{name}={value}\n" for name, value in lines.items())
        (folder / ".env").write_text(written, encoding="utf-8")
        # Its own end is none of what is tried here.
        await admin.run("UPDATE tokens SET expires_at = expires_at + 5000000")
        (folder / "token").write_text(admin.token, encoding="utf-8")
        runtime = admin.house.runtime
        means = make_means(
            http, settings=runtime.settings, store=runtime.store, clock=runtime.clock
        )
        yield Mint(admin, folder, url, means)
