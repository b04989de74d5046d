"""Nothing in the sandbox grows without end, and nothing of it outlives it."""

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from daemon.core.errors import Retryable
from daemon.sandbox import Pace, SandboxClient, SandboxConfig
from daemon.sandbox.bells import Bells
from daemon.sandbox.chats import MAX_CHATS, MAX_MESSAGES, Chats
from daemon.sandbox.directory import Directory
from daemon.sandbox.events import MAX_LISTENERS, MAX_WAITING, Events, Listener, stream_events
from daemon.sandbox.ledger import MAX_ACCEPTED, Ledger
from daemon.sandbox.people import MAX_CUSTOMERS, Customers
from daemon.sandbox.posting import Poster
from daemon.sandbox.stage import build_stage
from daemon.sandbox.tasks import Tasks
from tests.doubles.sandbox_kit import NOW, open_kit


def make_chats() -> Chats:
    return Chats(clock=lambda: NOW, bells=Bells(), publish=lambda _event: None)


def test_a_chat_keeps_its_last_messages() -> None:
    """The oldest goes, and is no longer known by its id."""
    chats, key = make_chats(), ("1", "ES.a")
    for number in range(MAX_MESSAGES + 1):
        chats.add_incoming(key, wamid=f"w{number}", kind="text", text="x")
    kept = chats.list_changed(key, after=0)
    assert (MAX_MESSAGES, "w1") == (len(kept), kept[0].wamid)
    assert chats.show_read("1", "w0", typing=False) is False


def test_the_chat_silent_for_longest_goes_first() -> None:
    """A chat that was used again stays."""
    chats = make_chats()
    for number in range(MAX_CHATS):
        chats.add_incoming(("1", f"ES.{number}"), wamid=f"w{number}", kind="text", text="x")
    chats.add_incoming(("1", "ES.0"), wamid="again", kind="text", text="x")
    chats.add_incoming(("1", "ES.new"), wamid="new", kind="text", text="x")
    assert [2, 0, 1] == [
        len(chats.list_changed(("1", user), after=0)) for user in ("ES.0", "ES.1", "ES.new")
    ]


def test_ticks_never_turn_back() -> None:
    """A status that comes late, or for a message that is gone, changes nothing."""
    chats, key = make_chats(), ("1", "ES.a")
    chats.add_incoming(key, wamid="w", kind="text", text="x")
    chats.advance("w", "read")
    chats.advance("w", "delivered")
    chats.advance("gone", "read")
    assert ["read"] == [message.status for message in chats.list_changed(key, after=0)]


def test_reading_leaves_what_was_written_later() -> None:
    """Only what stood before the read message is read with it, and no answers."""
    chats, key = make_chats(), ("1", "ES.a")
    chats.add_outgoing(
        key, wamid="out", text="x", callback_data=None, reply_to=None, error_code=None
    )
    for wamid in ("first", "later"):
        chats.add_incoming(key, wamid=wamid, kind="text", text="x")
    assert chats.show_read("1", "first", typing=False) is True
    statuses = [message.status for message in chats.list_changed(key, after=0)]
    assert ["accepted", "read", "sent"] == statuses


def test_customers_are_forgotten_oldest_first() -> None:
    """A forgotten customer comes back under the same user id."""
    customers = Customers()
    first = customers.meet(wa_id="34600000000", name="Ana")
    for number in range(MAX_CUSTOMERS):
        customers.meet(wa_id=None, user_id=f"ES.{number}")
    assert customers.find("34600000000") is None
    assert first.user_id == customers.meet(wa_id="34600000000").user_id


def test_numbers_are_forgotten_oldest_first() -> None:
    """A number bound to another user id goes back to its own once it is forgotten."""
    customers = Customers()
    customers.meet(wa_id="34600000000", user_id="ES.ana")
    for number in range(MAX_CUSTOMERS):
        customers.meet(wa_id=str(35_000_000_000 + number))
    assert customers.resolve("34600000000") != "ES.ana"


def test_accepted_sends_are_bounded() -> None:
    """The list keeps the newest; the counter goes on."""
    ledger = Ledger(Bells())
    for number in range(MAX_ACCEPTED + 1):
        ledger.accept({"number": number})
    listed = ledger.as_json()
    assert (MAX_ACCEPTED, 1) == (len(listed["accepted"]), listed["accepted"][0]["number"])
    assert MAX_ACCEPTED + 1 == listed["counters"]["accepted"]


