"""The doorbell: which conversations have something to do, and whose turn it is.

Owns order and time, holds no work: a lost ring costs a sweep, never a message. A conversation
rests until its customer has been quiet, then waits in its client's line; lines are served in
turn, so that one client's rush never delays another. All of it belongs to one event loop.
"""

import asyncio
import heapq
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

QUIET_LIMIT = 5
"""A customer who never stops writing is answered after so many times the quiet time."""

Key = tuple[int, int]
"""A client's id and the id of one of its conversations."""


@dataclass(slots=True)
class _Entry:
    """One conversation that somebody rang for."""

    due: float
    first_wrote: float | None = None
    in_line: bool = False
    running: bool = False
    again: bool = False


@dataclass(slots=True)
class _Line:
    """What waits of one client, when it may next call the model, and until when Meta bars it."""

    known: int = 0
    waiting: deque[Key] = field(default_factory=deque)
    running: int = 0
    free_at: float = 0.0
    held_until: float = 0.0
    latest: Key | None = None
    held_since: float | None = None

    @property
    def opens_at(self) -> float:
        """The moment from which the next may go."""
        return max(self.free_at, self.held_until)


class Bell:
    """Rings come in from the webhook, the sweeper and finished turns; `take` gives one out.

    `clock` is monotonic seconds. `interval_of` says how many seconds must lie between two turns of
    a client (its model rate), `workers` how many conversations may be in work at once.
    `note_pause` is told for how many seconds a client's line was held back, by its rate or by
    Meta's (`hold`).
    """

    def __init__(
        self,
        *,
        quiet_s: float,
        clock: Callable[[], float],
        interval_of: Callable[[int], float] = lambda _client_id: 0.0,
        workers: int = sys.maxsize,
        note_pause: Callable[[int, float], None] = lambda _client_id, _seconds: None,
    ) -> None:
        """Start with silence."""
        self._quiet_s = quiet_s
        self._clock = clock
        self._interval_of = interval_of
        self._workers = workers
        self._note_pause = note_pause
        self._entries: dict[Key, _Entry] = {}
        self._resting: list[tuple[float, Key]] = []
        self._held_back: list[tuple[float, int]] = []
        self._lines: dict[int, _Line] = {}
        self._order: OrderedDict[int, None] = OrderedDict()
        self._sated: dict[int, None] = {}
        self._running = 0
        self._rung = asyncio.Event()

    def __len__(self) -> int:
        """Count the conversations that wait or are in work."""
        return len(self._entries)

    def note_message(self, key: Key) -> None:
        """Ring because the customer has just written: rest until they are quiet, within a bound."""
        now = self._clock()
        entry = self._entries.get(key) or self._enter(key, now)
        if entry.first_wrote is None:
            entry.first_wrote = now
        due = min(now + self._quiet_s, entry.first_wrote + QUIET_LIMIT * self._quiet_s)
        self._rest(key, entry, due)

    def wake(self, key: Key, *, after_s: float = 0.0) -> None:
        """Ring for any other reason; a conversation that is about to be taken anyway stays."""
        due = self._clock() + after_s
        entry = self._entries.get(key)
        if entry is None:
            entry = self._enter(key, due)
        elif entry.first_wrote is not None:
            # It rests, or will after its turn, until the customer is quiet.
            return
        elif entry.due <= due and (entry.again or not entry.running):
            return
        self._rest(key, entry, due)

    def knows(self, key: Key) -> bool:
        """Tell whether a conversation waits or is in work."""
        return key in self._entries

    def count_of(self, client_id: int) -> int:
        """Count a client's conversations that wait or are in work."""
        line = self._lines.get(client_id)
        return 0 if line is None else line.known

    def rang_again(self, key: Key) -> bool:
        """Tell whether somebody has rung for a conversation since its turn began."""
        entry = self._entries.get(key)
        return entry is not None and entry.again

    def hasten(self, key: Key) -> None:
        """Ring for what is due now: a conversation that rests for a later moment rests no longer.

        One that is in line or in work is left alone.
        """
        entry = self._entries.get(key)
        if entry is None or not (entry.running or entry.in_line):
            self.wake(key)

    async def take(self) -> Key:
        """Wait for the next conversation; it is the caller's until `done`."""
        while (key := self._next()) is None:
            self._rung.clear()
            try:
                async with asyncio.timeout(self._pause()):
                    await self._rung.wait()
            except TimeoutError:
                continue
        return key

    def done(self, key: Key) -> None:
        """Give a conversation back; if it was rung for meanwhile, it rests for its next turn."""
        entry = self._entries[key]
        entry.running = False
        line = self._lines[key[0]]
        line.running -= 1
        self._running -= 1
        if self._sated:
            # One more is free: each of them may have a larger share now.
            self._order |= self._sated
            self._sated.clear()
            self._rung.set()
        if not entry.again:
            del self._entries[key]
            line.known -= 1
            return
        entry.again = False
        self._push(key, entry)

    def reserve(self, client_id: int) -> float:
        """Count one more model call of a client; give the seconds to wait before it."""
        line, now = self._lines[client_id], self._clock()
        starts_at = max(now, line.free_at)
        line.free_at = starts_at + self._interval_of(client_id)
        self._note_pause(client_id, starts_at - now)
        return starts_at - now

    def hold(self, client_id: int, *, until: float) -> None:
        """Let none of a client's conversations out before a moment of the clock."""
        self._lines.setdefault(client_id, _Line()).held_until = until

    def release(self, client_id: int) -> None:
        """End a client's hold now."""
        line = self._lines[client_id]
        line.held_until = self._clock()
        self._look_again(client_id, line)

    def refund(self, key: Key) -> None:
        """Give back the model call that a turn was let in for and did not make."""
        line = self._lines[key[0]]
        if line.latest != key:
            # A later turn was let in after the pause that this one cost: there is nothing to gain.
            return
        line.latest = None
        line.free_at = self._clock()
        self._look_again(key[0], line)

    def _look_again(self, client_id: int, line: _Line) -> None:
        heapq.heappush(self._held_back, (line.opens_at, client_id))
        self._rung.set()

    def _enter(self, key: Key, due: float) -> _Entry:
        entry = self._entries[key] = _Entry(due=due)
        self._lines.setdefault(key[0], _Line()).known += 1
        return entry

    def _rest(self, key: Key, entry: _Entry, due: float) -> None:
        if entry.in_line:
            return
        if entry.running:
            entry.due = due
            entry.again = True
            return
        entry.due = due
        self._push(key, entry)

    def _push(self, key: Key, entry: _Entry) -> None:
        heapq.heappush(self._resting, (entry.due, key))
        if self._resting[0][0] >= entry.due:
            # Whoever waits to take wakes for the first of all; for a later one they need not look.
            self._rung.set()

    def _next(self) -> Key | None:
        now = self._clock()
        self._line_up(now)
        while self._order:
            client_id, _ = self._order.popitem(last=False)
            line = self._lines[client_id]
            if not line.waiting:
                continue
            if not self._has_share(line):
                self._sated[client_id] = None
                continue
            opens_at = line.opens_at
            if opens_at > now:
                heapq.heappush(self._held_back, (opens_at, client_id))
                if line.held_since is None:
                    line.held_since = now
                continue
            if line.held_since is not None:
                self._note_pause(client_id, max(0.0, opens_at - line.held_since))
                line.held_since = None
            key = line.waiting.popleft()
            line.running += 1
            self._running += 1
            line.latest = key
            line.free_at = now + self._interval_of(client_id)
            if line.waiting:
                self._order[client_id] = None
            return self._start(key)
        return None

    def _has_share(self, line: _Line) -> bool:
        """Tell whether a client may have one more in work: if it has fewer than are free, or none.

        One whose sends hang takes half of the workers, the next half of what it left: of 64 the
        seventh takes the last.
        """
        return line.running < max(1, self._workers - self._running)

    def _line_up(self, now: float) -> None:
        """Move what has rested long enough to its client's line, and paced clients back in."""
        while self._resting and self._resting[0][0] <= now:
            due, key = heapq.heappop(self._resting)
            entry = self._entries.get(key)
            # An entry that was rung for again lies in the heap more than once: only its due counts.
            if entry is None or entry.in_line or entry.running or entry.due != due:
                continue
            entry.in_line = True
            line = self._lines[key[0]]
            line.waiting.append(key)
            if len(line.waiting) == 1:
                self._order[key[0]] = None
        while self._held_back and self._held_back[0][0] <= now:
            _, client_id = heapq.heappop(self._held_back)
            self._order[client_id] = None

    def _start(self, key: Key) -> Key:
        entry = self._entries[key]
        entry.in_line = False
        entry.running = True
        entry.first_wrote = None
        return key

    def _pause(self) -> float | None:
        dues = [heap[0][0] for heap in (self._resting, self._held_back) if heap]
        return max(0.0, min(dues) - self._clock()) if dues else None
