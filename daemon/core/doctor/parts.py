"""What the checks work with; the daemon has these things at hand, the CLI makes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.core.doctor.finding import Finding
from daemon.core.settings import Settings
from daemon.core.store.group_commit import GroupCommit


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a check may ask.

    `database` is the file. `daemon_url` is where the daemon listens on this machine. `clock` is
    seconds since the epoch. `challenge` is a word that nobody can guess, another for every run.
    """

    settings: Settings
    store: GroupCommit
    database: Path
    daemon_url: str
    version: str
    clock: Callable[[], float]
    challenge: str


Check = Callable[[Parts], Awaitable[list[Finding]]]
"""A check says at least one thing; one that finds several things wrong says each."""
