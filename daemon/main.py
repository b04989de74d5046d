"""The service's entry: settings, logs, signals, and the exit code."""

import argparse
import asyncio
import gc
import importlib.metadata
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path

from aiohttp import web

from daemon.api.ops import find_fault
from daemon.app import build_app
from daemon.core.errors import ReleasedError
from daemon.core.runtime import Runtime, open_runtime
from daemon.core.settings import Settings, load_settings
from daemon.listening import BACKLOG, Listening, open_sockets, show_address
from daemon.logs import set_up_logs
from daemon.supervision import Supervisor

log = logging.getLogger(__name__)

REQUESTS_S = 2.0
"""Seconds that open requests have to finish when the daemon is asked to stop."""

LINGER_S = 0.5
"""Seconds in which a connection taken before the end may still bring its request.

The connections that come after it wait in the passed socket for the next daemon.
"""


COLLECT_EVERY = (50_000, 20, 100)
"""Objects between two collections, and collections between two of older ones. What a message leaves
is freed by its count; looking for circles as often as Python does cost a tenth of the CPU."""


def main(argv: list[str] | None = None) -> None:
    """Run until a signal says stop: exit 0 then, 1 when it could not start or its workers died."""
    options = _parse(sys.argv[1:] if argv is None else argv)
    try:
        settings = load_settings(options.env_file)
        settings.require_for_daemon()
        set_up_logs(level=settings.log_level, form=settings.log_format)
        healthy = asyncio.run(serve(settings))
    except ReleasedError as refused:
        sys.exit(f"released-daemon: {refused}")
    sys.exit(0 if healthy else 1)


async def serve(settings: Settings) -> bool:
    """Serve until SIGTERM or SIGINT; say whether the workers lived to the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    supervisor = Supervisor.from_environment(os.environ, pid=os.getpid())
    # Bound first: a port that is taken must be told before any work is begun.
    with open_sockets(
        settings.host, settings.port, environ=os.environ, pid=os.getpid()
    ) as listening:
        async with open_runtime(settings) as runtime:
            _warn_of_missing_token(runtime)
            return await _run(runtime, listening, supervisor, stop)


async def _run(
    runtime: Runtime, listening: Listening, supervisor: Supervisor, stop: asyncio.Event
) -> bool:
    died = asyncio.Event()

    def die() -> None:
        died.set()
        stop.set()

    app = build_app(runtime, on_death=die)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=REQUESTS_S)
    await runner.setup()
    try:
        await _listen(runner, listening, engine=runtime.settings.engine_name)
        _spare_the_collector()
        status = f"Serving on {' '.join(map(show_address, listening.sockets))}"
        supervisor.tell_ready(status)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(supervisor.watch(partial(find_fault, app), status=status))
            await stop.wait()
            watching.cancel()
        log.info("stopping")
        supervisor.tell_stopping()
        if listening.passed:
            await _leave(runner)
    finally:
        await runner.cleanup()
    return not died.is_set()


async def _listen(runner: web.AppRunner, listening: Listening, *, engine: str) -> None:
    for sock in listening.sockets:
        await web.SockSite(runner, sock, backlog=BACKLOG).start()
        log.info("listening", extra={"address": show_address(sock), "engine": engine})


async def _leave(runner: web.AppRunner) -> None:
    """Take no new connection, and hear out those just taken: their requests are on the way."""
    for site in runner.sites:
        await site.stop()
    await asyncio.sleep(LINGER_S)


def _spare_the_collector() -> None:
    """Take what the start has made out of the garbage collector's sight: it stays anyway.

    A full collection would otherwise walk through it, 80 ms in which no message is acknowledged.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)


def _warn_of_missing_token(runtime: Runtime) -> None:
    token_for = runtime.settings.token_for
    mute = [
        client.id
        for client in runtime.directory.all()
        if client.active and token_for(client.access_token) is None
    ]
    if mute:
        log.warning("META_ACCESS_TOKEN is not set", extra={"clients_that_cannot_send": mute})


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="released-daemon", description="Runs the WhatsApp bots of all clients."
    )
    parser.add_argument(
        "--env-file", type=Path, help="read settings from this file instead of .env"
    )
    version = importlib.metadata.version("released")
    parser.add_argument("--version", action="version", version=f"released-daemon {version}")
    return parser.parse_args(argv)
