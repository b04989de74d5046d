"""Who may listen: in prod no admin call is heard that did not come by TLS; Meta's certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from daemon.api.limiting import Rates
from daemon.core.tls_files import TlsFiles
from daemon.tls import ServerCertificate
from tests.doubles.admin import Admin, assert_problem, open_admin
from tests.doubles.certificates import Authority
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import Answer, build_text_webhook, sign

PUBLIC = "https://bot.example.com"
PROD: dict[str, Any] = {"app_env": "prod", "public_url": PUBLIC}
FROM_OUTSIDE = {"Host": "bot.example.com"}
"""A call that a proxy on this machine has passed on, and says no more about."""

BY_HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
META = "client.webhooks.fbclientcerts.com"
SUBJECT = rf"CN={META},O=Meta Platforms\, Inc.,L=Menlo Park,ST=California,C=US"
HEADER = "X-Client-Subject"
AUTHORITY = Authority()


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with open_admin(tmp_path, **PROD) as opened:
        yield opened


async def read_audit(admin: Admin) -> list[tuple[Any, ...]]:
    return await admin.query("SELECT origin FROM audit WHERE actor LIKE 'token:%' ORDER BY id")


async def test_an_admin_call_in_clear_is_refused(admin: Admin) -> None:
    """One line that says where to call and what a proxy must do; nothing is done."""
    for method, path in (("GET", "/clients"), ("DELETE", "/clients/1"), ("GET", "/metrics")):
        refused = await admin.call(method, path, headers=FROM_OUTSIDE)
        told = assert_problem(refused)
        assert 403 == refused.status
        assert [] == [
            word
            for word in (PUBLIC, "X-Forwarded-Proto: https", "TRUSTED_PROXIES")
            if word not in told["detail"]
        ]
    assert [] == await read_audit(admin)


async def test_a_refusal_tells_nothing_of_the_token(admin: Admin) -> None:
    """Right, wrong, spent on another's client or missing: the same answer, and no look at it."""
    bearers = [f"Bearer {token}" for token in (admin.token, "rel_wrong")]
    answers = [
        await admin.house.call("GET", "/clients", headers=FROM_OUTSIDE | given)
        for given in ({}, *({"Authorization": bearer} for bearer in bearers))
    ]
    assert [403] * 3 == [answer.status for answer in answers]
    assert 1 == len({answer.text for answer in answers})
    assert [(None,)] == await admin.query("SELECT last_used_at FROM tokens")


async def test_refused_calls_are_counted(tmp_path: Path) -> None:
    """Whoever goes on is told to wait, with a right token too."""
    rates = Rates(per_token=9, per_address=2, window_s=60)
    async with open_admin(tmp_path, rates=rates, **PROD) as admin:
        statuses = [
            (await admin.call("GET", "/clients", headers=FROM_OUTSIDE)).status for _ in range(4)
        ]
        assert [403, 403, 429, 429] == statuses
        # From outside he is another address than the proxy that he came by.
        assert 200 == (await admin.call("GET", "/clients", headers=BY_HTTPS)).status


async def test_what_a_trusted_proxy_brought_by_https_is_heard(admin: Admin) -> None:
    """The trail tells whose call it was."""
    renamed = await admin.call("PATCH", "/clients/1", {"name": "Nuevo"}, headers=BY_HTTPS)
    assert 200 == renamed.status
    assert [("203.0.113.7",)] == await read_audit(admin)
    in_clear = BY_HTTPS | {"X-Forwarded-Proto": "http"}
    assert 403 == (await admin.call("GET", "/clients", headers=in_clear)).status


async def test_what_another_proxy_says_is_a_claim(tmp_path: Path) -> None:
    """Only those of TRUSTED_PROXIES are believed, this machine's too."""
    async with open_admin(tmp_path, trusted_proxies="192.0.2.1", **PROD) as admin:
        assert 403 == (await admin.call("GET", "/clients", headers=BY_HTTPS)).status
        assert 200 == (await admin.call("GET", "/clients")).status


