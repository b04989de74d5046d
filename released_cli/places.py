"""A daemon's address and the token to it, checked before anything is sent there.

Knows neither how a place was chosen nor how it is called.
"""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from daemon.core.errors import Misconfigured

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
EXAMPLE = "Example: https://bot.example.com"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a daemon is, without a slash at the end, and who is calling.

    `profile` is the saved profile's name where the address comes from one, and
    `has_other_token` says that the token does not.
    """

    url: str
    token: str = field(repr=False)
    profile: str | None = None
    has_other_token: bool = False

    def __str__(self) -> str:
        """Give the address, and not the token."""
        return self.url

    @property
    def is_loopback(self) -> bool:
        """Tell whether it is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK

    @property
    def is_in_clear(self) -> bool:
        """Tell whether the token can be read on the way."""
        return urlsplit(self.url).scheme == "http" and not self.is_loopback


def check_url(text: str, *, insecure: bool) -> str:
    """Bring an address to the form in which paths are put behind it.

    Raises:
        Misconfigured: when it is none, or would show the token to everybody on the way.

    """
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").encode("idna")
        is_usable = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not parts.path.isascii() or " " in text.strip() or not text.isprintable():
        raise Misconfigured(f"{text!r} is no address of a daemon. {EXAMPLE}")
    if parts.username is not None or parts.query or parts.fragment:
        raise Misconfigured(f"An address has no user, query or fragment. {EXAMPLE}")
    url = _write(parts)
    if Place(url, "").is_in_clear and not insecure:
        raise Misconfigured(
            f"{url} would carry the token in clear: use https://, or --insecure if nobody"
            " can listen on the way."
        )
    return url


def name_place(url: str) -> str:
    """Give an address a name to be saved under: its host, with the port where it has one."""
    return urlsplit(url).netloc


def check_token(text: str) -> str:
    """Take a token as it stands in a file, a variable or a line.

    Raises:
        Misconfigured: when it cannot be one; it is not quoted.

    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Misconfigured(
            "That is no token: one word of ASCII is expected, as the server prints it"
            " (released token create NAME there)."
        )
    return token


def _write(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
