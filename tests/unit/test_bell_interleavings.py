"""The doorbell, whatever rings, passes and is taken in whatever order."""

from collections import defaultdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.work.bell import QUIET_LIMIT, Key
from tests.doubles.rung import QUIET_S, Rung


class AnyInterleaving(RuleBasedStateMachine):
    """Whatever happens in whatever order, nothing is lost, doubled, stuck or too fast."""

    keys = st.sampled_from([(client, number) for client in (1, 2, 3) for number in (1, 2)])

    def __init__(self) -> None:
        super().__init__()
        self.rung = Rung(paced={1: 1.0, 2: 0.25})
        self.owed: set[Key] = set()
        self.working: set[Key] = set()
        self.lined: set[Key] = set()
        self.asked_at: dict[int, list[float]] = defaultdict(list)
        self.first_wrote: dict[Key, float] = {}
        self.last_wrote: dict[Key, float] = {}

    @rule(key=keys)
    def write(self, key: Key) -> None:
        self.rung.bell.note_message(key)
        self.owed.add(key)
        self.first_wrote.setdefault(key, self.rung.clock.now)
        self.last_wrote[key] = self.rung.clock.now

    @rule(key=keys, after_s=st.sampled_from([0.0, 0.5, 3.0, 60.0]))
    def wake(self, key: Key, after_s: float) -> None:
        self.rung.bell.wake(key, after_s=after_s)
        self.owed.add(key)

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 2.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.rung.later(seconds)

    @rule(refund=st.booleans())
    def take(self, refund: bool) -> None:  # noqa: FBT001 - hypothesis names its arguments
        key = self.rung.next()
        if key is not None:
            self._start(key, refund=refund)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.working.remove(key)
        self.rung.bell.done(key)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert all(self.rung.bell.knows(key) for key in self.owed)
        assert len(self.rung.bell) == len(self.owed | self.working)

    def teardown(self) -> None:
        """Everything that is owed a turn gets one before long."""
        for _ in range(2000):
            if not self.owed and not self.working:
                break
            for key in self.working:
                self.rung.bell.done(key)
            self.working.clear()
            while (taken := self.rung.next()) is not None:
                self._start(taken, refund=False)
            self.rung.later(0.25)
        assert (set(), set()) == (self.owed, self.working)
        assert [] == self.rung.later(1000).all()
        assert len(self.rung.bell) == 0

    def _start(self, key: Key, *, refund: bool) -> None:
        assert key in self.owed
        assert key not in self.working
        self._check_quiet(key)
        self.owed.remove(key)
        self.working.add(key)
        if refund:
            self.rung.bell.refund(key)
            return
        self._check_pace(key[0])

    def _check_quiet(self, key: Key) -> None:
        first, last = self.first_wrote.pop(key, None), self.last_wrote.pop(key, None)
        if first is None or last is None or key in self.lined:
            return
        now = self.rung.clock.now
        assert now - last >= QUIET_S or now - first >= QUIET_LIMIT * QUIET_S

    @invariant()
    def remember_lines(self) -> None:
        entries = self.rung.bell._entries
        # A conversation whose rest is over may be written to while it stands in line.
        self.lined = {key for key, entry in entries.items() if entry.in_line}

    def _check_pace(self, client_id: int) -> None:
        now, asked = self.rung.clock.now, self.asked_at[client_id]
        interval = {1: 1.0, 2: 0.25}.get(client_id, 0.0)
        assert not asked or now - asked[-1] >= interval
        asked.append(now)


AnyInterleaving.TestCase.settings = settings(max_examples=80, stateful_step_count=60)
TestAnyInterleaving = AnyInterleaving.TestCase
