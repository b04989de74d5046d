"""The program's entry refuses in one line to serve where others could listen."""

from pathlib import Path

import pytest

from daemon.main import main
from tests.doubles.certificates import DAY, NOW, Authority, put
from tests.doubles.environment import leave_machine

NEEDED = {"META_APP_SECRET": "app-secret", "META_VERIFY_TOKEN": "verify", "PORT": "0"}
PROD = NEEDED | {"APP_ENV": "prod", "PUBLIC_URL": "https://bot.example.com"}


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_machine(monkeypatch, tmp_path)


def refuse(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    """Run it and give the one line with which it ended."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main([])
    line = ended.value.code
    assert isinstance(line, str)
    assert 1 == len(line.splitlines())
    assert [] == [file.name for file in Path.cwd().iterdir() if file.suffix == ".db"]
    return line


@pytest.mark.parametrize("proxies", [{}, {"TRUSTED_PROXIES": "127.0.0.1"}])
def test_plain_http_for_everybody_is_refused_in_prod(
    monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str]
) -> None:
    """A proxy on this machine is no reason to listen to others; no database is made."""
    line = refuse(monkeypatch, **PROD, HOST="0.0.0.0", **proxies)
    assert "HOST must be 127.0.0.1" in line


@pytest.mark.parametrize("mended", [{"TRUSTED_PROXIES": "172.28.0.0/24"}, {"TLS": "yes"}])
def test_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mended: dict[str, str]
) -> None:
    """A proxy elsewhere, or a certificate: the start goes on, here to a database that is none."""
    given = PROD | {"HOST": "0.0.0.0", "DATABASE_URL": "nonsense"}
    if "TLS" in mended:
        files = Authority().write(tmp_path)
        given |= {"TLS_CERT_FILE": str(files.certificate), "TLS_KEY_FILE": str(files.key)}
    assert "DATABASE_URL" in refuse(monkeypatch, **given | mended)


def test_a_certificate_that_cannot_be_served_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Missing its key, missing altogether, and expired: each is said before anything is made."""
    authority = Authority()
    files = authority.write(tmp_path)
    given = NEEDED | {"TLS_CERT_FILE": str(files.certificate)}
    assert "TLS_KEY_FILE is not set" in refuse(monkeypatch, **given)
    given |= {"TLS_KEY_FILE": str(tmp_path / "nowhere")}
    assert "nowhere: there is no such file" in refuse(monkeypatch, **given)
    put(files, authority.make("old", begins=NOW - 9 * DAY, ends=NOW - DAY))
    given |= {"TLS_KEY_FILE": str(files.key)}
    assert "expired on" in refuse(monkeypatch, **given)
