"""Checking tokens against the sandbox as Meta: whose is told of, to whom, and what it lacks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.credentials.checking import check_tokens
from daemon.core.errors import NotFound
from tests.doubles.mint import SOL_ID, Mint, open_mint


@pytest.fixture
async def ending(tmp_path: Path) -> AsyncIterator[Mint]:
    async with open_mint(tmp_path) as opened:
        await opened.give_ending_token()
        yield opened


async def test_all_tokens_are_checked_once(ending: Mint) -> None:
    """The shared one first, then clients' own ones by id; the inactive are nobody's trouble."""
    shared, own = await check_tokens(ending.means)
    assert (None, True, SOL_ID, False) == (
        shared["client_id"],
        shared["shared"],
        own["client_id"],
        own["shared"],
    )
    assert ["warning", "warning"] == [shared["state"], own["state"]]
    assert [9, 9] == [shared["days_left"], own["days_left"]]
    await ending.admin.run(f"UPDATE clients SET active = 0 WHERE id = {SOL_ID}")
    assert [None] == [one["client_id"] for one in await check_tokens(ending.means)]


async def test_one_clients_token_is_checked(ending: Mint) -> None:
    """Its own, or the shared one that it sends with; nobody's is nobody's."""
    (own,) = await check_tokens(ending.means, ref="Bar Sol")
    (sharing,) = await check_tokens(ending.means, ref="1")
    assert [(SOL_ID, False), (1, True)] == [
        (one["client_id"], one["shared"]) for one in (own, sharing)
    ]
    with pytest.raises(NotFound):
        await check_tokens(ending.means, ref="nobody")


async def test_who_sees_one_client_sees_no_shared_token(ending: Mint) -> None:
    """Its own token is told of; another client is as if it did not exist."""
    (own,) = await check_tokens(ending.means, only=SOL_ID)
    assert ("warning", SOL_ID) == (own["state"], own["client_id"])
    (sharing,) = await check_tokens(ending.means, only=1)
    assert ("skipped", None) == (sharing["state"], sharing["days_left"])
    with pytest.raises(NotFound):
        await check_tokens(ending.means, ref="Bar Sol", only=1)


async def test_without_a_shared_token(ending: Mint) -> None:
    """It is an error for those who need it, and nothing where all have their own."""
    ending.change_settings(meta_access_token=None)
    lack, own = await check_tokens(ending.means)
    assert ("error", "warning") == (lack["state"], own["state"])
    assert "2 active clients" in lack["detail"]
    (needed,) = await check_tokens(ending.means, ref="1")
    assert ("error", 1) == (needed["state"], needed["client_id"])
    for client_id in (1, 3):
        await ending.give_token(client_id)
    assert [1, 2, 3] == [one["client_id"] for one in await check_tokens(ending.means)]
