"""The daemon's own HTTPS: a certificate from files, taken up again when they change.

Owns the TLS context that the sockets are served with. Connections stay what they are when the
certificate changes; who may call is `api`'s to say.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from daemon.core.certificates import Lifetime, read_file, read_lifetime
from daemon.core.closed_files import is_mounted_for_us, refuse_open_file
from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Pause between two looks at the files' times; renewed certificates have days to be noticed."""

REMIND_S = 86_400.0
"""Pause between two warnings of a certificate that nobody renews."""

Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What HTTPS is served with: PEM files; `client_ca` is whose clients are asked for a name.

    With `closed` a key that others on this machine could read is refused.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    closed: bool = False

    def stamp(self) -> Stamp:
        """Tell by what it can be seen that a file, or who may read it, is another.

        Symbolic links are followed, as certbot and Kubernetes renew by them.
        """
        return tuple(map(_stamp, (self.certificate, self.key, self.client_ca)))


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
        self._current, self._lifetime = _load(files, now=clock())
        self.context = self._current
        self.context.sni_callback = self._choose

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Read the files that the settings name; None where they name none."""
        certificate, key = settings.tls_cert_file, settings.tls_key_file
        if certificate is None or key is None:
            return None
        closed = settings.app_env == "prod"
        return cls(TlsFiles(certificate, key, settings.meta_client_ca_file, closed=closed))

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
            self._current, self._lifetime = _load(self._files, now=self._clock())
        except Misconfigured as unfit:
            former, self._refused = self._refused, str(unfit)
            if former != self._refused:
                facts = {"error": self._refused}
                log.error("the new certificate is not taken, the old one stays", extra=facts)  # noqa: TRY400 - one line says all
            return
        self._refused = None
        self._remind_at = 0.0
        log.info("certificate taken", extra=self._tell_days())

    def _choose(self, wanted: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Called at the first words of each handshake, before anything of the certificate is told.
        wanted.context = self._current

    def _tell_days(self) -> dict[str, int]:
        return {"days_left": self._lifetime.days_left(now=self._clock())}


def _load(files: TlsFiles, *, now: float) -> tuple[ssl.SSLContext, Lifetime]:
    named = f"TLS_CERT_FILE={files.certificate}"
    lifetime = read_lifetime(files.certificate, setting="TLS_CERT_FILE")
    if (fault := lifetime.find_fault(now=now)) is not None:
        raise Misconfigured(f"{named} {fault}. Renew it, and put the new one there.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load_key(context, files)
    if files.client_ca is not None:
        _ask_clients(context, files.client_ca)
    return context, lifetime


def _load_key(context: ssl.SSLContext, files: TlsFiles) -> None:
    named = f"TLS_KEY_FILE={files.key}"
    if b"PRIVATE KEY-----" not in read_file(files.key, setting="TLS_KEY_FILE"):
        raise Misconfigured(f"{named} holds no private key in PEM form (-----BEGIN PRIVATE KEY).")
    if files.closed and not is_mounted_for_us(files.key):
        refuse_open_file(files.key)

    def refuse_password() -> NoReturn:
        raise Misconfigured(f"{named} asks for a password, and nobody is there to give it.")

    try:
        context.load_cert_chain(files.certificate, files.key, password=refuse_password)
    except ssl.SSLError as unfit:
        if unfit.reason == "KEY_VALUES_MISMATCH":
            reason = f"is not the key of the first certificate in {files.certificate}"
        else:
            reason = f"and {files.certificate} cannot be used: {unfit.reason or unfit}"
        raise Misconfigured(f"{named} {reason}.") from unfit
    except OSError as gone:
        # Just now it was there: somebody is at work on the files.
        reason = f"or {files.certificate} cannot be read: {gone.strerror}"
        raise Misconfigured(f"{named} {reason}.") from gone


def _ask_clients(context: ssl.SSLContext, file: Path) -> None:
    """Ask for a client's certificate, and go on without: only Meta's deliveries need one."""
    read_file(file, setting="META_CLIENT_CA_FILE")
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise Misconfigured(
            f"META_CLIENT_CA_FILE={file} holds no certificate in PEM form."
            " Meta's is meta-outbound-api-ca-2025-12.pem, on its page mTLS for webhooks."
        ) from None
    except OSError as gone:
        raise Misconfigured(
            f"META_CLIENT_CA_FILE={file} cannot be read: {gone.strerror}."
        ) from gone
    context.verify_mode = ssl.CERT_OPTIONAL
    # The file's word is final: what it holds may itself be signed by another.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _stamp(file: Path | None) -> tuple[int, int] | None:
    if file is None:
        return None
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_ctime_ns
