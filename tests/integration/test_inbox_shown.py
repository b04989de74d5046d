"""What `released inbox` shows of a message, on a real database."""

from daemon.core import sending
from daemon.core.documents import timestamp
from daemon.core.sending import Begun
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from released_cli.watching.moments import tell_local
from tests.doubles.bookkeeping import (
    Kept,
    keep,
    send,
    settle,
)
from tests.doubles.command_line import Shell
from tests.doubles.store_kit import NOW


class TestShow:
    def test_the_whole_story_of_a_message(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """Its text, and what became of each part of its answer."""

        def run(conn: Connection) -> Kept:
            kept = keep(conn, client_a, "w1")
            (row,) = settle(conn, client_a, kept)
            send(conn, row)
            return kept

        kept = database.write(run)
        shown = shell.must("inbox", "show", str(kept.id), "--json").json
        assert ("text of w1", "done", 1) == (shown["text"], shown["state"], shown["attempts"])
        (part,) = shown["answer"]
        assert ("sent", "hola", None) == (part["state"], part["text"], part["error"])
        table = shell.must("inbox", "show", str(kept.id)).out
        assert "text of w1" in table
        assert "hola" in table

    def test_an_answer_in_doubt_says_until_when(
        self, database: Database, client_a: Client, shell: Shell
    ) -> None:
        """After a crash nobody knows whether it went out; the wait is explained, and ends."""

        def run(conn: Connection) -> Kept:
            kept = keep(conn, client_a, "w1")
            (row,) = settle(conn, client_a, kept)
            assert Begun.OURS is sending.begin(conn, row)
            sending.doubt(conn, row, error="in_doubt", due_at=NOW + 60)
            return kept

        kept = database.write(run)
        (listed,) = shell.must("inbox", "list", "--json").json
        assert ("working", "in_doubt") == (listed["state"], listed["error"])
        (part,) = shell.must("inbox", "show", str(kept.id), "--json").json["answer"]
        assert ("in_doubt", timestamp(NOW + 60)) == (part["state"], part["due_at"])
        told = shell.must("inbox", "show", str(kept.id)).err
        assert f"waited for until {tell_local(timestamp(NOW + 60))}" in told

    def test_a_list_has_no_text(self, database: Database, client_a: Client, shell: Shell) -> None:
        """The contract's keys and no other; an empty list says so to people."""
        assert [] == shell.must("inbox", "list", "--json").json
        assert "No messages" in shell.must("inbox", "list").err
        assert "No parked messages" in shell.must("inbox", "list", "--state", "parked").err
        database.write(lambda conn: [keep(conn, client_a, f"w{n}") for n in range(3)])
        entries = shell.must("inbox", "list", "--limit", "2", "--json").json
        assert ["w1", "w2"] == [entry["wamid"] for entry in entries]
        keys = "id wamid client_id customer type state attempts error received_at"
        assert keys.split() == list(entries[0])
        assert "34600" in shell.must("inbox", "list").out
        assert "text of" not in shell.must("inbox", "list").out
