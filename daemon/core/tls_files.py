"""The files that HTTPS is served with, and what is refused of them before anything is served.

Owns the making of a TLS context; serves nothing, and watches nothing.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from daemon.core.certificates import Lifetime, read_file, read_lifetime
from daemon.core.closed_files import is_mounted_for_us, refuse_open_file
from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings

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

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Name the files that the settings do; None where they name none."""
        certificate, key = settings.tls_cert_file, settings.tls_key_file
        if certificate is None or key is None:
            return None
        closed = settings.app_env == "prod"
        return cls(certificate, key, settings.meta_client_ca_file, closed=closed)

    def stamp(self) -> Stamp:
        """Tell by what it can be seen that a file, or who may read it, is another.

        Symbolic links are followed, as certbot and Kubernetes renew by them.
        """
        return tuple(map(_stamp, (self.certificate, self.key, self.client_ca)))


def load_files(files: TlsFiles, *, now: float) -> tuple[ssl.SSLContext, Lifetime]:
    """Make a context for a server from its files, and tell how long their certificate lasts.

    Raises:
        Misconfigured: naming the setting, the file and why it cannot be served with.

    """
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