async def test_waiting_for_several_sends_goes_on_until_the_last() -> None:
    """The first of two does not end the wait."""
    ledger = Ledger(Bells())
    waiting = asyncio.create_task(ledger.wait_for(2, timeout_s=20))
    for number in range(2):
        await asyncio.sleep(0)
        assert not waiting.done()
        ledger.accept({"number": number})
    await waiting


async def test_a_slow_page_is_told_to_read_again() -> None:
    """A full queue is replaced by one order, and what comes after it."""
    events = Events()
    listener = events.join()
    for number in range(MAX_WAITING + 1):
        events.publish({"number": number})
    events.close()
    chunks = [chunk async for chunk in listener.read(heartbeat_s=20)]
    assert [b'data: {"type": "resync"}\n\n', b'data: {"number": 500}\n\n'] == chunks


def test_only_so_many_pages_listen() -> None:
    """One more is refused, and after closing every one."""
    events = Events()
    listeners = [events.join() for _ in range(MAX_LISTENERS)]
    with pytest.raises(Retryable, match="Too many pages"):
        events.join()
    events.leave(listeners[0])
    events.join()
    events.close()
    events.leave(listeners[1])
    with pytest.raises(Retryable):
        events.join()


async def test_a_page_that_left_is_forgotten() -> None:
    """The heartbeat finds out, and its queue goes."""
    left = asyncio.Event()

    class Watched(Events):
        def leave(self, listener: Listener) -> None:
            super().leave(listener)
            left.set()

    async def stream(request: web.Request) -> web.StreamResponse:
        return await stream_events(request, events, heartbeat_s=0.01)

    events = Watched()
    app = web.Application()
    app.router.add_get("/", stream)
    async with TestClient(TestServer(app)) as client, asyncio.timeout(60):
        answer = await client.get("/")
        await answer.content.readline()
        assert 1 == len(events)
        answer.close()
        await left.wait()
    assert 0 == len(events)


async def test_bells_wake_all_who_wait_and_nobody_after_closing() -> None:
    """Two wait for one ring; a closed set of bells keeps nobody."""
    bells = Bells()
    waiting = [asyncio.create_task(bells.wait("key", 20)) for _ in range(2)]
    await asyncio.sleep(0)
    bells.ring("key")
    assert [True, True] == await asyncio.gather(*waiting)
    bells.close()
    assert await bells.wait("key", 20) is False


async def test_clients_are_read_once_for_all_who_ask_together() -> None:
    """Many sends at the same moment read the list once."""
    reads: list[int] = []

    def list_clients() -> tuple[SandboxClient, ...]:
        reads.append(1)
        return (SandboxClient("Sol", "1"),)

    directory = Directory(list_clients)
    found = await asyncio.gather(*(directory.find("1") for _ in range(20)))
    assert ({"Sol"}, 1) == ({client.name for client in found if client}, len(reads))


async def test_webhooks_beyond_the_bound_are_given_up() -> None:
    """With no room left to repeat, a webhook is counted as lost at once."""
    async with open_kit(mute=True, pace=Pace(max_repeating=0)) as kit:
        kit.echo.answers.append(500)
        await kit.write()
        assert 1 == (await kit.read_accepted())["counters"]["webhooks_given_up"]


async def test_a_poster_must_be_open() -> None:
    """Posting before the start is a bug of ours, said plainly; closing then is harmless."""
    config = SandboxConfig("http://127.0.0.1:9/", "secret", None, tuple)
    stage = build_stage(config)
    poster = Poster(config, faults=stage.faults, ledger=stage.ledger, publish=stage.events.publish)
    with pytest.raises(RuntimeError, match="not open"):
        await poster.deliver({})
    await poster.close()


async def test_a_task_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No failure of background work is silent."""
    failing = asyncio.Event()

    async def fail() -> None:
        failing.set()
        raise LookupError("gone")

    tasks = Tasks()
    with caplog.at_level(logging.ERROR):
        tasks.spawn(asyncio.sleep(20))
        tasks.spawn(fail())
        await failing.wait()
        await tasks.close()
    assert 0 == len(tasks)
    assert ["sandbox task failed"] == caplog.messages
