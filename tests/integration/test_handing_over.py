"""The owner answers in the app: the bot says nothing beside them, at whatever moment that is."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.assistants.engine import Question, Reply
from daemon.core.meta.client import NotSent, SendInDoubt
from daemon.core.store import conversations
from tests.doubles.stage_clients import SOL
from tests.doubles.workbench import CUSTOMER, Bench, open_bench

NOW = float(int(time.time()))
PERSON_S = 3600.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, now=NOW, person_seconds=PERSON_S) as opened:
        yield opened


async def inbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, error FROM inbox ORDER BY id")


async def outbox(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query("SELECT state, error FROM outbox ORDER BY seq")


async def paused(bench: Bench) -> list[tuple[Any, ...]]:
    return await bench.query(
        "SELECT client_id, paused_by, paused_until - ? FROM conversations", NOW
    )


async def test_what_waits_is_left_to_the_owner(bench: Bench) -> None:
    """At once, though no turn runs; and so is what the customer writes while they talk."""
    key = await bench.write()
    await bench.echo()
    assert [("ignored", "person")] == await inbox(bench)
    await bench.write("¿y el viernes?")
    await bench.work(key)
    assert [("ignored", "person")] * 2 == await inbox(bench)
    assert ([], [], []) == (bench.engine.questions, bench.graph.sent, bench.graph.typed)
    assert [(1, "person", PERSON_S)] == await paused(bench)


async def test_afterwards_the_bot_answers_what_is_new(bench: Bench) -> None:
    """And nothing of what was the owner's to answer."""
    key = await bench.write("antes")
    await bench.echo()
    bench.clock.now += PERSON_S
    await bench.write("después")
    await bench.work(key)
    assert ["después"] == [question.text for question in bench.engine.questions]
    assert [("ignored", "person"), ("done", None)] == await inbox(bench)


async def test_an_owner_who_writes_while_the_model_thinks_is_not_doubled(bench: Bench) -> None:
    """Nothing of the turn is kept, and the conversation is free at once."""

    async def think(_question: Question) -> Reply:
        await bench.echo()
        return Reply("answered", "Too late.", ("F1",))

    bench.engine.answering = think
    key = await bench.write()
    await bench.work(key)
    assert [("ignored", "person")] == await inbox(bench)
    assert ([], [], []) == (
        bench.graph.sent,
        await outbox(bench),
        await bench.query("SELECT id FROM turns"),
    )
    assert [(None,)] == await bench.query("SELECT lease_until FROM conversations")


@pytest.mark.parametrize("fault", [NotSent(), SendInDoubt()])
async def test_what_waits_to_be_sent_again_is_withdrawn(bench: Bench, fault: Exception) -> None:
    """Also of what may have been sent no second copy goes out."""
    bench.graph.script.append(fault)
    key = await bench.write()
    await bench.work(key)
    await bench.echo()
    assert [("parked", "person")] == await outbox(bench)
    assert [("ignored", "person")] == await inbox(bench)
    bench.clock.now += 120
    await bench.work(key)
    assert 1 == len(bench.graph.sent)


async def test_a_status_may_still_prove_it_sent(bench: Bench) -> None:
    """What Meta had all along is told as it is."""
    bench.graph.script.append(SendInDoubt())
    await bench.work(await bench.write())
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.echo()
    await bench.tell("delivered", outbox_id=outbox_id)
    assert ([("sent", None)], [("done", None)]) == (await outbox(bench), await inbox(bench))


async def test_what_came_to_nothing_is_the_owners_all_the_same(bench: Bench) -> None:
    """A failure that Meta tells later leaves nothing to be sent again, all at once or by its id."""
    bench.graph.script.append(SendInDoubt())
    await bench.work(await bench.write())
    ((outbox_id,),) = await bench.query("SELECT id FROM outbox")
    await bench.echo()
    await bench.tell("failed", outbox_id=outbox_id)
    assert [("ignored", "person")] == await inbox(bench)
    await bench.tell("delivered", outbox_id=outbox_id)
    assert [("done", None)] == await inbox(bench)


@pytest.mark.parametrize("fails", [False, True])
async def test_what_is_under_way_goes(bench: Bench, fails: bool) -> None:  # noqa: FBT001
    """It has left the house; only if Meta does not take it is it not sent again."""

    async def write_now() -> None:
        bench.graph.during_send = None
        await bench.echo()

    bench.graph.during_send = write_now
    if fails:
        bench.graph.script.append(NotSent())
    key = await bench.write()
    await bench.work(key)
    expected = [("queued", "not_sent")] if fails else [("sent", None)]
    assert expected == await outbox(bench)
    bench.clock.now += 60
    await bench.work(key)
    assert 1 == len(bench.graph.sent)
    assert [("ignored", "person") if fails else ("done", None)] == await inbox(bench)


