"""A database whose file is taken from under the daemon: nothing is acknowledged into nowhere."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.daemon_process import wait_until
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import build_text_webhook


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_inhouse(tmp_path) as opened:
        yield opened


async def post(house: House, wamid: str) -> int:
    body = build_text_webhook("hola", customer="34600111222", wamid=wamid)
    return (await house.post(body)).status


async def test_a_file_in_its_place_ends_the_daemon(house: House, tmp_path: Path) -> None:
    """Meta is told to come again, and the next daemon opens the file that is there."""
    assert 200 == await post(house, "wamid.1")
    shutil.copy(tmp_path / "released.db", tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(tmp_path / "released.db")
    assert 503 == await post(house, "wamid.2")

    async def has_died() -> bool:
        return bool(house.deaths)

    await wait_until(has_died)


async def test_a_file_that_comes_back_is_used_again(house: House, tmp_path: Path) -> None:
    """Moved away, nothing is taken in and the daemon lives on: it has what nobody else has."""
    (tmp_path / "released.db").rename(tmp_path / "away.db")
    assert 503 == await post(house, "wamid.1")
    assert 503 == (await house.call("GET", "/health")).status
    (tmp_path / "away.db").rename(tmp_path / "released.db")
    assert 200 == await post(house, "wamid.1")
    assert [] == house.deaths
