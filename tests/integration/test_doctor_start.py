"""The doctor finds what the daemon would refuse to start with, and names that are nearly ours."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.doctor.here import check_settings
from daemon.core.settings import load_settings
from daemon.core.starting import check_start
from daemon.main import _tell_slips
from tests.doubles.certificates import Authority
from tests.doubles.ward import Ward, assert_line, open_ward

AUTHORITY = Authority()
PROD = {
    "app_env": "prod",
    "meta_graph_url": "https://graph.invalid",
    "public_url": "https://127.0.0.1:9",
}


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def assert_would_not_start(ward: Ward, *words: str) -> None:
    (found,) = await check_settings(ward.parts)
    told = f"{found.detail}, next: {found.next}"
    assert found.state == "error"
    assert found.detail.startswith("the daemon would not start: ")
    assert [] == [word for word in words if word not in told], told


async def test_the_key_of_another_certificate(ward: Ward, tmp_path: Path) -> None:
    """Both lines say so."""
    files = AUTHORITY.write(tmp_path)
    files.key.write_bytes(AUTHORITY.make("other").key_pem())
    ward.set(tls_cert_file=files.certificate, tls_key_file=files.key)
    await assert_would_not_start(ward, "is not the key of the first certificate", "next: mend it")
    reason = "is not the key of the first certificate"
    assert_line(await ward.examine(), "certificate", "error", reason, "its own key")


async def test_a_key_that_others_can_read(ward: Ward, tmp_path: Path) -> None:
    """In prod, with the command that mends it."""
    files = AUTHORITY.write(tmp_path)
    files.key.chmod(0o644)
    named = {"tls_cert_file": files.certificate, "tls_key_file": files.key}
    ward.set(**PROD, **named)
    await assert_would_not_start(ward, "mode 0644", "next: chmod 6", str(files.key))
    ward.set(app_env="dev")
    check_start(ward.parts.settings, now=ward.parts.clock())


async def test_a_certificate_that_is_not_there(ward: Ward, tmp_path: Path) -> None:
    """The settings are not called right that name it."""
    named = {"tls_cert_file": tmp_path / "no.pem", "tls_key_file": tmp_path / "no.key"}
    ward.set(**named)
    await assert_would_not_start(ward, "no.pem: there is no such file")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "bot.example.com"])
async def test_an_address_that_others_can_reach(ward: Ward, host: str) -> None:
    """In prod without HTTPS of our own or a proxy elsewhere; on this machine all is well."""
    ward.set(**PROD, host=host)
    await assert_would_not_start(ward, "is open to others", "HOST must be 127.0.0.1")
    for mended in ({"trusted_proxies": "192.0.2.7"}, {"trusted_proxies": "::1", "host": "::1"}):
        ward.set(**mended)
        check_start(ward.parts.settings, now=ward.parts.clock())


async def test_a_misspelt_setting_is_told(
    ward: Ward, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the doctor, and in the daemon's log when it reads them."""
    file = tmp_path / "my.env"
    file.write_text("META_APP_SECRET=s\nMETA_VERIFY_TOKEN=v\nLOG_LVEL=DEBUG\nEDGE_SUBNET=x\n")
    settings = load_settings(file)
    slip = f"{file} line 3: LOG_LVEL is no setting; did you mean LOG_LEVEL?"
    assert (slip,) == settings.slips
    ward.parts.settings._slips = settings.slips
    (found,) = await check_settings(ward.parts)
    assert ("warning", slip) == (found.state, found.detail)
    caplog.set_level(logging.INFO)
    _tell_slips(settings)
    (line,) = caplog.records
    assert ("WARNING", "misspelt setting", slip) == (
        line.levelname,
        line.message,
        line.found,  # type: ignore[attr-defined]
    )
