"""Whether a delivery comes with Meta's client certificate, for whoever has switched mTLS on.

The certificate itself is verified where TLS ends: by the proxy, which passes its subject on, or by
our own server. Here its name is looked at, before a byte of the body is read.
"""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from daemon.api.arriving import arrival_of
from daemon.api.problems import Handler, problem
from daemon.api.shared import METRICS, RUNTIME
from daemon.core.certificates import find_common_names
from daemon.core.settings import Settings


def certified(handler: Handler, settings: Settings) -> Handler:
    """Let a handler run only for Meta, when the settings ask for its certificate."""
    if settings.meta_client_cert_header is None and settings.meta_client_ca_file is None:
        return handler

    async def check(request: web.Request) -> web.StreamResponse:
        if settings.meta_client_cert_name in _find_names(request):
            return await handler(request)
        request.app[METRICS].webhooks.labels(str(int(HTTPStatus.FORBIDDEN))).inc()
        return problem(
            HTTPStatus.FORBIDDEN,
            f"A delivery must come with the client certificate of"
            f" {settings.meta_client_cert_name}, verified by us or by a trusted proxy.",
        )

    return check


def _find_names(request: web.Request) -> tuple[str, ...]:
    """List the names of whoever shook hands with us, or with the trusted proxy in front of us."""
    header = request.app[RUNTIME].settings.meta_client_cert_header
    # Two lines: the proxy has added its own to one that the caller wrote.
    passed_on = [] if header is None else request.headers.getall(header, [])
    if len(passed_on) == 1 and arrival_of(request).by_trusted:
        return find_common_names(passed_on[0])
    certificate: dict[str, Any] | None = request.get_extra_info("peercert")
    subject = (certificate or {}).get("subject", ())
    return tuple(value for part in subject for name, value in part if name == "commonName")
