"""The daemon ends and comes back: no acknowledged message is lost, none is answered twice."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from daemon.api.ops import HEALTH_BUDGET_S
from daemon.core.intake import ACK_BUDGET_S
from daemon.main import REQUESTS_S
from daemon.work.crew import DRAIN_S
from tests.doubles.daemon_process import STOP_S, wait_until
from tests.doubles.stage import Stage, open_stage
from tests.doubles.stage_clients import read_demo_faqs

HOURS_QUESTION = "¿Cuál es el horario?"
HOURS = read_demo_faqs()[0].answer

HURRY = {
    "daemon.work.crew.DRAIN_S": 2.0,
    "daemon.core.intake.ACK_BUDGET_S": 0.5,
    "daemon.api.ops.HEALTH_BUDGET_S": 0.5,
}
"""Budgets that a test waits out; that the real ones fit the contract is a test of its own."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Give each test a house of its own: its daemon is killed or stopped."""
    async with open_stage(tmp_path, budgets=HURRY) as opened:
        yield opened
        assert [] == opened.model.violations
        assert "Traceback" not in opened.daemon.read_log()


@pytest.fixture
async def plain_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Give a house whose answers need no model: its daemon starts in half the time."""
    async with open_stage(tmp_path, budgets=HURRY, ANSWER_ENGINE="local") as opened:
        yield opened
        assert "Traceback" not in opened.daemon.read_log()


async def wait_for_requests(stage: Stage, count: int) -> None:
    async def look() -> bool:
        return stage.model.request_count >= count

    await wait_until(look)


async def test_sigterm_lets_a_turn_finish_and_ends_with_0(stage: Stage) -> None:
    """What is in hand is answered; only then does the process go, in time."""
    customer = stage.make_customer()
    stage.model.misbehave("hang")
    await stage.write(HOURS_QUESTION, customer=customer)
    await wait_for_requests(stage, 1)
    stopping = asyncio.create_task(stage.daemon.stop())
    await wait_until(lambda: _says(stage, "stopping"))
    stage.release_model()
    assert 0 == await stopping
    assert 1 == len(await stage.read_sent(customer))
    assert 1 == stage.model.request_count

    await stage.restart()
    await stage.settle()
    assert 1 == len(await stage.read_sent(customer))


def test_the_real_budgets_fit_the_contract() -> None:
    """An end takes less than ten seconds, an answer to Meta and to a probe at most five."""
    assert REQUESTS_S + DRAIN_S < STOP_S
    assert ACK_BUDGET_S <= 5
    assert HEALTH_BUDGET_S <= 5


async def test_sigterm_gives_back_what_cannot_finish(stage: Stage) -> None:
    """A model that hangs does not hold the end up; the message is answered after the restart."""
    customer = stage.make_customer()
    stage.model.misbehave("hang")
    written = await stage.write(HOURS_QUESTION, customer=customer)
    await wait_for_requests(stage, 1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert 0 == await stage.daemon.stop()
    assert STOP_S > loop.time() - started
    state = "SELECT state, attempts FROM inbox WHERE wamid = ?"
    assert [("pending", 0)] == stage.query(state, written["wamid"])
    leases = stage.query("SELECT count(*) FROM conversations WHERE lease_until IS NOT NULL")
    assert [(0,)] == leases
    stage.release_model()

    await stage.restart()
    assert 1 == len(await stage.read_answers(customer))
    await stage.settle()
    assert 1 == len(await stage.read_sent(customer))


async def test_what_a_dead_daemon_kept_is_answered_by_the_next(stage: Stage) -> None:
    """Acknowledged means kept: SIGKILL during the model call costs a second call, no answer."""
    customer = stage.make_customer()
    stage.model.misbehave("hang")
    written = await stage.write(HOURS_QUESTION, customer=customer)
    assert 200 == written["webhook_status"]
    await wait_for_requests(stage, 1)
    await stage.daemon.kill()
    stage.release_model()

    await stage.restart()
    assert 1 == len(await stage.read_answers(customer))
    await stage.settle()
    assert 1 == len(await stage.read_sent(customer))


async def test_a_send_that_a_kill_cut_off_is_repeated_only_if_meta_has_it_not(
    plain_stage: Stage,
) -> None:
    """A status that names it settles the doubt; without one it goes again, under the same id."""
    stage = plain_stage
    untaken, taken = stage.make_customer(), stage.make_customer()
    await stage.set_faults(hang=1)
    await stage.write(HOURS_QUESTION, customer=untaken)
    await wait_until(lambda: _has_hung(stage))
    await stage.set_faults(latency_ms=500)
    await stage.write(HOURS_QUESTION, customer=taken)
    await wait_until(lambda: _is_sending(stage, taken))
    for _ in range(3):
        # The row is marked before the request leaves: let the daemon's loop get there.
        await stage.read_health()
    stage.daemon.freeze()
    await stage.read_answers(taken)
    await stage.daemon.kill()
    await stage.set_faults()
    # On a slow machine its daemon has lost patience already: in doubt all the same.
    ((outbox_id,),) = stage.query(_UNKNOWN_ID, untaken)

    await stage.restart()
    await stage.read_answers(untaken)
    await stage.settle()
    assert 1 == len(await stage.read_sent(taken))
    (sent,) = await stage.read_sent(untaken)
    assert outbox_id == sent["biz_opaque_callback_data"]


async def test_kills_at_any_moment_neither_lose_nor_double(plain_stage: Stage) -> None:
    """Twenty customers write while the daemon is killed three times: one answer each."""
    stage = plain_stage
    chance = random.Random(20261101)
    customers = [stage.make_customer() for _ in range(20)]
    await stage.set_faults(latency_ms=20, duplicate_webhooks=1)

    async def write_all() -> None:
        for customer in customers:
            await asyncio.sleep(chance.uniform(0, 0.15))
            await stage.write(HOURS_QUESTION, customer=customer)

    writing = asyncio.create_task(write_all())
    for kills in range(1, 4):
        await wait_until(partial(_has_sent, stage, 3 * kills), within_s=20)
        await asyncio.sleep(chance.uniform(0, 0.05))
        await stage.daemon.kill()
        await stage.restart()
    await writing
    for customer in customers:
        await stage.read_answers(customer, within_s=20)
    await stage.settle(within_s=20)
    counted = Counter(sent["to"] for sent in await stage.read_sent())
    assert {f"+{customer}": 1 for customer in customers} == counted
    assert [("done", 20)] == stage.query("SELECT state, count(*) FROM inbox GROUP BY state")


async def test_a_database_that_cannot_be_written_is_said_and_waited_out(
    plain_stage: Stage,
) -> None:
    """503; Meta repeats, and when it works again there is one answer."""
    stage = plain_stage
    customer = stage.make_customer()
    with sqlite3.connect(stage.database, isolation_level=None) as locker:
        locker.execute("BEGIN IMMEDIATE")
        health = asyncio.create_task(stage.call("GET", "/health"))
        written = await stage.write(HOURS_QUESTION, customer=customer)
        unwell = await health
        locker.execute("ROLLBACK")
    locker.close()
    assert 503 == written["webhook_status"]
    assert 503 == unwell.status
    assert 1 == len(await stage.read_answers(customer))
    await stage.settle()
    assert 1 == len(await stage.read_sent(customer))
    assert 1 <= await stage.read_metric('released_webhooks_total{status="503"}')


_UNKNOWN_ID = (
    "SELECT outbox.id FROM outbox JOIN conversations ON conversations.id = conversation_id"
    " WHERE state IN ('sending', 'in_doubt') AND wa_id = ?"
)


async def _is_sending(stage: Stage, customer: str) -> bool:
    return bool(stage.query(_UNKNOWN_ID, customer))


async def _has_hung(stage: Stage) -> bool:
    return 0 == (await stage.read_faults())["hang"]


async def _says(stage: Stage, message: str) -> bool:
    return any(message == line["message"] for line in stage.daemon.read_log_lines())


async def _has_sent(stage: Stage, count: int) -> bool:
    return len(await stage.read_sent()) >= count
