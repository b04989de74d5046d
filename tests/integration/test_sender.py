"""What each of Meta's answers means for a message, its conversation and its client."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from daemon.core.clients import resume_client, set_active, update_client
from daemon.core.meta.client import NotSent, SendInDoubt, SendRefused
from daemon.core.runtime import open_runtime
from daemon.core.seeds import ClientChanges
from daemon.core.store.audit import Actor
from tests.doubles.inhouse import make_settings
from tests.doubles.stage import TOKEN
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))
DAY_S = 86_400


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_limit=3, retry_base_seconds=4) as opened:
        yield opened


async def outbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, attempts, error, due_at FROM outbox ORDER BY seq")


async def inbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, attempts, error FROM inbox ORDER BY id")


async def test_an_accepted_message_is_done(bench: Bench) -> None:
    """Its wamid is kept, what it answers is done, and its id travelled with it."""
    key = await bench.write()
    await bench.work(key)
    assert [("sent", 1, None, NOW)] == await outbox(bench)
    assert [("done", 1, None)] == await inbox(bench)
    ((outbox_id, wamid),) = await bench.query("SELECT id, wamid FROM outbox")
    (payload,) = bench.graph.sent
    assert (outbox_id, "wamid.out1") == (payload["biz_opaque_callback_data"], wamid)
    assert "+34600111222" == payload["to"]


@pytest.mark.parametrize(
    ("error", "word", "wait_s"),
    [
        (NotSent("no"), "not_sent", 4.0),
        (SendRefused(130429), "130429", 4.0),
        (SendRefused(131056), "131056", 4.0),
        (SendRefused(999_999), "999999", 4.0),
        (SendRefused(4, retry_after_s=30.0), "4", 30.0),
    ],
)
async def test_a_passing_trouble_is_waited_out(
    bench: Bench, error: Exception, word: str, wait_s: float
) -> None:
    """Base to the power of the attempt, or what Meta asks for when that is longer."""
    bench.graph.script.append(error)
    key = await bench.write()
    await bench.work(key)
    assert [("queued", 1, word, NOW + wait_s)] == await outbox(bench)
    assert [("answered", 1, word)] == await inbox(bench)
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    bench.clock.now += wait_s
    await bench.work(key)
    assert [("done", 2, None)] == await inbox(bench)
    assert bench.graph.sent[0] == bench.graph.sent[1]
    assert 1 == len(bench.engine.questions)


async def test_the_limit_counts_all_attempts(bench: Bench) -> None:
    """RETRY_LIMIT sends in all, then parked; the next message gets a turn of its own."""
    bench.graph.script.extend([NotSent("no")] * 3)
    key = await bench.write()
    for _ in range(5):
        await bench.work(key)
        bench.clock.now += 100
    assert 3 == len(bench.graph.sent)
    assert [("parked", 3, "not_sent")] == await inbox(bench)
    await bench.write("otra")
    await bench.work(key)
    assert ["parked", "done"] == [row[0] for row in await inbox(bench)]


async def test_a_message_in_doubt_waits_for_its_status(bench: Bench) -> None:
    """A status that names it settles it: not sent again."""
    bench.graph.script.append(SendInDoubt("?"))
    key = await bench.write()
    await bench.work(key)
    assert [("in_doubt", 1, "in_doubt", NOW + 60)] == await outbox(bench)
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.tell("sent", outbox_id=outbox_id)
    bench.clock.now += 61
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    assert [("done", 1, None)] == await inbox(bench)


async def test_a_message_in_doubt_without_a_status_goes_again(bench: Bench) -> None:
    """After IN_DOUBT_SECONDS, under the same id, and not before."""
    bench.graph.script.append(SendInDoubt("?"))
    key = await bench.write()
    await bench.work(key)
    bench.clock.now += 59
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    bench.clock.now += 1
    await bench.work(key)
    assert bench.graph.sent[0] == bench.graph.sent[1]
    assert [("done", 2, None)] == await inbox(bench)


async def test_what_meta_never_takes_is_parked_with_the_rest_of_its_answer(bench: Bench) -> None:
    """The second part is not sent without the first."""
    bench.graph.script.append(SendRefused(131026))
    await bench.runtime.store.write(
        lambda conn: update_client(
            conn, 1, ClientChanges(welcome_message="a" * 4096), now=NOW, actor=Actor("test")
        )
    )
    await bench.runtime.directory.refresh()
    key = await bench.write()
    await bench.work(key)
    assert ["parked", "parked"] == [row[0] for row in await outbox(bench)]
    assert 1 == len(bench.graph.sent)
    assert [("parked", 1, "131026")] == await inbox(bench)


@pytest.mark.parametrize("code", [190, 0, 10, 131005, 131031, 368, 133010])
async def test_a_refused_credential_stops_the_client(bench: Bench, code: int) -> None:
    """Nothing is tried meanwhile and no attempt is counted; `resume` lets it go on."""
    bench.graph.script.append(SendRefused(code))
    key, other = await bench.write(), await bench.write("x", customer="34600111333")
    await bench.work(key)
    await bench.work(other)
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    assert ["queued"] == [row[0] for row in await outbox(bench)]
    assert ["answered", "pending"] == [row[0] for row in await inbox(bench)]
    await bench.runtime.store.write(
        partial(resume_client, client_id=1, now=NOW, actor=Actor("test"))
    )
    await bench.runtime.directory.refresh()
    await bench.work(key)
    await bench.work(other)
    assert ["done", "done"] == [row[0] for row in await inbox(bench)]


async def test_a_token_replaced_while_the_old_one_is_refused_stays_in_force(bench: Bench) -> None:
    """The operator was quicker than Meta: the refusal of the old token stops nobody."""

    async def replace_token() -> None:
        changes = ClientChanges(access_token=SecretStr("new-token"))
        await bench.runtime.store.write(
            lambda conn: update_client(conn, 1, changes, now=NOW, actor=Actor("test"))
        )

    bench.graph.during_send = replace_token
    bench.graph.script.append(SendRefused(190))
    key = await bench.write()
    await bench.work(key)
    bench.graph.during_send = None
    await bench.runtime.directory.refresh()
    assert [(None,)] == await bench.query("SELECT stopped_code FROM clients WHERE id = 1")
    await bench.work(key)
    assert [TOKEN, "new-token"] == bench.graph.tokens
    assert [("done",)] == await bench.query("SELECT state FROM inbox")


async def test_without_any_token_the_client_waits_for_one(tmp_path: Path) -> None:
    """No call is made; a daemon started with a token goes on by itself."""
    async with open_bench(tmp_path, now=NOW, meta_access_token=None) as bench:
        key = await bench.write()
        await bench.work(key)
        assert [] == bench.graph.sent
        assert [(0,)] == await bench.query("SELECT stopped_code FROM clients WHERE id = 1")
    async with open_runtime(make_settings(tmp_path)) as runtime:
        client = runtime.directory.find(1)
        assert client is not None
        assert None is client.stopped_code


async def test_an_answer_of_an_inactive_client_is_parked(bench: Bench) -> None:
    """Nothing goes out for a client that was switched off meanwhile."""
    bench.graph.script.append(NotSent("no"))
    key = await bench.write()
    await bench.work(key)
    await bench.runtime.store.write(
        partial(set_active, client_id=1, active=False, now=NOW, actor=Actor("test"))
    )
    await bench.runtime.directory.refresh()
    bench.clock.now += 10
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    assert [("parked", 1, "client_inactive")] == await inbox(bench)


async def test_an_answer_that_waited_a_day_is_parked(bench: Bench) -> None:
    """Past 24 hours Meta would refuse it and count it against us."""
    bench.graph.script.append(NotSent("no"))
    key = await bench.write()
    await bench.work(key)
    bench.clock.now += DAY_S + 1
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    assert [("parked", 1, "expired")] == await inbox(bench)
