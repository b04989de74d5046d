"""What is too old goes, and nothing else, in a real database with two tenants."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import inboxes
from daemon.core.clients import resume_client, stop_client
from daemon.core.errors import Conflict
from daemon.core.events import read_events
from daemon.core.retention import DAY_S, decide_limits
from daemon.core.store import clients, purging
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection
from daemon.core.store.inbox import NewMessage, insert_messages, measure_depth
from daemon.core.store.schema import idempotency, inbox, outbox, tokens
from tests.doubles.bookkeeping import claim, keep, settle
from tests.doubles.purge_kit import OLD, furnish, purge, read, write_many
from tests.doubles.query_plans import explain
from tests.doubles.workbench import Bench, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=OLD) as opened:
        yield opened


async def test_what_is_young_stays(bench: Bench) -> None:
    """Within the retention nothing is changed."""
    await bench.runtime.store.write(furnish)
    assert {0} == set((await purge(bench, after_days=13.9)).values())


async def test_what_is_old_goes_whatever_became_of_it(bench: Bench) -> None:
    """Of both tenants: no word is left, and what was let go says why."""
    await bench.runtime.store.write(furnish)
    counts = await purge(bench, after_days=14.1)
    assert (4, 4) == (counts["messages"], counts["parked_messages"])
    assert (2, 2) == (counts["unanswered_messages"], counts["unsent_answers"])
    left = await read(bench, sa.select(inbox.c.wamid, inbox.c.state, inbox.c.text, inbox.c.error))
    assert sorted(
        (f"{name}{client}", "ignored", None, "retention")
        for name in ("answered", "pending", "crashed", "unsent")
        for client in (1, 2)
    ) == sorted(left)
    sent = await read(bench, sa.select(outbox.c.state, outbox.c.text, outbox.c.error))
    assert [("parked", None, "retention")] * 2 == sent


async def test_what_a_stopped_client_has_waiting_is_let_go(tmp_path: Path) -> None:
    """It may be stopped for months: texts go as promised, and nothing of them is sent later."""
    states = sa.select(inbox.c.state).order_by(inbox.c.id)

    def write(conn: Connection) -> None:
        plaza = clients.list_clients(conn)[0]
        keep(conn, plaza, "pending", customer="34601", now=OLD)
        settle(conn, plaza, keep(conn, plaza, "answered", customer="34602", now=OLD), now=OLD)
        stop_client(conn, plaza.id, code=131031, access_token=None, now=OLD)

    async with open_bench(tmp_path, now=OLD, retention_days=1) as bench:
        await bench.runtime.store.write(write)
        await purge(bench, after_days=0.9)
        assert [("pending",), ("answered",)] == await read(bench, states)
        await purge(bench, after_days=1.1)
        left = await read(bench, sa.select(inbox.c.state, inbox.c.error, inbox.c.text))
        assert [("ignored", "retention", None)] * 2 == left
        assert [(None,)] == await read(bench, sa.select(outbox.c.text))
        depth = await bench.runtime.store.read(lambda conn: measure_depth(conn, now=bench.clock()))
        assert (0, 0.0) == (depth.pending, depth.oldest_s)
        await bench.runtime.store.write(
            lambda conn: resume_client(conn, 1, now=bench.clock(), actor=Actor("test"))
        )
        await bench.runtime.directory.refresh()
        await bench.sweeper.sweep()
        assert (0, []) == (len(bench.bell), bench.graph.sent)


async def test_what_may_still_be_sent_keeps_its_answer(tmp_path: Path) -> None:
    """With a retention of hours: a day long Meta takes it; the question has gone by then."""
    async with open_bench(tmp_path, now=OLD, retention_days=0.25) as bench:
        await bench.runtime.store.write(furnish)
        await purge(bench, after_days=0.9)
        found = sa.select(inbox.c.text, outbox.c.text).where(inbox.c.turn_id == outbox.c.turn_id)
        assert [(None, "hola")] * 2 == await read(bench, found.where(inbox.c.state == "answered"))
        await purge(bench, after_days=1.1)
        assert [] == await read(bench, found.where(inbox.c.state == "answered"))


async def test_what_somebody_has_in_hand_is_left_alone(bench: Bench) -> None:
    """Until the lease is over: the turn that holds it would send what is no longer there."""

    def write(conn: Connection) -> None:
        plaza = clients.list_clients(conn)[0]
        later = OLD + 14.1 * DAY_S
        claim(conn, plaza, keep(conn, plaza, "asked", customer="34601"), now=later)
        sending = keep(conn, plaza, "sending", customer="34602")
        settle(conn, plaza, sending)
        claim(conn, plaza, sending, now=later)

    await bench.runtime.store.write(write)
    counts = await purge(bench, after_days=14.1)
    assert (0, 0) == (counts["unanswered_messages"], counts["unsent_answers"])
    counts = await purge(bench, after_days=14.2)
    assert (1, 1) == (counts["unanswered_messages"], counts["unsent_answers"])


async def test_parked_messages_can_no_longer_be_taken_up_and_then_go(bench: Bench) -> None:
    """What is parked is shown for as long as its text is kept; then it is too late for it."""
    await bench.runtime.store.write(furnish)
    (parked,) = await read(bench, sa.select(inbox.c.id).where(inbox.c.wamid == "unsent1"))
    await purge(bench, after_days=14.1)
    with pytest.raises(Conflict, match="ignored"):
        await bench.runtime.store.write(
            lambda conn: inboxes.retry(conn, parked[0], now=OLD, actor=Actor("test"))
        )
    counts = await purge(bench, after_days=14.2)
    assert (8, 12, 0) == (
        counts["messages"],
        counts["customer_rows"],
        counts["parked_messages"],
    )
    assert {0} == set((await purge(bench, after_days=14.3)).values())


async def test_a_short_retention_takes_texts_and_leaves_the_ids(tmp_path: Path) -> None:
    """With a day of retention what Meta repeats within 7 days is known all the same."""
    async with open_bench(tmp_path, now=OLD, retention_days=1) as bench:
        await bench.runtime.store.write(furnish)
        await purge(bench, after_days=1.1)
        texts = await read(bench, sa.select(inbox.c.wamid, inbox.c.text))
        assert 12 == len(texts)
        assert {None} == {text for _, text in texts}
        assert [(None,)] * 6 == await read(bench, sa.select(outbox.c.text))
        again = NewMessage("done1", 1, 1, "text", "again", OLD, OLD, "pending")
        assert 0 == await bench.runtime.store.write(lambda conn: insert_messages(conn, [again]))
        await purge(bench, after_days=8.1)
        assert [] == await read(bench, sa.select(inbox.c.id))


async def test_thousands_go_in_small_transactions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At most 200 rows in each, all of them counted, and one line in the log for the run."""
    monkeypatch.setattr(purging, "SPAN", 450)
    await bench.runtime.store.write(lambda conn: write_many(conn, 1_001))
    sizes: list[int] = []
    real = purging.purge

    def note(conn: Connection, **given: Any) -> int:
        sizes.append(real(conn, **given))
        return sizes[-1]

    monkeypatch.setattr(purging, "purge", note)
    with caplog.at_level(logging.INFO):
        counts = await purge(bench, after_days=15)
    assert (1_001, 1_001) == (counts["messages"], counts["customer_rows"])
    assert 200 == max(sizes)
    assert 1 == caplog.messages.count("purged")
    assert b'released_purged_total{what="messages"} 1001.0' in bench.metrics.render()
    assert [] == await read(bench, sa.select(inbox.c.id))