async def test_a_call_on_the_server_itself_is_heard(admin: Admin) -> None:
    """The CLI, curl and Prometheus there: nobody could have read it."""
    assert 200 == (await admin.call("GET", "/metrics")).status
    port = admin.house.url.rpartition(":")[2]
    for host in ("localhost", f"localhost:{port}", f"[::1]:{port}"):
        assert 200 == (await admin.call("GET", "/clients", headers={"Host": host})).status


async def test_what_needs_no_token_is_answered_in_clear(admin: Admin) -> None:
    """Meta's calls prove themselves, and a load balancer asks /health without TLS."""
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    signed = FROM_OUTSIDE | {"X-Hub-Signature-256": sign(body)}
    posted = await admin.house.call("POST", "/webhook", data=body, headers=signed)
    assert 200 == posted.status
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me-please", "hub.challenge": "7"}
    asked = await admin.house.call("GET", "/webhook", params=query, headers=FROM_OUTSIDE)
    assert (200, "7") == (asked.status, asked.text)
    for path in ("/health", "/openapi.json", "/docs"):
        assert 200 == (await admin.house.call("GET", path, headers=FROM_OUTSIDE)).status


async def test_open_metrics_stay_open(tmp_path: Path) -> None:
    """METRICS_OPEN is for a Prometheus that stands elsewhere on a private network."""
    async with open_inhouse(tmp_path, **PROD) as house:
        assert 200 == (await house.call("GET", "/metrics", headers=FROM_OUTSIDE)).status


async def test_in_dev_anything_goes(tmp_path: Path) -> None:
    """A developer's tunnel may do what it likes."""
    async with open_admin(tmp_path) as admin:
        assert 200 == (await admin.call("GET", "/clients", headers=FROM_OUTSIDE)).status


@asynccontextmanager
async def serving_tls(folder: Path, **settings: Any) -> AsyncIterator[House]:
    """Open the house behind its own certificate."""
    files = AUTHORITY.write(folder)
    ours = TlsFiles(files.certificate, files.key, settings.get("meta_client_ca_file"))
    context = ServerCertificate(ours).context
    named = {"tls_cert_file": files.certificate, "tls_key_file": files.key}
    async with open_inhouse(folder, tls=context, **PROD, **named, **settings) as house:
        yield house


async def call(
    house: House, method: str, path: str, context: ssl.SSLContext, **options: Any
) -> Answer:
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.request(method, house.url + path, **options) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.text())


async def test_our_own_tls_is_enough(tmp_path: Path) -> None:
    """No proxy, no header: the token is looked at, from wherever the call comes."""
    async with serving_tls(tmp_path, trusted_proxies="192.0.2.1", metrics_open=False) as house:
        for headers in ({}, FROM_OUTSIDE, BY_HTTPS):
            answer = await call(house, "GET", "/clients", AUTHORITY.trust(), headers=headers)
            assert 401 == answer.status


