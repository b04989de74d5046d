"""What a turn leaves in /metrics: how long each stage took, and what went wrong on the way."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.answering import CRASH_LIMIT
from daemon.core.assistants.calling import TransientFailure, call_model
from daemon.core.assistants.engine import EngineFailed, Question, Reply, unpaced
from daemon.core.meta.client import NotSent, SendRefused
from daemon.work import pulse
from daemon.work.pulse import Pulse
from tests.doubles.daemon_process import wait_until
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, retry_limit=2, retry_base_seconds=4) as opened:
        yield opened


def read(bench: Bench, name: str) -> float:
    for line in bench.metrics.render().decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


def stage(bench: Bench, name: str, what: str = "count") -> float:
    return read(bench, f'released_turn_stage_seconds_{what}{{stage="{name}"}}')


async def test_each_stage_of_an_answer_is_timed(bench: Bench) -> None:
    """From the oldest message of the turn on: two messages are one answer."""
    await bench.write()
    bench.clock.now += 3
    key = await bench.write()
    bench.clock.now += 2
    await bench.work(key)
    assert [1.0] * 4 == [stage(bench, name) for name in ("waiting", "model", "settle", "send")]
    assert 5.0 == stage(bench, "waiting", "sum")
    assert 1.0 == read(bench, "released_answer_seconds_count")
    assert 5.0 == read(bench, "released_answer_seconds_sum")
    assert 2.0 == read(bench, 'released_client_messages_total{client="1"}')


async def test_who_asks_for_a_person_is_counted(bench: Bench) -> None:
    """Of a client by itself, whether they had an answer beside it or not."""
    replies = [
        Reply("unanswered", handoff=True),
        Reply("answered", "De 9 a 22.", ("F1",), handoff=True),
        Reply("answered", "De 9 a 22.", ("F1",)),
    ]

    async def answer(_question: Question) -> Reply:
        return replies.pop(0)

    bench.engine.answering = answer
    for _ in range(3):
        await bench.work(await bench.write())
    assert 2.0 == read(bench, 'released_client_handoffs_total{client="1"}')


async def test_an_answer_that_is_sent_later_counts_from_the_message(bench: Bench) -> None:
    """The retried ones are the slow ones: left out, the figures would be kind and wrong."""
    bench.graph.script.append(NotSent("no"))
    key = await bench.write()
    await bench.work(key)
    assert 0.0 == read(bench, "released_answer_seconds_count")
    bench.clock.now += 60
    await bench.work(key)
    assert 60.0 == read(bench, "released_answer_seconds_sum")
    assert (1.0, 2.0) == (stage(bench, "waiting"), stage(bench, "send"))


async def test_a_clock_that_was_set_back_makes_no_time_negative(bench: Bench) -> None:
    """A histogram's sum that shrinks would look like a restart."""
    key = await bench.write()
    bench.clock.now -= 60
    await bench.work(key)
    assert 0.0 == stage(bench, "waiting", "sum") == read(bench, "released_answer_seconds_sum")


async def test_a_code_that_is_new_to_us_makes_no_label(bench: Bench) -> None:
    """It is counted as `other`; log and inbox have the number."""
    bench.graph.script.extend([SendRefused(987_654), SendRefused(987_654)])
    key = await bench.write()
    await bench.work(key)
    bench.clock.now += 60
    await bench.work(key)
    assert 2.0 == read(bench, 'released_graph_errors_total{code="other"}')
    assert 1.0 == read(bench, 'released_parked_total{cause="other"}')
    assert b"987654" not in bench.metrics.render()


async def test_what_kills_turns_is_counted_once_as_parked(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """As `crashed`, message by message, beside what is parked for other reasons; and logged."""

    async def break_down(_question: Question) -> Reply:
        raise ZeroDivisionError

    bench.engine.answering = break_down
    for _ in range(2):
        key = await bench.write()
    for _ in range(CRASH_LIMIT):
        with pytest.raises(ZeroDivisionError):
            await bench.work(key)
    assert 0.0 == read(bench, 'released_parked_total{cause="crashed"}')
    for _ in range(2):
        await bench.work(key)
    assert 2.0 == read(bench, 'released_parked_total{cause="crashed"}')
    told = [vars(one)["error"] for one in caplog.records if one.message == "parked"]
    assert ["crashed"] == told


async def test_every_failed_call_of_the_model_is_counted(bench: Bench) -> None:
    """Those that were tried again too: only they show that the provider slows us down."""

    async def answer(question: Question) -> Reply:
        question.heed(EngineFailed("rate_limited", "429", status=429))
        raise EngineFailed("server", "500", status=500)

    bench.engine.answering = answer
    await bench.work(await bench.write())
    assert [1.0, 1.0] == [
        read(bench, 'released_model_errors_total{cause="rate_limited",status="429"}'),
        read(bench, 'released_model_errors_total{cause="server",status="500"}'),
    ]
    assert 1.0 == stage(bench, "model")


async def test_a_call_that_is_tried_again_is_told_of() -> None:
    """Each failure but the last, which is raised."""
    heard: list[tuple[str, int | None]] = []
    failures = [
        TransientFailure("rate_limited", "429", status=429, retry_after_s=0.0),
        TransientFailure("server", "503", status=503, retry_after_s=0.0),
        TransientFailure("connection", "gone", retry_after_s=0.0),
    ]
    script = iter(failures)

    async def send() -> str:
        raise next(script)

    with pytest.raises(TransientFailure) as caught:
        await call_model(
            send,
            first_pause_s=0.0,
            pace=unpaced,
            heed=lambda failed: heard.append((failed.cause, failed.status)),
        )
    assert [("rate_limited", 429), ("server", 503)] == heard
    assert failures[-1] is caught.value


async def test_a_loop_that_is_held_up_is_felt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked to be woken is late by as much."""
    monkeypatch.setattr(pulse, "EVERY_S", 0.01)
    task = asyncio.create_task(Pulse(bench.metrics).run())
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - this is what holds it up

    async def is_felt() -> bool:
        return read(bench, "released_event_loop_lag_seconds_count") > 0

    await wait_until(is_felt)
    task.cancel()
    assert 0.08 < read(bench, "released_event_loop_lag_seconds_sum")
