"""The log of turns, read and searched in a real database, two clients deep."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import handovers, sending, turnlog
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import inbox, outbox, turns
from tests.doubles.bookkeeping import keep, settle
from tests.doubles.query_plans import explain
from tests.doubles.reports import TEST, answer_at
from tests.doubles.store_kit import NOW, told

TURN_KEYS = [
    "id",
    "at",
    "client_id",
    "customer",
    "question",
    "answer",
    "outcome",
    "cause",
    "handoff",
    "engine",
    "model",
    "assistant_version",
    "faq_ids",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "state",
]


def log(database: Database, **given: Any) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {"client_id": None, "query": None, "limit": 20}
    return database.read(lambda conn: turnlog.list_turns(conn, **(wanted | given)))


def questions(database: Database, **given: Any) -> list[str]:
    return [turn["question"] for turn in log(database, **given)]


def write(conn: Connection, client: Client, wamid: str, text: str, *parts: str) -> None:
    """Let a customer write a text and answer it in these parts."""
    kept = keep(conn, client, wamid, customer=f"34{wamid}")
    conn.execute(sa.update(inbox).where(inbox.c.id == kept.id).values(text=text))
    settle(conn, client, kept, *parts)


def test_nothing_was_answered_yet(database: Database) -> None:
    """An empty log, searched or not."""
    assert [] == log(database)
    assert [] == log(database, query="x")


def test_an_answer_that_a_person_forestalled_is_withdrawn(
    database: Database, client_a: Client
) -> None:
    """And not parked, which would call for an operator."""
    database.write(lambda conn: write(conn, client_a, "12345", "¿Horario?"))
    database.write(
        lambda conn: handovers.pause_contact(
            conn, client_id=client_a.id, customer="3412345", now=NOW, actor=TEST
        )
    )
    assert ["withdrawn"] == [turn["state"] for turn in log(database)]


def test_a_turn_is_told_whole(database: Database, client_a: Client) -> None:
    """All that was written before the answer is its question; texts stand line by line."""

    def fill(conn: Connection) -> None:
        keep(conn, client_a, "w1", now=NOW - 2)
        settle(conn, client_a, keep(conn, client_a, "w2", now=NOW - 1), "Hola.", "Sí.")

    database.write(fill)
    (turn,) = log(database)
    assert TURN_KEYS == list(turn)
    assert {
        "id": 1,
        "at": "2026-05-28T20:26:40Z",
        "client_id": client_a.id,
        "customer": "34600",
        "question": "text of w1\ntext of w2",
        "answer": "Hola.\nSí.",
        "outcome": "answered",
        "cause": None,
        "handoff": False,
        "engine": "local",
        "model": None,
        "assistant_version": 1,
        "faq_ids": ["F1"],
        "latency_ms": 5,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        "state": "queued",
    } == turn


def test_the_newest_come_last(database: Database, client_a: Client, client_b: Client) -> None:
    """Of all clients or of one, and no more than asked for."""

    def fill(conn: Connection) -> None:
        for number in range(3):
            answer_at(conn, client_a, f"a{number}", NOW + number)
            answer_at(conn, client_b, f"b{number}", NOW + number)

    database.write(fill)
    both = [f"text of {name}" for name in ("a0", "b0", "a1", "b1", "a2", "b2")]
    assert both == questions(database)
    assert both[-2:] == questions(database, limit=2)
    assert both[1::2] == questions(database, client_id=client_b.id)
    assert both[2::2] == questions(database, client_id=client_a.id, limit=2)
    assert [] == questions(database, client_id=99)


def test_the_state_follows_the_send(database: Database, client_a: Client) -> None:
    """As Meta tells it."""

    def fill(conn: Connection) -> None:
        answer_at(conn, client_a, "w", NOW)

    def tell(status: str) -> None:
        database.write(
            lambda conn: sending.record_status(conn, client_a.id, told(status, wamid="wamid.out1"))
        )

    database.write(fill)
    states = [log(database)[0]["state"]]
    for status in ("failed", "delivered", "read"):
        tell(status)
        states.append(log(database)[0]["state"])
    assert ["sent", "failed", "delivered", "read"] == states


def test_texts_that_were_too_old_to_keep(database: Database, client_a: Client) -> None:
    """The turn remains, without its words; a search does not find it."""

    def fill(conn: Connection) -> None:
        answer_at(conn, client_a, "w", NOW)
        for table in (inbox, outbox):
            conn.execute(sa.update(table).values(text=None))

    database.write(fill)
    (turn,) = log(database)
    assert (None, None, "sent") == (turn["question"], turn["answer"], turn["state"])
    assert [] == log(database, query="text")


def test_only_what_an_owner_has_to_see_to(database: Database, client_a: Client) -> None:
    """The newest that had no answer, or whose customer asked for a person, however far back."""

    def fill(conn: Connection) -> None:
        for number in range(6):
            answer_at(conn, client_a, f"w{number}", NOW)
        is_asking = turns.c.id.in_((2, 5))
        conn.execute(sa.update(turns).where(turns.c.id < 5).values(outcome="unanswered"))
        conn.execute(sa.update(turns).where(is_asking).values(handoff=True))

    database.write(fill)

    def ids(**given: Any) -> list[int]:
        return [turn["id"] for turn in log(database, **given)]

    assert [1, 2, 3, 4, 5, 6] == ids()
    assert [1, 2, 3, 4] == ids(only="unanswered")
    assert [3, 4] == ids(only="unanswered", limit=2)
    assert [2, 5] == ids(only="handoff", client_id=client_a.id)
    assert [2] == ids(only="handoff", query="w1")
    assert [True, True] == [turn["handoff"] for turn in log(database, only="handoff")]


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("horario", ["¿Cuál es el HORARIO?"]),
            ("CUÁL", ["¿Cuál es el HORARIO?"]),
            ("cua\u0301l", ["¿Cuál es el HORARIO?"]),
            ("ÑANDÚ", ["¿Hay ñandú?"]),
            ("hay 100%", ["¿Hay 100% algodón?"]),
            ("%", ["¿Hay 100% algodón?"]),
            ("_", []),
            ("de 9 a 22", ["¿Cuál es el HORARIO?"]),
            ("?\nde 9", []),
            ("hay", ["¿Hay 100% algodón?", "¿Hay ñandú?"]),
        ],
    )
    def test_what_is_found(
        self, database: Database, client_a: Client, query: str, found: list[str]
    ) -> None:
        """Case and the way an accent is typed aside; no character is a wildcard."""

        def fill(conn: Connection) -> None:
            write(conn, client_a, "1", "¿Cuál es el HORARIO?", "De 9 a 22.")
            write(conn, client_a, "2", "¿Hay 100% algodón?", "Sí.")
            write(conn, client_a, "3", "¿Hay ñandú?", "No.")

        database.write(fill)
        assert found == questions(database, query=query)

    def test_the_other_clients_words(
        self, database: Database, client_a: Client, client_b: Client
    ) -> None:
        """Are not found when one client is asked about."""

        def fill(conn: Connection) -> None:
            write(conn, client_a, "1", "¿Wifi?", "Sí.")
            write(conn, client_b, "2", "¿Wifi gratis?", "Sí.")

        database.write(fill)
        assert ["¿Wifi?"] == questions(database, client_id=client_a.id, query="wifi")
        assert ["¿Wifi?", "¿Wifi gratis?"] == questions(database, query="wifi")

    def test_it_goes_back_page_by_page(
        self, database: Database, client_a: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until enough is found, or its limit is reached."""
        monkeypatch.setattr(turnlog, "PAGE", 2)

        def fill(conn: Connection) -> None:
            for number in range(7):
                word = "wifi" if number in (1, 2, 5) else "horario"
                write(conn, client_a, str(number), f"{word} {number}", "Sí.")

        database.write(fill)
        assert ["wifi 1", "wifi 2", "wifi 5"] == questions(database, query="wifi")
        assert ["wifi 2", "wifi 5"] == questions(database, query="wifi", limit=2)
        assert [f"horario {n}" for n in (0, 3, 4, 6)] == questions(database, query="horario")
        assert 7 == len(questions(database, limit=7))
        monkeypatch.setattr(turnlog, "SEARCH_LIMIT", 3)
        assert ["wifi 5"] == questions(database, query="wifi")


