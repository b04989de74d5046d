"""What the daemon tells systemd: that it serves, how it is, that it lives, reloads, ends.

Owns the protocol of sd_notify and the watchdog's rhythm. Whether the daemon is well is asked of
a function; without systemd nothing is said and nothing fails.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html (read November 2026)
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
"""Pause after a bad look: a database that was busy for an instant must not cost a restart."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Whoever started the daemon and wants to hear of it; `address` is None when nobody does."""

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, pid: int) -> Self:
        """Read what systemd left in the environment; a watchdog meant for another is none."""
        meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        usec = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(usec) / 1e6 if meant and usec.isdecimal() and int(usec) else None
        return cls(environ.get("NOTIFY_SOCKET") or None, watchdog_s)

    def tell(self, *lines: str) -> None:
        """Send lines such as READY=1 as one datagram; a supervisor that is gone is no error."""
        if self.address is None:
            return
        # A leading @ stands for the NUL of Linux's abstract names.
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(lines).encode(), address)

    def tell_ready(self, status: str) -> None:
        """Say that requests are served from now on."""
        self.tell("READY=1", f"STATUS={status}")

    def tell_reloading(self, *, monotonic_us: int) -> None:
        """Say that settings are read again, as of CLOCK_MONOTONIC; `tell_ready` says it is done."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}", "STATUS=Reloading")

    def tell_stopping(self) -> None:
        """Say that the end has begun."""
        self.tell("STOPPING=1", "STATUS=Stopping")

    async def watch(self, find_fault: Callable[[], Awaitable[str | None]], *, status: str) -> None:
        """Feed the watchdog at half of its time for as long as no fault is found; never returns.

        Returns at once when no watchdog is set.
        """
        if self.watchdog_s is None:
            return
        former = None
        while True:
            fault = await find_fault()
            if fault is None:
                self.tell("WATCHDOG=1")
            if fault != former:
                self.tell(f"STATUS={fault or status}")
                log.log(*(_RECOVERED if fault is None else _UNWELL), extra={"fault": fault})
            former = fault
            half_s = self.watchdog_s / 2
            await asyncio.sleep(half_s if fault is None else min(LOOK_AGAIN_S, half_s))


_UNWELL = (logging.ERROR, "unwell, the watchdog is not fed")
_RECOVERED = (logging.INFO, "well again")
