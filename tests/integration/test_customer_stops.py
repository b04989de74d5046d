"""A customer who says stop is told so once, and then left alone until they say otherwise."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.answering import SERVICE_WINDOW_S
from daemon.core.assistants.engine import Question, Reply
from daemon.core.meta.client import NotSent
from daemon.core.store.conversations import NO_END
from daemon.core.wording import confirm_start, confirm_stop
from tests.doubles.stage_clients import SOL, WELCOME
from tests.doubles.workbench import Bench, open_bench

NOW = float(int(time.time()))
STOPPED, RESUMED = confirm_stop("es"), confirm_start("es")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW) as opened:
        yield opened


async def say(bench: Bench, *texts: str, **who: str) -> None:
    """Write messages that one turn takes, and let it run."""
    for text in texts:
        key = await bench.write(text, **who)
    await bench.work(key)


async def inbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, error FROM inbox ORDER BY id")


def told(bench: Bench) -> list[str]:
    return [payload["text"]["body"] for payload in bench.graph.sent]


async def test_a_stop_is_confirmed_once(bench: Bench) -> None:
    """With the word that lifts it; what follows is kept as ignored, and nobody is asked."""
    await say(bench, "STOP")
    for text in ("hola", "stop", "¿horario?"):
        await say(bench, text)
    assert [STOPPED] == told(bench)
    assert [("done", None), *[("ignored", "stopped")] * 3] == await inbox(bench)
    assert ([], []) == (bench.engine.questions, bench.graph.typed)
    assert [("stopped", NO_END)] == await bench.query(
        "SELECT paused_by, paused_until FROM conversations"
    )


async def test_its_turn_costs_nothing_and_is_counted(bench: Bench) -> None:
    """An answer of ours: no engine, no tokens, and none that went unanswered."""
    await say(bench, "baja")
    assert [("house", "answered", "stopped", 0, None)] == await bench.query(
        "SELECT engine, outcome, cause, input_tokens, cost_usd FROM turns"
    )


async def test_a_word_lifts_it_and_the_bot_goes_on_from_there(bench: Bench) -> None:
    """Confirmed once; what was written meanwhile stays unanswered, what follows is answered."""
    await say(bench, "stop")
    await say(bench, "¿horario?")
    await say(bench, "alta", "¿wifi?")
    assert [STOPPED, RESUMED] == told(bench)
    await say(bench, "¿menú?")
    assert ["¿wifi?\n¿menú?"] == [question.text for question in bench.engine.questions]
    assert [("done", None), ("ignored", "stopped"), *[("done", None)] * 3] == await inbox(bench)


async def test_the_last_word_of_a_turn_wins(bench: Bench) -> None:
    """Whatever else stands in it."""
    await say(bench, "¿horario?", "alta", "stop", "¿me oyes?")
    assert [STOPPED] == told(bench)
    await say(bench, "alta", "stop")
    assert [STOPPED] == told(bench)
    await say(bench, "stop", "alta")
    assert [STOPPED, RESUMED] == told(bench)


async def test_it_stands_above_a_person_in_charge(bench: Bench) -> None:
    """The owner's talk is no reason to go on afterwards, nor does their next message end it."""
    key = await bench.write("Stop.")
    await bench.echo()
    await bench.work(key)
    await bench.echo(at=NOW + 1, wamid="wamid.echo2")
    bench.clock.now += 100_000
    await say(bench, "hola")
    assert ([STOPPED], [("done", None), ("ignored", "stopped")]) == (
        told(bench),
        await inbox(bench),
    )


async def test_whose_first_word_is_stop_is_welcomed_when_they_are_back(bench: Bench) -> None:
    """With the first answer, as everybody is: neither confirmation said it."""
    await say(bench, "stop")
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.tell("delivered", outbox_id=outbox_id)
    await say(bench, "alta")
    await say(bench, "¿horario?")
    assert [STOPPED, RESUMED, f"{WELCOME}\n\nAnswer 1."] == told(bench)


async def test_an_answer_that_waits_to_be_sent_is_withdrawn(bench: Bench) -> None:
    """Who says stop does not get, an hour later, what Meta would not take before."""
    bench.graph.script.append(NotSent())
    await say(bench, "¿horario?")
    await say(bench, "stop")
    assert [f"{WELCOME}\n\nAnswer 1.", STOPPED] == told(bench)
    assert [("ignored", "stopped"), ("done", None)] == await inbox(bench)


async def test_who_says_stop_while_the_model_thinks_gets_no_answer(bench: Bench) -> None:
    """What it says then is dropped, and the stop is all that is confirmed."""

    async def think(_question: Question) -> Reply:
        bench.bell.note_message(await bench.write("stop"))
        return Reply("answered", "Too late.", ("F1",))

    bench.engine.answering = think
    key = await bench.write("¿horario?")
    await bench.work(key)
    assert ([], [("pending", None)] * 2) == (told(bench), await inbox(bench))
    await bench.work(key)
    assert ([STOPPED], [("done", None)] * 2) == (told(bench), await inbox(bench))


async def test_who_asks_more_while_the_model_thinks_is_answered(bench: Bench) -> None:
    """In a turn for each, as ever."""

    async def think(question: Question) -> Reply:
        if len(bench.engine.questions) == 1:
            bench.bell.note_message(await bench.write("¿wifi?"))
        return Reply("answered", question.text, ("F1",))

    bench.engine.answering = think
    key = await bench.write("¿horario?")
    await bench.work(key)
    await bench.work(key)
    assert [f"{WELCOME}\n\n¿horario?", "¿wifi?"] == told(bench)


async def test_the_confirmation_is_sent_like_any_answer(bench: Bench) -> None:
    """Again, where Meta did not take it: the conversation being stopped does not hold it back."""
    bench.graph.script.append(NotSent())
    await say(bench, "stop")
    bench.clock.now += 60
    await bench.work((1, 1))
    assert [STOPPED] * 2 == told(bench)
    assert [("done", None)] == await inbox(bench)


async def test_a_stop_too_old_to_be_confirmed_counts(bench: Bench) -> None:
    """After a long outage: Meta takes no message, and nothing is answered from then on."""
    key = await bench.write("stop")
    bench.clock.now += SERVICE_WINDOW_S + 1
    await bench.work(key)
    await say(bench, "hola")
    assert ([], [("ignored", "stopped")] * 2) == (told(bench), await inbox(bench))


async def test_it_is_for_one_business_and_one_customer(bench: Bench) -> None:
    """Whoever else writes, and the same person to another client, is answered."""
    await say(bench, "stop")
    await say(bench, "hola", number=SOL)
    await say(bench, "hola", customer="34600999888")
    assert 2 == len(bench.engine.questions)


async def test_it_outlives_the_daemon(tmp_path: Path) -> None:
    """It stands in the database, and nowhere else."""
    async with open_bench(tmp_path, now=NOW) as first:
        await say(first, "stop")
    async with open_bench(tmp_path, now=NOW) as second:
        # The first is known: a bench counts its messages from one.
        await say(second, "hola", "hola de nuevo")
        assert ([], ("ignored", "stopped")) == (told(second), (await inbox(second))[-1])
