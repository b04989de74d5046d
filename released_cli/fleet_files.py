"""The files of a fleet: the one that is named, and those that it names.

Owns where they are looked for. What stands in them is the core's to judge (`daemon.core.fleet`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.errors import Invalid
from released_cli.fleet_output import list_problems
from released_cli.sources import STDIN, name_source, read_input, read_secret

if TYPE_CHECKING:
    from daemon.core.faqs import Faq
    from daemon.core.fleet.wanted import Fleet

WHAT = "Fleet"


@dataclass(frozen=True, slots=True)
class FilesBeside:
    """The files that a fleet names, looked for in its folder; a FAQ file is read once."""

    folder: Path
    _read: "dict[str, tuple[Faq, ...]]" = field(default_factory=dict)

    def read_faqs(self, path: str) -> "tuple[Faq, ...]":
        """Read a FAQ file; raises `Invalid`."""
        from daemon.core.faqs import MAX_FAQ_BYTES, parse_faqs

        if path not in self._read:
            found = self._find(path)
            data = read_input(found, limit_bytes=MAX_FAQ_BYTES, what="FAQs")
            self._read[path] = parse_faqs(data, source=found)
        return self._read[path]

    def read_token(self, path: str) -> str:
        """Read an access token; raises `Invalid`, quoting nothing."""
        token = read_secret(self._find(path), what="Access token")
        if not token:
            raise Invalid(f"Access token: {path} is empty.")
        return token

    def _find(self, path: str) -> str:
        if not path or "\0" in path:
            raise Invalid(f"{path!r} is no path of a file.")
        found = str(self.folder / path)
        # A file of that name, not stdin, which the fleet itself may have come from.
        return f"./{found}" if found == STDIN else found


def read_wanted(path: str) -> "Fleet":
    """Read the fleet of a TOML file, of stdin for `-`, or of a folder of seed documents.

    Raises:
        Invalid: with every problem; those that one line has no room for are listed before.

    """
    try:
        is_folder = path != STDIN and Path(path).is_dir()
        return _read_folder(Path(path)) if is_folder else _read_file(path)
    except Invalid as invalid:
        if not list_problems(invalid, name_source(path)):
            raise
        told = f"{name_source(path)} has the faults listed above; nothing was changed."
        raise Invalid(told, problems=invalid.problems) from invalid


def _read_file(path: str) -> "Fleet":
    from daemon.core.fleet.reading import MAX_FLEET_BYTES, read_fleet

    data = read_input(path, limit_bytes=MAX_FLEET_BYTES, what=WHAT)
    folder = Path() if path == STDIN else Path(path).parent
    return read_fleet(data, source=name_source(path), files=FilesBeside(folder))


def _read_folder(folder: Path) -> "Fleet":
    from daemon.core.fleet.reading import read_seeds

    names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.suffix == ".json" and not entry.name.startswith(".")
    )
    if not names:
        raise Invalid(f"{WHAT}: the folder {folder} holds no *.json.")
    return read_seeds(_read_seeds(folder, names), source=str(folder), files=FilesBeside(folder))


def _read_seeds(folder: Path, names: list[str]) -> Iterator[tuple[str, bytes]]:
    from daemon.core.fleet.reading import MAX_FLEET_BYTES

    for name in names:
        yield name, read_input(str(folder / name), limit_bytes=MAX_FLEET_BYTES, what=WHAT)
