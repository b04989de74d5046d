"""The demo's own little world: a folder, a client, a sandbox and the real daemon as a process.

Owns how it is set up and how nothing of it stays behind; says nothing to anybody.
"""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.clients import add_client
from daemon.core.errors import ReleasedError
from daemon.core.faqs import parse_faqs
from daemon.core.runtime import open_database
from daemon.core.seeds import ClientSeed
from daemon.core.settings import Settings
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from released_cli.sandbox import configure
from released_cli.session import now

if TYPE_CHECKING:
    import aiohttp

START_BUDGET_S = 30.0
STOP_BUDGET_S = 12.0
"""The daemon closes within ten seconds by itself."""

SEED = ClientSeed(
    name="Restaurante La Plaza",
    phone_number="+34666777888",
    phone_number_id="631261586727899",
    welcome_message="¡Hola! Soy el asistente de Restaurante La Plaza.",
    business_hours="L-V: 9:00-22:00, S: 10:00-23:00",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What was set up; `environment` is the daemon's settings, `log` what it says."""

    folder: Path
    environment: dict[str, str]
    settings: Settings
    client: Client
    questions: tuple[str, ...]

    @property
    def log(self) -> Path:
        """The daemon's log file."""
        return self.folder / "daemon.log"


def prepare(folder: Path, *, quick: bool) -> Stage:
    """Choose settings and onboard the client; `quick` waits for no second message."""
    environment = {
        "HOST": "127.0.0.1",
        "PORT": str(_find_free_port()),
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'released.db'}",
        "META_ACCESS_TOKEN": secrets.token_urlsafe(16),
        "META_APP_SECRET": secrets.token_urlsafe(16),
        "META_VERIFY_TOKEN": secrets.token_urlsafe(16),
        "ANSWER_ENGINE": "local",
        "COALESCE_SECONDS": "0" if quick else "1",
        "LOG_FORMAT": "text",
    }
    # `model_validate` reads no environment: the demo is the same whatever this shell has set.
    settings = Settings.model_validate({name.lower(): text for name, text in environment.items()})
    file = _find_faqs()
    faqs = parse_faqs(file.read_bytes(), source=file.name)
    with open_database(settings) as database:
        client = database.write(
            lambda conn: add_client(conn, SEED, faqs, now=now(), actor=Actor("demo"))
        )
    questions = tuple(faq.question for faq in faqs)
    return Stage(folder, environment, settings, client, questions)


@asynccontextmanager
async def run_sandbox(stage: Stage) -> AsyncIterator[str]:
    """Serve the sandbox on a free port, giving its URL."""
    from daemon.sandbox import SandboxClient, serve_sandbox

    known = stage.client
    client = SandboxClient(known.name, known.phone_number_id, known.phone_number)
    config = configure(
        stage.settings,
        webhook_url=None,
        list_clients=lambda: [client],
        list_questions=lambda _phone_number_id: stage.questions,
    )
    async with serve_sandbox(config, port=0) as url:
        yield url


@asynccontextmanager
async def run_daemon(stage: Stage, graph_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real daemon; the settings of this shell stay out of it."""
    ours = {name.upper() for name in Settings.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    with stage.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "daemon"),
            env=inherited | stage.environment | {"META_GRAPH_URL": graph_url},
            cwd=stage.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is ours to hear; the daemon is then told to stop, in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _end(process)


async def wait_until_well(
    session: "aiohttp.ClientSession", stage: Stage, daemon: asyncio.subprocess.Process
) -> None:
    """Wait until the daemon's health is good.

    Raises:
        ReleasedError: when it stops before, or takes too long.

    """
    import aiohttp

    url = f"http://127.0.0.1:{stage.settings.port}/health"
    try:
        async with asyncio.timeout(START_BUDGET_S):
            while daemon.returncode is None:
                try:
                    async with session.get(url) as response:
                        if response.ok:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise ReleasedError(
            f"The demo's daemon is not well after {START_BUDGET_S:.0f} s: {_last_line(stage)}"
        ) from None
    raise stopped(stage)


def stopped(stage: Stage) -> ReleasedError:
    """Say that the daemon ended by itself, and its last word."""
    return ReleasedError(f"The demo's daemon stopped: {_last_line(stage)}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_BUDGET_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(stage: Stage) -> str:
    lines = stage.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing."


def _find_faqs() -> Path:
    """Find the example beside this package in a wheel, or at the top of a checkout."""
    here = Path(__file__).parent
    beside = here / "faqs.example.json"
    return beside if beside.is_file() else here.parent / "faqs.example.json"


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
