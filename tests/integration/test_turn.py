"""One turn at a time: claim, ask, settle, send; and what each failure in between leaves behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.core import turns
from daemon.core.answering import SUSPECT_ATTEMPTS
from daemon.core.assistants.engine import EngineFailed, Question, Reply
from daemon.core.clients import set_active, stop_client
from daemon.core.errors import ReleasedError
from daemon.core.meta.client import SendRefused
from daemon.core.store.audit import Actor
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage_clients import CLOSED, FALLBACK, SOL, WELCOME
from tests.doubles.workbench import CUSTOMER, Bench, open_bench

NOW = float(int(time.time()))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, answer_deadline_seconds=0.2) as opened:
        yield opened


async def inbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, attempts, error FROM inbox ORDER BY id")


def bodies(bench: Bench) -> list[str]:
    return [payload["text"]["body"] for payload in bench.graph.sent]


async def never(_question: Question) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def test_all_that_waits_gets_one_answer(bench: Bench) -> None:
    """One question in the order it was written, one message."""
    for text in ("uno", " dos ", "tres"):
        key = await bench.write(text)
    await bench.work(key)
    assert ["uno\ndos\ntres"] == [question.text for question in bench.engine.questions]
    assert [f"{WELCOME}\n\nAnswer 1."] == bodies(bench)
    assert [("done", 1, None)] * 3 == await inbox(bench)
    assert ["wamid.in3"] == bench.graph.typed


async def test_a_flood_is_answered_in_several_turns(bench: Bench) -> None:
    """Fifty at a time; none is left."""
    for number in range(51):
        key = await bench.write(str(number))
    await bench.work(key)
    await bench.work(key)
    assert [50, 1] == [len(q.text.splitlines()) for q in bench.engine.questions]
    assert {"done"} == {row[0] for row in await inbox(bench)}


async def test_the_next_turn_knows_the_last(bench: Bench) -> None:
    """History holds what was said, oldest first, and of this customer of this client only."""
    for text in ("uno", "dos"):
        await bench.work(await bench.write(text))
    await bench.work(await bench.write("ajena", customer="34600999999"))
    await bench.work(await bench.write("otra", number=SOL))
    told = [[exchange.customer for exchange in q.history] for q in bench.engine.questions]
    assert [[], ["uno"], [], []] == told
    assert f"{WELCOME}\n\nAnswer 1." == bench.engine.questions[1].history[0].bot


async def test_the_vendor_sees_a_stable_hash_of_the_customer(bench: Bench) -> None:
    """The same person of two clients is two; nothing of the number is in it."""
    await bench.work(await bench.write())
    await bench.work(await bench.write())
    await bench.work(await bench.write(number=CLOSED))
    first, again, elsewhere = [question.customer_hash for question in bench.engine.questions]
    assert first == again != elsewhere
    assert CUSTOMER not in first + elsewhere


async def test_an_engine_that_fails_is_a_fallback(bench: Bench) -> None:
    """Its cause is on record, what it cost too, and the customer is told the client's text."""

    async def fail(_question: Question) -> Reply:
        raise EngineFailed("quota", "No credit.", alert=True)

    bench.engine.answering = fail
    await bench.work(await bench.write())
    assert [f"{WELCOME}\n\n{FALLBACK}"] == bodies(bench)
    assert [("unanswered", "quota")] == await bench.query("SELECT outcome, cause FROM turns")


async def test_a_silent_engine_is_a_fallback_at_the_deadline(bench: Bench) -> None:
    """`timeout` is the cause."""
    bench.engine.answering = never
    await bench.work(await bench.write())
    assert [f"{WELCOME}\n\n{FALLBACK}"] == bodies(bench)
    assert [("timeout",)] == await bench.query("SELECT cause FROM turns")


@pytest.mark.parametrize("error", [SendRefused(100), ReleasedError("no"), OSError()])
async def test_typing_that_fails_costs_nothing(bench: Bench, error: Exception) -> None:
    """It is a courtesy; the answer goes out."""
    bench.graph.typing_error = error
    await bench.work(await bench.write())
    assert 1 == len(bench.graph.sent)


async def test_what_kills_a_turn_three_times_is_parked(bench: Bench) -> None:
    """An error nobody foresaw is tried again, and not for ever."""

    async def break_down(_question: Question) -> Reply:
        raise ZeroDivisionError

    bench.engine.answering = break_down
    key = await bench.write()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await bench.work(key)
    await bench.work(key)
    assert 3 == len(bench.engine.questions)
    assert ("parked", "crashed") == (await inbox(bench))[0][::2]
    assert [] == bench.graph.sent
    bench.engine.answering = None
    await bench.work(await bench.write())
    assert 1 == len(bench.graph.sent)


