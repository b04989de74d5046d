"""Whether a daemon works on a database, asked from beside it."""

import fcntl
import os
from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.ownership import is_owned, owned
from daemon.core.store.engine import Database
from daemon.core.taking_over import started_at, take_over
from tests.doubles.store_kit import NOW


def test_a_daemon_that_works_is_seen(tmp_path: Path) -> None:
    """While it works, and no longer."""
    path = tmp_path / "released.db"
    with owned(path):
        assert [True, True] == [is_owned(path), is_owned(path)]
        assert not is_owned(tmp_path / "other.db")
    assert not is_owned(path)


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    """No file is made, and no lock is kept."""
    path = tmp_path / "released.db"
    assert not is_owned(path)
    assert [] == list(tmp_path.iterdir())
    with owned(path):
        pass
    assert not is_owned(path)
    with owned(path):
        pass


def test_two_who_ask_do_not_see_each_other(tmp_path: Path) -> None:
    """Nor does a start give up because somebody asks just then."""
    path = tmp_path / "released.db"
    lock_file = tmp_path / "released.db.lock"
    lock_file.touch()
    asking = os.open(lock_file, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    assert not is_owned(path)
    with pytest.raises(Misconfigured), owned(path):
        pass
    os.close(asking)
    with owned(path):
        pass


def test_a_start_waits_for_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe is over in an instant, and then the database is free."""
    path = tmp_path / "released.db"
    lock_file = tmp_path / "released.db.lock"
    lock_file.touch()
    asking = os.open(lock_file, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    pauses: list[float] = []

    def pass_time(seconds: float) -> None:
        pauses.append(seconds)
        if seconds:
            fcntl.flock(asking, fcntl.LOCK_UN)

    monkeypatch.setattr("daemon.core.ownership.time.sleep", pass_time)
    with owned(path):
        assert [0.0, 0.05] == pauses
    os.close(asking)


def test_a_lock_that_cannot_be_looked_at(tmp_path: Path) -> None:
    """Said in one line, rather than taken for a daemon that is down."""
    (tmp_path / "released.db.lock").symlink_to("released.db.lock")
    with pytest.raises(Misconfigured, match=r"Cannot look at .*\.lock: .*Run this as"):
        is_owned(tmp_path / "released.db")


def test_when_it_began(database: Database) -> None:
    """The newest start; before the first there is none."""
    assert database.read(started_at) is None
    for now in (NOW, NOW + 5):
        database.write(lambda conn, at=now: take_over(conn, now=at, in_doubt_s=1))  # type: ignore[misc]
    assert NOW + 5 == database.read(started_at)
