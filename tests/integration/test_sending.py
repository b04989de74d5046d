"""Each step of one outgoing message, and the statuses that come in any order."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import sending, turns
from daemon.core.meta.wire import Customer, DeliveryStatus
from daemon.core.sending import Begun, Settled
from daemon.core.store import outbox as store
from daemon.core.store import retrying
from daemon.core.store.clients import Client, find_client
from daemon.core.store.conversations import ensure_conversation
from daemon.core.store.due_sends import list_due
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages
from daemon.core.store.outbox import Outgoing
from daemon.core.store.schema import inbox, outbox
from tests.doubles.store_kit import NOW, NUMBER_B, answer, take, told


def answered(conn: Connection, client: Client, *parts: str) -> tuple[Outgoing, ...]:
    """Put a message of the one customer, and its answer, where they belong."""
    number = ensure_conversation(
        conn, client_id=client.id, customer=Customer("ES.1", None), now=NOW
    ).id
    count = conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()
    message = NewMessage(f"wamid.{count}", client.id, number, "text", "hola", NOW, NOW, "pending")
    insert_messages(conn, [message])
    hand = take(conn, client.id, number)
    assert hand is not None
    rows = answer(conn, hand, *parts)
    turns.release(conn, hand)
    return rows


def row(conn: Connection, sent: Outgoing) -> Any:
    return conn.execute(sa.select(outbox).where(outbox.c.seq == sent.seq)).mappings().one()


def current(conn: Connection, sent: Outgoing) -> Outgoing:
    kept = row(conn, sent)
    return Outgoing(**{name: kept[name] for name in Outgoing.__slots__})


def message(conn: Connection) -> tuple[str, int, str | None]:
    """Read the newest inbox row's state, attempts and error."""
    query = sa.select(inbox.c.state, inbox.c.attempts, inbox.c.error).order_by(inbox.c.id.desc())
    found = conn.execute(query).first()
    assert found is not None
    return found.state, found.attempts, found.error


def status(conn: Connection, client: Client, sent: Outgoing, word: str, **fields: Any) -> Any:
    given = told(word, **({"callback_id": sent.id} | fields))
    return sending.record_status(conn, client.id, given)


def test_an_accepted_answer_is_done(conn: Connection, a: Client) -> None:
    """Counted when it leaves, done when Meta has it."""
    (sent,) = answered(conn, a)
    assert Begun.OURS is sending.begin(conn, sent)
    assert (("answered", 1, None), "sending", 1) == (
        message(conn),
        row(conn, sent)["state"],
        row(conn, sent)["attempts"],
    )
    sending.accepted(conn, sent, wamid="wamid.out", now=NOW + 1)
    kept = row(conn, sent)
    assert (("done", 1, None), "sent", "wamid.out", NOW + 1) == (
        message(conn),
        kept["state"],
        kept["wamid"],
        kept["sent_at"],
    )


def test_an_answer_of_two_parts_is_done_with_the_second(conn: Connection, a: Client) -> None:
    """Half an answer is none."""
    for sent, state in zip(answered(conn, a, "one", "two"), ("answered", "done"), strict=True):
        assert Begun.OURS is sending.begin(conn, sent)
        sending.accepted(conn, sent, wamid=None, now=NOW)
        assert state == message(conn)[0]


def test_one_send_is_begun_once(conn: Connection, a: Client) -> None:
    """Two turns with the same row in hand, after a lost lease or a join: one sends it."""
    (sent,) = answered(conn, a)
    assert [Begun.OURS, Begun.TAKEN] == [sending.begin(conn, sent) for _ in range(2)]
    sending.postpone(conn, sent, error="2", due_at=NOW + 4)
    assert Begun.TAKEN is sending.begin(conn, sent)
    assert Begun.OURS is sending.begin(conn, current(conn, sent))
    assert ("answered", 2, "2") == message(conn)


def test_a_postponed_message_waits_and_says_why(conn: Connection, a: Client) -> None:
    """Due later; the error is the operator's to see, until it is accepted."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.postpone(conn, sent, error="130429", due_at=NOW + 4)
    assert (("answered", 1, "130429"), "queued", NOW + 4) == (
        message(conn),
        row(conn, sent)["state"],
        row(conn, sent)["due_at"],
    )
    assert ((), (((NOW + 4, sent.seq), a.id, sent.conversation_id),)) == (
        list_due(conn, now=NOW + 3, limit=9),
        list_due(conn, now=NOW + 4, limit=9),
    )
    sending.begin(conn, current(conn, sent))
    sending.accepted(conn, sent, wamid="w", now=NOW)
    assert ("done", 2, None) == message(conn)
    assert row(conn, sent)["error"] is None


def test_a_message_held_back_is_untried(conn: Connection, a: Client) -> None:
    """A refused credential is not the message's fault."""
    (sent,) = answered(conn, a)
    sending.begin(conn, sent)
    sending.hold_back(conn, sent, error="190", now=NOW)
    assert (0, "queued", NOW) == tuple(
        row(conn, sent)[name] for name in ("attempts", "state", "due_at")
    )
    assert message(conn)[2] == "190"
    assert Begun.OURS is sending.begin(conn, sent)


def test_giving_up_parks_the_whole_answer(conn: Connection, a: Client) -> None:
    """The rest of it, and what it answers, where an operator sees them; other answers go on."""
    first, second = answered(conn, a, "one", "two")
    sending.begin(conn, first)
    sending.give_up(conn, first, error="131026")
    assert ["parked", "parked"] == [row(conn, part)["state"] for part in (first, second)]
    assert ("parked", 1, "131026") == message(conn)
    (other,) = answered(conn, a)
    assert ("answered", 0, None) == message(conn)
    assert row(conn, other)["state"] == "queued"


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


def is_late_failure(words: tuple[str, ...]) -> bool:
    return words[-1] == "failed" and not {"delivered", "read"}.isdisjoint(words)


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["failed", "played"], "played"), (["delivered", "failed"], "delivered")],
)
def test_of_two_copies_the_one_that_arrives_counts(
    conn: Connection, a: Client, words: list[str], expected: str
) -> None:
    """Nothing is shown that an operator would send a third time; played counts as read."""
    (sent,) = answered(conn, a)
    for word in words:
        status(conn, a, sent, word, error_codes=(131031,) if word == "failed" else ())
    assert (expected, None) == tuple(row(conn, sent)[name] for name in ("status", "error"))
    assert ("done", None) == (message(conn)[0], message(conn)[2])
    if words[-1] == "failed":
        client = find_client(conn, a.id)
        assert client is not None
        assert None is client.stopped_code


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


def test_the_outbox_is_asked_for_one_client(conn: Connection, a: Client, b: Client) -> None:
    """A row of A's in the hands of B's id is nobody's."""
    (sent,) = answered(conn, a)
    foreign = Outgoing(
        **{name: getattr(sent, name) for name in Outgoing.__slots__} | {"client_id": b.id}
    )
    before = dict(row(conn, sent))
    assert Begun.SETTLED is sending.begin(conn, foreign)
    steps: list[Callable[[], object]] = [
        lambda: sending.accepted(conn, foreign, wamid="w", now=NOW),
        lambda: sending.postpone(conn, foreign, error="2", due_at=NOW),
        lambda: sending.give_up(conn, foreign, error="2"),
        lambda: store.park_rest(conn, foreign, "2"),
        lambda: retrying.drop_turn(conn, client_id=b.id, turn_id=sent.turn_id),
    ]
    for step in steps:
        step()
    assert () == retrying.sent_for(conn, b.id, sent.turn_id)
    assert () == retrying.sent_for(conn, a.id, None)
    assert ["queued"] == [part.state for part in retrying.sent_for(conn, a.id, sent.turn_id)]
    assert before == dict(row(conn, sent))
    assert ("answered", 0, None) == message(conn)


def test_what_a_dead_daemon_was_sending_is_doubted(conn: Connection, a: Client) -> None:
    """It waits for a status from now on; what was only queued goes out, what was sent stays."""
    sending_row, queued = answered(conn, a, "one", "two")
    sending.begin(conn, sending_row)
    (doubted,) = answered(conn, a)[-1:]
    sending.begin(conn, doubted)
    sending.doubt(conn, doubted, error="in_doubt", due_at=NOW + 1)
    assert 1 == store.doubt_all_sending(conn, until=NOW + 60)
    assert [("in_doubt", NOW + 60), ("queued", NOW), ("in_doubt", NOW + 60)] == [
        (row(conn, one)["state"], row(conn, one)["due_at"])
        for one in (sending_row, queued, doubted)
    ]


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