def test_the_log_reads_only_what_it_shows(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """At a million turns it costs what it costs at ten."""
    database.write(lambda conn: answer_at(conn, client_a, "w", NOW))

    def run(conn: Connection) -> None:
        turnlog.list_turns(conn, client_id=client_a.id, query=None, limit=20)

    plan = database.write(lambda conn: explain(conn, lambda: run(conn)))
    assert "SEARCH turns USING COVERING INDEX ix_turns_client (client_id=?)" == plan[0]
    assert [] == [line for line in plan if line.startswith("SCAN")], plan
    assert any("ix_inbox_turn" in line for line in plan), plan
    assert any("ix_outbox_turn" in line for line in plan), plan
    assert client_b.id == 2


def test_a_turn_of_a_joined_conversation_stays(database: Database, client_a: Client) -> None:
    """Who wrote is who the conversation belongs to by now."""

    def fill(conn: Connection) -> None:
        answer_at(conn, client_a, "w", NOW)
        conn.execute(
            sa.text("UPDATE conversations SET user_id = 'ES.1', wa_id = NULL WHERE id = 1")
        )

    database.write(fill)
    assert ["ES.1"] == [turn["customer"] for turn in log(database)]
    counted = database.read(lambda conn: conn.execute(sa.select(turns.c.id)).scalars().all())
    assert [1] == counted
