"""Where the log goes: stderr, or LOG_FILE, which may be moved away under a running daemon.

Owns handlers, the level, and what every line carries beside its own facts. Whatever becomes of the
disk, logging raises nothing: what the file does not take goes to stderr, and what that does not
take is lost.
"""

import asyncio
import errno
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from daemon import tracing
from daemon.core.errors import Misconfigured
from daemon.log_forms import JsonLines, TextLines

log = logging.getLogger(__name__)

Form = Literal["json", "text"]

FILE_MODE = 0o640
"""Of a new LOG_FILE: its owner writes, its group may read; the umask takes from that."""


class Traced(logging.Filter):
    """Puts what is bound on a line, and lets libraries speak of trouble alone.

    It sits on a handler: what is below the level never comes here.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids of request and turn, where the line does not name them itself."""
        if record.levelno < logging.WARNING and not record.name.startswith("daemon."):
            return False
        if _is_no_http(record):
            return False
        facts = vars(record)
        for name, value in tracing.bound().items():
            facts.setdefault(name, value)
        return True


class StderrLog(logging.StreamHandler[Any]):
    """The log on stderr; a reader that is gone or a full disk behind it is no error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Lose the line: there is nobody left to tell."""


class FileLog(logging.Handler):
    """The log in a file, opened anew when it was moved; while it takes nothing, stderr does."""

    def __init__(self, path: Path, fallback: logging.Handler) -> None:
        """Open the file.

        Raises:
            OSError: when it cannot be opened.

        """
        super().__init__()
        self._path = path
        self._fallback = fallback
        self._number: int | None = _open_file(path)
        self._is_failing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless the file or its folder is gone, full or closed to us."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001 - whatever it is that a library gave, logging raises nothing
            return
        # A reload has closed it: its number may be the database's by now.
        if self._number is None:
            self._fallback.handle(record)
            return
        try:
            self._number = self._follow(self._number)
            _write_whole(self._number, line)
        except OSError as refused:
            self._hand_over(record, refused)
        else:
            self._is_failing = False

    def close(self) -> None:
        """Close the file, once; a line that a thread still brings goes to stderr."""
        super().close()
        self.acquire()
        try:
            number, self._number = self._number, None
        finally:
            self.release()
        if number is not None:
            with suppress(OSError):
                os.close(number)

    def _follow(self, number: int) -> int:
        """Open the file anew if what lies under its name is another one, or none."""
        ours = os.fstat(number)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        if there is not None and os.path.samestat(ours, there):
            return number
        opened = _open_file(self._path)
        with suppress(OSError):
            os.close(number)
        return opened

    def _hand_over(self, record: logging.LogRecord, refused: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            facts = {"file": str(self._path), "error": refused.strerror}
            said = "LOG_FILE takes no lines; they go to stderr"
            told = log.makeRecord(log.name, logging.ERROR, __file__, 0, said, (), None, extra=facts)
            self._fallback.handle(told)
        self._fallback.handle(record)


def set_up_logs(
    *,
    level: str,
    form: Form | None,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Send every log to stderr or to a file, now or anew; the file is opened in any case.

    `form` None chooses text on a terminal, else JSON. `environ` is asked for NO_COLOR and TERM.

    Raises:
        Misconfigured: when the file cannot be opened; the log then goes where it went.

    """
    handler = _open_handler(form, file, environ or {})
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def tell_loop_error(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Log what asyncio could tell nobody; its own words quote the errors and arguments it names."""
    what = re.split(r"[<(]", str(context.get("message", "")), maxsplit=1)[0].strip()
    log.error("error in the event loop", extra={"what": what}, exc_info=context.get("exception"))


def _open_handler(
    form: Form | None, file: Path | None, environ: Mapping[str, str]
) -> logging.Handler:
    on_terminal = file is None and sys.stderr.isatty()
    is_text = form == "text" or (form is None and on_terminal)
    coloured = on_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    shape: logging.Formatter = TextLines(coloured=coloured) if is_text else JsonLines()
    handler: logging.Handler = StderrLog(sys.stderr)
    handler.setFormatter(shape)
    handler.addFilter(Traced())
    if file is None:
        return handler
    try:
        in_file = FileLog(file, handler)
    except OSError as refused:
        raise Misconfigured(
            f"LOG_FILE {file} cannot be opened: {refused.strerror}."
            " Name a file in a folder that this user may write to, or unset it for stderr."
        ) from refused
    in_file.setFormatter(shape)
    in_file.addFilter(Traced())
    return in_file


def _open_file(path: Path) -> int:
    # O_NONBLOCK: a pipe that nobody reads must not hold up the start. Files do not heed it.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(path, flags, FILE_MODE)


def _write_whole(number: int, line: bytes) -> None:
    """Write a line or none of it: the part that a full disk took is cut off again."""
    written = os.write(number, line)
    if written == len(line):
        return
    with suppress(OSError):
        os.ftruncate(number, os.fstat(number).st_size - written)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_no_http(record: logging.LogRecord) -> bool:
    """Tell whether aiohttp speaks of bytes that are no HTTP: the internet sends them all day."""
    error = record.exc_info[1] if record.exc_info else None
    return type(error).__module__ == "aiohttp.http_exceptions"
