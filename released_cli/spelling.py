"""How our commands are spelled where they are typed: in a checkout `released` may be on no PATH.

Owns what is written in a program's place in hints for a person. Documents (--json, HTTP) and the
log keep the bare names: they are read on other machines, too. So does what a daemon far away says:
its commands are for the server.
"""

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

E = TypeVar("E", bound=Exception)

_FROM_AFAR = "A daemon far away says so."

_COMMAND = re.compile(
    # What stands before a command in our hints; settings may stand between, as in X=1 released …
    r"(?P<before>(?:^|: |; |`|\bor |\bthen )(?:[A-Z_]+=\S+ )*)"
    r"(?P<program>released-daemon(?![\w-])|released(?= [a-z-]))"
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Where our programs and our code are; another one in tests."""

    prefix: Path = Path(sys.prefix)
    code: Path = Path(__file__).parents[1]


class FarDocument(dict[str, Any]):
    """A document as a daemon far away gave it."""


def mark_far(error: E) -> E:
    """Let an error carry that its words are those of a daemon far away."""
    error.add_note(_FROM_AFAR)
    return error


def spell(text: str, here: Installation | None = None, *, source: object = None) -> str:
    """Name programs in the commands of a hint so that they can be typed here.

    `source` is the error or the document that the hint is of; what came from afar stays as it is.
    """
    if isinstance(source, FarDocument) or _FROM_AFAR in getattr(source, "__notes__", ()):
        return text
    installation = here or Installation()
    return _COMMAND.sub(
        lambda found: found["before"] + name_program(found["program"], installation), text
    )


def name_program(name: str, here: Installation) -> str:
    """Name a program of ours: bare where the PATH leads to it, else by its path.

    Only a checkout has its programs off the PATH, in its .venv. Where we are installed there is a
    command: install.sh's, the image's.
    """
    ours = here.prefix / "bin" / name
    if here.prefix.parent.resolve() != here.code.resolve() or not ours.is_file():
        return name
    found = shutil.which(name)
    if found is not None and ours.samefile(found):
        return name
    return shlex.quote(min(_find_relative(ours), str(ours), key=len))


def _find_relative(path: Path) -> str:
    try:
        relative = os.path.relpath(path)
    except OSError:
        # The working directory is gone.
        return str(path)
    # Without a slash the shell would look on the PATH.
    return relative if os.sep in relative else f"{os.curdir}{os.sep}{relative}"
