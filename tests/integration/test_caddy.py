"""deploy/caddy/Caddyfile in a real Caddy: what it lets through, and what it says of who calls."""

import ssl
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.core.certificates import find_common_names
from daemon.core.https_settings import META_CLIENT
from tests.doubles import caddy
from tests.doubles.caddy import CADDYFILE, Answer, Caddy
from tests.doubles.certificates import Authority

pytestmark = pytest.mark.skipif(not caddy.is_here(), reason="caddy is not installed")

SUBJECT = "X-Client-Cert-Subject"
UNKNOWN = "{http.request.tls.client.subject}"
"""What Caddy makes of the subject when nobody has shown a certificate: the words as they stand."""

FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "elsewhere.example",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Prefix": "/elsewhere",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=http",
    SUBJECT: f"CN={META_CLIENT}",
}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caddy]:
    with caddy.running(tmp_path_factory.mktemp("caddy"), CADDYFILE.read_text()) as opened:
        yield opened


def switch_on_mtls(authority: Path) -> str:
    """Take the # off the lines that the file itself names."""
    lines, inside = [], False
    for line in CADDYFILE.read_text().splitlines():
        inside = inside or line == "\t#tls {"
        lines.append(line.replace("\t#", "\t", 1) if inside else line)
        inside = inside and line != "\t#}"
    return "\n".join(lines).replace("/etc/caddy/meta-ca.pem", str(authority)) + "\n"


def test_what_a_caller_says_of_himself_goes_no_further(front: Caddy) -> None:
    """The daemon believes Caddy about who calls; so Caddy must say it itself, each time."""
    assert 200 == front.ask("/clients", headers=FORGED).status
    seen = front.upstream.seen[-1]
    assert ["127.0.0.1"] == seen.get_all("X-Forwarded-For")
    assert ["https"] == seen.get_all("X-Forwarded-Proto")
    assert [f"localhost:{front.port}"] == seen.get_all("X-Forwarded-Host")
    assert [] == [name for name in ("Forwarded", "X-Real-IP") if name in seen]
    assert [] == [name for name in ("X-Forwarded-Port", "X-Forwarded-Prefix") if name in seen]
    assert [UNKNOWN] == seen.get_all(SUBJECT)


def test_the_counters_are_not_for_the_world(front: Caddy) -> None:
    """They are open inside, so that Prometheus needs no token; outside they do not exist."""
    before = len(front.upstream.seen)
    for path in (
        "/metrics",
        "/metrics/",
        "/metrics?x=1",
        "/%6Detrics",
        "//metrics",
        "/x/../metrics",
    ):
        assert 404 == front.ask(path).status, path
    assert before == len(front.upstream.seen)


def test_what_is_too_large_stops_here(front: Caddy) -> None:
    """A file of FAQs of 5 MB gets through, more does not."""
    assert 200 == front.ask("/clients/1/faqs", b"x" * 5_500_000).status
    before = len(front.upstream.seen)
    # It may hang up before all is sent, and then its answer is lost.
    with suppress(urllib.error.URLError, ssl.SSLError, ConnectionError):
        assert 200 != front.ask("/clients/1/faqs", b"x" * 6_500_000).status
    assert before == len(front.upstream.seen)


def test_browsers_are_told_to_stay_with_https(front: Caddy) -> None:
    """And nothing tells what software this is."""
    answer = front.ask("/health")
    assert "max-age=31536000" == answer.headers["Strict-Transport-Security"]
    assert "Server" not in answer.headers


def test_a_restart_of_the_daemon_turns_nobody_away(front: Caddy) -> None:
    """A call that comes while nobody listens is answered by the next daemon.

    With a body too from Caddy 2.11.3 on, which the image has; Debian's older one loses the body
    (caddyserver/caddy pull request 7547, read November 2026).
    """
    body = b"{}" if caddy.read_version() >= (2, 11, 3) else None
    front.upstream.stop()
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(front.ask("/webhook", body)))
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    front.upstream.start()
    asking.join(20)
    assert [200] == [answer.status for answer in answers]


def test_metas_certificate_is_asked_for_and_passed_on(tmp_path: Path) -> None:
    """With the lines of the file taken in, the daemon hears who shook hands; others get none."""
    authority, stranger = Authority(), Authority("Somebody else's authority")
    with caddy.running(tmp_path, switch_on_mtls(authority.write_own(tmp_path))) as front:
        assert 200 == front.ask("/clients", headers=FORGED).status
        assert [UNKNOWN] == front.upstream.seen[-1].get_all(SUBJECT)

        meta = present(authority, META_CLIENT, tmp_path)
        assert 200 == front.ask("/webhook", b"{}", headers=FORGED, trust=meta).status
        assert (META_CLIENT,) == find_common_names(front.upstream.seen[-1][SUBJECT])

        before = len(front.upstream.seen)
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            front.ask("/webhook", b"{}", trust=present(stranger, META_CLIENT, tmp_path))
        assert before == len(front.upstream.seen)


def present(authority: Authority, name: str, folder: Path) -> ssl.SSLContext:
    """Make a caller with a certificate of this name, who believes any server."""
    context = authority.trust(authority.make(name), folder=folder)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_the_file_is_as_caddy_would_write_it(tmp_path: Path) -> None:
    """It is read without a warning, for a name that is asked for."""
    read = caddy.adapt(tmp_path, CADDYFILE.read_text(), 8080)
    (route,) = read["apps"]["http"]["servers"]["srv0"]["routes"]
    assert [{"host": ["localhost"]}] == route["match"]
