"""`released doctor`: on the server and far away, for people and for programs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox import SandboxConfig, serve_sandbox
from released_cli.doctor import fold, lay_out, sum_up
from tests.doubles.admin import Admin, open_admin
from tests.doubles.command_line import Result, run_quickly
from tests.doubles.desk import open_desk
from tests.doubles.stage import SECRET, TOKEN, VERIFY_TOKEN
from tests.doubles.stage_clients import SEEDS
from tests.doubles.terminal import at_terminal
from tests.doubles.ward import KNOWN, states


def make(state: str = "ok", subject: str | None = None, **more: Any) -> dict[str, Any]:
    plain = {"check": "number", "subject": subject, "state": state, "detail": "so", "next": None}
    return plain | more


TROUBLE = [
    make(check="database", detail="writable"),
    make("warning", "Bar Sol", detail="quality RED", next="look"),
    make("error", "Bar \x1b[2J", detail="void", next="replace it"),
    make("skipped", detail="not asked"),
]


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    """Open a daemon, and let the folder's `.env` be its own."""
    config = SandboxConfig("http://127.0.0.1:9/webhook", SECRET, TOKEN, lambda: KNOWN)
    async with (
        serve_sandbox(config, port=0) as url,
        open_admin(tmp_path, meta_graph_url=url) as opened,
    ):
        settings = {
            "PORT": opened.house.url.rpartition(":")[2],
            "META_GRAPH_URL": url,
            "META_ACCESS_TOKEN": TOKEN,
            "META_APP_SECRET": SECRET,
            "META_VERIFY_TOKEN": VERIFY_TOKEN,
            "ANSWER_ENGINE": "local",
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
        (tmp_path / "token").write_text(opened.token, encoding="utf-8")
        yield opened


async def run(admin: Admin, *arguments: str, far: bool) -> Result:
    folder = admin.house.runtime.settings.database_url.partition("///")[2]
    before = ("--url", admin.house.url, "--token-file", "token") if far else ()
    return await asyncio.to_thread(run_quickly, Path(folder).parent, *before, *arguments)


@pytest.mark.parametrize("far", [False, True])
async def test_all_is_well_both_ways(admin: Admin, far: bool) -> None:  # noqa: FBT001
    """The same lines, exit 0; people read them on stdout and the sum on stderr."""
    result = await run(admin, "doctor", "--json", far=far)
    assert 0 == result.code, result
    told = states(result.json)
    assert "error" not in told.values()
    assert {seed["name"] for seed in SEEDS} == {name for _, name in told if name}
    shown = await run(admin, "doctor", far=far)
    assert 0 == shown.code, shown
    assert len(told) <= len(shown.out.splitlines())
    assert f"{len(told)} checks: " in shown.err
    assert TOKEN not in result.out + shown.out


@pytest.mark.parametrize("far", [False, True])
async def test_something_wrong_is_exit_3_both_ways(admin: Admin, far: bool) -> None:  # noqa: FBT001
    """With its next step under it; --json chooses keys as everywhere."""
    await admin.run("UPDATE clients SET stopped_code = 368, stopped_at = 0 WHERE id = 2")
    shown = await run(admin, "doctor", far=far)
    assert 3 == shown.code, shown
    lines = shown.out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("x error")]
    assert "Bar Sol" in lines[place]
    assert "    next: when that is mended: `released client resume 2`" == lines[place + 1]
    chosen = await run(admin, "doctor", "--json", "check,state", far=far)
    assert 3 == chosen.code
    assert {"check": "sending", "state": "error"} in chosen.json


def test_every_state_has_a_mark_and_a_word() -> None:
    """Without colours too; names cannot steer the terminal."""
    expected = [
        ("ok", ["+ ok       database  -         writable"]),
        ("warning", ["! warning  number    Bar Sol   quality RED", "    next: look"]),
        ("error", ["x error    number    Bar �[2J  void", "    next: replace it"]),
        ("skipped", ["- skipped  number    -         not asked"]),
    ]
    assert expected == lay_out(TROUBLE)
    assert "4 checks: 1 ok, 1 warning, 1 error, 1 skipped." == sum_up(TROUBLE)


def test_many_clients_that_are_well_are_one_line_a_check() -> None:
    """What is not well, and what concerns all, stays as it is."""
    few = [make(subject=f"C{number}") for number in range(12)]
    assert few == fold(few)
    many = [*TROUBLE, *few, make(subject="C12", check="token")]
    folded = fold(many)
    assert TROUBLE == folded[: len(TROUBLE)]
    summed = [(line["check"], line["subject"]) for line in folded[len(TROUBLE) :]]
    assert [("number", "12 clients"), ("token", "1 client")] == summed


@pytest.mark.parametrize(("settings", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_shows_it_in_colour(
    tmp_path: Path,
    settings: dict[str, str],
    coloured: bool,  # noqa: FBT001
) -> None:
    """The mark and the word are there either way, and the sum at the end."""
    with open_desk({"/doctor": TROUBLE}) as desk:
        place = {"RELEASED_URL": desk.url, "RELEASED_TOKEN": "rel_token"}
        with at_terminal(tmp_path, "doctor", **place, **settings) as terminal:
            assert 3 == terminal.finish()
    for text in ("x error", "! warning", "next: replace it", "4 checks: 1 ok"):
        assert text in terminal.seen
    assert coloured is ("\x1b[1;31mx error" in terminal.seen)
