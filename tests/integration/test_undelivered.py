"""Answers that Meta took and then failed to deliver: shown as such, and sent again on demand."""

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import inboxes, sending
from daemon.core.store import retrying
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.outbox import Outgoing
from daemon.core.store.schema import audit, clients, inbox, outbox
from tests.doubles.bookkeeping import Kept, claim, keep, park_unsent, send, settle
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.query_plans import explain
from tests.doubles.store_kit import NOW, told

CODE = "131056"
DAY_S = 86_400.0
ACTOR = Actor("test")


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """Run the CLI at the time of the tests."""
    shell.patch("time.time", lambda: NOW + 60)
    return shell


def fail(
    conn: Connection, client: Client, wamid: str, *, customer: str = "34600", now: float = NOW
) -> tuple[Kept, Outgoing]:
    """Answer a message; Meta takes the answer and then fails to deliver it."""
    kept = keep(conn, client, wamid, customer=customer, now=now)
    (row,) = settle(conn, client, kept, now=now)
    send(conn, row, now=now)
    report(conn, client, row)
    return kept, row


def report(conn: Connection, client: Client, row: Outgoing) -> None:
    failed = told("failed", callback_id=row.id, wamid=f"w.{row.id}", error_codes=(int(CODE),))
    sending.record_status(conn, client.id, failed)


