"""`released top` as a person at a terminal sees it.

The daemon is a desk that answers what a test puts there, and that can go away and come back.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.documents import timestamp
from tests.doubles.desk import Desk, open_desk
from tests.doubles.screen import CLEAR, CURSOR, ENTER, LEAVE
from tests.doubles.terminal import Terminal, wait_for_state
from tests.doubles.watched import NOON, make_client, make_status
from tests.doubles.watching_kit import at_screen, make_documents


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk(make_documents()) as opened:
        yield opened


def assert_restored(terminal: Terminal) -> None:
    """Hold that the screen from before is back, with its cursor, and that lines are collected."""
    assert terminal.seen.count(ENTER) == terminal.seen.count(LEAVE) > 0
    assert terminal.seen.rindex(CURSOR) > terminal.seen.rindex("\x1b[?25l")
    assert terminal.seen.rindex(LEAVE) > terminal.seen.rindex("q leaves")


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("Q", 0), ("\x03", 130)])
def test_top_fills_the_terminal_and_leaves_it_as_it_was(
    tmp_path: Path, desk: Desk, key: str, code: int
) -> None:
    """The picture is drawn in place, 500 clients or not, and q and Ctrl-C give the screen back."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        seen = screen.wait_for("q leaves")
        assert seen.startswith("daemon    running for 2 h, version 0.1.0")
        assert "\n401  El Faro " in seen
        assert seen.endswith("… and 490 more   q leaves")
        terminal.type(f"x{key}")
        assert code == terminal.finish()
        assert not screen.has_scrolled
    assert_restored(terminal)
    assert CLEAR not in terminal.seen[terminal.seen.index("q leaves") :]
    assert "released:" not in terminal.seen


def test_top_is_drawn_anew(tmp_path: Path, desk: Desk) -> None:
    """What changes is seen within two seconds, in the same place, without the screen scrolling."""
    statuses = [make_status([make_client(1, answers_24h=number)]) for number in (40, 41, 4242)]
    desk.documents["/status*"] = statuses
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("q leaves")
        screen.wait_for("4242")
        assert 24 == len(screen.lines)
        assert not screen.has_scrolled
        terminal.type("q")
        assert 0 == terminal.finish()


def test_top_fits_a_window_that_changes(tmp_path: Path, desk: Desk) -> None:
    """A smaller and a larger window are filled at once."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("… and 490 more   q leaves")
        for columns, lines in ((60, 14), (110, 40)):
            screen.resize(columns, lines)
            screen.wait(lambda seen: seen.endswith("q leaves") and "El Faro" in seen)
        assert screen.lines[-1] == "… and 475 more   q leaves"
        assert not screen.has_scrolled
        terminal.type("q")
        assert 0 == terminal.finish()


def test_top_keeps_the_last_picture_while_nobody_answers(tmp_path: Path, desk: Desk) -> None:
    """It says since when and why, keeps what it knows, and goes on by itself."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("q leaves")
        desk.close()
        seen = screen.wait_for("no answer since 4 s")
        assert f"Nothing answers at {desk.url}" in seen
        assert "El Faro" in seen
        desk.open()
        screen.wait(lambda seen: "no answer" not in seen and "Nothing answers" not in seen)
        terminal.type("q")
        assert 0 == terminal.finish()
    assert_restored(terminal)


def test_top_ends_with_what_cannot_be_waited_for(tmp_path: Path, desk: Desk) -> None:
    """An answer that is none of ours gives the terminal back and is told in one line."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("q leaves")
        desk.documents["/status"] = desk.documents["/health"] = {"not": "ours"}
        assert 1 == terminal.finish()
    assert_restored(terminal)
    assert "released: " in terminal.seen[terminal.seen.rindex(LEAVE) :]
    assert "Traceback" not in terminal.seen


def test_top_says_at_once_that_nobody_is_there(tmp_path: Path, desk: Desk) -> None:
    """A wrong address shows no picture, but what is wrong and an exit code."""
    desk.close()
    with at_screen(tmp_path, desk, "top") as (terminal, _):
        assert 1 == terminal.finish()
    assert ENTER not in terminal.seen
    assert "Nothing answers at" in terminal.seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_top_gives_the_terminal_back_when_it_is_ended(
    tmp_path: Path, desk: Desk, number: signal.Signals
) -> None:
    """A polite kill ends it as q does; its exit code names the signal."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("q leaves")
        assert terminal.process.pid is not None
        os.kill(terminal.process.pid, number)
        assert 128 + number == terminal.finish()
    assert_restored(terminal)


def test_top_can_be_put_aside(tmp_path: Path, desk: Desk) -> None:
    """Ctrl-Z gives the terminal back and stops; once continued the picture is there again."""
    with at_screen(tmp_path, desk, "top") as (terminal, screen):
        screen.wait_for("q leaves")
        pid = terminal.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGTSTP)
        terminal.expect(LEAVE)
        # A program without a shell over it may not be stoppable.
        wait_for_state(pid, "T", within_s=1)
        os.kill(pid, signal.SIGCONT)
        terminal.expect(ENTER)
        terminal.expect("q leaves")
        terminal.type("q")
        assert 0 == terminal.finish()
    assert_restored(terminal)


def test_top_without_colours(tmp_path: Path, desk: Desk) -> None:
    """NO_COLOR leaves bold and dim, and no colour."""
    with at_screen(tmp_path, desk, "top", "--count", "1", NO_COLOR="1") as (terminal, _):
        assert 0 == terminal.finish()
    assert "\x1b[31m" not in terminal.seen
    assert "\x1b[1;31m" not in terminal.seen
    assert_restored(terminal)


def test_top_on_a_terminal_that_cannot_draw(tmp_path: Path, desk: Desk) -> None:
    """Where no cursor moves, and with --json, each look is a line."""
    with at_screen(tmp_path, desk, "top", "--count", "2", TERM="dumb") as (terminal, _):
        assert 0 == terminal.finish()
    assert [timestamp(NOON)] * 2 == [
        json.loads(line)["time"] for line in terminal.seen.splitlines()
    ]
