"""The daemon inside the test's own process, on loopback, with its clock and its disk to play with.

    async with open_inner_house(tmp_path, WORKERS="2") as house:
        house.clock.shift(-3600)
        house.disk.curse("PRAGMA query_only=ON")

For what a process of its own hides: time, the database's connections, the budget of a send.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from daemon.core.meta.client import GraphClient
from daemon.core.runtime import Runtime, open_runtime
from daemon.core.settings import Settings
from daemon.sandbox import SandboxClient, SandboxConfig, serve_sandbox
from tests.doubles.cursed_disk import Disk
from tests.doubles.daemon_process import Daemon, find_free_port
from tests.doubles.described import build_described_app
from tests.doubles.echo_model import EchoModel, serve_echo_model
from tests.doubles.stage import AT_ONCE, SECRET, TOKEN, Stage, build_settings
from tests.doubles.stage_clients import SEEDS, onboard


class Clock:
    """Wall-clock time that a test may move."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self._offset_s

    def shift(self, by_s: float) -> None:
        """Set it forward, or back."""
        self._offset_s += by_s


@dataclass(slots=True)
class InnerHouse:
    """A stage whose daemon runs here; `stage.daemon` is only its address and settings."""

    stage: Stage
    model: EchoModel
    runtime: Runtime
    clock: Clock
    disk: Disk
    deaths: list[str]


@asynccontextmanager
async def open_inner_house(
    folder: Path,
    *,
    clock: Clock | None = None,
    send_budget_s: float = 20.0,
    fresh: bool = True,
    **settings: str,
) -> AsyncIterator[InnerHouse]:
    """Set everything up and serve until the block ends; `fresh=False` keeps an earlier database."""
    clock = clock or Clock()
    database = folder / "released.db"
    if fresh:
        onboard(database)
    port = find_free_port()
    known = [SandboxClient(seed["name"], seed["phone_number_id"]) for seed in SEEDS]
    config = SandboxConfig(
        f"http://127.0.0.1:{port}/webhook", SECRET, TOKEN, lambda: known, pace=AT_ONCE
    )
    async with (
        serve_echo_model() as model,
        serve_sandbox(config, port=0) as sandbox_url,
        aiohttp.ClientSession() as http,
    ):
        quick = build_settings(database, sandbox_url=sandbox_url, model_url=model.base_url)
        values = _type(quick | settings)
        async with _serve(values, clock, port=port, send_budget_s=send_budget_s) as served:
            stage = Stage(
                Daemon(folder, quick | settings, port=port), model, sandbox_url, http, database
            )
            runtime, disk, dead = served
            yield InnerHouse(stage, model, runtime, clock, disk, dead)


@asynccontextmanager
async def _serve(
    settings: Settings, clock: Clock, *, port: int, send_budget_s: float
) -> AsyncIterator[tuple[Runtime, Disk, list[str]]]:
    deaths: list[str] = []
    async with (
        aiohttp.ClientSession() as session,
        open_runtime(settings, clock=clock) as opened,
    ):
        graph = GraphClient(
            session,
            base_url=settings.meta_graph_url,
            version=settings.meta_graph_version,
            timeout_s=send_budget_s,
        )
        runtime = replace(opened, graph=graph)
        disk = Disk(runtime.store._database.engine)
        app = build_described_app(runtime, on_death=lambda: deaths.append("died"))
        server = TestServer(app, host="127.0.0.1", port=port)
        async with server:
            yield runtime, disk, deaths
    assert [] == deaths


def _type(values: dict[str, str]) -> Settings:
    """Read settings as the environment's would be, without touching the environment."""
    named: dict[str, Any] = {name.lower(): value for name, value in values.items()}
    return Settings(**named, _env_file=None)
