"""The daemon's picture of its clients, and how soon it is true again."""

from daemon.core.directory import Directory
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from daemon.core.store.group_commit import GroupCommit
from tests.doubles.client_kit import OTHER_FAQS, change
from tests.doubles.store_kit import FAQS, NUMBER_A, NUMBER_B


async def test_nobody_is_known_before_the_first_look(group: GroupCommit) -> None:
    """And an empty database is no change after it."""
    directory = Directory(group)
    assert (None, ()) == (directory.find(1), directory.all())
    assert [True, False] == [await directory.refresh(), await directory.refresh()]


async def test_a_change_by_another_program_is_taken_in(
    group: GroupCommit, database: Database, client_a: Client, client_b: Client
) -> None:
    """Active or not, and under which number."""
    directory = Directory(group)
    await directory.refresh()
    assert (1, 2, None) == tuple(
        directory.active_owner(number) for number in (NUMBER_A, NUMBER_B, "999")
    )
    assert (client_a, client_b) == directory.all()
    changed = change(database, client_a, active=False).client
    change(database, client_b, phone_number_id="77")
    assert [True, False] == [await directory.refresh(), await directory.refresh()]
    assert (None, None, 2) == tuple(
        directory.active_owner(number) for number in (NUMBER_A, NUMBER_B, "77")
    )
    assert (1, None, 2) == tuple(directory.owner(number) for number in (NUMBER_A, NUMBER_B, "77"))
    assert changed == directory.find(1)


async def test_the_version_in_use_is_read_once(
    group: GroupCommit, database: Database, client_a: Client, client_b: Client
) -> None:
    """New FAQs are answered from at the next look, and an old version is let go."""
    directory = Directory(group)
    await directory.refresh()
    first = await directory.assistant_of(client_a)
    assert FAQS == first.faqs
    assert first is await directory.assistant_of(client_a)
    others = await directory.assistant_of(client_b)
    changed = change(database, client_a, faqs=OTHER_FAQS).client
    await directory.refresh()
    second = await directory.assistant_of(changed)
    assert (2, OTHER_FAQS) == (second.version, second.faqs)
    assert others is await directory.assistant_of(client_b)
    assert len(directory._versions) == 2


async def test_a_turn_that_began_before_a_change_gets_the_newest_version(
    group: GroupCommit, database: Database, client_a: Client
) -> None:
    """Never a version that is not there."""
    directory = Directory(group)
    await directory.refresh()
    change(database, client_a, faqs=OTHER_FAQS)
    assert OTHER_FAQS == (await directory.assistant_of(client_a)).faqs
