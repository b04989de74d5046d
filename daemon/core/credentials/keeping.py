"""Where META_ACCESS_TOKEN stands on this machine, and how a new one takes its place there.

Owns the file: one line of a `.env`, or the whole of a file that is named like the setting. All else
in it stays byte for byte, with its mode and its owner. Asks Meta nothing; what was typed into the
environment cannot be changed from here.
"""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from daemon.core.errors import Conflict, Misconfigured
from daemon.core.placing import cannot_write, place, unfinished

NAME = "META_ACCESS_TOKEN"
BOM = b"\xef\xbb\xbf"

_ASIDE = "Name a file for the new token with --output FILE, and put it there yourself"


@dataclass(frozen=True, slots=True)
class Home:
    """The place a setting was read from; `path` None is the environment."""

    kind: Literal["environment", "line", "file"]
    path: Path | None


def find_home(env_file: Path, environ: Mapping[str, str]) -> Home:
    """Find where the shared token comes from, in the order in which settings are read.

    Raises:
        Misconfigured: it is set nowhere, or the file cannot be read.

    """
    if any(value for name, value in environ.items() if name.upper() == NAME):
        return Home("environment", None)
    if _find_in_lines(_read(env_file) if env_file.is_file() else b""):
        return Home("line", env_file.resolve())
    folder = environ.get("CREDENTIALS_DIRECTORY")
    for path in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
        if path.name.upper() == NAME and path.is_file() and _read(path).strip():
            return Home("file", path.resolve())
    raise Misconfigured(f"{NAME} is not set on this machine, so there is nothing to exchange.")


class Slot:
    """An unfinished file beside the right one, so that a new token cannot fail to be kept."""

    def __init__(self, part: Path, path: Path) -> None:
        """Take the unfinished file, and what it will take the place of, if that is there."""
        self._part = part
        self._path = path

    def put(self, old: str, new: str) -> None:
        """Put the new token in the old one's place, whole or not at all.

        Raises:
            Conflict: the file has changed meanwhile.
            Misconfigured: it cannot be written.

        """
        content = f"{new}\n".encode()
        if self._path.exists():
            content = replace_token(_read(self._path), old, new)
        try:
            self._part.write_bytes(content)
            if self._path.exists():
                _dress(self._part, like=self._path.stat())
        except OSError as refused:
            raise cannot_write(self._path, refused) from refused
        place(self._part, self._path)


@contextmanager
def open_slot(home: Home, old: str, *, output: Path | None) -> Iterator[Slot]:
    """Make ready, before anything is exchanged, for the new token to be written.

    It goes into `output` where one is named, which is then new or holds nothing but the old token.

    Raises:
        Conflict: somebody else writes there now, or something else stands there.
        Misconfigured: it cannot be written there.

    """
    path = output if output is not None else home.path
    if path is None:
        raise Misconfigured(
            f"{NAME} comes from the environment of this command, which it cannot change. {_ASIDE}."
        )
    with ExitStack() as stack:
        try:
            _check_place(path, old, is_new=output is not None)
            part = stack.enter_context(unfinished(path))
        except Misconfigured as refused:
            hint = "" if output is not None else f" {_ASIDE}."
            raise Misconfigured(f"{refused}{hint}") from refused
        yield Slot(part, path)


def _dress(part: Path, *, like: os.stat_result) -> None:
    """Give a new file the owner, group and mode of the old one, or fewer rights, but never fail.

    By now Meta has exchanged the token: to lose it over a group would be worse.
    """
    mode = stat.S_IMODE(like.st_mode)
    try:
        os.chown(part, like.st_uid, like.st_gid)
    except PermissionError:
        # Its owner is not in its group, and only root may give it away. Ours must not read it then.
        mode &= ~stat.S_IRWXG
    part.chmod(mode)


def find_lost_group(path: Path, *, before: os.stat_result) -> str | None:
    """Say how the group of a file gets its rights back that a new token took; None if it has them.

    `before` is what the file was like until then.
    """
    now, rights = path.stat(), before.st_mode & stat.S_IRWXG
    if not rights or (now.st_gid, now.st_mode & stat.S_IRWXG) == (before.st_gid, rights):
        return None
    quoted = shlex.quote(str(path))
    return f"chgrp {before.st_gid} {quoted} && chmod {stat.S_IMODE(before.st_mode):o} {quoted}"


def replace_token(content: bytes, old: str, new: str) -> bytes:
    """Put a new token in the old one's place: in the line of a `.env`, or as the whole content.

    Raises:
        Conflict: when what is read from the result would not be the new token.

    """
    if content.strip() == old.encode():
        return content.replace(old.encode(), new.encode())
    bom = BOM if content.startswith(BOM) else b""
    bindings = list(parse_stream(StringIO(_decode(content), newline="")))
    lines = [binding.original.string for binding in bindings]
    for at in [at for at, binding in enumerate(bindings) if _is_ours(binding.key)][-1:]:
        lines[at] = lines[at].replace(old, new)
    changed = bom + "".join(lines).encode()
    if _find_in_lines(content) != old or _find_in_lines(changed) != new:
        raise Conflict(
            f"{NAME} stands there no more, or in a form that this command does not change."
            f" {_ASIDE}."
        )
    return changed


def _check_place(path: Path, old: str, *, is_new: bool) -> None:
    if not path.exists():
        return
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Misconfigured(f"{path} is no file.")
    if os.geteuid() not in {0, found.st_uid}:
        raise Misconfigured(f"{path} belongs to another user.")
    content = _read(path)
    if is_new and content.strip() != old.encode():
        raise Conflict(f"{path} holds something else already. Name another file.")
    replace_token(content, old, old)


def _find_in_lines(content: bytes) -> str | None:
    """Read the setting out of a `.env` as the settings do: of several lines the last counts."""
    values = dotenv_values(stream=StringIO(_decode(content), newline=""))
    found = [value for name, value in values.items() if _is_ours(name)]
    return found[-1] if found else None


def _is_ours(name: str | None) -> bool:
    return name is not None and name.upper() == NAME


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Misconfigured("The file that holds the settings is not UTF-8.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as refused:
        raise Misconfigured(f"Cannot read {path}: {refused.strerror}.") from refused
