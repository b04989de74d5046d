"""The statuses of an outgoing message, which come in any order."""

import itertools
from typing import Any

import pytest

from daemon.core import sending
from daemon.core.meta.wire import DeliveryStatus
from daemon.core.sending import Begun, Settled
from daemon.core.store.clients import Client, find_client
from daemon.core.store.due_sends import list_due
from daemon.core.store.engine import Connection
from tests.doubles.outgoing import answered, message, row, status
from tests.doubles.store_kit import NOW, NUMBER_B, told


def is_late_failure(words: tuple[str, ...]) -> bool:
    return words[-1] == "failed" and not {"delivered", "read"}.isdisjoint(words)


@pytest.mark.parametrize("late", ["accepted", "postpone", "doubt", "hold_back", "give_up"])
def test_what_a_status_has_settled_stays_settled(conn: Connection, a: Client, late: str) -> None:
    """The status overtakes the answer to our request: nothing is sent, or parked, again."""
    first, second = answered(conn, a, "one", "two")
    sending.begin(conn, first)
    status(conn, a, first, "delivered")
    before = dict(row(conn, first))
    arguments: dict[str, dict[str, Any]] = {
        "accepted": {"wamid": "other", "now": NOW + 9},
        "postpone": {"error": "2", "due_at": NOW + 9},
        "doubt": {"error": "in_doubt", "due_at": NOW + 9},
        "hold_back": {"error": "190", "now": NOW},
        "give_up": {"error": "in_doubt"},
    }
    getattr(sending, late)(conn, first, **arguments[late])
    assert Begun.SETTLED is sending.begin(conn, first)
    assert before == dict(row(conn, first))
    assert row(conn, second)["state"] == "queued"
    assert ("answered", 1, None) == message(conn)


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["sent", "delivered", "read", "failed"], 3))
)
def test_statuses_fold_in_any_order(conn: Connection, a: Client, order: tuple[str, ...]) -> None:
    """The furthest counts, and each time is kept, but of no failure of what has arrived."""
    (sent,) = answered(conn, a)
    ranks = ["sent", "failed", "delivered", "read"]
    for word in order:
        status(conn, a, sent, word, at=NOW + ranks.index(word))
    kept = row(conn, sent)
    assert max(order, key=ranks.index) == kept["status"]
    told = [word for place, word in enumerate(order) if not is_late_failure(order[: place + 1])]
    assert [NOW + ranks.index(word) if word in told else None for word in ranks[1:]] == [
        kept["failed_at"],
        kept["delivered_at"],
        kept["read_at"],
    ]
    assert ("sent", "done") == (kept["state"], message(conn)[0])


def test_the_same_status_again_changes_nothing(conn: Connection, a: Client) -> None:
    """Meta delivers webhooks more than once; the conversation is rung for once."""
    (sent,) = answered(conn, a)
    assert Settled(a.id, sent.conversation_id) == status(conn, a, sent, "read")
    before = dict(row(conn, sent))
    assert None is status(conn, a, sent, "read")
    assert before == dict(row(conn, sent))


def test_a_status_that_is_new_to_us_still_proves_that_meta_has_it(
    conn: Connection, a: Client
) -> None:
    """Its word is not kept."""
    (sent,) = answered(conn, a)
    assert status(conn, a, sent, "other") is not None
    assert (None, "sent") == (row(conn, sent)["status"], row(conn, sent)["state"])


def test_a_failure_keeps_its_code(conn: Connection, a: Client) -> None:
    """For `inbox show`."""
    (sent,) = answered(conn, a)
    status(conn, a, sent, "sent", at=NOW + 2)
    status(conn, a, sent, "failed", error_codes=(131026, 1))
    assert ("131026", "failed") == tuple(row(conn, sent)[name] for name in ("error", "status"))


@pytest.mark.parametrize("state", ["queued", "sending", "in_doubt", "parked"])
def test_a_status_settles_a_message_wherever_it_stands(
    conn: Connection, a: Client, state: str
) -> None:
    """In doubt or parked: it is with the customer, and is not sent again."""
    (sent,) = answered(conn, a)
    if state != "queued":
        sending.begin(conn, sent)
    if state == "in_doubt":
        sending.doubt(conn, sent, error="in_doubt", due_at=NOW + 60)
    if state == "parked":
        sending.give_up(conn, sent, error="in_doubt")
    assert state == row(conn, sent)["state"]
    assert status(conn, a, sent, "sent", wamid="w") == Settled(a.id, sent.conversation_id)
    assert ("sent", "w") == (row(conn, sent)["state"], row(conn, sent)["wamid"])
    assert ("done", None) == (message(conn)[0], message(conn)[2])
    assert () == list_due(conn, now=NOW + 99, limit=9)


def test_a_status_for_one_part_does_not_hide_that_the_other_is_parked(
    conn: Connection, a: Client
) -> None:
    """What was never sent stays where an operator sees it."""
    first, second = answered(conn, a, "one", "two")
    sending.begin(conn, first)
    sending.give_up(conn, first, error="in_doubt")
    assert status(conn, a, first, "delivered") is not None
    assert ("sent", "parked", "parked") == (
        row(conn, first)["state"],
        row(conn, second)["state"],
        message(conn)[0],
    )


def test_a_status_without_our_id_goes_by_the_wamid(conn: Connection, a: Client) -> None:
    """Old messages and other apps carry no callback data of ours."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.accepted(conn, sent, wamid="wamid.x", now=NOW)
    for given in (
        told("read", wamid="wamid.y"),
        told("read", wamid="wamid.x", callback_id="foreign"),
    ):
        assert None is sending.record_status(conn, a.id, given)
    assert row(conn, sent)["status"] is None
    assert None is sending.record_status(conn, a.id, told("read", wamid="wamid.x"))
    assert row(conn, sent)["status"] == "read"


@pytest.mark.parametrize("by", ["callback_id", "wamid"])
def test_a_status_under_another_clients_number_changes_nothing(
    conn: Connection, a: Client, b: Client, by: str
) -> None:
    """Whatever B's number brings, A's messages are A's."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.accepted(conn, sent, wamid="wamid.a", now=NOW)
    (open_one,) = answered(conn, a)
    before = [dict(row(conn, one)) for one in (sent, open_one)]
    for one in (sent, open_one):
        named = {"callback_id": one.id} if by == "callback_id" else {"wamid": "wamid.a"}
        forged: DeliveryStatus = told("failed", phone_number_id=NUMBER_B, **named)
        assert None is sending.record_status(conn, b.id, forged)
    assert before == [dict(row(conn, one)) for one in (sent, open_one)]
    assert message(conn)[0] == "answered"


def test_a_failure_after_acceptance_is_shown(conn: Connection, a: Client) -> None:
    """It stays done, for the customer may have it; the operator sees Meta's code."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.accepted(conn, sent, wamid="wamid.out", now=NOW)
    assert status(conn, a, sent, "failed", error_codes=(131026,)) is None
    assert ("done", 1, "131026") == message(conn)
    client = find_client(conn, a.id)
    assert client is not None
    assert client.stopped_code is None


@pytest.mark.parametrize("code", [131042, 133010])
def test_a_failure_that_waits_for_the_operator_stops_the_client(
    conn: Connection, a: Client, b: Client, code: int
) -> None:
    """What follows would fail as well; other clients go on."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.accepted(conn, sent, wamid="wamid.out", now=NOW)
    for _ in range(2):
        status(conn, a, sent, "failed", error_codes=(code,))
    stops = [found and found.stopped_code for found in (find_client(conn, x.id) for x in (a, b))]
    assert [code, None] == stops
