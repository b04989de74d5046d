"""The daemon's own HTTPS: a certificate from files, taken up again when they change.

Owns the TLS context that the sockets are served with. Connections stay what they are when the
certificate changes; who may call is `api`'s to say.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from typing import Self

from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings
from daemon.core.tls_files import TlsFiles, load_files

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Pause between two looks at the files' times; renewed certificates have days to be noticed."""

REMIND_S = 86_400.0
"""Pause between two warnings of a certificate that nobody renews."""


class ServerCertificate:
    """A TLS context that lasts, and what it shows, which changes with the files.

    Raises `Misconfigured` when made from files that cannot be served with.
    """

    def __init__(self, files: TlsFiles, *, clock: Callable[[], float] = time.time) -> None:
        """Read the files; `clock` is seconds since the epoch."""
        self._files = files
        self._clock = clock
        self._stamp = files.stamp()
        self._remind_at = 0.0
        self._refused: str | None = None
        self._current, self._lifetime = load_files(files, now=clock())
        self.context = self._current
        self.context.sni_callback = self._choose

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Read the files that the settings name; None where they name none."""
        files = TlsFiles.from_settings(settings)
        return None if files is None else cls(files)

    def reload(self) -> None:
        """Show what the files hold now; what cannot be used is logged, and the former one stays."""
        self._refused = None
        self._take()

    def take_up(self, _settings: Settings) -> None:
        """Do so when settings are read again; where the files are is settled at the start."""
        self.reload()

    def look(self) -> None:
        """Take up files that have changed since; warn, once a day, of a certificate near its end.

        What was refused is tried again: the key may come after its certificate, or the day may
        come from which it is valid.
        """
        if self._files.stamp() != self._stamp:
            self.reload()
        elif self._refused is not None:
            self._take()
        now = self._clock()
        if self._lifetime.is_ending(now=now) and now >= self._remind_at:
            self._remind_at = now + REMIND_S
            log.warning("the certificate ends soon: renew it", extra=self._tell_days())

    async def watch(self) -> None:
        """Look again and again; never returns."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def _take(self) -> None:
        self._stamp = self._files.stamp()
        try:
            self._current, self._lifetime = load_files(self._files, now=self._clock())
        except Misconfigured as unfit:
            former, self._refused = self._refused, str(unfit)
            if former != self._refused:
                facts = {"error": self._refused}
                log.error("the new certificate is not taken, the old one stays", extra=facts)  # noqa: TRY400 - one line says all
            return
        self._refused = None
        self._remind_at = 0.0
        is_ending = self._lifetime.is_ending(now=self._clock())
        level = logging.WARNING if is_ending else logging.INFO
        log.log(level, "certificate taken", extra=self._tell_days())

    def _choose(self, wanted: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Called at the first words of each handshake, before anything of the certificate is told.
        wanted.context = self._current

    def _tell_days(self) -> dict[str, int]:
        return {"days_left": self._lifetime.days_left(now=self._clock())}
