"""What is worth an alert about one client: a stop, a token, what was put aside, its set-up."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.alerts import Alert, Stop
from daemon.core.store.counts import Figures
from tests.doubles.alert_facts import NORTE, SOL, WELL, find


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
