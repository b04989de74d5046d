"""The service's entry: settings, logs, signals, and the exit code."""

import argparse
import asyncio
import errno
import gc
import importlib.metadata
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aiohttp import web

from daemon.app import build_app
from daemon.core.errors import Misconfigured, ReleasedError
from daemon.core.runtime import Runtime, open_runtime
from daemon.core.settings import Settings, load_settings
from daemon.logs import set_up_logs

log = logging.getLogger(__name__)

REQUESTS_S = 2.0
"""Seconds that open requests have to finish when the daemon is asked to stop."""


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
    # Bound first: a port that is taken must be told before any work is begun.
    with _bound(settings.host, settings.port) as sockets:
        async with open_runtime(settings) as runtime:
            _warn_of_missing_token(runtime)
            return await _run(runtime, sockets, stop)


async def _run(runtime: Runtime, sockets: Sequence[socket.socket], stop: asyncio.Event) -> bool:
    died = asyncio.Event()

    def die() -> None:
        died.set()
        stop.set()

    runner = web.AppRunner(
        build_app(runtime, on_death=die),
        handle_signals=False,
        access_log=None,
        shutdown_timeout=REQUESTS_S,
    )
    await runner.setup()
    try:
        for bound in sockets:
            await web.SockSite(runner, bound).start()
            host, port = bound.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            facts = {"address": f"http://{shown}:{port}", "engine": runtime.settings.engine_name}
            log.info("listening", extra=facts)
        _spare_the_collector()
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
    return not died.is_set()


def _spare_the_collector() -> None:
    """Take what the start has made out of the garbage collector's sight: it stays anyway.

    A full collection would otherwise walk through it, 80 ms in which no message is acknowledged.
    """
    gc.collect()
    gc.freeze()


def _warn_of_missing_token(runtime: Runtime) -> None:
    token_for = runtime.settings.token_for
    mute = [
        client.id
        for client in runtime.directory.all()
        if client.active and token_for(client.access_token) is None
    ]
    if mute:
        log.warning("META_ACCESS_TOKEN is not set", extra={"clients_that_cannot_send": mute})


@contextmanager
def _bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Bind every address that the host's name stands for.

    Raises:
        Misconfigured: when one of them cannot be had.

    """
    with ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [
                stack.enter_context(socket.create_server(address[:2], family=family))
                for family, _, _, _, address in found
            ]
        except (OSError, UnicodeError) as refused:
            raise Misconfigured(_explain(refused, host, port)) from refused
        yield sockets


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


def _explain(refused: OSError | UnicodeError, host: str, port: int) -> str:
    if isinstance(refused, UnicodeError):
        return f"Cannot listen on {host!r}: that is no host name. HOST and PORT say where."
    if refused.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Set PORT to a free one, or stop what uses it."
    return f"Cannot listen on {host}:{port}: {refused.strerror}. HOST and PORT say where."
