"""The doctor's look at the way to us: daemon, PUBLIC_URL, Meta's handshake, the clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.client_reqrep import ConnectionKey
from pydantic import SecretStr

from daemon.core.doctor.asking import Unreachable, ask, explain
from daemon.core.doctor.reach import check_webhook
from daemon.core.doctor.running import build_url
from tests.doubles.inhouse import NOWHERE
from tests.doubles.instance import make_instance
from tests.doubles.ward import Handler, Ward, answering, assert_line, open_ward, pick, serving


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def test_a_daemon_that_is_down(ward: Ward) -> None:
    """Here, with what starts it here, and from outside; Meta's handshake says where to look."""
    make_instance(ward.parts.database)
    ward.parts = replace(ward.parts, daemon_url=NOWHERE)
    ward.set(public_url=NOWHERE)
    found = await ward.examine()
    assert_line(
        found, "daemon", "error", NOWHERE, "no connection", "start it: scripts/provision_client.sh"
    )
    assert_line(found, "public_url", "error", NOWHERE)
    assert_line(found, "webhook", "error", "public_url")


@pytest.mark.parametrize(
    ("handler", "word"),
    [
        (answering(200, {"status": "ok"}), "runs version None"),
        (answering(200, [1]), "is not the daemon (HTTP 200)"),
        (answering(302, {}, Location="/elsewhere"), "is not the daemon (HTTP 302)"),
        (answering(503, {"detail": "The workers are down."}), "not well: The workers are down"),
        (answering(503, {}), "is not the daemon (HTTP 503)"),
    ],
)
async def test_what_answers_in_the_daemons_place(ward: Ward, handler: Handler, word: str) -> None:
    """An older daemon is a warning; a sick one and a stranger are errors."""
    async with serving(handler) as url:
        ward.parts = replace(ward.parts, daemon_url=url)
        ward.set(public_url=url)
        found = await ward.examine()
    assert_line(found, "daemon", "warning" if "version" in word else "error", word)
    if "version" not in word:
        assert_line(found, "public_url", "error", word)
    assert_line(found, "webhook", "error", "challenge")


async def test_a_page_in_the_daemons_place(ward: Ward) -> None:
    """A proxy's page is no health document, and no challenge."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async with serving(show) as url:
        ward.set(public_url=url)
        found = await ward.examine()
    assert_line(found, "public_url", "error", "not the daemon")
    assert_line(found, "webhook", "error", "challenge")


async def test_another_verify_token(ward: Ward) -> None:
    """The daemon was started with another one."""
    ward.set(meta_verify_token=SecretStr("another"))
    assert_line(await ward.examine(), "webhook", "error", "META_VERIFY_TOKEN")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"public_url": None}, "PUBLIC_URL is not set"),
        ({"meta_verify_token": None}, "META_VERIFY_TOKEN is not set"),
        ({"public_url": "http://bot.invalid"}, "unencrypted"),
    ],
)
async def test_a_handshake_that_is_not_tried(
    ward: Ward, settings: dict[str, object], word: str
) -> None:
    """It says what to set, unless another line does; no token crosses a network in the clear."""
    ward.set(**settings)
    async with aiohttp.ClientSession() as http:
        (found,) = await check_webhook(ward.parts, http)
    assert ("skipped", True) == (found.state, word in found.detail)
    assert (found.next is not None) == ("META_VERIFY_TOKEN" in word)


async def test_without_a_public_url_it_says_what_to_set(ward: Ward) -> None:
    """Nothing from outside is checked, and nothing is wrong."""
    ward.set(public_url=None)
    found = await ward.examine()
    assert_line(found, "public_url", "skipped", "PUBLIC_URL")
    assert "ok" == pick(found, "subscription", "Bar Sol")["state"]


async def test_a_clock_that_is_off(ward: Ward) -> None:
    """By Meta's Date; where nobody tells the time, by the database file's, ahead only."""
    ward.parts = replace(ward.parts, clock=lambda: time.time() - 3600)
    assert_line(await ward.examine(), "clock", "error", "behind Meta's", "timedatectl")
    ward.set(meta_graph_url=NOWHERE, public_url=None)
    assert_line(await ward.examine(), "clock", "error", "behind the database file's")
    ward.parts = replace(ward.parts, clock=lambda: time.time() + 3600)
    assert_line(await ward.examine(), "clock", "ok", "the database file's")


async def test_a_server_that_tells_no_time(ward: Ward) -> None:
    """Its answer is passed over."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Date": "yesterday"})

    async with serving(answer) as url:
        ward.set(meta_graph_url=url)
        assert_line(await ward.examine(), "clock", "ok", "PUBLIC_URL's")


async def test_why_nobody_answers_is_said_in_words() -> None:
    """No DNS name, no certificate, no HTTP, no patience."""

    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    gate = asyncio.Event()
    mail = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = mail.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as http, serving(hang) as slow:
        for url, word in (
            (f"http://127.0.0.1:{port}", "does not speak HTTP"),
            (slow.replace("http:", "https:"), "no TLS connection"),
            (slow, "no answer within 0.2 seconds"),
            (NOWHERE, r"no connection could be made \(Connection refused\)"),
        ):
            with pytest.raises(Unreachable, match=word):
                await ask(http, url, timeout_s=0.2 if url == slow else 5)
        gate.set()
    mail.close()
    await mail.wait_closed()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("bot.lan", "http://bot.lan:80"),
    ],
)
def test_a_daemon_that_listens_everywhere_is_asked_here(host: str, url: str) -> None:
    """An address to listen on is not always one to call."""
    assert url == build_url(host, 80)


def test_dns_and_certificates_have_their_words() -> None:
    """The commonest mistakes with a new name; the words quote nothing of it."""
    key: Any = ConnectionKey("bot.invalid", 443, True, True, None, None, None)
    unknown = aiohttp.ClientConnectorDNSError(key, OSError(1, "bot.invalid"))
    assert "its name is not known to the DNS" == explain(unknown)
    invalid = aiohttp.ClientConnectorCertificateError(key, ValueError("expired"))
    assert "its certificate is not valid" == explain(invalid)
