"""A person's data is found, given out and erased: at one client, and at no other."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import contacts
from daemon.core.errors import NotFound
from daemon.core.events import read_events
from daemon.core.store import audit, people
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.people import NOBODY
from daemon.core.store.schema import conversations, inbox, outbox, turns
from tests.doubles.admin import Admin, open_admin
from tests.doubles.contact_kit import ANA, BEA, TESTER, erase, export, furnish
from tests.doubles.query_plans import explain
from tests.doubles.stage import build_text_webhook
from tests.doubles.store_kit import NOW
from tests.doubles.workbench import CUSTOMER, Bench, open_bench


@pytest.fixture
def peopled(database: Database, client_a: Client, client_b: Client) -> Database:
    """Let Ana and Bea write to both clients."""
    database.write(lambda conn: furnish(conn, client_a, client_b))
    return database


def read(database: Database, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    return database.read(lambda conn: [tuple(row) for row in conn.execute(query)])


def test_everything_is_given_out(peopled: Database) -> None:
    """Ids, what was written and sent with its times, and how each answer was made."""
    found = export(peopled, 1, f"+{ANA}")
    assert [ANA] == [one["wa_id"] for one in found["conversations"]]
    assert [f"text of {ANA}at1", f"text of {ANA}at1parked"] == [
        one["text"] for one in found["messages"]
    ]
    assert [("sent", "hola"), ("parked", "hola")] == [
        (one["state"], one["text"]) for one in found["answers"]
    ]
    assert [["F1"], ["F1"]] == [one["faq_ids"] for one in found["turns"]]
    assert found["messages"][0]["received_at"].endswith("Z")
    assert BEA not in json.dumps(found)


def test_one_clients_customer_is_erased_and_nobody_else(peopled: Database) -> None:
    """Of the two clients and two customers three pairs are untouched, to the letter."""
    others = [(1, BEA), (2, ANA), (2, BEA)]
    before = [export(peopled, *other) for other in others]
    receipt = erase(peopled, 1, ANA)
    counts = {"conversations": 1, "inbox": 2, "outbox": 2, "turns": 2, "happenings": 2}
    assert {
        "receipt": "er_1",
        "at": "2026-05-28T20:26:40Z",
        "client_id": 1,
        "erased": counts,
    } == receipt
    assert before == [export(peopled, *other) for other in others]
    with pytest.raises(NotFound, match="holds nothing"):
        export(peopled, 1, ANA)
    with pytest.raises(NotFound, match="holds nothing"):
        erase(peopled, 1, ANA)


def test_nothing_of_them_is_left_in_the_file(peopled: Database, tmp_path: Path) -> None:
    """Erased at both clients, neither number nor words stand anywhere in it, not even unused."""
    for client_id in (1, 2):
        erase(peopled, client_id, ANA)
    peopled.close()
    with closing(sqlite3.connect(tmp_path / "released.db")) as last:
        last.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    left = (tmp_path / "released.db").read_bytes()
    assert ANA.encode() not in left
    assert BEA.encode() in left


def test_their_turns_count_on_without_them(peopled: Database) -> None:
    """Statistics stay the client's; the link leads to nobody, and nobody can be asked for."""
    for customer in (ANA, BEA):
        erase(peopled, 1, customer)
    whose = sa.select(turns.c.client_id, conversations.c.client_id, conversations.c.user_id)
    owners = read(peopled, whose.join(conversations, conversations.c.id == turns.c.conversation_id))
    assert [(1, 1, NOBODY)] * 4 == [row for row in owners if row[0] == 1]
    assert 1 == len(read(peopled, sa.select(conversations.c.id).filter_by(user_id=NOBODY)))
    with pytest.raises(NotFound):
        export(peopled, 1, NOBODY)


def test_the_audit_trail_says_that_and_not_who(peopled: Database) -> None:
    """A receipt can be shown to belong to an erasure, and says nothing about the person."""
    erase(peopled, 2, ANA)
    entry = peopled.read(lambda conn: audit.list_entries(conn, client_id=2, limit=1))[0]
    assert ("contact.erase", "test") == (entry.action, entry.actor)
    assert entry.after is not None
    assert "er_1" == entry.after["receipt"]
    assert ANA not in str(entry)


def test_events_pass_over_who_was_erased(peopled: Database) -> None:
    """A reader from before goes on, and hears of no message that is no more."""
    start = peopled.read(lambda conn: read_events(conn, after=None, limit=10, now=NOW))
    erase(peopled, 1, ANA)
    erase(peopled, 2, ANA)
    told = peopled.read(lambda conn: read_events(conn, after=start["cursor"], limit=10, now=NOW))
    assert [] == told["events"]


