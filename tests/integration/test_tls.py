"""HTTPS from certificate files, over real connections: served, and taken up anew."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.core.certificates import DAY_S
from daemon.core.tls_files import TlsFiles
from daemon.tls import ServerCertificate
from tests.doubles.certificates import DAY, NOW, Authority, put
from tests.doubles.daemon_process import wait_until
from tests.doubles.inhouse import make_settings

AUTHORITY = Authority()


class Served:
    """A certificate that is served on loopback; `clock` is in the test's hand."""

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self.now = datetime.now(UTC).timestamp()
        self.certificate = ServerCertificate(files, clock=lambda: self.now)
        self.port = 0

    async def connect(
        self, context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(30):
            return await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=context or AUTHORITY.trust()
            )

    async def see_name(self, context: ssl.SSLContext | None = None) -> str:
        """Shake hands anew and tell whose certificate was shown."""
        reader, writer = await self.connect(context)
        shown: dict[str, Any] = writer.get_extra_info("peercert")
        assert b"hello" == await echo(reader, writer, b"hello")
        writer.close()
        await writer.wait_closed()
        return str(shown["subject"][0][0][1])


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(AUTHORITY.write(tmp_path, "first")) as opened:
        yield opened


@asynccontextmanager
async def serving(files: TlsFiles) -> AsyncIterator[Served]:
    served = Served(files)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    context = served.certificate.context
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        served.port = server.sockets[0].getsockname()[1]
        yield served


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text + b"\n")
    async with asyncio.timeout(30):
        return (await reader.readline()).rstrip()


async def test_a_renewed_certificate_is_shown_and_no_connection_ends(served: Served) -> None:
    """New handshakes see the new one, whoever is connected stays so."""
    reader, writer = await served.connect()
    for name in ("second", "third"):
        put(served.files, AUTHORITY.make(name))
        served.certificate.look()
        assert name == await served.see_name()
        assert b"still here" == await echo(reader, writer, b"still here")
    writer.close()
    await writer.wait_closed()


async def test_what_has_not_changed_is_not_read_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """A look is a look at the files' times; who asks for it has them read all the same."""
    caplog.set_level(logging.INFO)
    served.certificate.look()
    assert [] == caplog.messages
    served.certificate.take_up(make_settings(Path("/nowhere")))
    assert ["certificate taken"] == caplog.messages
    assert 59 == caplog.records[0].days_left  # type: ignore[attr-defined]
    assert [logging.INFO] == [record.levelno for record in caplog.records]


async def test_taking_one_that_is_about_to_end_is_a_warning(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has just put it there, and reads the log."""
    put(served.files, AUTHORITY.make("brief", ends=NOW + DAY))
    served.certificate.reload()
    taken = [(record.levelname, record.message) for record in caplog.records]
    assert [("WARNING", "certificate taken")] == taken


async def test_a_certificate_that_comes_before_its_key(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """The old pair is served until the new one is whole; the log says so once."""
    caplog.set_level(logging.INFO)
    new = AUTHORITY.make("second")
    served.files.certificate.write_bytes(new.pem)
    for _ in range(3):
        served.certificate.look()
    assert "first" == await served.see_name()
    put(served.files, new)
    served.certificate.look()
    assert "second" == await served.see_name()
    refused, taken = caplog.records
    assert ("ERROR", "INFO") == (refused.levelname, taken.levelname)
    assert "is not the key of the first certificate" in refused.error  # type: ignore[attr-defined]


async def test_files_that_are_gone_for_a_moment(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon serves on with what it has; each asking is answered in the log."""
    served.files.key.rename(served.files.key.with_suffix(".moved"))
    served.certificate.look()
    served.certificate.reload()
    served.certificate.look()
    assert "first" == await served.see_name()
    assert 2 == len(caplog.records)
    assert "there is no such file" in caplog.records[0].error  # type: ignore[attr-defined]


async def test_what_is_not_valid_yet_is_taken_when_its_day_comes(served: Served) -> None:
    """Without another change of the files."""
    put(served.files, AUTHORITY.make("second", begins=NOW + DAY, ends=NOW + 9 * DAY))
    served.certificate.look()
    assert "first" == await served.see_name()
    served.now += 2 * DAY_S
    served.certificate.look()
    trusting = AUTHORITY.trust()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    reader, writer = await served.connect(trusting)
    assert b"hello" == await echo(reader, writer, b"hello")
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert b"second" in shown
    writer.close()
    await writer.wait_closed()


async def test_links_are_followed(tmp_path: Path) -> None:
    """Certbot renews by pointing a link at another file."""
    archive = [tmp_path / "1", tmp_path / "2"]
    for folder in archive:
        folder.mkdir()
        AUTHORITY.write(folder, folder.name)
    live = tmp_path / "live"
    live.symlink_to(archive[0])
    async with serving(TlsFiles(live / "tls.pem", live / "tls.key")) as served:
        assert "1" == await served.see_name()
        live.unlink()
        live.symlink_to(archive[1])
        served.certificate.look()
        assert "2" == await served.see_name()


async def test_the_watch_looks_by_itself(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Again and again, until it is told to stop."""
    monkeypatch.setattr("daemon.tls.LOOK_S", 0.0)
    caplog.set_level(logging.INFO)
    watching = asyncio.create_task(served.certificate.watch())
    put(served.files, AUTHORITY.make("second"))

    async def is_taken() -> bool:
        return "certificate taken" in caplog.messages

    await wait_until(is_taken)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert "second" == await served.see_name()


async def test_one_that_nobody_renews_is_warned_of_once_a_day(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """While a fifth of its life or less is left; a renewed one ends it."""
    served.certificate.look()
    assert [] == caplog.records
    served.now += 55 * DAY_S
    for hours in (0, 1, 22, 2, 1):
        served.now += hours * 3600
        served.certificate.look()
    assert ["the certificate ends soon: renew it"] * 2 == caplog.messages
    assert [4, 3] == [record.days_left for record in caplog.records]  # type: ignore[attr-defined]
    caplog.clear()
    put(served.files, AUTHORITY.make("second", ends=NOW + 300 * DAY))
    served.certificate.look()
    assert [] == [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_of_tls_are_refused(served: Served) -> None:
    """1.2 and 1.3 are spoken."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = AUTHORITY.trust()
        context.minimum_version = context.maximum_version = version
        assert "first" == await served.see_name(context)
    old = AUTHORITY.trust()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await served.connect(old)


async def test_a_client_may_show_a_certificate_or_none(tmp_path: Path) -> None:
    """Asked for when there is an authority for it; one of another authority is no handshake."""
    files = AUTHORITY.write(tmp_path, "first")
    clients, others = Authority("Clients"), Authority("Others")
    asking = TlsFiles(files.certificate, files.key, clients.write_own(tmp_path))
    async with serving(asking) as served:
        assert "first" == await served.see_name()
        known = AUTHORITY.trust(clients.make("meta"), folder=tmp_path)
        assert "first" == await served.see_name(known)
        stranger = AUTHORITY.trust(others.make("meta"), folder=tmp_path)
        assert not await is_heard(served, stranger)
        others.write_own(tmp_path)
        served.certificate.look()
        assert "first" == await served.see_name(stranger)
        assert not await is_heard(served, known)


async def is_heard(served: Served, context: ssl.SSLContext) -> bool:
    """Tell whether the server answers; with TLS 1.3 a client learns late that it is refused."""
    try:
        reader, writer = await served.connect(context)
        heard = await echo(reader, writer, b"hello")
    except (ssl.SSLError, ConnectionError):
        return False
    writer.close()
    return bool(heard)
