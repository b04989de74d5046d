"""What must be right before the daemon serves: asked by its start, and by the doctor.

Owns the rules that need more than the settings' own words. Binds and serves nothing.
"""

from daemon.core.errors import Misconfigured
from daemon.core.networks import is_loopback
from daemon.core.settings import Settings
from daemon.core.tls_files import TlsFiles, load_files


def check_start(settings: Settings, *, now: float) -> None:
    """Refuse what the daemon would refuse to start with; `now` is seconds since the epoch.

    Raises:
        Misconfigured: the line with which it would end.

    """
    settings.require_for_daemon()
    files = TlsFiles.from_settings(settings)
    if files is not None:
        load_files(files, now=now)
    if must_be_private(settings):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        refuse_open_host(settings.host, shown=f"http://{host}:{settings.port}", where="HOST")


def must_be_private(settings: Settings) -> bool:
    """Tell whether nobody but this machine may reach the daemon, for nothing is encrypted."""
    return settings.app_env == "prod" and not (settings.serves_tls or settings.has_far_proxy)


def refuse_open_host(host: str, *, shown: str, where: str) -> None:
    """Refuse an address that others can reach; `where` is the setting that it comes from.

    Raises:
        Misconfigured: naming the address, and the settings that would mend it.

    """
    if not is_loopback(host):
        raise Misconfigured(
            f"{shown} is open to others, and nothing there is encrypted. In prod"
            f" {where} must be 127.0.0.1, with a proxy for HTTPS on this machine; or"
            " TRUSTED_PROXIES must name the proxy elsewhere; or TLS_CERT_FILE and TLS_KEY_FILE"
            " must name a certificate."
        )
