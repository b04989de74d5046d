"""The settings that say who may listen in: our own TLS, the proxies in front, Meta's certificate.

What they are worth is decided where calls arrive; no file is opened here.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from daemon.core.networks import Network, parse_networks

META_CLIENT = "client.webhooks.fbclientcerts.com"
"""The common name of the certificate with which Meta calls (Graph API, Webhooks from Meta, "mTLS
for webhooks", read November 2026). Meta's own CA signs it since 31 March 2026."""


def _networks(text: str) -> str:
    parse_networks(text)
    return text


class HttpsSettings(BaseSettings):
    """A part of `Settings`."""

    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.1,::1"
    meta_client_cert_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] | None = None
    meta_client_cert_name: str = META_CLIENT
    meta_client_ca_file: Path | None = None

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Those who are believed about whom they call for, and how that one called."""
        return parse_networks(self.trusted_proxies)

    @property
    def serves_tls(self) -> bool:
        """Tell whether the daemon itself speaks HTTPS, on every socket."""
        return self.tls_cert_file is not None

    @property
    def has_far_proxy(self) -> bool:
        """Tell whether a proxy is trusted that is not on this machine."""
        return not all(network.is_loopback for network in self.proxies)

    @model_validator(mode="after")
    def _a_certificate_has_its_key(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            lacking = "TLS_CERT_FILE" if self.tls_cert_file is None else "TLS_KEY_FILE"
            raise ValueError(
                f"{lacking} is not set: HTTPS needs TLS_CERT_FILE and TLS_KEY_FILE, or neither"
            )
        if self.meta_client_ca_file is not None and self.tls_cert_file is None:
            raise ValueError(
                "META_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE: behind a proxy that"
                " serves HTTPS it is the proxy that asks for the certificate, and"
                " META_CLIENT_CERT_HEADER names the header in which it passes the subject on"
            )
        return self
