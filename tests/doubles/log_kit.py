"""What tests of the log share: the root logger as it was, and lines read back."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Let a test set the log up, and undo it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)


def read_lines(text: str) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def messages_of(path: Path) -> list[str]:
    """List the messages of a log file."""
    return [line["message"] for line in read_lines(path.read_text())]
