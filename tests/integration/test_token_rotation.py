"""Exchanging tokens against the sandbox as Meta: what is tried, stored, and kept in force."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from daemon.core.credentials.checking import check_tokens
from daemon.core.credentials.rotating import rotate_client_token
from daemon.core.errors import (
    Conflict,
    Misconfigured,
    ReleasedError,
    Retryable,
    Stale,
)
from daemon.core.meta.exchanging import Exchanged, GraphExchanger
from daemon.core.meta.facts import TokenFacts
from daemon.core.meta.inspecting import GraphInspector, LookupRefused, NoAnswer
from daemon.core.store.audit import Actor
from tests.doubles.inhouse import NOWHERE
from tests.doubles.mint import DAY_S, LIFE_DAYS, SOL_ID, Mint, open_mint
from tests.doubles.stage import TOKEN

ACTOR = Actor("test")


@pytest.fixture
async def mint(tmp_path: Path) -> AsyncIterator[Mint]:
    async with open_mint(tmp_path) as opened:
        yield opened


@pytest.fixture
async def ending(mint: Mint) -> Mint:
    await mint.give_ending_token()
    return mint


async def rotate(mint: Mint, client_id: int = SOL_ID) -> dict[str, Any]:
    return await rotate_client_token(mint.means, await mint.find(client_id), actor=ACTOR)


async def test_a_new_token_takes_the_old_ones_place(ending: Mint) -> None:
    """It lives 60 days, works, is sealed like any other, and the trail says who stored it."""
    done = await rotate(ending)
    new = await ending.reveal(SOL_ID)
    assert (SOL_ID, "Bar Sol", False, LIFE_DAYS, "the database") == (
        done["client_id"],
        done["client"],
        done["shared"],
        done["days_left"],
        done["stored_in"],
    )
    assert new not in {None, TOKEN}
    assert new not in str(done)
    (found,) = await check_tokens(ending.means, ref="Bar Sol")
    assert ("ok", LIFE_DAYS) == (found["state"], found["days_left"])
    trail = await ending.admin.query("SELECT actor, action, after FROM audit ORDER BY id DESC")
    assert ("test", "client.update", '{"access_token": "(secret)"}') == trail[0]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"exchange_error": 101}, ("not exchanged", "101")),
        ({"exchange_error": 190}, ("not exchanged", "190")),
        ({"exchanged_refused": True}, ("does not work", "190")),
    ],
)
async def test_what_fails_leaves_the_old_token_in_force(
    ending: Mint, faults: dict[str, Any], words: tuple[str, ...]
) -> None:
    """And one line says what happened, without a token."""
    await ending.end_in(10, **faults)
    with pytest.raises(Conflict) as refused:
        await rotate(ending)
    told = str(refused.value)
    assert [] == [word for word in (*words, "stays in force") if word not in told], told
    assert (TOKEN, False) == (await ending.reveal(SOL_ID), "EAA" in told)


async def test_a_token_of_another_app_is_not_exchanged(ending: Mint) -> None:
    """META_APP_SECRET is not its app's; the line says which it must be."""
    ending.change_settings(meta_app_secret=SecretStr("of another"))
    with pytest.raises(Conflict, match="META_APP_SECRET is not the secret of the app"):
        await rotate(ending)
    ending.change_settings(meta_app_secret=None)
    with pytest.raises(Misconfigured, match="META_APP_SECRET is not set"):
        await rotate(ending)
    assert TOKEN == await ending.reveal(SOL_ID)


async def test_nothing_to_exchange(mint: Mint) -> None:
    """A token that never ends, one that is void, and a client that has none of its own."""
    with pytest.raises(Conflict, match="no access token of its own"):
        await rotate(mint)
    await mint.give_token(SOL_ID)
    with pytest.raises(Conflict, match="never expires"):
        await rotate(mint)
    await mint.set_faults(token_refused=True)
    with pytest.raises(Conflict, match="Meta refuses this token"):
        await rotate(mint)
    assert 0 == await mint.count_exchanges()


async def test_a_meta_that_cannot_be_asked(ending: Mint) -> None:
    """It is tried later; nothing was exchanged."""
    nowhere = GraphInspector(ending.admin.house.http, base_url=NOWHERE, version="v26.0")
    ending.means = replace(ending.means, inspector=nowhere)
    with pytest.raises(Retryable, match="stays in force; try again later"):
        await rotate(ending)
    assert 0 == await ending.count_exchanges()


class SlowExchanger(GraphExchanger):
    """Lets something happen between the exchange and what follows it."""

    def __init__(self, inner: GraphExchanger, meanwhile: Any) -> None:
        self._inner = inner
        self._meanwhile = meanwhile

    async def exchange(self, *given: Any, **named: Any) -> Exchanged:
        exchanged = await self._inner.exchange(*given, **named)
        await self._meanwhile()
        return exchanged


async def test_a_token_that_was_stored_meanwhile_stays(ending: Mint) -> None:
    """Whoever stores one by hand knows better."""

    async def store_another() -> None:
        await ending.give_token(SOL_ID, "EAAbyhand")

    slow = SlowExchanger(ending.means.exchanger, store_another)
    ending.means = replace(ending.means, exchanger=slow)
    with pytest.raises(Stale, match="changed meanwhile"):
        await rotate(ending)
    assert "EAAbyhand" == await ending.reveal(SOL_ID)


async def test_a_crash_after_the_exchange_loses_nothing(ending: Mint) -> None:
    """The old token is in force, and the next exchange does it all again."""

    async def crash() -> None:
        raise KeyboardInterrupt

    whole = ending.means
    ending.means = replace(whole, exchanger=SlowExchanger(whole.exchanger, crash))
    with pytest.raises(KeyboardInterrupt):
        await rotate(ending)
    assert TOKEN == await ending.reveal(SOL_ID)
    ending.means = whole
    await rotate(ending)
    assert (2, True) == (await ending.count_exchanges(), TOKEN != await ending.reveal(SOL_ID))