async def test_a_suspect_gets_its_try_on_a_busy_daemon(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims that are under way meanwhile are no reason to leave it; only another suspect is."""
    suspects = [await bench.write(customer=f"3460011122{number}") for number in range(2)]
    await bench.runtime.store.write(
        lambda conn: conn.exec_driver_sql("UPDATE inbox SET attempts = ?", (SUSPECT_ATTEMPTS,))
    )
    other = await bench.write(customer="34600999999")
    at_store, go_on = asyncio.Event(), asyncio.Event()
    write = bench.runtime.store.write_light

    async def hang(job: Any) -> Any:
        at_store.set()
        await go_on.wait()
        return await write(job)

    with monkeypatch.context() as patched:
        patched.setattr(bench.runtime.store, "write_light", hang)
        busy = asyncio.create_task(bench.work(other))
        await at_store.wait()
    tried: list[int] = []

    async def answer(_question: Question) -> Reply:
        if not tried:
            tried.append(1)
            await bench.work(suspects[1])
        return Reply("answered", "ok", ("F1",))

    bench.engine.answering = answer
    await bench.work(suspects[0])
    assert ["done", "pending", "pending"] == [row[0] for row in await inbox(bench)]
    go_on.set()
    await busy
    await bench.work(suspects[1])
    assert ["done"] * 3 == [row[0] for row in await inbox(bench)]


async def test_a_cancelled_turn_never_happened(bench: Bench) -> None:
    """What the end of the daemon cuts off is pending and untried, and nobody holds it."""
    bench.engine.answering = never
    key = await bench.write()
    task = asyncio.create_task(bench.work(key))
    await wait_until(lambda: asyncio.sleep(0, bool(bench.engine.questions)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [("pending", 0, None)] == await inbox(bench)
    assert [(None,)] == await bench.query("SELECT lease_until FROM conversations")


async def test_a_send_that_is_cancelled_is_in_doubt_and_never_negative(bench: Bench) -> None:
    """Its answer is on disk: it is sent again only when no status names it."""
    at_meta = asyncio.Event()

    async def hang() -> None:
        at_meta.set()
        await asyncio.Event().wait()

    bench.graph.during_send = hang
    key = await bench.write()
    task = asyncio.create_task(bench.work(key))
    await at_meta.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.graph.during_send = None
    assert [("answered", 1, None)] == await inbox(bench)
    await bench.work(key)
    assert [("in_doubt",)] == await bench.query("SELECT state FROM outbox")
    assert 1 == len(bench.graph.sent)
    bench.clock.now += 61
    await bench.work(key)
    assert [("sent",)] == await bench.query("SELECT state FROM outbox")
    assert 1 == len(bench.engine.questions)


async def test_who_lost_the_lease_writes_and_sends_nothing(bench: Bench) -> None:
    """A second holder's turn counts; the first one's answer is dropped."""

    async def lose(_question: Question) -> Reply:
        later = bench.clock.now + 10_000
        taken = await bench.runtime.store.write(
            lambda conn: turns.claim(
                conn, client_id=1, conversation_id=key[1], now=later, until=later + 60
            )
        )
        assert taken is not None
        return Reply("answered", "late", ("F1",))

    key = await bench.write()
    bench.engine.answering = lose
    await bench.work(key)
    assert [] == bench.graph.sent
    assert [(0,)] == await bench.query("SELECT count(*) FROM turns")
    assert "pending" == (await inbox(bench))[0][0]
    assert bench.bell.knows(key)


async def test_what_an_inactive_client_left_is_parked_though_it_is_stopped(bench: Bench) -> None:
    """Its text goes with all that is parked; nobody would ever take it up otherwise."""
    key = await bench.write()
    stop = partial(stop_client, client_id=1, code=190, access_token="t", now=NOW)
    switch_off = partial(set_active, client_id=1, active=False, now=NOW, actor=Actor("test"))
    for change in (stop, switch_off):
        await bench.runtime.store.write(change)
    bench.clock.now += 2
    await bench.runtime.directory.refresh()
    await bench.sweeper.sweep()
    assert bench.bell.knows(key)
    await bench.work(key)
    assert [("parked", 1, "client_inactive")] == await inbox(bench)


async def test_a_ring_for_nothing_is_harmless(bench: Bench) -> None:
    """No message waits, no client has that id, or the client went off: nothing is sent."""
    key = await bench.write()
    await bench.work(key)
    await bench.work(key)
    await bench.work((1, 4711))
    await bench.work((99, 1))
    assert 1 == len(bench.graph.sent)
