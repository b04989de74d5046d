"""What an operator does with the inbox, through `released inbox` on a real database."""

import pytest
import sqlalchemy as sa

from daemon.core import inboxes, sending
from daemon.core.clients import stop_client
from daemon.core.errors import Conflict
from daemon.core.sending import Begun
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import audit
from tests.doubles.bookkeeping import (
    Kept,
    claim,
    keep,
    park_unanswered,
    park_unsent,
    send,
    settle,
)
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.store_kit import NOW, take, told


@pytest.fixture
def shell(shell: Shell, database: Database) -> Shell:
    """Run the CLI in the folder of `database`, which has the name that no setting changes."""
    assert shell.folder / "released.db" == database.path
    return shell


def states(database: Database) -> list[tuple[str, str | None, int]]:
    query = sa.text("SELECT state, error, attempts FROM inbox ORDER BY id")
    return database.read(lambda conn: [tuple(row) for row in conn.execute(query)])


def outbox_states(database: Database) -> list[tuple[str, str | None, int]]:
    query = sa.text("SELECT state, error, attempts FROM outbox ORDER BY seq")
    return database.read(lambda conn: [tuple(row) for row in conn.execute(query)])


class TestRetry:
    def test_an_unsent_answer_is_sent_again_as_it_was(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """No second call to the model: the same row, its tries counted from nought."""

        def park(conn: Connection) -> Kept:
            kept = keep(conn, client_a, "w1")
            park_unsent(conn, client_a, kept, "131016")
            return kept

        kept = database.write(park)
        assert [("parked", "131016", 1)] == states(database)
        assert "" == shell.must("inbox", "retry", str(kept.id)).out
        assert [("answered", None, 0)] == states(database)
        assert [("queued", None, 0)] == outbox_states(database)
        hand = database.write(lambda conn: claim(conn, client_a, kept))
        assert ["hola"] == [row.text for row in hand.unsent]

    def test_an_unanswered_message_is_answered_anew(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """It waits again, and three more turns may die over it."""
        kept = database.write(lambda conn: keep(conn, client_a, "w1"))
        database.write(lambda conn: park_unanswered(conn, client_a, kept, "crashed"))
        shell.must("inbox", "retry", str(kept.id))
        assert [("pending", None, 0)] == states(database)
        hand = database.write(lambda conn: claim(conn, client_a, kept))
        assert ["w1"] == [message.wamid for message in hand.messages]

    def test_all_of_one_error_and_no_other(
        self, database: Database, client_a: Client, client_b: Client, shell: Shell
    ) -> None:
        """`retry --all --error 190` takes up those of every client, and leaves the rest."""

        def park(conn: Connection) -> None:
            for client in (client_a, client_b):
                for customer, error in (("34601", "190"), ("34602", "131026")):
                    wamid = f"w{client.id}.{error}"
                    park_unsent(conn, client, keep(conn, client, wamid, customer=customer), error)

        database.write(park)
        done = shell.must("inbox", "retry", "--all", "--error", "190")
        assert ("", "2 messages taken up again.\n") == (done.out, done.err)
        expected = [("answered", None, 0), ("parked", "131026", 1)] * 2
        assert expected == states(database)
        assert "2 messages" in shell.must("inbox", "retry", "--all").err
        assert [("answered", None, 0)] * 4 == states(database)
        assert "0 messages" in shell.must("inbox", "retry", "--all").err

    def test_messages_of_one_answer_go_together(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Two messages, one answer: to retry either retries both, and once."""

        def park(conn: Connection) -> Kept:
            keep(conn, client_a, "w1")
            kept = keep(conn, client_a, "w2")
            park_unsent(conn, client_a, kept, "131000")
            return kept

        kept = database.write(park)
        assert "2 messages" in shell.must("inbox", "retry", "--all", "--error", "131000").err
        assert [("answered", None, 0)] * 2 == states(database)
        assert [("queued", None, 0)] == outbox_states(database)
        assert_refused(shell.run("inbox", "retry", str(kept.id)), 1, "working")

    def test_only_the_part_that_is_missing_is_sent(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Of welcome and answer Meta took the first: the retry sends the second alone."""

        def park(conn: Connection) -> Kept:
            kept = keep(conn, client_a, "w1")
            first, second = settle(conn, client_a, kept, "welcome", "answer")
            send(conn, first)
            assert Begun.OURS is sending.begin(conn, second)
            sending.give_up(conn, second, error="131016")
            return kept

        kept = database.write(park)
        shell.must("inbox", "retry", str(kept.id))
        hand = database.write(lambda conn: claim(conn, client_a, kept))
        assert ["answer"] == [row.text for row in hand.unsent]

    def test_a_late_status_does_not_hide_what_was_never_sent(
        self, database: Database, client_a: Client
    ) -> None:
        """The first part proves sent after both were parked: the message stays parked."""

        def run(conn: Connection) -> None:
            kept = keep(conn, client_a, "w1")
            first, _ = settle(conn, client_a, kept, "welcome", "answer")
            assert Begun.OURS is sending.begin(conn, first)
            sending.give_up(conn, first, error="in_doubt")
            sending.record_status(conn, client_a.id, told("delivered", callback_id=first.id))

        database.write(run)
        assert ["sent", "parked"] == [state for state, *_ in outbox_states(database)]
        assert ["parked"] == [state for state, *_ in states(database)]


class TestDrop:
    def test_what_waits_is_let_go(self, database: Database, client_a: Client, shell: Shell) -> None:
        """Ignored, with the reason; no turn takes it any more."""
        kept = database.write(lambda conn: keep(conn, client_a, "w1"))
        shell.must("inbox", "drop", str(kept.id))
        assert [("ignored", "dropped", 0)] == states(database)
        hand = database.write(lambda conn: take(conn, client_a.id, kept.conversation_id))
        assert hand is None

    def test_a_parked_answer_is_never_sent(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Neither by itself nor by `retry --all`."""
        kept = database.write(lambda conn: keep(conn, client_a, "w1"))
        database.write(lambda conn: park_unsent(conn, client_a, kept, "131026"))
        shell.must("inbox", "drop", str(kept.id))
        assert "0 messages" in shell.must("inbox", "retry", "--all").err
        assert ["ignored"] == [state for state, *_ in states(database)]
        assert [("parked", "dropped")] == [
            (state, why) for state, why, _ in outbox_states(database)
        ]
        assert ["withdrawn"] == [turn["state"] for turn in shell.must("log", "--json").json]

    def test_what_a_stopped_client_holds_back_can_be_dropped(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Its answers wait, are shown as pending, and are let go whole."""

        def stop(conn: Connection) -> Kept:
            kept = keep(conn, client_a, "w1")
            settle(conn, client_a, kept)
            stop_client(conn, client_a.id, code=190, access_token="old", now=NOW)
            return kept

        kept = database.write(stop)
        (entry,) = shell.must("inbox", "list", "--state", "pending", "--json").json
        assert kept.id == entry["id"]
        shell.must("inbox", "drop", str(kept.id))
        assert [("ignored", "dropped", 0)] == states(database)
        hand = database.write(lambda conn: take(conn, client_a.id, kept.conversation_id))
        assert hand is None


class TestRefusals:
    @pytest.mark.parametrize("verb", ["show", "retry", "drop"])
    def test_what_does_not_exist(self, shell: Shell, verb: str) -> None:
        """One line that says where to look."""
        assert_refused(shell.run("inbox", verb, "4711"), 1, "4711", "inbox list")

    def test_only_a_parked_message_is_retried(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """One that waits, and one that is on its way, are left as they are."""
        waiting = database.write(lambda conn: keep(conn, client_a, "w1"))
        assert_refused(shell.run("inbox", "retry", str(waiting.id)), 1, "pending")
        database.write(lambda conn: settle(conn, client_a, waiting))
        assert_refused(shell.run("inbox", "retry", str(waiting.id)), 1, "working")
        assert [("answered", None, 0)] == states(database)

    def test_what_is_on_its_way_or_done_is_not_dropped(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Too late, and the line says in which state it is."""
        kept = database.write(lambda conn: keep(conn, client_a, "w1"))
        (row,) = database.write(lambda conn: settle(conn, client_a, kept))
        assert_refused(shell.run("inbox", "drop", str(kept.id)), 1, "working")
        database.write(lambda conn: send(conn, row))
        assert_refused(shell.run("inbox", "drop", str(kept.id)), 1, "done")
        assert [("done", None, 1)] == states(database)

    def test_a_message_in_hand_is_not_dropped(self, database: Database, client_a: Client) -> None:
        """A turn holds it at this moment."""

        def run(conn: Connection) -> None:
            kept = keep(conn, client_a, "w1")
            claim(conn, client_a, kept)
            inboxes.drop(conn, kept.id, now=NOW + 1, actor=Actor("test"))

        with pytest.raises(Conflict, match="working"):
            database.write(run)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("retry",),
            ("retry", "1", "--all"),
            ("retry", "1", "--error", "190"),
            ("retry", "x"),
            ("retry", "0"),
            ("drop",),
            ("show",),
            ("list", "--state", "sent"),
            ("list", "--limit", "0"),
        ],
    )
    def test_a_wrong_command_line(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        """A usage error, exit code 2, nothing on stdout."""
        result = shell.run("inbox", *arguments)
        assert (2, "") == (result.code, result.out)


def test_each_act_is_in_the_audit_trail(database: Database, client_a: Client, shell: Shell) -> None:
    """Who, what, and the state before; that is also how the daemon notices."""
    first = database.write(lambda conn: keep(conn, client_a, "w1"))
    database.write(lambda conn: park_unanswered(conn, client_a, first, "expired"))
    shell.must("inbox", "retry", str(first.id))
    shell.must("inbox", "drop", str(first.id))
    query = sa.select(audit.c.action, audit.c.before).where(audit.c.action.like("inbox.%"))
    rows = database.read(lambda conn: [tuple(row) for row in conn.execute(query)])
    assert [
        ("inbox.retry", {"state": "parked", "error": "expired"}),
        ("inbox.drop", {"state": "pending", "error": None}),
    ] == rows
