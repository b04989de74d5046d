"""A database that is opened through a symbolic link: its log and its disk are the file's own."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.api.survey import measure_files
from daemon.core.database_files import log_of
from daemon.core.store.disk_faults import explain_disk
from daemon.core.store.engine import Database
from daemon.core.store.examining_files import examine
from tests.doubles.inhouse import NOWHERE
from tests.doubles.new_database import copy_new_database
from tests.doubles.reports import read
from tests.doubles.store_kit import onboard
from tests.doubles.ward import assert_line, open_ward, pick


def link_to(file: Path, folder: Path) -> Path:
    """Make another name of a file, in a folder of its own."""
    folder.mkdir()
    link = folder / "released.db"
    link.symlink_to(file)
    return link


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Database]:
    """Open a database by a link; its one client is in its log only."""
    copy_new_database(tmp_path / "real.db")
    opened = Database(link_to(tmp_path / "real.db", tmp_path / "names"))
    opened.write(onboard)
    yield opened
    opened.close()


def test_the_log_behind_a_link_is_measured(linked: Database) -> None:
    """By /metrics, and by `status` as part of what the database takes."""
    size, log = linked.path.stat().st_size, log_of(linked.path).stat().st_size
    found = measure_files(linked.path, backups=None, certificate=None, now=time.time())
    assert (size, log) == (found.database, found.log)
    assert size + log == read(linked)["database"]["bytes"]


def test_a_link_is_examined_with_its_log(linked: Database) -> None:
    """Without it the check would not see what was written last."""
    assert 1 == examine(linked.path, thoroughly=True).clients


def test_the_disk_behind_a_link_is_meant(tmp_path: Path) -> None:
    """It may be full where the disk of the link is not."""
    full = Path("/proc/version")
    if not full.exists():
        pytest.skip("no disk here is always full")
    link = link_to(full, tmp_path / "names")
    assert explain_disk(full) is not None
    assert explain_disk(full) == explain_disk(link)


async def test_the_doctor_looks_behind_a_link(tmp_path: Path) -> None:
    """At the disk that fills up, and at the file that was written last."""
    async with open_ward(tmp_path) as ward:
        file, now = ward.parts.database, time.time()
        os.utime(file, (now - 7200, now - 7200))
        link = link_to(file, tmp_path / "names")
        ward.parts = replace(ward.parts, database=link, clock=lambda: now - 3600)
        ward.set(meta_graph_url=NOWHERE, public_url=None)
        found = await ward.examine()
    assert_line(found, "clock", "error", "behind the database file's")
    assert pick(found, "disk")["detail"].endswith(f" free in {tmp_path}")