async def test_a_database_that_does_not_take_it_keeps_the_old_one(
    ending: Mint, tmp_path: Path
) -> None:
    """A write that fails after the exchange is told of; a later one does."""
    with closing(sqlite3.connect(tmp_path / "released.db")) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON clients BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        connection.commit()
        with pytest.raises(Exception, match="no"):
            await rotate(ending)
        assert TOKEN == await ending.reveal(SOL_ID)
        connection.execute("DROP TRIGGER no")
        connection.commit()
    assert LIFE_DAYS == (await rotate(ending))["days_left"]


async def test_a_new_token_that_may_less_is_not_taken(ending: Mint) -> None:
    """It must be able to do all that the old one could."""

    async def take_right() -> None:
        await ending.end_in(10, missing_scope="whatsapp_business_messaging")

    slow = SlowExchanger(ending.means.exchanger, take_right)
    ending.means = replace(ending.means, exchanger=slow)
    with pytest.raises(Conflict, match="it lacks whatsapp_business_messaging"):
        await rotate(ending)
    assert TOKEN == await ending.reveal(SOL_ID)


class Oracle(GraphInspector):
    """Says of each token what it is told to say, and which of them may see a number."""

    def __init__(self, told: dict[str, TokenFacts | ReleasedError], **sees: ReleasedError) -> None:
        self._told = told
        self._sees = sees

    async def fetch_token(self, access_token: str, *, asking_with: str | None = None) -> TokenFacts:
        del asking_with
        told = self._told[access_token]
        if isinstance(told, ReleasedError):
            raise told
        return told

    async def fetch_number(self, phone_number_id: str, *, access_token: str) -> Any:
        del phone_number_id
        if access_token in self._sees:
            raise self._sees[access_token]


class Giver(GraphExchanger):
    """Gives what it is told to give."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def exchange(self, *_given: Any, **_named: Any) -> Exchanged:
        return Exchanged(self._token, None)


OLD_FACTS = TokenFacts(True, "600", time.time() + DAY_S, frozenset(), (), kind="SYSTEM_USER")
NEW_FACTS = replace(OLD_FACTS, expires_at=None)
NEW = "EAAnew"
NO_PERMISSION, NO_TIME, VOID = LookupRefused(10), LookupRefused(4), LookupRefused(190)


@pytest.mark.parametrize(
    ("before", "after", "sees", "kind", "words"),
    [
        (replace(OLD_FACTS, is_valid=False), NEW_FACTS, {}, Conflict, "not valid any more"),
        (replace(OLD_FACTS, app_id=None), NEW_FACTS, {}, Conflict, "which app"),
        (NO_PERMISSION, NEW_FACTS, {}, Conflict, "does not tell about this token"),
        (NO_TIME, NEW_FACTS, {}, Retryable, "try again later"),
        (OLD_FACTS, replace(NEW_FACTS, is_valid=False), {}, Conflict, "not valid"),
        (OLD_FACTS, OLD_FACTS, {}, Conflict, "does not live longer"),
        (OLD_FACTS, NoAnswer("silence"), {}, Retryable, "silence"),
        (OLD_FACTS, NEW_FACTS, {NEW: VOID}, Conflict, "may not see the number"),
        (OLD_FACTS, NEW_FACTS, {NEW: NO_PERMISSION}, Conflict, "may not see the number"),
        (OLD_FACTS, NEW_FACTS, {NEW: NO_TIME}, Retryable, "try again later"),
        (OLD_FACTS, NEW_FACTS, {NEW: NO_PERMISSION, TOKEN: NO_TIME}, Retryable, "again later"),
        (OLD_FACTS, NEW_FACTS, {NEW: NO_PERMISSION, TOKEN: NO_PERMISSION}, None, ""),
    ],
)
async def test_a_new_token_is_no_worse_than_the_old_one(
    ending: Mint,
    before: TokenFacts | ReleasedError,
    after: TokenFacts | ReleasedError,
    sees: dict[str, ReleasedError],
    kind: type[ReleasedError] | None,
    words: str,
) -> None:
    """Whatever Meta says of either: only one that can do as much takes the place."""
    ending.means = replace(
        ending.means, inspector=Oracle({TOKEN: before, NEW: after}, **sees), exchanger=Giver(NEW)
    )
    if kind is None:
        await rotate(ending)
        assert NEW == await ending.reveal(SOL_ID)
        return
    with pytest.raises(kind, match=words):
        await rotate(ending)
    assert TOKEN == await ending.reveal(SOL_ID)


async def test_the_same_token_again_is_no_new_one(ending: Mint) -> None:
    """Meta does that for a person's token that was exchanged on the same day."""
    ending.means = replace(ending.means, exchanger=Giver(TOKEN))
    with pytest.raises(Conflict, match="the same token again"):
        await rotate(ending)


async def test_a_token_that_no_key_opens(ending: Mint) -> None:
    """It is an error that names the key, and cannot be exchanged."""
    sealed = f"sealed:1:00000000:{'0' * 64}:x"
    await ending.admin.run(f"UPDATE clients SET access_token = '{sealed}' WHERE id = {SOL_ID}")
    for found in (await check_tokens(ending.means), await check_tokens(ending.means, ref="2")):
        own = found[-1]
        assert ("error", SOL_ID) == (own["state"], own["client_id"])
        assert "cannot be read" in own["detail"]
    with pytest.raises(Conflict, match="cannot be read"):
        await rotate(ending)
