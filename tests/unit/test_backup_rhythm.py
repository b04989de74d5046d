"""When a backup is due, and when its age is worth an alert."""

import pytest

from daemon.core.alerts import BACKUP_LATE_S, Alert, Backups
from daemon.core.vault import FRESH_S, OVERDUE_S, QUIET_HOUR, is_due
from tests.doubles import alert_facts

NOW = 1_780_000_000.0
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("age_s", "hour", "expected"),
    [
        (None, 12, True),
        (HOUR_S, QUIET_HOUR, False),
        (FRESH_S, QUIET_HOUR, True),
        (24 * HOUR_S, QUIET_HOUR, True),
        (24 * HOUR_S, QUIET_HOUR + 1, False),
        (OVERDUE_S - 1, 12, False),
        (OVERDUE_S, 12, True),
    ],
)
def test_a_backup_is_due_once_a_night(age_s: float | None, hour: int, *, expected: bool) -> None:
    """In the quiet hour, unless somebody has just made one; at once when there is none for long."""
    newest_at = None if age_s is None else NOW - age_s
    assert expected is is_due(newest_at, now=NOW, hour=hour)


def find(
    backups: Backups | None, *, since: float | None = NOW - 9 * HOUR_S, lacks_backups: bool = False
) -> list[Alert]:
    return alert_facts.find(
        now=NOW, backups=backups, lacks_backups=lacks_backups, daemon_since=since
    )


def test_a_service_that_makes_no_backups_is_told() -> None:
    """Nobody else would say so before one is needed."""
    (none,) = find(None, lacks_backups=True)
    assert ("warning", "released doctor") == (none.level, none.next)
    assert "No backups are made: set BACKUP_DIR" in none.text


def test_two_nights_without_a_backup_are_told() -> None:
    """With the command that makes one, and shows what stops it."""
    assert [] == find(Backups("b", NOW - BACKUP_LATE_S))
    (late,) = find(Backups("b", NOW - 5 * 24 * HOUR_S))
    assert ("warning", None, "released db backup") == (late.level, late.client_id, late.next)
    assert "The newest backup in b is 5 days old." == late.text


def test_no_backup_at_all_is_told_once_there_was_time_for_one() -> None:
    """A daemon makes the first a few minutes after its start; without BACKUP_DIR, none."""
    assert [] == find(None)
    assert [] == find(Backups("b", None))
    assert [] == find(Backups("b", None), since=None)
    (none,) = find(Backups("b", None), since=NOW - BACKUP_LATE_S - 1)
    assert "There is no backup in b." == none.text