def states(conn: Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute(sa.select(inbox.c.state, inbox.c.error).order_by(inbox.c.id))
    return [tuple(row) for row in rows]


def sends(conn: Connection) -> list[tuple[Any, ...]]:
    columns = (outbox.c.state, outbox.c.status, outbox.c.attempts, outbox.c.wamid, outbox.c.error)
    return [tuple(row) for row in conn.execute(sa.select(*columns).order_by(outbox.c.seq))]


class TestOne:
    def test_it_is_sent_once_more_as_it_was(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """No second call to the model; the trail says what it was before."""
        kept, _ = database.write(lambda conn: fail(conn, client_a, "w1"))
        assert [("done", CODE)] == database.read(states)
        shell.must("inbox", "retry", str(kept.id))
        assert [("answered", None)] == database.read(states)
        assert [("queued", None, 0, None, None)] == database.read(sends)
        hand = database.write(lambda conn: claim(conn, client_a, kept))
        assert ["hola"] == [row.text for row in hand.unsent]
        before = database.read(lambda conn: conn.execute(sa.select(audit.c.before)).scalars().all())
        assert {"state": "done", "error": CODE} == before[-1]

    def test_a_late_word_of_the_first_copy_is_not_of_the_second(
        self, conn: Connection, a: Client
    ) -> None:
        """Meta reports a failure for days: it neither settles what waits nor fails what arrived."""
        kept, row = fail(conn, a, "w1")
        inboxes.retry(conn, kept.id, now=NOW, actor=ACTOR)
        report(conn, a, row)
        assert [("queued", None, 0, None, None)] == sends(conn)
        (again,) = claim(conn, a, kept).unsent
        send(conn, again)
        report(conn, a, row)
        assert [("done", None)] == states(conn)
        report(conn, a, again)
        assert [("done", CODE)] == states(conn)

    def test_of_two_parts_only_the_one_that_failed(self, conn: Connection, a: Client) -> None:
        """And a failure that comes before the second part is taken is not forgotten with it."""
        kept = keep(conn, a, "w1")
        first, second = settle(conn, a, kept, "welcome", "answer")
        send(conn, first)
        report(conn, a, first)
        send(conn, second)
        assert [("done", CODE)] == states(conn)
        inboxes.retry(conn, kept.id, now=NOW, actor=ACTOR)
        assert ["welcome"] == [row.text for row in claim(conn, a, kept).unsent]

    def test_not_past_the_day_in_which_meta_takes_it(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """It stays done and is not parked for nothing, until the customer writes again."""
        kept, _ = database.write(lambda conn: fail(conn, client_a, "w1", now=NOW - DAY_S))
        assert_refused(shell.run("inbox", "retry", str(kept.id)), 1, "24 hours")
        assert [("done", CODE)] == database.read(states)
        database.write(lambda conn: keep(conn, client_a, "w2"))
        shell.must("inbox", "retry", str(kept.id))

    @pytest.mark.parametrize("status", [None, "delivered", "read"])
    def test_not_what_the_customer_has(
        self, database: Database, client_a: Client, shell: Shell, status: str | None
    ) -> None:
        """Refused in one line that says what can be taken up."""

        def answer(conn: Connection) -> None:
            (row,) = settle(conn, client_a, keep(conn, client_a, "w1"))
            send(conn, row)
            if status is not None:
                sending.record_status(conn, client_a.id, told(status, callback_id=row.id))

        database.write(answer)
        assert_refused(shell.run("inbox", "retry", "1"), 1, "done", "could not deliver")
        assert [("done", None)] == database.read(states)

    def test_not_what_retention_took(self, conn: Connection, a: Client) -> None:
        """Without its text there is nothing to send."""
        kept, _ = fail(conn, a, "w1")
        conn.execute(sa.update(outbox).values(text=None))
        with pytest.raises(inboxes.Conflict):
            inboxes.retry(conn, kept.id, now=NOW, actor=ACTOR)


class TestAll:
    def test_those_with_one_error_go_with_what_was_parked_for_it(
        self, database: Database, client_a: Client, client_b: Client, shell: Shell
    ) -> None:
        """Of every client; other errors stay, and what Meta would take no more."""

        def prepare(conn: Connection) -> None:
            fail(conn, client_a, "w0", customer="34604", now=NOW - DAY_S)
            fail(conn, client_a, "w1")
            fail(conn, client_b, "w2")
            park_unsent(conn, client_a, keep(conn, client_a, "w3", customer="34602"), CODE)
            park_unsent(conn, client_a, keep(conn, client_a, "w4", customer="34603"), "131026")

        database.write(prepare)
        assert "0 messages" in shell.must("inbox", "retry", "--all", "--error", "1").err
        assert "3 messages" in shell.must("inbox", "retry", "--all", "--error", CODE).err
        expected = [("done", CODE), *[("answered", None)] * 3, ("parked", "131026")]
        assert expected == database.read(states)

    def test_all_that_is_parked_leaves_them(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Nobody sends again by the way what a customer could not be reached with."""
        database.write(lambda conn: fail(conn, client_a, "w1"))
        assert "0 messages" in shell.must("inbox", "retry", "--all").err
        assert [("done", CODE)] == database.read(states)

    def test_a_few_at_a_time_and_each_once(
        self, conn: Connection, a: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Parked and failed ones in turn, in the order of their ids."""
        monkeypatch.setattr(inboxes, "RETRY_CHUNK", 2)
        for number in range(5):
            customer = f"3460{number}"
            if number % 2:
                fail(conn, a, f"w{number}", customer=customer)
            else:
                park_unsent(conn, a, keep(conn, a, f"w{number}", customer=customer), CODE)
        chunks = inboxes.find_retryable(conn, error=CODE, now=NOW)
        again = partial(inboxes.retry_some, conn, error=CODE, now=NOW, actor=ACTOR)
        assert [2, 2, 1] == [again(ids) for ids in chunks]
        assert [("answered", None)] * 5 == states(conn)
        assert 0 == again(chunks[0])

    def test_a_days_rows_are_looked_at_and_no_more(self, conn: Connection, a: Client) -> None:
        """By id, from where the last day begins; nothing is sorted."""
        fail(conn, a, "w1")
        plan = explain(conn, lambda: retrying.find_undelivered(conn, error=CODE, since=NOW - DAY_S))
        assert any("inbox USING INTEGER PRIMARY KEY (rowid>?)" in line for line in plan), plan
        assert not any("TEMP B-TREE" in line for line in plan), plan

    def test_the_writer_looks_at_what_was_found_alone(self, conn: Connection, a: Client) -> None:
        """Webhooks wait for it: each row is looked up by its key, whatever else there is."""
        conn.execute(sa.update(clients).values(welcome_message="Welcome."))
        fail(conn, a, "w1")
        kept = keep(conn, a, "w2", customer="34601")
        (row,) = settle(conn, a, kept, "Welcome.\n\nhola")
        sending.give_up(conn, row, error=CODE)
        again = partial(inboxes.retry_some, conn, (1, 2), error=CODE, now=NOW, actor=ACTOR)
        plan = explain(conn, again)
        expected = {
            "SEARCH inbox USING INTEGER PRIMARY KEY (rowid=?)",
            "SEARCH outbox USING INDEX ix_outbox_turn (turn_id=?)",
            "SEARCH outbox USING INDEX ix_outbox_conversation (conversation_id=?)",
        }
        assert expected <= set(plan)
        walks = ("SCAN inbox", "SCAN outbox", "SCAN conversations", "SEARCH inbox USING INDEX")
        assert not [line for line in plan if line.startswith(walks)]


def test_closing_an_answer_reads_no_whole_table(conn: Connection, a: Client) -> None:
    """Each accepted message asks whether a part of its answer has failed."""
    fail(conn, a, "w1")
    plan = explain(conn, lambda: sending.inbox.close_turn(conn, client_id=a.id, turn_id=1))
    assert not any(line.startswith("SCAN") for line in plan), plan


def test_list_and_show_tell_of_it(database: Database, client_a: Client, shell: Shell) -> None:
    """Done, with Meta's code; `show` says what that means and names the command."""
    kept, _ = database.write(lambda conn: fail(conn, client_a, "w1"))
    (listed,) = shell.must("inbox", "list", "--json").json
    assert ("done", CODE) == (listed["state"], listed["error"])
    shown = shell.must("inbox", "show", str(kept.id))
    assert "could not deliver" in shown.err
    assert f"released inbox retry {kept.id}" in shown.err
    shell.must("inbox", "retry", str(kept.id))
    assert "could not deliver" not in shell.must("inbox", "show", str(kept.id)).err
