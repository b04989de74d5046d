"""Holds a client's sends back while Meta says that its number, its account or the app must wait.

Owns for how long, in memory only: a daemon that starts finds out again with one send. The bell lets
none of a held client's conversations out, so that they wait in its line and hold no worker.
"""

from collections.abc import Callable
from dataclasses import dataclass

from daemon.core.meta.codes import retry_delay
from daemon.work.bell import Bell

HOLD_LIMIT_S = 60.0
"""The longest hold, unless Meta names a longer one: whether it is over, only a send can tell."""

TRIAL_S = 1.0
"""How long the first send after a hold goes alone. If Meta says nothing by then, another may go."""


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """Nothing is sent before `until`; `strikes` counts the holds in a row that did not help."""

    until: float
    strikes: int


class Throttle:
    """Which clients wait; a send is begun with `enter` and tells how it ended."""

    def __init__(
        self,
        bell: Bell,
        *,
        clock: Callable[[], float],
        base_s: float,
        jitter: Callable[[], float],
    ) -> None:
        """Take the bell's own clock; base and jitter are those of `retry_delay`."""
        self._bell = bell
        self._clock = clock
        self._base_s = base_s
        self._jitter = jitter
        self._holds: dict[int, Hold] = {}

    def is_held(self, client_id: int) -> bool:
        """Tell whether a client's sends must wait."""
        hold = self._holds.get(client_id)
        return hold is not None and hold.until > self._clock()

    def enter(self, client_id: int) -> Hold | None:
        """Begin a send of a client that is not held; give what to tell its end with.

        The first one after a hold is a trial, and for a moment the only one.
        """
        hold = self._holds.get(client_id)
        if hold is None:
            return None
        return self._set(client_id, until=self._clock() + TRIAL_S, strikes=hold.strikes)

    def note_accepted(self, client_id: int, entered: Hold | None) -> None:
        """Let all go on when this was the trial; what was under way before it proves nothing."""
        if entered is not None and self._holds.get(client_id) is entered:
            del self._holds[client_id]
            self._bell.release(client_id)

    def note_refused(
        self, client_id: int, entered: Hold | None, *, retry_after_s: float | None
    ) -> None:
        """Hold the client, the longer the more often in a row; at least what Meta asks for."""
        hold = self._holds.get(client_id)
        if hold is not entered:
            # The hold began while this send was under way.
            return
        strikes = 1 if hold is None else hold.strikes + 1
        wait_s = min(retry_delay(strikes, base_s=self._base_s, jitter=self._jitter()), HOLD_LIMIT_S)
        until = self._clock() + max(wait_s, retry_after_s or 0.0)
        self._set(client_id, until=until, strikes=strikes)

    def _set(self, client_id: int, *, until: float, strikes: int) -> Hold:
        hold = self._holds[client_id] = Hold(until, strikes)
        self._bell.hold(client_id, until=until)
        return hold
