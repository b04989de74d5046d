"""How the sandbox is served: its page, who may call it, where it listens, how it stops."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from daemon.core.errors import Misconfigured
from daemon.sandbox import SandboxConfig, build_sandbox, serve_sandbox
from daemon.sandbox.pages import STATIC
from tests.doubles.echo_daemon import TOKEN
from tests.doubles.sandbox_kit import CLIENTS, NUMBER, Kit, open_kit


@pytest.fixture
async def silent() -> AsyncIterator[Kit]:
    async with open_kit(mute=True) as opened:
        yield opened


def make_config(webhook_url: str = "http://127.0.0.1:9/webhook") -> SandboxConfig:
    return SandboxConfig(webhook_url, "secret", None, lambda: CLIENTS)


async def test_the_page_and_its_files_come_from_here_alone(silent: Kit) -> None:
    """The policy forbids other origins, and the files are served."""
    page = await silent.call("GET", "/")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "http://" not in page.body.replace("http://www.w3.org", "")
    for name in ("chat.css", "wall.css", "chat.js", "pane.js", "bubbles.js", "faults.js"):
        answer = await silent.call("GET", f"/static/{name}")
        assert (200, "no-cache") == (answer.status, answer.headers["Cache-Control"])


async def test_another_site_may_not_write(silent: Kit) -> None:
    """A page elsewhere, open in the same browser, is refused; our own is not."""
    message = {"phone_number_id": NUMBER, "from": "34600111222", "text": "hola"}
    for origin, status in (("http://evil.example", 403), ("null", 403), (silent.url, 200)):
        headers = {"Origin": origin}
        answer = await silent.call("POST", "/chat/messages", json=message, headers=headers)
        assert status == answer.status


async def test_a_port_in_use_is_said_in_one_line() -> None:
    """The operator learns that the port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"port {port}: another program uses it"):
            async with serve_sandbox(make_config(), port=port):
                raise AssertionError("it must not serve")


@pytest.mark.parametrize("path", ["/chat/messages", f"/v26.0/{NUMBER}/messages"])
async def test_who_leaves_in_the_middle_is_no_fault(
    silent: Kit, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """A daemon that was killed while it sent must not look as if the sandbox had crashed."""
    at = URL(silent.url)
    _, writer = await asyncio.open_connection(at.host, at.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}"
    writer.write(f"{head}\r\nContent-Length: 99\r\n\r\n{{".encode())
    await writer.drain()
    assert 200 == (await silent.call("GET", "/")).status
    writer.transport.abort()
    assert 200 == (await silent.call("GET", "/")).status
    assert [] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [("127.0.0.1", 70_000, "from 0 to 65535"), ("192.0.2.1", 0, os.strerror(errno.EADDRNOTAVAIL))],
)
async def test_a_place_that_cannot_be_had_is_said_in_one_line(
    host: str, port: int, reason: str
) -> None:
    """So is any other reason not to listen."""
    with pytest.raises(Misconfigured, match=reason):
        async with serve_sandbox(make_config(), host=host, port=port):
            raise AssertionError("it must not serve")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080/webhook", "ftp://x/", "http:///webhook"])
def test_a_webhook_url_that_is_none_is_refused(url: str) -> None:
    """A wrong URL is found at the start, not at the first message."""
    with pytest.raises(Misconfigured, match="webhook URL"):
        build_sandbox(make_config(url))


async def test_it_stops_at_once_with_everything_open() -> None:
    """Streams, waits, a hanging send and repetitions end with the sandbox."""
    loop = asyncio.get_running_loop()
    async with open_kit(mute=True) as kit:
        await kit.set_faults(hang=1)
        kit.echo.answers.extend([500] * 50)
        stream = await kit.http.get(kit.url + "/chat/events")
        await kit.write()
        waits = [
            asyncio.create_task(kit.read_transcript("34699999999", wait=60)),
            asyncio.create_task(kit.read_accepted(count=5)),
            asyncio.create_task(kit.send()),
        ]
        await kit.call("GET", "/sandbox/faults")
        started = loop.time()
    await asyncio.gather(*waits, return_exceptions=True)
    stream.close()
    assert 30 > loop.time() - started


def test_no_script_builds_markup_from_text() -> None:
    """The page's scripts know only textContent."""
    for script in STATIC.glob("*.js"):
        source = script.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in source
