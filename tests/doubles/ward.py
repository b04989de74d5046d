"""A daemon and a sandbox that fit together, and the doctor called to them.

async with open_ward(tmp_path) as ward:
    assert not ward.find(await ward.examine(), "error")
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from daemon.api.shared import VERSION
from daemon.core.doctor.parts import Parts
from daemon.core.doctor.running import run_doctor
from daemon.sandbox import SandboxClient, SandboxConfig, serve_sandbox
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import SECRET, TOKEN
from tests.doubles.stage_clients import SEEDS

KNOWN = tuple(
    SandboxClient(seed["name"], seed["phone_number_id"], seed["phone_number"]) for seed in SEEDS
)

Documents = list[dict[str, Any]]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Ward:
    """`parts` is what the doctor gets; `known` are the numbers that the sandbox plays."""

    house: House
    parts: Parts
    sandbox_url: str
    known: list[SandboxClient]

    def set(self, **settings: Any) -> None:
        """Change settings, as an operator might."""
        changed = self.parts.settings.model_copy(update=settings)
        self.parts = replace(self.parts, settings=changed)

    async def set_faults(self, **faults: Any) -> None:
        """Let the sandbox do these things wrong."""
        async with self.house.http.put(f"{self.sandbox_url}/sandbox/faults", json=faults) as got:
            assert got.status == 200

    async def run(self, sql: str) -> None:
        """Put the database into a state."""
        await self.house.runtime.store.write(lambda conn: conn.exec_driver_sql(sql).close())

    async def examine(self) -> Documents:
        """Run the whole doctor."""
        return await run_doctor(self.parts)


def pick(found: Documents, check: str, subject: str | None = None) -> dict[str, Any]:
    """Take the one line of a check."""
    (line,) = [one for one in found if (one["check"], one["subject"]) == (check, subject)]
    return line


def states(found: Documents) -> dict[tuple[str, str | None], str]:
    """Give the state of every line."""
    return {(one["check"], one["subject"]): one["state"] for one in found}


@asynccontextmanager
async def open_ward(
    folder: Path, *, known: Sequence[SandboxClient] = KNOWN, **settings: Any
) -> AsyncIterator[Ward]:
    """Open house and sandbox; whatever a test does not spoil is well."""
    clients = list(known)
    async with open_inhouse(folder, **settings) as house:
        config = SandboxConfig(f"{house.url}/webhook", SECRET, TOKEN, lambda: clients)
        async with serve_sandbox(config, port=0) as sandbox_url:
            runtime = house.runtime
            parts = Parts(
                settings=runtime.settings,
                store=runtime.store,
                database=folder / "released.db",
                daemon_url=house.url,
                version=house.app[VERSION],
                clock=runtime.clock,
                challenge="a-challenge",
            )
            ward = Ward(house, parts, sandbox_url, clients)
            ward.set(public_url=house.url, meta_graph_url=sandbox_url)
            yield ward


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


def answering(status: int, body: object, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def assert_line(found: Documents, check: str, state: str, *words: str) -> None:
    """Hold one line against its state and words; what is wrong has a next step."""
    line = pick(found, check)
    assert state == line["state"], line
    told = f"{line['detail']} {line['next']}"
    assert [] == [word for word in words if word not in told], told
    assert (line["next"] is not None) or state in {"ok", "skipped"}