class TestMetasCertificate:
    BODY = b'{"object":"whatsapp_business_account","entry":[]}'

    async def post(self, house: House, *lines: tuple[str, str], **changed: str) -> int:
        signed = {"X-Hub-Signature-256": sign(self.BODY)} | changed
        headers = CIMultiDict([*signed.items(), *lines])
        return (await house.call("POST", "/webhook", data=self.BODY, headers=headers)).status

    @pytest.mark.parametrize(
        ("subjects", "status"),
        [
            ((SUBJECT,), 200),
            ((META,), 200),
            ((), 403),
            (("",), 403),
            (("CN=somebody.else",), 403),
            ((rf"O=x\,CN={META},CN=else",), 403),
            (("CN=somebody.else", SUBJECT), 403),
            ((SUBJECT, SUBJECT), 403),
        ],
    )
    async def test_a_proxy_passes_the_subject_on(
        self, tmp_path: Path, subjects: tuple[str, ...], status: int
    ) -> None:
        """One line of it; two would mean that the proxy lets the caller's own through."""
        async with open_inhouse(tmp_path, meta_client_cert_header=HEADER) as house:
            lines = [(HEADER, subject) for subject in subjects]
            assert status == await self.post(house, *lines)
            counted = (await house.call("GET", "/metrics")).text
            assert f'released_webhooks_total{{status="{status}"}} 1.0' in counted

    async def test_a_certificate_is_no_signature(self, tmp_path: Path) -> None:
        """Both are asked for; and the handshake of a subscription needs neither."""
        async with open_inhouse(tmp_path, meta_client_cert_header=HEADER) as house:
            spoiled = {"X-Hub-Signature-256": "sha256=00"}
            assert 401 == await self.post(house, (HEADER, SUBJECT), **spoiled)
            assert 403 == (await house.call("GET", "/webhook", params=ASKING)).status

    async def test_a_stranger_who_names_himself_is_none(self, tmp_path: Path) -> None:
        """Only a trusted proxy has seen a certificate."""
        untrusted: dict[str, Any] = {
            "meta_client_cert_header": HEADER,
            "trusted_proxies": "192.0.2.1",
        }
        async with open_inhouse(tmp_path, **untrusted) as house:
            assert 403 == await self.post(house, (HEADER, SUBJECT))

    async def test_another_name_may_be_expected(self, tmp_path: Path) -> None:
        """Meta's name is a setting, as Meta's authority has changed before."""
        given: dict[str, Any] = {
            "meta_client_cert_header": HEADER,
            "meta_client_cert_name": "next.example",
        }
        async with open_inhouse(tmp_path, **given) as house:
            assert [403, 200] == [
                await self.post(house, (HEADER, subject)) for subject in (SUBJECT, "next.example")
            ]

    async def test_the_body_is_not_waited_for(self, tmp_path: Path) -> None:
        """Three megabytes are announced, none comes, and the answer is there."""
        async with open_inhouse(tmp_path, meta_client_cert_header=HEADER) as house:
            reader, writer = await asyncio.open_connection(*house.url.split("//")[1].split(":"))
            writer.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
            async with asyncio.timeout(30):
                assert b"403" in await reader.readline()
            writer.close()
            await writer.wait_closed()

    async def test_our_own_tls_asks_for_it(self, tmp_path: Path) -> None:
        """By the authority of META_CLIENT_CA_FILE; the admin API and /health go without."""
        clients = Authority("Meta Outbound API CA")
        settings = {"meta_client_ca_file": clients.write_own(tmp_path)}
        async with serving_tls(tmp_path, **settings) as house:
            signed = {"X-Hub-Signature-256": sign(self.BODY)}
            statuses = [
                (
                    await call(house, "POST", "/webhook", context, data=self.BODY, headers=signed)
                ).status
                for context in (
                    AUTHORITY.trust(clients.make(META), folder=tmp_path),
                    AUTHORITY.trust(clients.make("somebody.else"), folder=tmp_path),
                    AUTHORITY.trust(),
                )
            ]
            assert [200, 403, 403] == statuses
            assert 200 == (await call(house, "GET", "/health", AUTHORITY.trust())).status


ASKING = {"hub.mode": "subscribe", "hub.verify_token": "wrong", "hub.challenge": "7"}


async def test_a_message_comes_through_with_it(tmp_path: Path) -> None:
    """What Meta sends under its certificate is kept as ever."""
    async with open_inhouse(tmp_path, meta_client_cert_header=HEADER) as house:
        raw = build_text_webhook("Hola", customer="34600111222", wamid="wamid.tls")
        house.http.headers[HEADER] = SUBJECT
        assert 200 == (await house.post(raw)).status
        rows = await house.runtime.store.read(
            lambda conn: [row[0] for row in conn.exec_driver_sql("SELECT wamid FROM inbox")]
        )
        assert ["wamid.tls"] == rows
