"""The real daemon, killed by its own hand the n-th time it passes a named point.

No hook goes into production code: one function is wrapped before `daemon.main` runs, and the
wrapper sends SIGKILL, which no handler sees.

`QuickDaemon` is the real daemon in a process that was forked from one with all imports done, so
that a test may kill and start it many times: a start costs a tenth of `python -m daemon`.
"""

import asyncio
import importlib
import inspect
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, NoReturn

from tests.doubles.daemon_process import START_S, Daemon, build_environment, wait_until
from tests.doubles.forking import MEASURED, Program, Streams, fork


@dataclass(frozen=True, slots=True)
class Point:
    """A function, by module and qualified name, and on which side of it to die."""

    module: str
    name: str
    side: Literal["before", "after"]
    counts: Callable[..., bool] = lambda *_args, **_options: True
    """Which calls are passes, by their arguments."""


POINTS = {
    # Inside the intake's transaction, all written, nothing committed.
    "before_commit": Point("daemon.core.deliveries", "insert_messages", "after"),
    "committed_not_acknowledged": Point(
        "daemon.core.intake", "Intake.accept", "after", lambda _intake, it: bool(it.messages)
    ),
    "claimed": Point("daemon.core.assistants.responses", "ResponsesEngine.answer", "before"),
    "answered_not_settled": Point("daemon.core.turns", "settle", "before"),
    # Inside the settling transaction: answer and inbox written, nothing committed.
    "settling": Point("daemon.core.store.outbox", "insert_parts", "after"),
    "settled_not_sent": Point("daemon.work.sender", "Sender.send_all", "before"),
    # Marked `sending`, and the request never leaves.
    "begun_not_sent": Point("daemon.core.meta.client", "GraphClient.send_message", "before"),
    "sent_not_recorded": Point("daemon.core.meta.client", "GraphClient.send_message", "after"),
    # Inside the transaction that would have recorded it.
    "recording": Point("daemon.core.sending", "accepted", "after"),
}
"""Every arrow on the way of a message (design.md) at which a crash is a case of its own."""


def arm(point: Point, *, nth: int) -> None:
    """Wrap the function of a point so that its n-th pass is the last thing the process does."""
    owner: Any = importlib.import_module(point.module)
    *path, name = point.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    real = getattr(owner, name)
    passes = count(1)

    def pass_by(side: str, *args: Any, **options: Any) -> None:
        if side == point.side and point.counts(*args, **options) and next(passes) == nth:
            die()

    async def wrap_coroutine(*args: Any, **options: Any) -> Any:
        pass_by("before", *args, **options)
        result = await real(*args, **options)
        pass_by("after", *args, **options)
        return result

    def wrap_function(*args: Any, **options: Any) -> Any:
        pass_by("before", *args, **options)
        result = real(*args, **options)
        pass_by("after", *args, **options)
        return result

    setattr(owner, name, wrap_coroutine if inspect.iscoroutinefunction(real) else wrap_function)


def die() -> NoReturn:
    """End at once, with no cleaning up: what a power cut leaves of a process."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
    raise AssertionError


class QuickDaemon(Daemon):
    """A daemon that starts quickly and, when told a point, dies at its `nth` pass."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        port: int,
        point: str | None = None,
        nth: int = 1,
        budgets: Mapping[str, float] | None = None,
    ) -> None:
        """Give `budgets` by module and name, in seconds, to wait less for what is to run out."""
        super().__init__(folder, settings, port=port)
        self._budgets = dict(budgets or {})
        self._forked: BaseProcess | None = None
        self._point = point
        self._nth = nth

    @classmethod
    def in_place_of(
        cls, daemon: Daemon, *, point: str | None = None, nth: int = 1
    ) -> "QuickDaemon":
        """Make one with another's folder, port and settings."""
        port = int(daemon.settings["PORT"])
        return cls(daemon.folder, daemon.settings, port=port, point=point, nth=nth)

    @property
    def is_running(self) -> bool:
        return self._forked is not None and self._forked.is_alive()

    async def start(self) -> None:
        assert not self.is_running
        said = str(self.log_file)
        program = Program(
            "daemon",
            (),
            self.folder,
            # A killed process saves no measurements, so that making them would be in vain.
            {
                name: value
                for name, value in build_environment(self.settings).items()
                if name not in MEASURED
            },
            Streams(stdout=said, stderr=said),
        )
        before = partial(_prepare, self._budgets, self._point, self._nth)
        # The first start waits for the imports of the process it is forked from.
        self._forked = await asyncio.to_thread(fork, program, before)

    async def wait(self, *, within_s: float = START_S) -> int:
        forked = self._forked
        assert forked is not None

        async def has_ended() -> bool:
            return not forked.is_alive()

        try:
            await wait_until(has_ended, within_s=within_s)
        except AssertionError:
            forked.kill()
            raise
        assert forked.exitcode is not None
        return forked.exitcode

    def _signal(self, number: signal.Signals) -> None:
        assert self._forked is not None
        assert self._forked.pid is not None
        os.kill(self._forked.pid, number)


def _prepare(budgets: Mapping[str, float], point: str | None, nth: int) -> None:
    for name, seconds in budgets.items():
        module, _, constant = name.rpartition(".")
        owner = importlib.import_module(module)
        assert hasattr(owner, constant)
        setattr(owner, constant, seconds)
    if point is not None:
        arm(POINTS[point], nth=nth)
