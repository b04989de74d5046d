"""The settings of HTTPS: what goes together, and what is refused by its name."""

from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.settings import load_settings
from tests.doubles.environment import leave_machine, with_env

CERTIFICATE = {"TLS_CERT_FILE": "/x/tls.pem", "TLS_KEY_FILE": "/x/tls.key"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leave_machine(monkeypatch, tmp_path)


def test_nothing_set_trusts_this_machine_and_serves_http() -> None:
    """As the README's table has it."""
    settings = load_settings()
    assert ["127.0.0.1/32", "::1/128"] == [str(network) for network in settings.proxies]
    assert (False, False) == (settings.serves_tls, settings.has_far_proxy)
    assert "client.webhooks.fbclientcerts.com" == settings.meta_client_cert_name


@pytest.mark.parametrize(
    ("text", "is_far"),
    [
        ("127.0.0.1", False),
        ("127.0.0.0/8,::1", False),
        ("127.0.0.1,172.28.0.0/24", True),
        ("fd00::2", True),
    ],
)
def test_a_proxy_is_near_or_far(
    monkeypatch: pytest.MonkeyPatch, text: str, *, is_far: bool
) -> None:
    """One that is not on this machine is why the daemon may listen to others in clear."""
    assert is_far == with_env(monkeypatch, TRUSTED_PROXIES=text).has_far_proxy


def test_a_certificate_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files, and the authority of Meta's clients with them."""
    settings = with_env(monkeypatch, **CERTIFICATE, META_CLIENT_CA_FILE="/x/ca.pem")
    assert settings.serves_tls
    assert Path("/x/ca.pem") == settings.meta_client_ca_file


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"TLS_CERT_FILE": "/x"}, "TLS_KEY_FILE is not set: HTTPS needs TLS_CERT_FILE and"),
        ({"TLS_KEY_FILE": "/x"}, "TLS_CERT_FILE is not set: HTTPS needs"),
        ({"TLS_CERT_FILE": "/x", "TLS_KEY_FILE": ""}, "TLS_KEY_FILE is not set"),
        ({"META_CLIENT_CA_FILE": "/x"}, "META_CLIENT_CA_FILE needs TLS_CERT_FILE"),
        ({"TRUSTED_PROXIES": "caddy"}, "TRUSTED_PROXIES 'caddy' is no address"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES .* is everybody"),
        ({"META_CLIENT_CERT_HEADER": "X Subject:"}, "META_CLIENT_CERT_HEADER"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], reason: str
) -> None:
    """One line, by the name of the setting."""
    with pytest.raises(Misconfigured, match=reason) as refused:
        with_env(monkeypatch, **values)
    assert 1 == len(str(refused.value).splitlines())


@pytest.mark.parametrize(("given", "host"), [("[::1]", "::1"), ("::", "::"), ("a.b", "a.b")])
def test_an_ipv6_host_may_be_written_as_in_a_url(
    monkeypatch: pytest.MonkeyPatch, given: str, host: str
) -> None:
    """Brackets belong to URLs; a socket has none."""
    assert host == with_env(monkeypatch, HOST=given).host