async def test_the_rest_of_a_long_answer_is_withdrawn(bench: Bench) -> None:
    """What has gone has gone, and the customer is not told the half of it twice."""

    async def say_much(_question: Question) -> Reply:
        return Reply("answered", "x" * 4_096, ("F1",))

    async def write_now() -> None:
        bench.graph.during_send = None
        await bench.echo()

    bench.engine.answering = say_much
    bench.graph.during_send = write_now
    await bench.work(await bench.write())
    assert [("sent", None), ("parked", "person")] == await outbox(bench)
    assert [("ignored", "person")] == await inbox(bench)


async def test_an_echo_that_comes_again_changes_nothing(bench: Bench) -> None:
    """Neither while it lasts nor after an operator has given the conversation back."""
    key = await bench.write()
    await bench.echo()
    bench.clock.now += 60
    await bench.echo(at=NOW)
    assert [(1, "person", PERSON_S)] == await paused(bench)
    bench.clock.now = NOW + PERSON_S + 1
    await bench.echo(at=NOW)
    await bench.write("hola")
    await bench.work(key)
    assert 1 == len(bench.graph.sent)


async def test_what_the_bot_sent_itself_is_no_owner(bench: Bench) -> None:
    """Meta says that it does not come back so; if it does, the bot must not silence itself."""
    await bench.work(await bench.write())
    await bench.echo(wamid="wamid.out1")
    assert [(1, None, None)] == await paused(bench)


async def test_whom_the_owner_wrote_to_first_is_theirs(bench: Bench) -> None:
    """A customer whom nobody knew yet: their answer is for the owner."""
    await bench.echo()
    assert [(1, "person", PERSON_S)] == await paused(bench)
    await bench.work(await bench.write("¡Gracias!"))
    assert [("ignored", "person")] == await inbox(bench)


async def test_whom_the_owner_wrote_to_long_ago_is_nobody(bench: Bench) -> None:
    """Meta delivers a week's echoes again: they open no conversation that nothing is said in."""
    await bench.echo(at=NOW - PERSON_S)
    assert [] == await paused(bench)


async def test_another_clients_customer_is_answered(bench: Bench) -> None:
    """The same person, who writes to two of our clients, one of whose owners answers."""
    ours, theirs = await bench.write(), await bench.write(number=SOL)
    other = await bench.write(customer="34600999888")
    await bench.echo()
    for key in (ours, theirs, other):
        await bench.work(key)
    assert [("ignored", "person"), ("done", None), ("done", None)] == await inbox(bench)
    assert [(1, "person", PERSON_S), (2, None, None), (1, None, None)] == await paused(bench)


async def test_nobodys_echo_is_kept(bench: Bench) -> None:
    """Of a number that no active client has."""
    await bench.echo(number="999")
    assert [] == await paused(bench)


async def test_with_0_seconds_echoes_are_nothing(tmp_path: Path) -> None:
    """An agency whose owners never answer, or whose app answers by itself."""
    async with open_bench(tmp_path, now=NOW, person_seconds=0) as bench:
        key = await bench.write()
        await bench.echo()
        await bench.work(key)
        assert [("done", None)] == await inbox(bench)


async def test_an_echo_and_its_message_may_come_together(bench: Bench) -> None:
    """In one delivery, the customer with both ids in one and one id in the other."""
    await bench.echo(customer=CUSTOMER)
    key = await bench.write(customer=CUSTOMER)
    await bench.echo(customer=CUSTOMER, at=NOW + 1)
    await bench.work(key)
    assert [("ignored", "person")] == await inbox(bench)


async def test_a_conversation_erased_meanwhile_is_opened_anew(bench: Bench) -> None:
    """What the daemon remembers of it is forgotten, and the echo is kept all the same."""
    await bench.write()
    await bench.runtime.store.write(
        lambda conn: [
            conn.exec_driver_sql(f"DELETE FROM {table}") for table in ("inbox", "conversations")
        ]
    )
    await bench.echo()
    assert [(1, "person", PERSON_S)] == await paused(bench)


async def test_a_turn_that_ignores_gives_the_conversation_back(bench: Bench) -> None:
    """At once, so that who gives it back to the bot waits for nothing."""
    await bench.echo()
    key = await bench.write()
    await bench.work(key)

    def lease(conn: Any) -> object:
        now = bench.clock.now
        return conversations.lease(
            conn, client_id=key[0], conversation_id=key[1], now=now, until=now
        )

    assert await bench.runtime.store.write(lease) is not None


async def test_what_was_withdrawn_was_never_said(bench: Bench) -> None:
    """The engine is not told, a day's history long, of an answer that the customer never got."""
    bench.graph.script.append(NotSent())
    await bench.work(await bench.write("¿horario?"))
    await bench.echo()
    bench.clock.now += PERSON_S
    await bench.work(await bench.write("¿wifi?"))
    await bench.work(await bench.write("¿menú?"))
    assert [(), ("¿wifi?",)] == [
        tuple(exchange.customer for exchange in question.history)
        for question in bench.engine.questions[1:]
    ]
