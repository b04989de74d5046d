"""The service's entry: settings, logs, signals, and the exit code."""

import argparse
import asyncio
import gc
import importlib.metadata
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aiohttp import web

from daemon.api.ops import find_fault
from daemon.app import build_app
from daemon.core.errors import ReleasedError
from daemon.core.runtime import Runtime, open_runtime
from daemon.core.settings import Settings, load_settings
from daemon.core.starting import must_be_private
from daemon.core.store.engine import sqlite_path
from daemon.core.trial import begin_trial
from daemon.listening import BACKLOG, Listening, open_sockets, refuse_clear, show_address
from daemon.logs import set_up_logs, tell_loop_error
from daemon.reloading import Reloader
from daemon.supervision import Supervisor
from daemon.tls import ServerCertificate

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
        load = partial(_load, options.env_file)
        settings = load()
        _take_up_logs(settings)
        _tell_slips(settings)
        healthy = asyncio.run(serve(settings, load=load))
    except ReleasedError as refused:
        sys.exit(f"released-daemon: {refused}")
    except Exception:
        log.critical("daemon failed", exc_info=True)
        sys.exit(1)
    sys.exit(0 if healthy else 1)


async def serve(settings: Settings, *, load: Callable[[], Settings]) -> bool:
    """Serve until SIGTERM or SIGINT, and `load` settings anew on SIGHUP.

    Says whether the workers lived to the end.
    """
    stop = asyncio.Event()
    certificate = ServerCertificate.from_settings(settings)
    always = (_take_up_logs, _tell_slips)
    parts = always if certificate is None else (*always, certificate.take_up)
    reloader = Reloader(settings, load=load, parts=parts)
    _hear_signals(stop, reloader)
    supervisor = Supervisor.from_environment(os.environ, pid=os.getpid())
    # Bound first: a port that is taken must be told before any work is begun.
    with open_sockets(
        settings.host, settings.port, environ=os.environ, pid=os.getpid()
    ) as listening:
        if must_be_private(settings):
            refuse_clear(listening)
        async with open_runtime(settings) as runtime:
            _warn_of_missing_token(runtime)
            return await _run(runtime, listening, supervisor, stop, reloader, certificate)


async def _run(
    runtime: Runtime,
    listening: Listening,
    supervisor: Supervisor,
    stop: asyncio.Event,
    reloader: Reloader,
    certificate: ServerCertificate | None,
) -> bool:
    died = asyncio.Event()

    def die() -> None:
        died.set()
        stop.set()

    trial = begin_trial(sqlite_path(runtime.settings.database_url), now=runtime.clock())
    app = build_app(runtime, on_death=die, trial=trial)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=REQUESTS_S)
    await runner.setup()
    try:
        context = None if certificate is None else certificate.context
        addresses = await _listen(runner, listening, context, runtime.settings.engine_name)
        _spare_the_collector()
        status = f"Serving on {' '.join(addresses)}"
        supervisor.tell_ready(status)
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(supervisor.watch(partial(find_fault, app), status=status)),
                group.create_task(reloader.run(supervisor, status=status)),
            ]
            if certificate is not None:
                watching.append(group.create_task(certificate.watch()))
            await stop.wait()
            for task in watching:
                task.cancel()
        log.info("stopping")
        supervisor.tell_stopping()
        if listening.passed:
            await _leave(runner)
    finally:
        await runner.cleanup()
    return not died.is_set()


def _hear_signals(stop: asyncio.Event, reloader: Reloader) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_loop_error)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    has_terminal = sys.stderr.isatty()

    def hear_hangup() -> None:
        # A terminal that is closed says the same as `systemctl reload`, and is none any more.
        if has_terminal and not sys.stderr.isatty():
            stop.set()
        else:
            reloader.ask()

    loop.add_signal_handler(signal.SIGHUP, hear_hangup)


def _load(env_file: Path | None) -> Settings:
    settings = load_settings(env_file)
    settings.require_for_daemon()
    return settings


def _take_up_logs(settings: Settings) -> None:
    set_up_logs(
        level=settings.log_level,
        form=settings.log_format,
        file=settings.log_file,
        environ=os.environ,
    )


def _tell_slips(settings: Settings) -> None:
    for slip in settings.slips:
        log.warning("misspelt setting", extra={"found": slip})


async def _listen(
    runner: web.AppRunner, listening: Listening, context: ssl.SSLContext | None, engine: str
) -> list[str]:
    addresses = []
    for sock in listening.sockets:
        await web.SockSite(runner, sock, backlog=BACKLOG, ssl_context=context).start()
        addresses.append(show_address(sock, tls=context is not None))
        log.info("listening", extra={"address": addresses[-1], "engine": engine})
    return addresses


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
    mute = [
        client.id
        for client in runtime.directory.all()
        if client.active and client.access_token is None
    ]
    if mute and runtime.settings.token_for(None) is None:
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
