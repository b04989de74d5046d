"""What is worth an alert, and which command each one names."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.alerts import Alert, Disk, Facts, Stop, find_alerts
from daemon.core.orders import Orders
from daemon.core.store.counts import Figures

NOW = 1_780_000_000.0
WELL = Figures(
    client_id=1,
    name="La Plaza",
    active=True,
    is_stopped=False,
    has_own_token=False,
    phone_number="+34666777888",
    business_hours=None,
    parked=0,
    in_doubt=0,
    paused=0,
    with_person=0,
    asked_to_stop=0,
    last_message_at=None,
    last_answer_at=None,
    pending=0,
    oldest_at=None,
    answers=0,
    unanswered=0,
    recent=0,
    recent_unanswered=0,
)
SOL = replace(WELL, client_id=2, name="Sol", phone_number="+34666777889")
NORTE = replace(WELL, client_id=3, name="Norte", phone_number="+34666777890")
GIB = 1 << 30


def find(*clients: Figures, **facts: Any) -> list[Alert]:
    plain: dict[str, Any] = {
        "clients": clients,
        "stops": {},
        "unread_hours": {},
        "expiring": (),
        "disk": None,
        "folder": "/var/lib/released",
        "daemon_runs": True,
        "has_shared_token": True,
        "now": NOW,
    }
    return find_alerts(Facts(**(plain | facts)))


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
        (down,) = find(waiting, daemon_runs=False, orders=Orders("begin", "again", "end"))
        (void,) = find(
            replace(WELL, is_stopped=True), stops={1: stop}, orders=Orders("begin", "again", "end")
        )
        assert ("begin", "again") == (down.next, void.next)


class TestStops:
    @pytest.mark.parametrize(
        ("mend", "command"),
        [
            ("new_token", "released client update 1 --access-token-file PATH"),
            ("restart", "systemctl restart released"),
            ("resume", "released client resume 1"),
        ],
    )
    def test_a_stopped_client(self, mend: Any, command: str) -> None:
        """The reason, and what ends it."""
        (alert,) = find(replace(WELL, is_stopped=True), stops={1: Stop("payment", mend)})
        assert Alert("error", 1, "La Plaza is stopped: payment.", command) == alert

    def test_a_refused_token_that_all_share(self) -> None:
        """One restart mends them all: one alert, whatever their number."""
        stop = Stop("Meta refuses the shared access token", "restart")
        stopped = [replace(one, is_stopped=True) for one in (WELL, SOL, NORTE)]
        (alert,) = find(*stopped, stops=dict.fromkeys((1, 2, 3), stop))
        assert (None, "3 clients are stopped: Meta refuses the shared access token.") == (
            alert.client_id,
            alert.text,
        )

    def test_each_blocked_account_is_its_own(self) -> None:
        """The same reason, and two commands to run."""
        stopped = [replace(one, is_stopped=True) for one in (WELL, SOL)]
        found = find(*stopped, stops=dict.fromkeys((1, 2), Stop("Locked.", "resume")))
        assert [1, 2] == [alert.client_id for alert in found]

    def test_a_client_that_was_deactivated(self) -> None:
        """It answers nobody by intent."""
        gone = replace(WELL, is_stopped=True, active=False)
        assert [] == find(gone, stops={1: Stop("Locked.", "resume")})


class TestTokens:
    def test_a_client_without_an_access_token(self) -> None:
        """Neither its own nor a shared one."""
        (alert,) = find(WELL, replace(SOL, has_own_token=True), has_shared_token=False)
        assert Alert(
            "error",
            1,
            "La Plaza has no access token to send with.",
            "released client update 1 --access-token-file PATH",
        ) == (alert)

    def test_many_clients_without_one(self) -> None:
        """The shared one is missing: one alert."""
        gone = replace(NORTE, active=False)
        (alert,) = find(WELL, SOL, gone, has_shared_token=False)
        assert (None, "La Plaza and Sol have no access token to send with.") == (
            alert.client_id,
            alert.text,
        )

    def test_an_admin_token_that_ends_soon(self) -> None:
        """With the command that replaces it, safe to paste."""
        (alert,) = find(expiring=[("my laptop", 3 * 86_400 + 5)])
        assert (
            Alert(
                "warning",
                None,
                "The admin token my laptop works for 3 days more.",
                "released token rotate 'my laptop'",
            )
            == alert
        )


@pytest.mark.parametrize(
    ("clients", "client_id", "text"),
    [
        ([replace(WELL, parked=1)], 1, "1 message of La Plaza is parked."),
        ([replace(WELL, parked=2), SOL], 1, "2 messages of La Plaza are parked."),
        (
            [replace(WELL, parked=2), replace(SOL, parked=1)],
            None,
            "3 messages of La Plaza and Sol are parked.",
        ),
        (
            [replace(one, parked=1) for one in (WELL, SOL, NORTE)],
            None,
            "3 messages of 3 clients are parked.",
        ),
        (
            [replace(WELL, paused=1)],
            1,
            "1 conversation of La Plaza is paused: two bots seemed to talk.",
        ),
        (
            [replace(WELL, paused=1), replace(SOL, paused=1)],
            None,
            "2 conversations of La Plaza and Sol are paused: two bots seemed to talk.",
        ),
    ],
)
def test_what_was_put_aside(clients: list[Figures], client_id: int | None, text: str) -> None:
    """One alert, that names the client where it is one."""
    assert [Alert("warning", client_id, text, "released inbox list --state parked")] == find(
        *clients
    )


class TestSetUp:
    def test_two_clients_share_a_phone_number(self) -> None:
        """Allowed, and hardly ever meant; a deactivated one does not count."""
        twin = replace(SOL, phone_number=WELL.phone_number)
        (alert,) = find(WELL, NORTE, twin)
        text = "La Plaza and Sol share the phone number +34666777888."
        assert Alert("warning", None, text, "released client show 2") == alert
        assert [] == find(WELL, replace(twin, active=False))

    def test_two_of_one_name_are_told_apart(self) -> None:
        """By their ids, or the line would name one client twice."""
        twin = replace(SOL, name=WELL.name, phone_number=WELL.phone_number)
        (alert,) = find(WELL, twin)
        named = "La Plaza (client 1) and La Plaza (client 2)"
        assert f"{named} share the phone number +34666777888." == alert.text

    def test_business_hours_that_nobody_understands(self) -> None:
        """With why."""
        (alert,) = find(WELL, SOL, unread_hours={2: "'S' could be Saturday or Sunday."})
        assert Alert(
            "warning",
            2,
            "The business hours of Sol cannot be read: 'S' could be Saturday or Sunday.",
            "released client update 2 --business-hours HOURS",
        ) == (alert)
        assert [] == find(replace(SOL, active=False), unread_hours={2: "x"})


@pytest.mark.parametrize(
    ("recent", "unanswered", "is_gap"),
    [(50, 15, False), (50, 16, True), (10, 4, True), (9, 9, False), (0, 0, False)],
)
def test_faqs_that_lack_something(recent: int, unanswered: int, is_gap: bool) -> None:  # noqa: FBT001
    """More than 30 % of enough turns; the log shows which."""
    found = find(replace(WELL, recent=recent, recent_unanswered=unanswered))
    assert (["released log 1"] if is_gap else []) == [alert.next for alert in found]
    gone = replace(WELL, active=False, recent=recent, recent_unanswered=unanswered)
    assert [] == find(gone)


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
