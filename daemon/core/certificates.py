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

HOUR_S = 3600.0
DAY_S = 86_400.0

_PART = re.compile(r"\s*(?P<type>[\w.-]+)\s*=(?P<value>(?:[^,+;\"\\]|\\.)*)(?:[,+;]|$)")
"""One attribute of a subject; a quoted value is of an older form, and not read."""

ENDING_S = 14 * DAY_S
ENDING_SHARE = 0.2
"""With so much time left, or this part of a shorter life, it should have been renewed: whoever does
that by himself, as certbot and Caddy, does it with a third left."""

URGENT_S = 3 * DAY_S
WEEK_S = 6 * DAY_S
URGENT_SHARE = 0.25
"""With so much time left it is urgent; of a life of about a week, as Let's Encrypt gives, with this
part: such a one is renewed with two or three days left."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a certificate is valid, in seconds since the epoch, and by whose word."""

    begins_at: float
    ends_at: float
    is_self_signed: bool = False

    def is_ending(self, *, now: float) -> bool:
        """Tell whether it should have been renewed by now."""
        limit_s = min(ENDING_S, ENDING_SHARE * (self.ends_at - self.begins_at))
        return self.ends_at - now < limit_s or self.is_urgent(now=now)

    def is_urgent(self, *, now: float) -> bool:
        """Tell whether so little is left that somebody must look today."""
        life_s = self.ends_at - self.begins_at
        limit_s = URGENT_S if life_s < WEEK_S else min(URGENT_S, URGENT_SHARE * life_s)
        return self.ends_at - now < limit_s

    def days_left(self, *, now: float) -> int:
        """Count the whole days that are left."""
        return int((self.ends_at - now) // DAY_S)

    def tell_left(self, *, now: float) -> str:
        """Say how long it is valid, in hours where days say too little."""
        days = self.days_left(now=now)
        hours = int((self.ends_at - now) // HOUR_S)
        return f"{days} more days" if days > 1 else f"{hours} more hour{'' if hours == 1 else 's'}"

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
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        is_self_signed=certificate.issuer == certificate.subject,
    )
