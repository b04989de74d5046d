"""What is worth an alert, and which command each one names."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.alerts import Alert, Disk, Stop
from daemon.core.orders import Orders
from tests.doubles.alert_facts import NOW, SOL, WELL, find

GIB = 1 << 30


def test_all_is_well() -> None:
    """A service without trouble has no alerts, and so has an empty one."""
    assert [] == find()
    assert [] == find(WELL, SOL, disk=Disk(10, 50 * GIB, 100 * GIB))


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (GIB - 1, 4 * GIB, "error"),
        (GIB, 4 * GIB, None),
        (4 * GIB, 100 * GIB, "warning"),
        (5 * GIB, 100 * GIB, None),
    ],
)
def test_a_disk_that_is_nearly_full(free: int, total: int, level: str | None) -> None:
    """Under 1 GiB, or under a twentieth of the disk."""
    found = find(disk=Disk(10, free, total))
    assert ([] if level is None else [level]) == [alert.level for alert in found]
    assert all("df -h /var/lib/released" == alert.next for alert in found)


@pytest.mark.parametrize(
    ("facts", "next_"),
    [
        ({"disk": Disk(10, 4096, 100 * GIB)}, "df -h /var/lib/released"),
        ({"written_at": NOW - 91, "daemon_since": NOW - 9000}, "released doctor"),
        ({"written_at": NOW - 9000, "daemon_since": NOW - 91}, "released doctor"),
    ],
)
def test_a_database_that_cannot_be_written(facts: dict[str, Any], next_: str) -> None:
    """A full disk, or a daemon that has not written for long: nothing is kept, an error."""
    found = find(WELL, **facts)[0]
    assert ("error", None, next_) == (found.level, found.client_id, found.next)
    assert found.text.startswith("The database cannot be written: messages are refused")


def test_a_daemon_that_can_write_or_has_just_started() -> None:
    """Nor one that is down: another alert says so."""
    full = Disk(10, 0, 100 * GIB)
    assert [] == find(WELL, written_at=NOW - 90, daemon_since=NOW - 9000)
    assert [] == find(WELL, written_at=NOW - 9000, daemon_since=NOW - 9)
    assert [] == find(WELL, written_at=None, daemon_since=NOW - 9000)
    (disk,) = find(WELL, disk=full, daemon_runs=False)
    assert "When it is full, messages are refused" in disk.text


class TestWaiting:
    def test_a_message_that_waits_too_long(self) -> None:
        """Over a minute while the daemon runs; the longest wait is named."""
        late = replace(WELL, pending=1, oldest_at=NOW - 300)
        later = replace(SOL, pending=2, oldest_at=NOW - 7200)
        (alert,) = find(late, later)
        assert Alert(
            "warning", 2, "A message of Sol has waited for 2 hours.", "released doctor"
        ) == (alert)

    def test_a_message_that_has_just_come(self) -> None:
        """Answers take seconds, and some are retried."""
        assert [] == find(replace(WELL, pending=1, oldest_at=NOW - 60))
        assert [] == find(replace(WELL, pending=1, oldest_at=None))

    def test_what_a_stopped_client_holds_back(self) -> None:
        """Its own alert says so; that it waits is no news."""
        stopped = replace(WELL, is_stopped=True, pending=9, oldest_at=NOW - 9000)
        (alert,) = find(stopped, stops={1: Stop("Blocked.", "resume")})
        assert "La Plaza is stopped: Blocked." == alert.text

    @pytest.mark.parametrize(("count", "words"), [(1, "1 message waits"), (2, "2 messages wait")])
    def test_nobody_works(self, count: int, words: str) -> None:
        """However short the wait: nobody will end it."""
        (alert,) = find(replace(WELL, pending=count, oldest_at=NOW), daemon_runs=False)
        assert ("error", None, "systemctl start released") == (
            alert.level,
            alert.client_id,
            alert.next,
        )
        assert f"The daemon is down, and {words}." == alert.text

    def test_nobody_works_and_nobody_waits(self) -> None:
        """A daemon may be down for maintenance."""
        assert [] == find(WELL, daemon_runs=False)

    def test_the_command_is_that_of_this_machine(self) -> None:
        """Where no systemd runs the daemon, nobody is sent to systemctl."""
        stop = Stop("Meta refuses the shared access token", "restart")
        waiting = replace(WELL, pending=1, oldest_at=NOW)
        (down,) = find(waiting, daemon_runs=False, orders=Orders("begin", "again", "end", "anew"))
        (void,) = find(
            replace(WELL, is_stopped=True),
            stops={1: stop},
            orders=Orders("begin", "again", "end", "anew"),
        )
        assert ("begin", "again") == (down.next, void.next)


def test_errors_come_first() -> None:
    """What stops messages stands above what only might."""
    stopped = replace(SOL, is_stopped=True)
    found = find(replace(WELL, parked=1), stopped, stops={2: Stop("Locked.", "resume")})
    assert ["error", "warning"] == [alert.level for alert in found]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61, "61 seconds"), (150, "2 minutes"), (7199, "119 minutes"), (200_000, "2 days")],
)
def test_a_wait_is_told_in_words(seconds: float, words: str) -> None:
    """In the largest unit of which there are two."""
    (alert,) = find(replace(WELL, pending=1, oldest_at=NOW - seconds))
    assert f"A message of La Plaza has waited for {words}." == alert.text


def test_a_model_that_does_not_answer_is_told_by_its_newest_reason() -> None:
    """Whether or not anybody watches the counters, with what to look at."""
    (alert,) = find(WELL, causes=("quota", "timeout", None, "quota", None))
    assert (
        Alert(
            "error",
            None,
            "3 of the last 5 questions got no answer from the model:"
            " its account has no credit left.",
            "released doctor",
        )
        == alert
    )


@pytest.mark.parametrize(
    "causes",
    [(), ("key", "key"), (None, "key", "key", "key"), ("bad_faq_id", "refusal", "refusal")],
)
def test_a_bad_moment_of_the_model_is_no_alert(causes: tuple[str | None, ...]) -> None:
    """Nor is what is over, or an answer that our own checks refused."""
    assert [] == find(WELL, causes=causes)
