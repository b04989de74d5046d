"""`released meta token`: on the server and far away, clients' own tokens and the shared one."""

import asyncio
import errno
import os
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.credentials.keeping import Home
from daemon.core.credentials.running import rotate_shared_here
from daemon.core.errors import Misconfigured
from daemon.core.runtime import open_database
from tests.doubles.command_line import Shell, assert_refused
from tests.doubles.mint import LIFE_DAYS, SOL_ID, Mint, open_mint
from tests.doubles.stage import TOKEN
from tests.doubles.terminal import at_terminal

CHECK = ("meta", "token", "check")
ROTATE = ("meta", "token", "rotate")
SHARED = f"META_ACCESS_TOKEN={TOKEN}\n"


@pytest.fixture
async def mint(tmp_path: Path) -> AsyncIterator[Mint]:
    async with open_mint(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("far", [False, True])
async def test_tokens_that_are_well(mint: Mint, *, far: bool) -> None:
    """A row each, exit 0; nothing to do."""
    await mint.give_token(SOL_ID)
    found = await mint.run(*CHECK, far=far)
    assert (0, "") == (found.code, found.err)
    heading, shared, own = found.out.splitlines()
    assert heading.split() == ["token", "of", "state", "type", "expires", "days", "left", "detail"]
    assert ["shared", "ok", "SYSTEM_USER", "never", "-"] == shared.split()[:5]
    assert own.startswith("Bar Sol")


@pytest.mark.parametrize("far", [False, True])
async def test_a_token_that_ends_is_exchanged(mint: Mint, *, far: bool) -> None:
    """`check` exits 3 and says how, `rotate` does it, and `check` is content."""
    await mint.give_token(SOL_ID)
    await mint.end_in(6.5)
    found = await mint.run(*CHECK, "Bar Sol", far=far)
    assert (3, ["Bar", "Sol", "error"]) == (found.code, found.out.splitlines()[1].split()[:3])
    assert "released meta token rotate 2" in found.err
    done = await mint.run(*ROTATE, "Bar Sol", "--json", far=far)
    assert (0, SOL_ID, LIFE_DAYS) == (done.code, done.json["client_id"], done.json["days_left"])
    assert "works" in done.err
    assert TOKEN != await mint.reveal(SOL_ID)
    after = await mint.run(*CHECK, "2", "--json", "state,days_left", far=far)
    assert (0, [{"state": "ok", "days_left": LIFE_DAYS}]) == (after.code, after.json)
    # The shared one still ends, and the exit code of all says so.
    assert 3 == (await mint.run(*CHECK, far=far)).code


@pytest.mark.parametrize("far", [False, True])
async def test_a_warning_leaves_time(mint: Mint, *, far: bool) -> None:
    """Within two weeks it is said, and the exit code is 0."""
    await mint.end_in(13.5)
    found = await mint.run(*CHECK, far=far)
    assert (0, True) == (found.code, "shared: exchange it for a new one" in found.err)


@pytest.mark.parametrize("far", [False, True])
async def test_what_is_refused_is_one_line(mint: Mint, *, far: bool) -> None:
    """Both ways the same: no own token, one that never ends, nobody, and what Meta refuses."""
    assert_refused(await mint.run(*ROTATE, "1", far=far), 1, "no access token of its own")
    await mint.give_token(SOL_ID)
    assert_refused(await mint.run(*ROTATE, "2", far=far), 1, "never expires")
    assert_refused(await mint.run(*ROTATE, "Bar Sal", far=far), 1, "Did you mean 'Bar Sol'")
    assert_refused(await mint.run(*CHECK, "Bar Sal", far=far), 1, "Did you mean 'Bar Sol'")
    await mint.end_in(5, exchange_error=101)
    assert_refused(await mint.run(*ROTATE, "2", far=far), 1, "not exchanged", "stays in force")
    assert TOKEN == await mint.reveal(SOL_ID)


async def test_the_shared_token_is_exchanged_in_its_file(mint: Mint) -> None:
    """All else in the file stays, the new one works, and the daemon has to be told."""
    await mint.end_in(6.5)
    env = mint.folder / ".env"
    env.chmod(0o640)
    before = env.read_text()
    done = await mint.run(*ROTATE)
    assert 0 == done.code, done
    assert "restart" in done.err
    assert str(env) in done.out
    after = env.read_text()
    new = next(line for line in after.splitlines() if line.startswith("META_ACCESS")).split("=")[1]
    assert (before.replace(TOKEN, new), 0o640) == (after, stat.S_IMODE(env.stat().st_mode))
    assert (True, True) == (new != TOKEN, new not in done.out + done.err)
    found = await mint.run(*CHECK, "--json", "days_left")
    assert [{"days_left": LIFE_DAYS}] == found.json


async def test_a_shared_token_that_stays(mint: Mint) -> None:
    """What fails leaves the file as it is, and nothing beside it."""
    before = (mint.folder / ".env").read_text()
    assert_refused(await mint.run(*ROTATE, "--yes"), 1, "never expires")
    await mint.end_in(5, exchanged_refused=True)
    assert_refused(await mint.run(*ROTATE, "--yes"), 1, "does not work", "stays in force")
    assert before == (mint.folder / ".env").read_text()
    assert [] == list(mint.folder.glob(".*.part"))


async def test_a_shared_token_of_the_environment(mint: Mint) -> None:
    """It is exchanged only where the new one has a file to go to, which its owner alone reads."""
    await mint.end_in(5)
    (mint.folder / ".env").write_text(
        (mint.folder / ".env").read_text().replace(SHARED, ""), encoding="utf-8"
    )
    refused = await mint.run(*ROTATE, META_ACCESS_TOKEN=TOKEN)
    assert_refused(refused, 1, "environment", "--output FILE")
    assert 0 == await mint.count_exchanges()
    done = await mint.run(*ROTATE, "--output", "new", META_ACCESS_TOKEN=TOKEN)
    assert (0, True) == (done.code, "Put what new holds into" in done.err)
    again = await mint.run(*ROTATE, "--output", "new", META_ACCESS_TOKEN=TOKEN)
    assert_refused(again, 1, "something else")
    new = mint.folder / "new"
    assert 0o600 == stat.S_IMODE(new.stat().st_mode)
    found = await mint.run(*CHECK, "--json", "days_left", META_ACCESS_TOKEN=new.read_text().strip())
    assert [{"days_left": LIFE_DAYS}] == found.json


async def test_a_shared_token_in_a_file_of_its_own(mint: Mint) -> None:
    """As systemd's credentials are: written in place, or beside with the command that moves it."""
    await mint.end_in(5)
    env = mint.folder / ".env"
    env.write_text(env.read_text().replace(SHARED, ""), encoding="utf-8")
    (mint.folder / "credentials").mkdir()
    file = mint.folder / "credentials" / "META_ACCESS_TOKEN"
    file.write_text(TOKEN, encoding="utf-8")
    folder = str(file.parent)
    aside = await mint.run(*ROTATE, "--output", "new", CREDENTIALS_DIRECTORY=folder)
    assert (0, True) == (aside.code, f"as root: cat new >{file} && rm new" in aside.err)
    assert TOKEN == file.read_text()
    done = await mint.run(*ROTATE, "--output", str(file), CREDENTIALS_DIRECTORY=folder)
    assert (0, False) == (done.code, "as root" in done.err)
    assert ("EAAsandbox", False) == (file.read_text()[:10], TOKEN in file.read_text())


async def test_a_shared_token_that_cannot_be_written_anywhere(mint: Mint) -> None:
    """It is said before anything is exchanged."""
    await mint.end_in(5)
    refused = await mint.run(*ROTATE, "--output", "nowhere/new")
    assert_refused(refused, 1, "no folder")
    assert 0 == await mint.count_exchanges()


async def test_a_write_that_fails_leaves_the_shared_token_in_force(
    mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the exchange; the old one is still good, and the line says so."""
    await mint.end_in(5)
    env = mint.folder / ".env"
    before = env.read_text()

    def refuse(*_given: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(Misconfigured, match=r"Input/output error.*stays in force"):
        await rotate_shared(mint, Home("line", env))
    assert (before, 1) == (env.read_text(), await mint.count_exchanges())
    monkeypatch.undo()
    assert LIFE_DAYS == (await rotate_shared(mint, Home("line", env)))["days_left"]


async def test_the_shared_token_is_tried_on_a_number_that_it_sends_for(mint: Mint) -> None:
    """On PHONE_NUMBER_ID where every client has its own; on none where there is none."""
    for client_id in (1, 2, 3):
        await mint.give_token(client_id)
    await mint.end_in(5)
    env = mint.folder / ".env"
    assert LIFE_DAYS == (await rotate_shared(mint, Home("line", env)))["days_left"]
    with pytest.raises(Misconfigured, match="is not set on this machine"):
        await rotate_shared(mint, Home("line", env), meta_access_token=None)


async def test_a_person_is_asked_first(mint: Mint) -> None:
    """What it is, and where it goes; only a clear yes is one, and --yes asks nothing."""
    await mint.give_token(SOL_ID)
    await mint.end_in(5)
    for words, asked in (
        ((*ROTATE, "2"), "access token of 2 for a new one?"),
        (ROTATE, f"write that to {mint.folder / '.env'}?"),
    ):
        assert 1 == await answer(mint, words, asked, "n")
        assert 0 == await answer(mint, words, asked, "y")
    assert 2 == await mint.count_exchanges()


async def answer(mint: Mint, words: tuple[str, ...], asked: str, key: str) -> int:
    def sit() -> int:
        with at_terminal(mint.folder, *words, COLUMNS="300") as terminal:
            terminal.expect(asked)
            terminal.type(f"{key}\n")
            return terminal.finish()

    return await asyncio.to_thread(sit)


async def rotate_shared(mint: Mint, home: Home, **settings: Any) -> dict[str, Any]:
    """Do what the command does, in this process."""

    def work() -> dict[str, Any]:
        known = mint.means.settings.model_copy(update=settings)
        with open_database(known) as database:
            return rotate_shared_here(known, database, home, output=None, clock=time.time)

    return await asyncio.to_thread(work)


async def test_the_shared_token_is_no_business_of_far_away(mint: Mint) -> None:
    """It stands in a file on the server."""
    assert_refused(await mint.run(*ROTATE, far=True), 2, "on the server", "--local")


async def test_without_any_token(tmp_path: Path) -> None:
    """Nothing to check where no active client needs one, which is said; nothing to exchange."""
    async with open_mint(tmp_path, meta_access_token=None) as mint:
        (tmp_path / ".env").write_text(
            (tmp_path / ".env").read_text().replace(SHARED, ""), encoding="utf-8"
        )
        assert 3 == (await mint.run(*CHECK)).code
        await mint.admin.run("UPDATE clients SET active = 0")
        found = await mint.run(*CHECK)
        assert (0, "", True) == (found.code, found.out, "no active client needs one" in found.err)
        assert_refused(await mint.run(*ROTATE), 1, "is not set on this machine")


def test_output_is_for_the_shared_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client's own goes into the database."""
    shell = Shell(tmp_path, monkeypatch, capsys)
    assert_refused(shell.run(*ROTATE, "1", "--output", "x"), 2, "leave REF out")
