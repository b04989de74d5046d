"""A bell that tests ring under a clock that they move."""

from daemon.work.bell import Bell, Key

QUIET_S = 2.0
A1, A2, A3, B1 = (1, 1), (1, 2), (1, 3), (2, 4)


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Rung:
    """A bell, its clock, and `next` instead of waiting."""

    def __init__(
        self,
        *,
        quiet_s: float = QUIET_S,
        paced: dict[int, float] | None = None,
        workers: int = 1000,
    ) -> None:
        self.clock = Clock()
        pace = paced or {}
        self.bell = Bell(
            quiet_s=quiet_s,
            clock=self.clock,
            interval_of=lambda client: pace.get(client, 0.0),
            workers=workers,
        )

    def next(self) -> Key | None:
        return self.bell._next()

    def all(self) -> list[Key]:
        return [key for key in iter(self.next, None) if key is not None]

    def later(self, seconds: float) -> "Rung":
        self.clock.now += seconds
        return self