async def test_readers_of_events_lose_their_place_to_nothing(bench: Bench) -> None:
    """A cursor from before a purge of everything still reads on."""
    await bench.runtime.store.write(lambda conn: write_many(conn, 3))
    start = await bench.runtime.store.read(
        lambda conn: read_events(conn, after=None, limit=10, now=OLD)
    )
    await purge(bench, after_days=15)
    await bench.write("hola")
    told = await bench.runtime.store.read(
        lambda conn: read_events(conn, after=start["cursor"], limit=10, now=bench.clock.now)
    )
    assert ["message.received"] == [event["kind"] for event in told["events"]]


async def test_tokens_and_kept_answers_go_too(bench: Bench) -> None:
    """What was revoked long ago, and what no call may be answered with again."""
    revoked = {"digest": "a", "revoked_at": OLD}
    expired = {"digest": "b", "revoked_at": None}
    plain = {"name": "x", "created_at": 1.0, "expires_at": 2.0}
    kept = {"caller": "c", "key": "k", "request_digest": "d", "status": 201, "answer": "{}"}

    def write(conn: Connection) -> None:
        conn.execute(sa.insert(tokens), [plain | revoked, plain | expired])
        conn.execute(sa.insert(idempotency), [kept | {"created_at": OLD}])

    await bench.runtime.store.write(write)
    assert 1 == (await purge(bench, after_days=1.1))["repeated_calls"]
    assert 1 == (await purge(bench, after_days=14.1))["tokens"]


async def test_no_search_walks_a_whole_table(bench: Bench) -> None:
    """Each finds its rows by their ids, and what hangs on them by an index."""

    def look(conn: Connection) -> list[str]:
        steps = purging.list_steps(decide_limits(now=OLD, retention_days=14))
        return [
            line
            for step in steps
            if step.age is not None
            for line in explain(conn, lambda step=step: purging.find_page(conn, step, after=0))
        ]

    await bench.runtime.store.write(lambda conn: write_many(conn, 3))
    plans = await bench.runtime.store.read(look)
    assert plans
    assert [] == [line for line in plans if line.startswith("SCAN")]
