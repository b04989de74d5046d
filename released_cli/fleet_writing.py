"""The files that an export writes: all of them or none, and none over what people wrote there.

Owns how they come to be and are taken back. What stands in them is `daemon.core.fleet.writing`'s.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import typer

from daemon.core.errors import Conflict, Invalid


class _Change(NamedTuple):
    """A file to be written, and what it holds as yet; None where there is none."""

    path: Path
    data: bytes
    held: bytes | None


class Undo(ExitStack):
    """What takes back what was made, and the old files kept for it as long as it may happen."""

    def __init__(self) -> None:
        """Begin with nothing made."""
        super().__init__()
        self.kept: list[Path] = []

    def forget(self) -> None:
        """Let what was made stand; the old files go."""
        self.pop_all()
        for kept in self.kept:
            with suppress(OSError):
                kept.unlink()


@contextmanager
def all_or_nothing() -> Iterator[Undo]:
    """Hold what takes back what was made, and do it unless the body comes to its end.

    That a reader of stdout has had enough is such an end too.
    """
    with Undo() as undo:
        try:
            yield undo
        except typer.Exit:
            undo.forget()
            raise
        undo.forget()


def make_folder(folder: Path, undo: Undo) -> None:
    """Make a folder that files can be made in, unless it is there.

    Raises:
        Invalid: when it cannot be made, or nothing in it.

    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            _on_failure(undo, path.rmdir)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as refused:
        raise Invalid(f"{folder} cannot be made a folder: {refused.strerror}.") from refused
    with _refusing(folder):
        _try(folder)


def check_file(path: Path) -> None:
    """Find out whether a file can be written there, before work is done for it.

    Raises:
        Invalid: when it cannot.

    """
    with _refusing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not _is_device(path):
            _try(Path(os.path.realpath(path)).parent)


def check_distinct(paths: Iterable[Path]) -> None:
    """Find out whether each is a file of its own; files with FAQs come first.

    Raises:
        Invalid: when two are one, of which the latter would replace the former.

    """
    seen: dict[str, Path] = {}
    for path in paths:
        first = seen.setdefault(os.path.realpath(path), path)
        if first is not path:
            raise Invalid(f"{path} would be written over the FAQs in {first}. Name another file.")


def write_files(files: Sequence[tuple[Path, str]], *, force: bool, undo: Undo) -> None:
    """Write files whole; a device is written to. Only `force` replaces what holds something else.

    No path is twice among them.

    Raises:
        Conflict: when there is such a file; nothing is written then.
        Invalid: when one cannot be written; `undo` then takes the others back.

    """
    changes = [change for change in map(_compare, files) if change.held != change.data]
    _refuse_existing([str(one.path) for one in changes if one.held], force=force)
    staged = []
    for path, data, _ in changes:
        with _refusing(path):
            staged.append((path, _stage(path, data, undo)))
    for path, put_in_place in staged:
        with _refusing(path):
            put_in_place()


def _compare(file: tuple[Path, str]) -> _Change:
    path, text = file
    with _refusing(path):
        held = path.read_bytes() if path.is_file() else None
    return _Change(path, text.encode(), held)


def _refuse_existing(names: list[str], *, force: bool) -> None:
    """Refuse in the words of `db backup`."""
    if force or not names:
        return
    if len(names) == 1:
        told = f"{names[0]} is there already. Name another file, or replace it with --force."
    else:
        more = len(names) - 1
        told = (
            f"{names[0]} and {more} other file{'' if more == 1 else 's'} are there already, with"
            " other content. Name another place, or replace them with --force."
        )
    raise Conflict(told)


def _stage(path: Path, data: bytes, undo: Undo) -> Callable[[], object]:
    """Write beside where it is to be, keep what is there, and give the one step that is left."""
    if _is_device(path):
        return partial(path.write_bytes, data)
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    part = Path(name)
    _on_failure(undo, part.unlink)
    with open(handle, "wb") as file:  # noqa: PTH123 - a handle
        file.write(data)
    part.chmod(_mode_for(target))
    kept = Path(f"{name}.old") if target.exists() else None
    _on_failure(undo, _take_back, target, part, kept)
    if kept is not None:
        undo.kept.append(kept)
        _keep(target, kept)
    return partial(part.replace, target)


def _keep(target: Path, kept: Path) -> None:
    """Give a file a second name; where it can have none, a whole copy."""
    try:
        os.link(target, kept)
    except OSError:
        kept.touch(mode=0o600, exist_ok=False)
        shutil.copy2(target, kept)


def _take_back(target: Path, part: Path, kept: Path | None) -> None:
    """Undo the one step, if it was taken: only then is what it put in place no longer beside.

    So an interrupt right behind the step loses nothing; one in here leaves what was kept.
    """
    if part.exists():
        if kept is not None:
            kept.unlink(missing_ok=True)
    elif kept is None:
        target.unlink()
    else:
        try:
            kept.replace(target)
        except OSError:
            typer.echo(f"What {target} held is in {kept}.", err=True)


def _on_failure(undo: Undo, work: Callable[..., Any], *given: Any) -> None:
    """Have something taken back; where that fails it stays, and what went wrong first is told."""

    def run() -> None:
        with suppress(OSError):
            work(*given)

    undo.callback(run)


def _try(folder: Path) -> None:
    """Make a file in a folder that is gone at once, which finds every reason against it."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as refused:
        raise Invalid(f"{path} cannot be written: {refused.strerror}.") from refused


def _mode_for(target: Path) -> int:
    """Keep the mode of the file that is replaced; a new one gets what the umask leaves."""
    with suppress(FileNotFoundError):
        return target.stat().st_mode & 0o777
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask
