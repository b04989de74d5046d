"""What a watching command hears: keys, signals, answers from another thread, a reader that left."""

import os
import pty
import signal
import termios
import threading
from collections.abc import Iterator

import pytest
import typer

from daemon.core.errors import Retryable
from released_cli.watching import polling
from released_cli.watching.reading import Reader
from released_cli.watching.screen import ENDING, Inputs
from tests.doubles.watched import Document

BUDGET_S = 30


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Put a terminal in stdin's place; give the side at which a person types."""
    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8") as stdin:  # noqa: PTH123 - a number
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours
    os.close(ours)


def modes(keyboard: int) -> int:
    """Tell whether lines are collected, and shown as they are typed."""
    local: int = termios.tcgetattr(keyboard)[3]
    return local & (termios.ICANON | termios.ECHO)


def test_keys_come_singly(keyboard: int) -> None:
    """Each key is heard at once, and what was before is given back in the end."""
    before = modes(keyboard)
    with Inputs() as inputs:
        assert 0 == modes(keyboard)
        os.write(keyboard, b"xq")
        heard: list[object] = []
        while len(heard) < 2:
            heard += inputs.wait(BUDGET_S)
        assert ["x", "q"] == heard
    assert before == modes(keyboard) != 0


def test_the_terminal_is_given_back_after_an_error(keyboard: int) -> None:
    """Whatever ends it, the keyboard and the signals are as they were."""
    before = modes(keyboard), [signal.getsignal(number) for number in ENDING]
    with pytest.raises(ZeroDivisionError), Inputs():
        raise ZeroDivisionError
    assert before == (modes(keyboard), [signal.getsignal(number) for number in ENDING])


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGWINCH])
def test_signals_are_heard_and_do_nothing_else(number: signal.Signals) -> None:
    """A signal is something that happened, like a key: it interrupts no drawing."""
    with Inputs() as inputs:
        signal.raise_signal(number)
        assert [number] == inputs.wait(BUDGET_S)


@pytest.mark.usefixtures("keyboard")
def test_a_signal_that_was_ignored_stays_so() -> None:
    """Under nohup a hang-up ends nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Inputs() as inputs:
            signal.raise_signal(signal.SIGHUP)
            assert [] == inputs.wait(0)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_goes_is_a_hang_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyboard at which nobody can type any more ends it."""
    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8") as stdin:  # noqa: PTH123 - a number
        monkeypatch.setattr("sys.stdin", stdin)
        with Inputs() as inputs:
            os.close(ours)
            assert [signal.SIGHUP] == inputs.wait(BUDGET_S)


def test_without_a_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """With stdin closed or a file there are no keys, and no more is missing."""
    monkeypatch.setattr("sys.stdin", None)
    with Inputs() as inputs:
        inputs.give_keys_back()
        inputs.ring()
        assert [] == inputs.wait(BUDGET_S)


def test_an_answer_wakes_the_wait_up() -> None:
    """Reading goes on beside the wait; its outcome is taken once, then asked for anew."""
    answers: list[Document] = [{"n": 1}]
    with Inputs() as inputs:
        reader = Reader(lambda: answers[0], bell=inputs.ring)
        assert reader.is_idle()
        assert reader.take() is None
        reader.ask()
        assert not reader.is_idle()
        assert [] == inputs.wait(BUDGET_S)
        assert {"n": 1} == reader.take()
        assert reader.is_idle()
    inputs.ring()


def test_a_reading_that_fails_is_raised_where_it_is_taken() -> None:
    """An error comes out on the thread that asked."""
    rung = threading.Event()

    def read() -> Document:
        raise Retryable("Away.")

    reader = Reader(read, bell=rung.set)
    reader.ask()
    assert rung.wait(BUDGET_S)
    with pytest.raises(Retryable):
        reader.take()
    assert reader.is_idle()


def test_a_reading_takes_its_time() -> None:
    """While there is no outcome there is nothing to take."""
    go_on = threading.Event()
    rung = threading.Event()

    def read() -> Document:
        go_on.wait(BUDGET_S)
        return {}

    reader = Reader(read, bell=rung.set)
    reader.ask()
    assert reader.take() is None
    assert not reader.is_idle()
    go_on.set()
    assert rung.wait(BUDGET_S)
    assert {} == reader.take()


def test_a_wait_ends_when_the_reader_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """`released listen | head -1` does not wait for the next event to notice."""
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - a number
        monkeypatch.setattr("sys.stdout", stdout)
        polling.pause(0.001)
        os.close(reading)
        with pytest.raises(typer.Exit) as left:
            polling.pause(BUDGET_S)
    assert 0 == left.value.exit_code


def test_a_wait_without_a_stdout_is_a_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stdout is no file there is nobody who could leave."""
    polling.pause(0.001)
    assert "" == capsys.readouterr().out
