"""The doctor's look at access tokens at rest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.doctor.finding import Finding
from daemon.core.doctor.sealed import check_secrets
from daemon.core.sealing.keys import KEY_BYTES, make_key, write_keys
from tests.doubles.sealing_kit import set_token
from tests.doubles.ward import Ward, assert_line, open_ward

OTHER = make_key(b"x" * KEY_BYTES)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


def told(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [(finding.state, finding.subject) for finding in findings]


async def test_all_is_well(ward: Ward) -> None:
    """Nothing to look at, then everything sealed."""
    assert [("skipped", None)] == told(await check_secrets(ward.parts))
    await ward.parts.store.write(lambda conn: set_token(conn, 1, "EAAB-own"))
    assert [("ok", None)] == told(await check_secrets(ward.parts))


async def test_an_open_token_and_open_files(ward: Ward, tmp_path: Path) -> None:
    """As an older version left it, and as a careless copy did."""
    await ward.run("UPDATE clients SET access_token = 'EAAB-old' WHERE id = 1")
    ward.parts.database.chmod(0o644)
    found = await check_secrets(ward.parts)
    assert [("warning", None), ("warning", None)] == told(found)
    assert f"{tmp_path / 'released.db'} can be read by others" in found[0].detail
    assert "1 access token lies open" in found[1].detail


async def test_a_token_that_no_key_opens(ward: Ward, tmp_path: Path) -> None:
    """Its client is named, with the key and both ways out; the rest is checked as ever."""
    key_file = tmp_path / "released.key"
    await ward.parts.store.write(lambda conn: set_token(conn, 1, "EAAB-own"))
    key_file.write_bytes(write_keys([OTHER]).encode() + b"half")
    found = await ward.examine()
    assert_line(found, "secrets", "error", "entry 2 is no key")
    (lost,) = [one for one in found if one["check"] == "secrets" and one["subject"]]
    assert "error" == lost["state"]
    assert "released client update 1 --access-token-file PATH" in lost["next"]
    (number,) = [
        one for one in found if one["check"] == "number" and one["subject"] == lost["subject"]
    ]
    assert ("skipped", "not asked: its access token cannot be read") == (
        number["state"],
        number["detail"],
    )
