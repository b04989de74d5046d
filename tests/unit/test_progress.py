"""What long work says of how far it is."""

import io
import sys
from collections.abc import Iterator

import pytest

from released_cli.given import Globals, start
from released_cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _nothing_given() -> Iterator[None]:
    start(Globals())
    yield
    start(Globals())


def test_off_a_terminal_there_is_a_line_every_so_often(capsys: pytest.CaptureFixture[str]) -> None:
    """A line every two seconds, none at the end, whose sums say it."""
    moments = iter([0.0, 1.0, 2.0, 2.5, 3.0, 5.0, 5.0, 9.0])
    with progress("Applying", 5, clock=lambda: next(moments)) as advance:
        for _ in range(5):
            advance()
    assert ["Applying: 2 of 5", "Applying: 4 of 5"] == capsys.readouterr().err.splitlines()


def test_on_a_terminal_there_is_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts, on stderr, and the last thing it does is to clear its line."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("Applying", 2) as advance:
        advance()
        advance()
    shown = terminal.getvalue()
    assert "2/2" in shown
    assert shown.endswith("\x1b[2K")


@pytest.mark.parametrize(("quiet", "total"), [(True, 5), (False, 0)])
def test_nothing_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, quiet: bool, total: int
) -> None:
    """Quietly, and for no work at all, nothing is said, on a terminal either."""
    start(Globals(quiet=quiet))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("Applying", total, clock=lambda: 0.0) as advance:
        advance()
    assert ("", "") == (terminal.getvalue(), capsys.readouterr().err)
