"""The doctor's look at backups: none made, none there, the newest too old, and all well."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.backups import name_backup
from daemon.core.doctor.finding import Finding
from daemon.core.doctor.saved import check_backups
from tests.doubles.new_database import copy_new_database
from tests.doubles.ward import Ward, open_ward

HOUR_S = 3600.0


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def look(ward: Ward) -> Finding:
    (found,) = await check_backups(ward.parts)
    assert (found.next is not None) == (found.state == "warning")
    return found


@pytest.mark.parametrize("settings", [{"app_env": "prod"}, {"public_url": "https://bot.invalid"}])
async def test_a_service_that_makes_none_is_told(ward: Ward, settings: dict[str, str]) -> None:
    """In prod, and wherever Meta can call; a developer needs none."""
    assert "skipped" == (await look(ward)).state
    ward.set(**settings)
    found = await look(ward)
    assert ("warning", "no backups are made: BACKUP_DIR is not set") == (found.state, found.detail)
    assert "set BACKUP_DIR" in str(found.next)


async def test_the_newest_is_looked_at(ward: Ward, tmp_path: Path) -> None:
    """None, one of three days ago, one of this night."""
    folder = tmp_path / "backups"
    folder.mkdir()
    ward.set(backup_dir=folder)
    now, told = ward.parts.clock(), [await look(ward)]
    for hours in (72, 9):
        copy_new_database(name_backup(ward.parts.database, folder, now=now - hours * HOUR_S))
        told.append(await look(ward))
    assert ["warning", "warning", "ok"] == [found.state for found in told]
    assert "there is none in" in told[0].detail
    assert "too long ago" in told[1].detail
    assert f"the newest in {folder} is of " in told[2].detail


async def test_a_folder_that_cannot_be_looked_into(ward: Ward, tmp_path: Path) -> None:
    """Its user can; nothing is said of what is in it."""
    file = tmp_path / "file"
    file.touch()
    ward.set(backup_dir=file)
    found = await look(ward)
    assert ("skipped", True) == (found.state, "cannot be looked into" in found.detail)
