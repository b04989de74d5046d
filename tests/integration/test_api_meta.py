"""Meta's access tokens over HTTP: who is told what, and whose may be exchanged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.admin import assert_problem, fields_of
from tests.doubles.mint import LIFE_DAYS, SOL_ID, Mint, open_mint
from tests.doubles.stage import TOKEN


@pytest.fixture
async def mint(tmp_path: Path) -> AsyncIterator[Mint]:
    async with open_mint(tmp_path) as opened:
        await opened.give_ending_token()
        yield opened


async def test_all_tokens_or_one(mint: Mint) -> None:
    """By REF, as everywhere; several who ask at once are answered alike."""
    answers = await asyncio.gather(*(mint.admin.call("GET", "/meta/token") for _ in range(3)))
    assert [[None, SOL_ID]] * 3 == [
        [one["client_id"] for one in answer.read_json()] for answer in answers
    ]
    (sol,) = (await mint.admin.call("GET", "/meta/token?client=Bar%20Sol")).read_json()
    assert ("warning", 9, False) == (sol["state"], sol["days_left"], sol["shared"])
    assert 404 == (await mint.admin.call("GET", "/meta/token?client=nobody")).status
    assert ["client"] == fields_of(await mint.admin.call("GET", "/meta/token?client="))


async def test_a_token_is_exchanged(mint: Mint) -> None:
    """No token stands in the answer; the daemon sends with the new one within the call."""
    answer = await mint.admin.call("POST", "/meta/token/rotate", {"client": "Bar Sol"})
    assert (200, LIFE_DAYS) == (answer.status, answer.read_json()["days_left"])
    assert "EAA" not in answer.text
    known = mint.admin.house.runtime.directory.find(SOL_ID)
    assert known is not None
    assert known.access_token is not None
    assert TOKEN != known.access_token.reveal()


async def test_who_is_limited_to_one_client(mint: Mint) -> None:
    """Sees and exchanges that client's own token; of the others there is none."""
    sol = await mint.admin.make_token("sol", client="Bar Sol")
    (own,) = (await mint.admin.call("GET", "/meta/token", token=sol)).read_json()
    assert SOL_ID == own["client_id"]
    other = await mint.admin.call("POST", "/meta/token/rotate", {"client": "1"}, token=sol)
    assert 404 == other.status
    done = await mint.admin.call("POST", "/meta/token/rotate", {"client": "2"}, token=sol)
    assert 200 == done.status
    plaza = await mint.admin.make_token("plaza", client="1")
    (hidden,) = (await mint.admin.call("GET", "/meta/token", token=plaza)).read_json()
    assert ("skipped", None, 1) == (hidden["state"], hidden["days_left"], hidden["client_id"])


async def test_what_cannot_be_exchanged_is_a_conflict(mint: Mint) -> None:
    """With the line that the command shows; a Meta that is silent is for later."""
    none = await mint.admin.call("POST", "/meta/token/rotate", {"client": "1"})
    assert (409, True) == (none.status, "of its own" in assert_problem(none)["detail"])
    assert ["client"] == fields_of(await mint.admin.call("POST", "/meta/token/rotate", {}))
    await mint.end_in(10, exchange_error=190)
    refused = await mint.admin.call("POST", "/meta/token/rotate", {"client": "2"})
    assert (409, True) == (refused.status, "stays in force" in assert_problem(refused)["detail"])
