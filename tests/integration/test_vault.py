"""The folder of nightly backups, and the copies that a restore or an upgrade leaves."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core import vault as vault_module
from daemon.core.backups import Rotation, name_backup
from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings
from daemon.core.status import _find_backups
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from daemon.core.vault import Kept, Vault, delete_old, fill, find_newest, find_vault
from tests.doubles.backup_kit import MOMENT, list_files, query, stopped, unwatched
from tests.doubles.reports import alerts

DAY_S = 86_400.0
TWO_WEEKS = timedelta(days=14)


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database.path, tmp_path / "kept", Rotation(3, TWO_WEEKS))


def add(vault: Vault, *, days_ago: float = 0) -> Path:
    now = MOMENT - days_ago * DAY_S
    return fill(vault, now=now, monotonic=stopped, watch=unwatched).made.file


def test_the_settings_say_where_and_how_many() -> None:
    """BACKUP_DIR, BACKUP_KEEP, and RETENTION_DAYS as the age at which they go; without, none."""
    assert find_vault(Settings()) is None
    given: dict[str, Any] = {"backup_dir": "b", "backup_keep": 3, "retention_days": 2.5}
    found = find_vault(Settings(**given))
    expected = Vault(Path("released.db"), Path("b"), Rotation(3, timedelta(days=2.5)))
    assert expected == found


def test_the_folder_is_made_for_its_owner_alone(vault: Vault) -> None:
    """The first backup needs no preparation, and nobody else may look."""
    assert find_newest(vault.database, vault.folder) is None
    made = add(vault)
    assert 0o700 == vault.folder.stat().st_mode & 0o777
    assert Kept(made, MOMENT // 1) == find_newest(vault.database, vault.folder)


def test_what_is_too_much_goes(vault: Vault) -> None:
    """As many as are to be kept, none older than what customers wrote may be."""
    made = [add(vault, days_ago=days) for days in (20, 4, 3, 2, 1)]
    assert [path.name for path in made[2:]] == list_files(vault.folder)


def test_a_folder_that_cannot_be_made_is_one_line(vault: Vault, tmp_path: Path) -> None:
    """Its parent is missing, or a file is in its place."""
    away = Vault(vault.database, tmp_path / "none" / "kept", vault.rotation)
    with pytest.raises(Misconfigured, match=r"Cannot write .*kept: No such file"):
        add(away)
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(Misconfigured, match=r"Cannot write .*kept: File exists"):
        add(vault)


def test_a_backup_is_not_what_fills_the_disk(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it would leave nothing for new messages, none is begun."""
    usage = shutil.disk_usage(vault.database.parent)
    tight = usage._replace(free=vault_module.RESERVE_BYTES + 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: tight)
    with pytest.raises(Misconfigured, match=r"There is no room for a backup in .*BACKUP_DIR"):
        add(vault)
    assert [] == list_files(vault.folder)


