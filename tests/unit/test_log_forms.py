"""A line of the log: its shape, and which errors may speak in it."""

import json
import logging
import sqlite3
import sys
from collections.abc import Callable

import pytest
from pydantic import BaseModel

from daemon.core.errors import NotFound, Retryable
from daemon.log_forms import JsonLines, TextLines, show_fact, tell_error

CUSTOMER = "34600111222"
TOKEN = "EAAsomebodys"


class Numbered(BaseModel):
    """Takes a number."""

    number: int


def make(level: int = logging.INFO, **facts: object) -> logging.LogRecord:
    record = logging.LogRecord("daemon.test", level, __file__, 1, "send", None, None)
    vars(record).update(facts)
    record.created, record.msecs = 1780000000.25, 250.0
    return record


def catch(fail: Callable[[], object]) -> BaseException:
    try:
        fail()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_json_line_has_a_moment_like_the_apis_and_its_facts() -> None:
    """Time in UTC to the millisecond; None is kept, for whoever reads by column."""
    read = json.loads(JsonLines().format(make(client=1, error=None)))
    expected = {
        "time": "2026-05-28T20:26:40.250Z",
        "level": "INFO",
        "logger": "daemon.test",
        "message": "send",
        "client": 1,
        "error": None,
    }
    assert expected == read


def test_a_text_line_shows_what_is_there() -> None:
    """`name=value` after the message, and nothing for None."""
    line = TextLines().format(make(logging.WARNING, client=1, error=None))
    assert line.endswith("WARNING daemon.test: send client=1")
    assert "\33" not in line


@pytest.mark.parametrize(
    ("level", "start"),
    [(logging.INFO, "INFO   "), (logging.WARNING, "\33[33mWARNING\33[m")],
)
def test_only_what_is_out_of_the_ordinary_is_coloured(level: int, start: str) -> None:
    """On a terminal; INFO is the rule."""
    line = TextLines(coloured=True).format(make(level))
    assert line.partition(" ")[2].startswith(f"{start} daemon.test")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7, "7"),
        ("plain", "plain"),
        ("two words", "'two words'"),
        ("", "''"),
        ("end\nFAKE line", r"'end\nFAKE line'"),
        ("\33[2J", r"'\x1b[2J'"),
        (["A", "B"], "\"['A', 'B']\""),
    ],
)
def test_no_fact_leaves_its_place(value: object, shown: str) -> None:
    """Nobody's text can begin a line of its own or move a terminal's cursor."""
    assert shown == show_fact(value)


@pytest.mark.parametrize(
    "fail",
    [
        lambda: int(CUSTOMER + "x"),
        lambda: {"one": 1}[CUSTOMER],
        lambda: Numbered.model_validate({"number": CUSTOMER + "x"}),
        lambda: CUSTOMER.encode().decode("utf-16"),
        lambda: json.loads(CUSTOMER + TOKEN),
        fail_with(ZeroDivisionError(CUSTOMER)),
        fail_with(Exception(TOKEN)),
        fail_with(OSError(CUSTOMER)),
        fail_with(NotFound(f"There is no customer {CUSTOMER}.")),
        fail_with(KeyboardInterrupt(TOKEN)),
    ],
)
def test_an_error_that_may_quote_somebody_says_only_its_kind(fail: Callable[[], object]) -> None:
    """With where in the code it rose, which finds it."""
    error = catch(fail)
    told = tell_error(error)
    assert type(error).__qualname__ == told.splitlines()[-1]
    assert "Traceback (most recent call last):" == told.splitlines()[0]
    assert __file__ in told
    assert [] == [word for word in (CUSTOMER, TOKEN) if word in told]


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (lambda: sys.no_such, "AttributeError: module 'sys' has no attr"),  # type: ignore[attr-defined]
        (lambda: len(3), "TypeError: object of type 'int' has no len()"),  # type: ignore[arg-type]
        (lambda: open("/no/where"), "FileNotFoundError: No such file or directory"),  # noqa: PTH123,SIM115
        (fail_with(Retryable("Busy.")), "Retryable: Busy."),
        (fail_with(sqlite3.OperationalError("no such table: x")), "OperationalError: no such tabl"),
    ],
)
def test_an_error_of_the_code_itself_speaks(fail: Callable[[], object], words: str) -> None:
    """Its words name types, files and tables, never what somebody wrote."""
    assert words in tell_error(catch(fail))


def test_what_came_first_is_told_first() -> None:
    """A cause, what was being handled, and what a group holds; each once."""

    def handle() -> None:
        try:
            int("x")
        except ValueError:
            raise RuntimeError("handling") from None

    def chain() -> None:
        try:
            handle()
        except RuntimeError as error:
            within = TypeError("within")
            within.__context__ = error
            raise ExceptionGroup("both", [within, error]) from error

    told = [line for line in tell_error(catch(chain)).splitlines() if not line.startswith(" ")]
    expected = [
        "Traceback (most recent call last):",
        "RuntimeError: handling",
        "Then:",
        "Traceback (most recent call last):",
        "ExceptionGroup",
        "Within it:",
        "Traceback (most recent call last):",
        "TypeError: within",
    ]
    assert expected == told


def test_no_error_is_no_text() -> None:
    """`exc_info=True` where nothing was being handled."""
    assert "" == tell_error(None)
