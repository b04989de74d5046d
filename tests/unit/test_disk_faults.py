"""Why a disk takes nothing more, as an operator reads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.core.store.disk_faults import explain_disk

WELL = {"f_flag": 0, "f_bavail": 1000, "f_frsize": 4096, "f_files": 10, "f_favail": 5}


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({}, None),
        ({"f_files": 0, "f_favail": 0}, None),
        ({"f_bavail": 3}, "Its disk is full: 12288 bytes free on /data; make room."),
        ({"f_favail": 0}, "Its disk is full: it takes no more files in /data; delete some."),
        (
            {"f_flag": os.ST_RDONLY, "f_bavail": 0},
            "Its disk is mounted read-only: have /data mounted for writing.",
        ),
    ],
)
def test_the_cause_is_named(
    monkeypatch: pytest.MonkeyPatch, seen: Mapping[str, int], told: str | None
) -> None:
    """Full of bytes, full of files, read-only, or nothing of the kind."""
    monkeypatch.setattr(os, "statvfs", lambda _folder: SimpleNamespace(**(WELL | seen)))
    assert told == explain_disk(Path("/data/released.db"))


def test_a_disk_that_cannot_be_looked_at_is_not_blamed() -> None:
    """Whoever asked says what failed."""
    assert explain_disk(Path("/nowhere/at/all/released.db")) is None