def test_a_file_that_only_looks_like_the_newest(vault: Vault) -> None:
    """Is passed over: its age would be a lie."""
    made = add(vault)
    name_backup(vault.database, vault.folder, now=MOMENT + DAY_S).write_text("mine")
    assert Kept(made, MOMENT // 1) == find_newest(vault.database, vault.folder)
    made.unlink()
    assert find_newest(vault.database, vault.folder) is None


def test_a_backup_of_the_future_says_nothing_of_the_age(vault: Vault) -> None:
    """Made while the clock was wrong, it would pass for fresh for years."""
    odd, made = add(vault, days_ago=-400), add(vault)
    assert Kept(made, MOMENT // 1) == find_newest(vault.database, vault.folder, until=MOMENT)
    made.unlink()
    assert find_newest(vault.database, vault.folder, until=MOMENT) is None
    found = find_newest(vault.database, vault.folder)
    assert found is not None
    assert odd == found.file


def test_a_full_disk_is_rid_of_what_is_too_old(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where no backup can be made any more; but the newest one stays."""
    patient = replace(vault, rotation=Rotation(9, timedelta(days=99)))
    newest = [add(patient, days_ago=days) for days in (40, 30)][-1]
    left = vault.database.with_name("released.db.before-restore-20260401T000000Z")
    left.write_text("old")
    usage = shutil.disk_usage(vault.folder)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(Misconfigured, match="There is no room for a backup"):
        add(vault)
    assert [newest.name] == list_files(vault.folder)
    assert not left.exists()


def test_what_cannot_be_deleted_stops_no_backup(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deletes it on time tells of it."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(vault_module, "delete_leftovers", refuse)
    assert [add(vault).name] == list_files(vault.folder)


class TestOldCopies:
    def list_gone(self, vault: Vault, folder: Path | None) -> list[str]:
        gone = delete_old(vault.database, folder, older_than=TWO_WEEKS, now=MOMENT)
        return [path.name for path in gone]

    def test_backups_go_by_age_but_never_the_newest(self, vault: Vault) -> None:
        """However old that one is: it is the only way back."""
        patient = replace(vault, rotation=Rotation(9, timedelta(days=99)))
        made = [add(patient, days_ago=days) for days in (40, 30, 20)]
        assert [path.name for path in made[:2]] == self.list_gone(vault, vault.folder)
        assert [] == self.list_gone(vault, vault.folder)
        assert [made[2].name] == list_files(vault.folder)

    def test_what_a_restore_and_an_upgrade_left_goes_too(self, vault: Vault) -> None:
        """Beside the database and in the folder of backups, with what belongs to it."""
        vault.folder.mkdir()
        beside = vault.database.parent
        old = [
            beside / "released.db.before-restore-20260401T000000Z",
            beside / "released.db.before-restore-20260401T000000Z-wal",
            beside / "failed-0.1.0-20260401000000.db",
            beside / "failed-0.1.0-20260401000000.db-shm",
            vault.folder / "before-0.1.0-20260401000000.db",
        ]
        for path in old:
            path.write_text("old")
        assert sorted(path.name for path in old) == sorted(self.list_gone(vault, vault.folder))
        assert [] == list_files(vault.folder)

    def test_what_is_young_or_not_ours_stays(self, vault: Vault) -> None:
        """Other names, other databases', folders, links, and digits that are no moment."""
        vault.folder.mkdir()
        beside = vault.database.parent
        young = "released.db.before-restore-20260520T000000Z"
        for name in (
            young,
            "other.db.before-restore-20260401T000000Z",
            "released.db.before-restore-20269901T000000Z",
            "released.db.before-restore-20260401T000000Z.txt",
            "failed-notes.db",
            "before-0.1.0-20260401000000.db",
        ):
            (beside / name).write_text("mine")
        (beside / "released.db.before-restore-20260402T000000Z").mkdir()
        (beside / "released.db.before-restore-20260403T000000Z").symlink_to(beside / young)
        before = list_files(beside)
        assert [] == self.list_gone(vault, vault.folder)
        assert [] == self.list_gone(vault, None)
        assert before == list_files(beside)

    def test_a_folder_that_is_not_there_has_none(self, vault: Vault) -> None:
        """BACKUP_DIR may be set before the first backup."""
        assert [] == self.list_gone(vault, vault.folder)

    def test_what_cannot_be_deleted_is_one_line(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With what to do."""
        path = vault.database.with_name("failed-0.1.0-20260401000000.db")
        path.write_text("old")

        def refuse(path: Path, *, missing_ok: bool = False) -> None:
            raise PermissionError(13, "Permission denied", str(path), missing_ok)

        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(Misconfigured, match=r"Permission denied: .*failed-.*by hand"):
            self.list_gone(vault, None)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o000)
    yield folder
    folder.chmod(0o700)


class TestInTheStatus:
    def test_an_old_backup_is_an_alert(
        self, database: Database, client_a: Client, vault: Vault
    ) -> None:
        """Whoever looks at the status of all is told, and a client's own token is not."""
        add(vault, days_ago=3)
        facts = {"now": MOMENT, "backup_dir": vault.folder}
        (text,) = (text for text in alerts(database, **facts) if "backup" in text)
        assert text.endswith("is 3 days old.")
        limited = alerts(database, **facts, client_id=client_a.id)
        assert [] == [text for text in limited if "backup" in text]

    def test_a_folder_that_may_not_be_looked_into_is_none(self, closed_folder: Path) -> None:
        """Somebody else's user asks: nothing is said, and nothing fails."""
        if os.geteuid() == 0:
            pytest.skip("root ignores modes")
        assert (
            _find_backups(closed_folder.parent / "released.db", closed_folder, now=MOMENT) is None
        )

    def test_a_file_for_a_folder_is_none(self, tmp_path: Path) -> None:
        """As above; the daemon's log says what is wrong with it."""
        (tmp_path / "kept").write_text("mine")
        assert _find_backups(tmp_path / "released.db", tmp_path / "kept", now=MOMENT) is None


def test_the_backup_is_of_the_database(vault: Vault, client_a: Client) -> None:
    """And not of an empty file somewhere."""
    assert [(client_a.name,)] == query(add(vault), "SELECT name FROM clients")
