"""A daemon that serves HTTPS, called in clear: the line says what to call."""

import asyncio
import ssl
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from released_cli.calling import Caller
from released_cli.places import Place
from tests.doubles.certificates import Authority


async def test_a_port_that_speaks_https_is_named(tmp_path: Path) -> None:
    """Called by http, it breaks off without a word; nothing but the scheme is wrong."""
    files = Authority().write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        caller = Caller(Place(f"http://127.0.0.1:{port}", "t"), 5)
        with pytest.raises(Misconfigured, match=f"speaks HTTPS: use https://127.0.0.1:{port}"):
            await asyncio.to_thread(caller.send, "DELETE", "/status", twice=False)
