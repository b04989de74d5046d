"""The file that keys lie in: read, and written anew so that a crash leaves the old or the new one.

Owns that, and whose file it is afterwards. Which keys belong in it is its caller's.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.core import placing
from daemon.core.errors import Misconfigured
from daemon.core.sealing.keys import Key, Listing, parse_keys, write_keys

Stamp = tuple[int, int, int] | None
"""Tells whether a file is still the one that was read; None when there is none."""

_NOT_OTHERS = 0o640


def take_stamp(path: Path) -> Stamp:
    """Look which file lies there now.

    Raises:
        Misconfigured: when the folder does not let us.

    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as refused:
        raise _cannot_read(path, refused) from refused
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_file(path: Path) -> Listing:
    """Read the keys in a file; none where there is no file.

    Raises:
        Misconfigured: when it cannot be read.

    """
    try:
        return parse_keys(path.read_text("utf-8", errors="replace"))
    except FileNotFoundError:
        return Listing()
    except OSError as refused:
        raise _cannot_read(path, refused) from refused


def rewrite_file(
    path: Path, change: Callable[[tuple[Key, ...]], Sequence[Key]], *, like: Path
) -> None:
    """Put what `change` makes of a file's keys in its place, made when there is none.

    It is safe on the disk when this returns. A new one made by root belongs to whom `like` does.

    Raises:
        Misconfigured: when it cannot be read or written, or holds what is no key.
        Conflict: when another process writes it just now.

    """
    # A link is followed: what stands behind it is to change, and not the link.
    place = path.resolve()
    with placing.unfinished(place) as part:
        before = read_file(place)
        if before.unread:
            raise explain_unread(path, before)
        part.write_text(write_keys(change(before.keys)), "utf-8")
        is_new = not place.exists()
        with suppress(FileNotFoundError):
            placing.hand_over(part, like=like if is_new else place)
        if not is_new:
            part.chmod(place.stat().st_mode & _NOT_OTHERS)
        placing.place(part, place)


def explain_unread(path: Path, listing: Listing) -> Misconfigured:
    """Say that something in a file is no key, and not what."""
    places = ", ".join(map(str, listing.unread))
    return Misconfigured(
        f"{path}: entry {places} is no key (32 bytes in base64). Mend it, or put the file back from"
        " where you keep a copy."
    )


def _cannot_read(path: Path, refused: OSError) -> Misconfigured:
    return Misconfigured(
        f"Cannot read the keys in {path}: {refused.strerror}. Run this as the daemon's user."
    )
