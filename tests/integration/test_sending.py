"""Each step of one outgoing message, and the statuses that come in any order."""

from collections.abc import Callable

import pytest

from daemon.core import sending
from daemon.core.sending import Begun
from daemon.core.store import outbox as store
from daemon.core.store import retrying
from daemon.core.store.clients import Client, find_client
from daemon.core.store.due_sends import list_due
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing
from tests.doubles.outgoing import answered, current, message, row, status
from tests.doubles.store_kit import NOW


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
