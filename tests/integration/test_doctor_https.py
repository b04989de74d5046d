"""The doctor's look at HTTPS: certificates over real handshakes, and how admin calls come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from daemon.core.doctor import https
from daemon.core.doctor.running import build_url
from daemon.tls import ServerCertificate
from tests.doubles.certificates import DAY, NOW, Authority, put
from tests.doubles.inhouse import NOWHERE
from tests.doubles.ward import Ward, assert_line, open_ward, serving

AUTHORITY = Authority()


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def serving_tls(folder: Path, status: int, *, believes: bool = False) -> AsyncIterator[str]:
    """Answer everything with one status, behind a certificate that nobody knows.

    One that `believes` what callers write refuses who says that he came in clear.
    """

    async def answer(request: web.Request) -> web.Response:
        said = request.headers.get("X-Forwarded-Proto", "https")
        return web.Response(status=403 if believes and said == "http" else status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = ServerCertificate(AUTHORITY.write(folder)).context
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_our_own_certificate(ward: Ward, tmp_path: Path) -> None:
    """Its days, its end, and its file where that cannot be read."""
    files = AUTHORITY.write(tmp_path)
    ward.set(tls_cert_file=files.certificate, tls_key_file=files.key)
    assert_line(await ward.examine(), "certificate", "ok", f"={files.certificate} is valid for 59")
    put(files, AUTHORITY.make("ending", begins=NOW - 50 * DAY, ends=NOW + 5 * DAY))
    assert_line(await ward.examine(), "certificate", "warning", "for 4 more days", "renew it")
    put(files, AUTHORITY.make("ending", begins=NOW - 50 * DAY, ends=NOW + DAY))
    assert_line(await ward.examine(), "certificate", "error", "more hours", "renew it")
    put(files, AUTHORITY.make("ended", begins=NOW - 50 * DAY, ends=NOW - DAY))
    assert_line(await ward.examine(), "certificate", "error", "expired on", "renew it")
    files.certificate.unlink()
    assert_line(await ward.examine(), "certificate", "error", "there is no such file")


async def test_one_that_nobody_else_has_signed(ward: Ward, tmp_path: Path) -> None:
    """Meta does not take it; a proxy elsewhere that stands before it may."""
    files = AUTHORITY.write(tmp_path)
    put(files, AUTHORITY.own)
    ward.set(tls_cert_file=files.certificate, tls_key_file=files.key)
    assert ["ok"] == [found.state for found in await https.check_certificate(ward.parts)]
    ward.set(public_url="https://127.0.0.1:9")
    _, found = await https.check_certificate(ward.parts)
    assert ("warning", True) == (found.state, "is self-signed" in found.detail)
    ward.set(trusted_proxies="192.0.2.7")
    assert ["ok"] == [found.state for found in await https.check_certificate(ward.parts)]


async def test_why_it_is_not_asked_how_admin_calls_come(ward: Ward) -> None:
    """The one reason that holds."""
    assert_line(await ward.examine(), "https", "skipped", "APP_ENV is dev")
    ward.set(app_env="prod")
    assert_line(await ward.examine(), "https", "skipped", "PUBLIC_URL is no https address")


async def test_that_of_a_proxy(ward: Ward, tmp_path: Path) -> None:
    """Whether it is trusted is said by another line; how long it lasts is seen all the same."""
    async with serving_tls(tmp_path, 200) as url:
        ward.set(public_url=url)
        found = await ward.examine()
    assert_line(found, "certificate", "ok", "that of 127.0.0.1 is valid for 59 more days")
    assert_line(found, "public_url", "error", "certificate is not valid")


async def test_a_proxy_that_shows_none(ward: Ward) -> None:
    """It is not there, or it speaks no TLS."""
    for url in (NOWHERE, ward.house.url):
        ward.set(public_url=url.replace("http://", "https://"))
        assert_line(await ward.examine(), "certificate", "skipped", "shows none", "public_url")


async def test_nothing_that_could_have_one(ward: Ward) -> None:
    """A developer's machine needs none."""
    for url in (None, "http://127.0.0.1:9"):
        ward.set(public_url=url)
        assert_line(await ward.examine(), "certificate", "skipped", "TLS_CERT_FILE")


@pytest.mark.parametrize(
    ("status", "clear", "state", "word"),
    [
        (401, 308, "ok", "no admin call is heard"),
        (401, 401, "error", "over plain HTTP is heard"),
        (403, 308, "error", "TRUSTED_PROXIES"),
    ],
)
async def test_how_admin_calls_come(
    ward: Ward,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    clear: int,
    state: str,
    word: str,
) -> None:
    """Asked over HTTPS and in clear, without a token."""
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, "Authorization" in request.headers))
        return web.Response(status=clear)

    async with serving(answer) as plain, serving_tls(tmp_path, status) as url:
        monkeypatch.setattr(https, "CLEAR_PORT", int(plain.rpartition(":")[2]))
        ward.set(app_env="prod", public_url=url)
        assert_line(await ward.examine(), "https", state, word)
    assert [("/tokens", False)] == asked


async def test_a_proxy_that_leaves_the_word_to_its_callers(
    ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It adds no trace of its own: all whom it brings look like callers from this machine."""
    monkeypatch.setattr(https, "CLEAR_PORT", 9)
    async with serving_tls(tmp_path, 401, believes=True) as url:
        ward.set(app_env="prod", public_url=url)
        words = ("X-Forwarded-Proto", "proxy_set_header X-Forwarded-Proto $scheme")
        assert_line(await ward.examine(), "https", "warning", *words)


async def test_nobody_answers(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then `public_url` says why."""
    monkeypatch.setattr(https, "CLEAR_PORT", 9)
    for url in (NOWHERE, "https://[::1]:9"):
        ward.set(app_env="prod", public_url=url.replace("http://", "https://"))
        assert_line(await ward.examine(), "https", "skipped", "public_url")


async def test_a_daemon_behind_its_own_certificate(ward: Ward, tmp_path: Path) -> None:
    """It is asked by its address here, for which no certificate is made."""
    async with serving_tls(tmp_path, 200) as url:
        ward.parts = replace(ward.parts, daemon_url=url)
        assert_line(await ward.examine(), "daemon", "error", "is not the daemon (HTTP 200)")


def test_where_it_is_found_from_here() -> None:
    """By HTTPS when it serves that, in brackets where a URL wants them."""
    assert "https://[::1]:8443" == build_url("::", 8443, tls=True)
    assert "http://127.0.0.1:80" == build_url("0.0.0.0", 80)
