"""Checks of HTTPS: how long the certificate lasts, and that no admin call can be listened to.

Whether a certificate is trusted is `public_url`'s to say; here none is verified, and no secret is
sent.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from daemon.core.certificates import Lifetime, parse_lifetime, read_lifetime, show_day
from daemon.core.doctor.asking import REQUEST_BUDGET_S, Unreachable, ask
from daemon.core.doctor.finding import Finding, fail, ok, refuse, skip, warn
from daemon.core.doctor.parts import Parts
from daemon.core.errors import Misconfigured
from daemon.core.tls_files import TlsFiles, load_files

CLEAR_PORT = 80
"""Where plain HTTP is served; an administrator's slip may lead there."""

ADMIN_PATH = "/tokens"
"""An address that answers nobody without a token."""

_RENEW = "renew it; the daemon takes the new one up by itself"
_HAVE_SIGNED = "have one made by an authority such as Let's Encrypt, with its chain"
_RENEW_AT_PROXY = "see in the log of the proxy in front why it does not renew it"
_MEND_PROXY = (
    "let the proxy send X-Forwarded-Proto: https, and put the address it calls from into"
    " TRUSTED_PROXIES"
)
_IN_CLEAR = {"X-Forwarded-Proto": "http"}
"""What a proxy must not pass on as a caller wrote it: with it ours is taken for a call in clear."""

_BELIEVED = (
    "the proxy in front passes X-Forwarded-Proto on as a caller wrote it: where it says nothing"
    " itself, all whom it brings look like callers from this machine"
)
_SAY_IT_ITSELF = (
    "let the proxy set both itself, as nginx does with: proxy_set_header X-Forwarded-Proto $scheme;"
    " proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
)
_CLOSE_CLEAR = "let the proxy send X-Forwarded-Proto, or answer plain HTTP with a redirect alone"


async def check_certificate(parts: Parts) -> list[Finding]:
    """See how long the certificate lasts that Meta is shown: our own, else that of PUBLIC_URL."""
    files, url = TlsFiles.from_settings(parts.settings), urlsplit(parts.settings.public_url or "")
    try:
        if files is not None:
            return await asyncio.to_thread(_check_own, parts, files)
        if url.scheme != "https" or url.hostname is None:
            return [skip("certificate", "neither TLS_CERT_FILE nor an https PUBLIC_URL is set")]
        shown = await _fetch_certificate(url.hostname, url.port or 443)
    except Misconfigured as unfit:
        step = "name a certificate and its own key, in files that the daemon can read"
        return [refuse("certificate", unfit, step=step)]
    except (OSError, TimeoutError):
        reason = f"{parts.settings.public_url} shows none"
        return [skip("certificate", reason, "mend what `public_url` says")]
    whose = f"that of {url.hostname}"
    return [judge_certificate(parse_lifetime(shown), whose, _RENEW_AT_PROXY, now=parts.clock())]


def judge_certificate(lifetime: Lifetime, whose: str, step: str, *, now: float) -> Finding:
    """Say whether a certificate lasts, and what to do when it does not."""
    if (fault := lifetime.find_fault(now=now)) is not None:
        return fail("certificate", f"{whose} {fault}", step)
    left, day = lifetime.tell_left(now=now), show_day(lifetime.ends_at)
    detail = f"{whose} is valid for {left}, until {day}"
    if lifetime.is_urgent(now=now):
        return fail("certificate", detail, step)
    if lifetime.is_ending(now=now):
        return warn("certificate", detail, step)
    return ok("certificate", detail)


async def check_privacy(parts: Parts, http: aiohttp.ClientSession) -> list[Finding]:
    """See, in prod, that an admin call is heard by HTTPS, and refused in clear."""
    url = urlsplit(parts.settings.public_url or "")
    if parts.settings.app_env != "prod":
        return [skip("https", "looked at in prod only, and APP_ENV is dev")]
    if url.scheme != "https" or url.hostname is None:
        return [skip("https", "PUBLIC_URL is no https address: `settings` says more")]
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    by_https = await _ask_status(http, url.geturl().rstrip("/"))
    in_clear = await _ask_status(http, f"http://{host}:{CLEAR_PORT}")
    forged = None
    if TlsFiles.from_settings(parts.settings) is None:
        forged = await _ask_status(http, url.geturl().rstrip("/"), headers=_IN_CLEAR)
    return [judge_privacy(by_https, in_clear, where=url.geturl(), forged=forged)]


def judge_privacy(
    by_https: int | None, in_clear: int | None, *, where: str, forged: int | None = None
) -> Finding:
    """Judge the statuses of calls without a token; None where nobody answered.

    The one that is `forged` came by HTTPS and said that it did not.
    """
    if by_https is None:
        return skip("https", f"{where} gives no answer", "mend what `public_url` says")
    if by_https == HTTPStatus.FORBIDDEN:
        return fail("https", f"an admin call to {where} is taken for one in clear", _MEND_PROXY)
    if in_clear == HTTPStatus.UNAUTHORIZED:
        reason = "an admin call over plain HTTP is heard: its token can be read on the way"
        return fail("https", reason, _CLOSE_CLEAR)
    if forged == HTTPStatus.FORBIDDEN:
        return warn("https", _BELIEVED, _SAY_IT_ITSELF)
    return ok("https", "no admin call is heard that others could have read")


def _check_own(parts: Parts, files: TlsFiles) -> list[Finding]:
    """Judge the certificate that the daemon itself shows, and whether it can be served with."""
    now, settings = parts.clock(), parts.settings
    whose = f"TLS_CERT_FILE={files.certificate}"
    lifetime = read_lifetime(files.certificate, setting="TLS_CERT_FILE")
    found = [judge_certificate(lifetime, whose, _RENEW, now=now)]
    if lifetime.find_fault(now=now) is None:
        load_files(files, now=now)
    is_for_meta = (settings.public_url or "").startswith("https:") and not settings.has_far_proxy
    if lifetime.is_self_signed and is_for_meta:
        found.append(
            warn(
                "certificate", f"{whose} is self-signed, and Meta takes none like it", _HAVE_SIGNED
            )
        )
    return found


async def _ask_status(
    http: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str] | None = None
) -> int | None:
    try:
        return (await ask(http, f"{url}{ADMIN_PATH}", headers=headers, verify=False)).status
    except Unreachable:
        return None


async def _fetch_certificate(host: str, port: int) -> bytes:
    """Shake hands, and give the certificate that was shown, as DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(REQUEST_BUDGET_S):
        transport, _ = await loop.create_connection(asyncio.Protocol, host, port, ssl=context)
    try:
        shown: bytes = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        transport.abort()
    return shown
