"""The welcome message: the customer gets it, with the first answer that may have reached them."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from daemon.core import inboxes
from daemon.core.clients import resume_client
from daemon.core.inboxes import retry
from daemon.core.meta.client import NotSent, SendInDoubt, SendRefused
from daemon.core.store.audit import Actor
from tests.doubles.workbench import CUSTOMER, Bench, open_bench

NOW = float(int(time.time()))
ACTOR = Actor("test")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_limit=2, in_doubt_seconds=60) as opened:
        yield opened


async def welcomes(bench: Bench) -> list[bool]:
    """Tell of each message that was handed to Meta whether it had the welcome."""
    ((welcome,),) = await bench.query("SELECT welcome_message FROM clients WHERE id = 1")
    assert welcome
    return [payload["text"]["body"].startswith(welcome) for payload in bench.graph.sent]


async def is_welcomed(bench: Bench) -> bool:
    ((welcomed_at,),) = await bench.query("SELECT welcomed_at FROM conversations")
    return welcomed_at is not None


async def test_it_comes_once(bench: Bench) -> None:
    """With the first answer, and with no other."""
    for text in ("hola", "otra"):
        await bench.work(await bench.write(text))
    assert [True, False] == await welcomes(bench)


async def test_it_is_not_given_by_an_answer_that_is_parked(bench: Bench) -> None:
    """Meta refused the first answer: the next one carries it, and only that."""
    bench.graph.script.append(SendRefused(131026))
    await bench.work(await bench.write())
    assert not await is_welcomed(bench)
    for text in ("otra", "y otra"):
        await bench.work(await bench.write(text))
    assert [True, True, False] == await welcomes(bench)


async def test_it_is_not_given_by_an_answer_that_never_left(bench: Bench) -> None:
    """No connection in all attempts."""
    bench.graph.script.extend([NotSent("no")] * 2)
    key = await bench.write()
    for _ in range(2):
        await bench.work(key)
        bench.clock.now += 100
    assert [("parked",)] == await bench.query("SELECT state FROM inbox")
    await bench.work(await bench.write("otra"))
    assert [True] * 3 == await welcomes(bench)


async def test_a_retry_of_a_parked_answer_gives_it(bench: Bench) -> None:
    """The answer is kept with it: what follows goes without."""
    bench.graph.script.append(SendRefused(131026))
    key = await bench.write()
    await bench.work(key)
    await bench.runtime.store.write(partial(retry, inbox_id=1, now=NOW, actor=ACTOR))
    await bench.work(key)
    await bench.work(await bench.write("otra"))
    assert [True, True, False] == await welcomes(bench)


async def test_a_retry_goes_without_what_another_answer_has_given(bench: Bench) -> None:
    """The answer is sent as it was made, but for the welcome that the customer has by now."""
    bench.graph.script.append(SendRefused(131026))
    key = await bench.write()
    await bench.work(key)
    await bench.work(await bench.write("otra"))
    await bench.runtime.store.write(partial(retry, inbox_id=1, now=NOW, actor=ACTOR))
    await bench.work(key)
    assert [True, True, False] == await welcomes(bench)
    assert "Answer 1." == bench.graph.sent[-1]["text"]["body"]


@pytest.mark.parametrize("chunk", [1, 2])
async def test_of_all_that_is_retried_the_first_gives_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Each was made while no other had been sent; other customers lose nothing by it."""
    monkeypatch.setattr(inboxes, "RETRY_CHUNK", chunk)
    bench.graph.script.extend([SendRefused(131026)] * 3)
    for customer in (CUSTOMER, CUSTOMER, "34600111333"):
        await bench.work(await bench.write(customer=customer))
    look = partial(inboxes.find_retryable, error=None, now=NOW)
    for ids in await bench.runtime.store.read(look):
        some = partial(inboxes.retry_some, ids=ids, error=None, now=NOW, actor=ACTOR)
        await bench.runtime.store.write(some)
    for (key,) in await bench.query("SELECT id FROM conversations ORDER BY id"):
        await bench.work((1, key))
    assert [True, False, True] == (await welcomes(bench))[3:]


async def test_what_was_not_delivered_gave_none(bench: Bench) -> None:
    """Meta took the first answer and failed: the retry has the welcome as the answer had it."""
    key = await bench.write()
    await bench.work(key)
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.tell("failed", outbox_id=outbox_id)
    await bench.runtime.store.write(partial(retry, inbox_id=1, now=NOW, actor=ACTOR))
    await bench.work(key)
    assert [True, True] == await welcomes(bench)


async def test_one_in_doubt_may_have_given_it(bench: Bench) -> None:
    """Parked in the end, but the customer may have read it: twice would look like a fault."""
    bench.graph.script.extend([SendInDoubt("?")] * 2)
    key = await bench.write()
    for _ in range(4):
        await bench.work(key)
        bench.clock.now += 61
    assert [("parked",)] == await bench.query("SELECT state FROM inbox")
    await bench.work(await bench.write("otra"))
    assert [True, True, False] == await welcomes(bench)


async def test_a_status_proves_that_it_was_given(bench: Bench) -> None:
    """The answer to our request was lost, and Meta says that the message is delivered."""
    bench.graph.script.append(SendInDoubt("?"))
    await bench.work(await bench.write())
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.tell("delivered", outbox_id=outbox_id)
    assert await is_welcomed(bench)


async def test_a_stopped_client_gives_it_when_it_goes_on(bench: Bench) -> None:
    """Held back is not given, and the answer that waits has it."""
    bench.graph.script.append(SendRefused(190))
    key = await bench.write()
    await bench.work(key)
    assert not await is_welcomed(bench)
    await bench.runtime.store.write(partial(resume_client, client_id=1, now=NOW, actor=ACTOR))
    await bench.runtime.directory.refresh()
    await bench.work(key)
    await bench.work(await bench.write("otra"))
    assert [True, True, False] == await welcomes(bench)
