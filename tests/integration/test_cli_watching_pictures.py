"""What `status` and `top` draw: within the terminal, whatever its size and however many clients."""

import io
import os

import pytest
from rich.console import Console

from released_cli.watching.board import build_board, draw_board
from released_cli.watching.lines import can_draw, make_line, print_lines, write_plainly
from released_cli.watching.picture import Scene, draw_scene
from tests.doubles.command_line import find_path
from tests.doubles.watched import NOON, Document, make_alert, make_client, make_fleet, make_status

SIZES = [(80, 24), (60, 14), (40, 10), (200, 60), (20, 8)]


def look(scene: Scene, *, clock: float, size: tuple[int, int]) -> list[str]:
    """Draw a scene as plain lines."""
    width, height = size
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as drawn:
        console.print(draw_scene(scene, clock=clock, width=width, height=height))
    return [line.rstrip() for line in drawn.get().splitlines()]


def many_alerts() -> Document:
    fleet = make_fleet()
    return fleet | {"alerts": [make_alert(number) for number in range(1, 301)]}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "document", [make_status(), make_fleet(), many_alerts(), make_status([make_client(1)])]
)
def test_a_picture_fits_the_terminal(document: Document, size: tuple[int, int]) -> None:
    """No line is wider and no picture higher than the terminal, so that nothing ever scrolls."""
    scene = Scene(document, 0.0, trouble="Nothing answers at https://bot.example.com. " * 3)
    lines = look(scene, clock=8.0, size=size)
    width, height = size
    assert height >= len(lines)
    assert width >= max(len(line) for line in lines)


def test_a_picture_of_five_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """The house, what needs somebody with the next command, and the clients in that order."""
    monkeypatch.setenv("PATH", find_path())
    lines = look(Scene(make_fleet(), 0.0), clock=0.0, size=(80, 24))
    assert [
        "daemon    running for 2 h, version 0.1.0",
        "inbox     12 waiting, the oldest for 4 s; 3 parked",
        "answers   20,000 in 24 h, and 1,000 unanswered",
        "clients   500, 2 stopped, 1 inactive",
        "database  123.5 MB; 34.5 GB free on its disk",
        "",
        "error: El Faro: Meta refuses the access token (error 190)",
        "  released client update 401 --access-token-file PATH",
        "error: Taller López e Hijos, Neumáticos y Mecánica: Meta refuses the access tok…",
        "  released client update 402 --access-token-file PATH",
        "… and 1 more: released status",
        "",
        " id  name                  last message  waiting  parked  /min  24 h  unanswered",
        "401  El Faro               6 h ago             7       0     -    40           2",
        "402  Taller López e Hijo…  6 h ago             0       0     -    40           2",
        "301  Bar Sol               5 h ago             0       3     -    40           2",
        "  2  Café 2                2 min ago           0       0     -    40           2",
    ] == lines[:17]
    assert "… and 490 more   q leaves" == lines[-1]
    assert 24 == len(lines)


def test_a_picture_that_is_no_longer_fresh() -> None:
    """The last picture stays, its ages go on, and it says since when there was no answer."""
    scene = Scene(make_status([make_client(3)]), 100.0, trouble="Nothing\nanswers there.")
    lines = look(scene, clock=165.0, size=(80, 24))
    assert "daemon    running for 2 h, version 0.1.0" == lines[0][:40]
    assert lines[0].endswith("  no answer since 1 min")
    assert "Nothing answers there." == lines[5]
    assert "4 min ago" in lines[8]
    scene.see(make_status([make_client(3)]), at=166.0)
    fresh = look(scene, clock=167.0, size=(80, 24))
    assert "no answer" not in "".join(fresh)


def test_a_picture_shows_rates() -> None:
    """From consecutive documents: of all, and of each client."""
    scene = Scene(make_status([make_client(1)]), 0.0)
    scene.see(make_status([make_client(1, answers_24h=50)]), at=30.0)
    lines = look(scene, clock=30.0, size=(80, 24))
    assert "answers   50 in 24 h, and 2 unanswered; 20 a minute now" == lines[2]
    assert lines[7].split()[-3:] == ["20", "50", "2"]


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        (80, "id name state last message waiting parked 24 h unanswered"),
        (66, "id name last message waiting parked 24 h unanswered"),
        (64, "id name last message waiting parked 24 h"),
        (44, "id name waiting parked"),
        (20, "na… waiting parked"),
    ],
)
def test_a_narrow_board_gives_columns_up(width: int, kept: str) -> None:
    """The name keeps room to be told by; what waits and what is parked always show."""
    board = build_board(make_fleet(), now=NOON)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as drawn:
        console.print(draw_board(board, shown=2, width=width))
    headings = drawn.get().splitlines()[0].split()
    assert kept.split() == headings


def test_a_line_is_wrapped_behind_its_mark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe gets whole lines; each line of a text begins behind the mark."""
    line = make_line(("one\ntwo ", "red"), ("three", ""), mark="  Q ")
    assert ["  Q one", "    two three"] == write_plainly(line)
    print_lines([line])
    assert "  Q one\n    two three\n" == capsys.readouterr().out
    monkeypatch.setenv("TERM", "xterm")
    assert not can_draw()


@pytest.mark.parametrize(
    ("term", "drawable"), [("xterm-256color", True), ("dumb", False), ("", False)]
)
def test_where_a_picture_can_be_drawn(
    term: str,
    drawable: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only on a terminal that can move its cursor."""
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal, open(ours, "rb", buffering=0):  # noqa: PTH123
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setenv("TERM", term)
        assert drawable is can_draw()
