"""Logs: JSON for machines, text for a terminal; both to stderr."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

QUIET = ("httpx2", "httpcore2", "openai", "asyncio", "alembic", "stamina")
"""Libraries that tell more than one line of outcome a message; they speak from WARNING on."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """One line for a person: time, level, what, and the facts as `name=value`."""

    def __init__(self) -> None:
        """Show local time to the second."""
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Append what was given in `extra`, except what is None."""
        facts = [
            f"{name}={value}"
            for name, value in vars(record).items()
            if name not in _STANDARD and value is not None
        ]
        return " ".join([super().formatMessage(record), *facts])


def set_up_logs(*, level: str, form: Literal["json", "text"] | None) -> None:
    """Send every log to stderr in the given form; None chooses text on a terminal, else JSON."""
    chosen = form or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if chosen == "text" else _json_formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