def test_who_is_known_by_both_ids_is_found_by_either(database: Database, client_a: Client) -> None:
    """A user id is taken as it stands, a number however it is written."""

    def write(conn: Connection) -> None:
        conn.execute(
            sa.insert(conversations).values(
                client_id=client_a.id, user_id="ES.99", wa_id=ANA, fence=0, created_at=NOW
            )
        )

    database.write(write)
    for customer in ("ES.99", ANA, f"+{ANA}", "+34 600 555-111"):
        assert ["ES.99"] == [
            one["user_id"] for one in export(database, 1, customer)["conversations"]
        ]
    assert 1 == erase(database, 1, "ES.99")["erased"]["conversations"]


@pytest.mark.parametrize("customer", ["", " ", "nobody", "0", "ES.%", "34600555"])
def test_who_is_not_there_is_refused(peopled: Database, customer: str) -> None:
    """Nothing is guessed: a part of a number is nobody."""
    with pytest.raises(NotFound, match="holds nothing"):
        export(peopled, 1, customer)
    with pytest.raises(NotFound, match="There is no client 9"):
        export(peopled, 9, ANA)


def test_they_are_found_by_indexes(peopled: Database) -> None:
    """Only what happened, of which 100,000 rows are kept, is looked through."""

    def look(conn: Connection) -> list[str]:
        ids = people.find_conversations(conn, client_id=1, user_id=ANA, wa_id=ANA)

        def work() -> None:
            people.read_held(conn, client_id=1, conversation_ids=ids)

        return explain(conn, work)

    plans = peopled.read(look)
    assert [] == [line for line in plans if line.startswith("SCAN")]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW) as opened:
        yield opened


async def erase_in(bench: Bench) -> None:
    await bench.runtime.store.write(
        lambda conn: contacts.erase_contact(
            conn, client_id=1, customer=CUSTOMER, receipt="er_2", now=bench.clock(), actor=TESTER
        )
    )


async def rows_in(bench: Bench) -> dict[str, int]:
    def count(conn: Connection) -> dict[str, int]:
        return {
            table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (inbox, outbox, conversations)
        }

    return await bench.runtime.store.read(count)


async def test_while_the_model_thinks(bench: Bench) -> None:
    """The turn ends without a word: nothing is sent, nothing is written, nothing crashes."""

    async def answer(_question: Any) -> Any:
        await erase_in(bench)
        bench.engine.answering = None
        return await bench.engine.answer(_question)

    bench.engine.answering = answer
    key = await bench.write()
    await bench.work(key)
    await bench.work(key)
    assert [] == bench.graph.sent
    assert {"inbox": 0, "outbox": 0, "conversations": 0} == await rows_in(bench)


async def test_while_it_is_sent(bench: Bench) -> None:
    """What has left has left; that it arrived, and each status of it, finds nothing to change."""
    bench.graph.during_send = lambda: erase_in(bench)
    key = await bench.write()
    await bench.work(key)
    bench.graph.during_send = None
    (sent,) = bench.graph.sent
    await bench.tell("delivered", outbox_id=sent["biz_opaque_callback_data"])
    assert {"inbox": 0, "outbox": 0, "conversations": 1} == await rows_in(bench)


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path, coalesce_seconds=3600) as opened:
        yield opened


async def write_as(admin: Admin, wamid: str) -> None:
    got = await admin.house.post(build_text_webhook("hola", customer=ANA, wamid=wamid))
    assert 200 == got.status, got


async def test_over_http(admin: Admin) -> None:
    """The same documents; and who writes again at once is kept, as somebody new."""
    await write_as(admin, "w1")
    got = (await admin.call("GET", f"/clients/1/contacts/%2B{ANA}")).read_json()
    assert ["w1"] == [one["wamid"] for one in got["messages"]]
    receipt = (await admin.call("DELETE", f"/clients/1/contacts/{ANA}")).read_json()
    assert (1, 1) == (receipt["erased"]["inbox"], receipt["erased"]["conversations"])
    assert receipt["receipt"].startswith("er_")
    assert 404 == (await admin.call("GET", f"/clients/1/contacts/{ANA}")).status
    await write_as(admin, "w2")
    got = (await admin.call("GET", f"/clients/1/contacts/{ANA}")).read_json()
    assert ["w2"] == [one["wamid"] for one in got["messages"]]
    ((entry,),) = await admin.query("SELECT after FROM audit WHERE action = 'contact.erase'")
    assert receipt["receipt"] == json.loads(entry)["receipt"]


async def test_over_http_for_whom_it_is(admin: Admin) -> None:
    """A token for reading erases nobody; one for a client sees no other client's customers."""
    await write_as(admin, "w1")
    path = f"/clients/1/contacts/{ANA}"
    reader = await admin.make_token("reader", scope="read")
    sol = await admin.make_token("sol", client="Bar Sol")
    assert 403 == (await admin.call("DELETE", path, token=reader)).status
    assert 200 == (await admin.call("GET", path, token=reader)).status
    for method in ("GET", "DELETE"):
        assert 404 == (await admin.call(method, path, token=sol)).status
        for other in ("/clients/99/contacts/1", "/clients/x/contacts/1", "/clients/2/contacts/1"):
            assert 404 == (await admin.call(method, other)).status
    assert 200 == (await admin.call("GET", path)).status
