"""What the writer leaves behind: nothing that only Python's search for circles would find."""

import asyncio
import gc
from collections.abc import Iterator, Sequence

import pytest

from daemon.core.store.engine import Connection, Database
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.tickets import Kept, Ticket


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Let nothing be found by that search meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def keep(_conn: Connection, items: Sequence[int]) -> Kept:
    return Kept(list(items))


def tickets() -> list[Ticket]:
    return [kept for kept in gc.get_objects() if isinstance(kept, Ticket)]


@pytest.mark.usefixtures("uncollected")
async def test_what_is_written_is_gone_at_once(database: Database) -> None:
    """Thousands of tickets a second must not wait for a search that stops the loop for long."""
    others = len(tickets())
    group = GroupCommit(database)
    first = [group.write_first(keep, number, within_s=30) for number in range(20)]
    light = [group.write_light(lambda _conn: None) for _ in range(20)]
    heavy = [group.write(lambda _conn: None) for _ in range(20)]
    await asyncio.gather(*first, *light, *heavy)
    await group.close()
    assert others == len(tickets())
