"""What a TLS certificate says: whose it is, and for how long.

Owns the reading of PEM and of subjects; serves and verifies nothing.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

DAY_S = 86_400.0

_PART = re.compile(r"\s*(?P<type>[\w.-]+)\s*=(?P<value>(?:[^,+;\"\\]|\\.)*)(?:[,+;]|$)")
"""One attribute of a subject; a quoted value is of an older form, and not read."""

ENDING_SHARE = 0.2
"""The part of its lifetime with which it should have been renewed: whoever does that by himself, as
certbot and Caddy, does it with a third left."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a certificate is valid, in seconds since the epoch."""

    begins_at: float
    ends_at: float

    def is_ending(self, *, now: float) -> bool:
        """Tell whether it should have been renewed by now."""
        return self.ends_at - now < ENDING_SHARE * (self.ends_at - self.begins_at)

    def days_left(self, *, now: float) -> int:
        """Count the whole days that are left."""
        return int((self.ends_at - now) // DAY_S)

    def find_fault(self, *, now: float) -> str | None:
        """Say in words why it is not valid now; None when it is."""
        if now >= self.ends_at:
            return f"expired on {show_day(self.ends_at)}"
        if now < self.begins_at:
            return f"is not valid before {show_day(self.begins_at)}: is the clock right?"
        return None


def show_day(moment: float) -> str:
    """Show a moment's day, in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def read_lifetime(file: Path, *, setting: str) -> Lifetime:
    """Read how long the first certificate of a PEM file is valid: the server's own.

    Raises:
        Misconfigured: naming the setting, when there is none to be read.

    """
    from cryptography import x509  # noqa: PLC0415 - only who serves TLS pays for it

    try:
        leaf = x509.load_pem_x509_certificates(read_file(file, setting=setting))[0]
    except (ValueError, x509.InvalidVersion):
        raise Misconfigured(
            f"{setting}={file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)."
        ) from None
    return _lifetime(leaf)


def parse_lifetime(der: bytes) -> Lifetime:
    """Read how long a certificate is valid that a server has shown."""
    from cryptography import x509  # noqa: PLC0415 - as above

    return _lifetime(x509.load_der_x509_certificate(der))


def read_file(file: Path, *, setting: str) -> bytes:
    """Read a file that a setting names.

    Raises:
        Misconfigured: when that cannot be done.

    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise Misconfigured(f"{setting}={file}: there is no such file.") from None
    except OSError as refused:
        raise Misconfigured(
            f"{setting}={file} cannot be read: {refused.strerror}."
            " The user that runs the daemon must be able to."
        ) from refused


def find_common_names(subject: str) -> tuple[str, ...]:
    """Read the common names from a subject as a proxy writes it (RFC 4514); a bare name is one.

    None is found in what cannot be read to its end: a comma may belong to a value, which then
    would pass for a name.
    """
    if "=" not in subject:
        return (subject.strip(),)
    found, position = [], 0
    while position < len(subject):
        part = _PART.match(subject, position)
        if part is None:
            return ()
        if part["type"].upper() in {"CN", "2.5.4.3"}:
            found.append(part["value"].strip())
        position = part.end()
    return tuple(found)


def _lifetime(certificate: "Certificate") -> Lifetime:
    return Lifetime(
        certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    )
