"""What a line of the log looks like: JSON for machines, text for a person, errors for both.

Owns the words of an error: those of a vendor or of Python may quote what a customer wrote, a
number or a token, so only those are shown that speak of code alone. Knows no file and no level.
"""

import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from daemon.core.errors import Rejected, ReleasedError

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
"""ANSI's numbers for a level on a terminal; INFO is the rule and stays plain."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_OF_CODE = frozenset(
    {
        AttributeError,
        ImportError,
        ModuleNotFoundError,
        NameError,
        NotImplementedError,
        RecursionError,
        RuntimeError,
        TypeError,
        UnboundLocalError,
    }
)
"""Python's own errors whose words name types and attributes, never a value."""


class JsonLines(JsonFormatter):
    """One object a line: time (UTC), level, logger, message, then the facts by their names."""

    def __init__(self) -> None:
        """Name the fields; everything that is not ASCII is escaped, whatever the stream's."""
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def formatTime(  # noqa: N802 - logging's own name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """Give the moment to the millisecond, in the form of the API's times."""
        del datefmt
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{record.msecs:03.0f}Z"

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802
        """Tell an error in one field."""
        return tell_error(ei[1])


class TextLines(logging.Formatter):
    """One line for a person: local time, level, what, and the facts as `name=value`."""

    def __init__(self, *, coloured: bool = False) -> None:
        """Show the level in colour where the reader has a terminal for it."""
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._coloured = coloured

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Append what was given in `extra` and what was bound, except what is None."""
        facts = [
            f"{name}={show_fact(value)}"
            for name, value in vars(record).items()
            if name not in _STANDARD and value is not None
        ]
        level = f"{record.levelname:<7}"
        colour = COLOURS.get(record.levelname) if self._coloured else None
        values = vars(record) | {"levelname": f"\33[{colour}m{level}\33[m" if colour else level}
        return " ".join([(self._fmt or "") % values, *facts])

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802
        """Tell an error on lines of its own."""
        return tell_error(ei[1])


def show_fact(value: Any) -> str:
    """Show a fact so that it is one word, or quoted: no value can end the line or move a cursor."""
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)


def tell_error(error: BaseException | None) -> str:
    """Tell an error and what it came from, the first first, with where in the code it rose."""
    return "" if error is None else "\n".join(_tell(error, told=set()))


def _tell(error: BaseException, *, told: set[int]) -> Iterator[str]:
    told.add(id(error))
    context = None if error.__suppress_context__ else error.__context__
    earlier = error.__cause__ or context
    if earlier is not None and id(earlier) not in told:
        yield from _tell(earlier, told=told)
        yield "Then:"
    yield "Traceback (most recent call last):"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    yield f"{type(error).__qualname__}{_words(error)}"
    if isinstance(error, BaseExceptionGroup):
        for inner in (each for each in error.exceptions if id(each) not in told):
            yield "Within it:"
            yield from _tell(inner, told=told)


def _words(error: BaseException) -> str:
    """Give what an error says of itself, unless it might quote somebody."""
    if isinstance(error, OSError):
        return f": {error.strerror}" if error.strerror else ""
    is_ours = isinstance(error, ReleasedError) and not isinstance(error, Rejected)
    is_of_sqlite = type(error).__module__ == "sqlite3"
    if is_ours or is_of_sqlite or type(error) in _OF_CODE:
        return f": {error}"
    return ""
