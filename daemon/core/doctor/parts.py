"""What the checks work with; the daemon has these things at hand, the CLI makes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from daemon.core.doctor.finding import Finding
from daemon.core.settings import Settings
from daemon.core.store.engine import Job

T = TypeVar("T")


class Store(Protocol):
    """Where checks read and write: the daemon's writer, or one that says why there is none."""

    async def read(self, job: Job[T]) -> T:
        """Run `job` on one picture of the database."""

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction; return once it is on disk."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a check may ask.

    `database` is the file. `daemon_url` is where the daemon listens on this machine. `clock` is
    seconds since the epoch. `challenge` is a word that nobody can guess, another for every run.
    """

    settings: Settings
    store: Store
    database: Path
    daemon_url: str
    version: str
    clock: Callable[[], float]
    challenge: str


Check = Callable[[Parts], Awaitable[list[Finding]]]
"""A check says at least one thing; one that finds several things wrong says each."""
