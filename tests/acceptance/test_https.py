"""The real daemon behind its own certificate, in prod: messages, admin calls, renewals."""

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from daemon.core.tls_files import TlsFiles
from tests.doubles.certificates import Authority, put
from tests.doubles.crashing_daemon import QuickDaemon
from tests.doubles.daemon_process import START_S, find_free_port, run_quickly, wait_until
from tests.doubles.stage import build_settings, build_text_webhook, sign
from tests.doubles.stage_clients import PLAZA, SEEDS, onboard

AUTHORITY = Authority()
META = "client.webhooks.fbclientcerts.com"
NOWHERE = "https://graph.invalid"


class House:
    """A daemon that serves HTTPS; it looks at its files a hundred times a second."""

    def __init__(self, folder: Path, files: TlsFiles, port: int, **settings: str) -> None:
        self.files = files
        plain = build_settings(folder / "released.db", sandbox_url=NOWHERE, model_url=NOWHERE)
        tls = {"TLS_CERT_FILE": str(files.certificate), "TLS_KEY_FILE": str(files.key)}
        prod = {"APP_ENV": "prod", "PUBLIC_URL": f"https://127.0.0.1:{port}", "METRICS_OPEN": ""}
        local = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "ANSWER_ENGINE": "local"}
        given = plain | tls | prod | local | settings
        budgets = {"daemon.tls.LOOK_S": 0.01}
        self.daemon = QuickDaemon(folder, given, port=port, budgets=budgets)
        self.url = f"https://127.0.0.1:{port}"
        self.meta = AUTHORITY.trust()
        """How Meta connects: with its certificate, where a test has given it one."""

    async def start(self) -> None:
        await self.daemon.start()
        async with self.session() as http:

            async def is_well() -> bool:
                assert self.daemon.is_running, self.daemon.read_log()
                try:
                    async with http.get(f"{self.url}/health") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await wait_until(is_well, within_s=START_S)

    @asynccontextmanager
    async def session(
        self, context: ssl.SSLContext | None = None, *, reuse: bool = True
    ) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(ssl=context or AUTHORITY.trust(), force_close=not reuse)
        async with aiohttp.ClientSession(connector=connector) as http:
            yield http

    async def see_name(self) -> str:
        """Tell whose certificate is shown now."""
        port = int(self.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=AUTHORITY.trust())
        shown = writer.get_extra_info("peercert")
        writer.close()
        await writer.wait_closed()
        return str(shown["subject"][0][0][1])

    async def wait_for_name(self, name: str) -> None:
        async def is_shown() -> bool:
            return name == await self.see_name()

        await wait_until(is_shown)

    async def wait_for_line(self, message: str, *, count: int = 1) -> None:
        async def is_logged() -> bool:
            lines = [line["message"] for line in self.daemon.read_log_lines()]
            return lines.count(message) >= count

        await wait_until(is_logged)

    async def run_cli(self, *arguments: str, **settings: str) -> str:
        given = self.daemon.settings | settings
        done = await run_quickly(
            "released_cli", *arguments, folder=self.daemon.folder, settings=given
        )
        assert 0 == done.code, done.err
        return done.out


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    onboard(tmp_path / "released.db", SEEDS)
    clients = Authority("Meta's clients")
    opened = House(
        tmp_path,
        AUTHORITY.write(tmp_path, "first"),
        find_free_port(),
        HOST="0.0.0.0",
        META_CLIENT_CA_FILE=str(clients.write_own(tmp_path)),
    )
    opened.meta = AUTHORITY.trust(clients.make(META), folder=tmp_path)
    await opened.start()
    yield opened
    await opened.daemon.close()
    assert "Traceback" not in opened.daemon.read_log()


async def test_a_message_and_an_admin_call_come_by_tls(house: House) -> None:
    """Meta's delivery needs its certificate; the operator's call needs his token; neither both."""
    raw = json.dumps(
        build_text_webhook("¿Horario?", customer="34600111222", wamid="wamid.1", number=PLAZA)
    ).encode()
    headers = {"X-Hub-Signature-256": sign(raw)}
    async with house.session(house.meta) as meta, house.session() as http:
        for session, status in ((http, 403), (meta, 200)):
            async with session.post(f"{house.url}/webhook", data=raw, headers=headers) as answer:
                assert status == answer.status
        made = json.loads(await house.run_cli("--local", "token", "create", "ana", "--json"))
        bearer = {"Authorization": f"Bearer {made['token']}", "Host": "bot.example.com"}
        async with http.get(f"{house.url}/inbox", headers=bearer) as answer:
            assert [200, ["wamid.1"]] == [
                answer.status,
                [message["wamid"] for message in await answer.json()],
            ]
    (listening,) = [line for line in house.daemon.read_log_lines() if "address" in line]
    assert listening["address"].startswith("https://0.0.0.0:")


async def test_the_cli_far_away_trusts_whom_it_is_told_to(house: House) -> None:
    """SSL_CERT_FILE names an authority of one's own, as for any program that uses OpenSSL."""
    made = json.loads(await house.run_cli("--local", "token", "create", "ana", "--json"))
    trusted = {
        "SSL_CERT_FILE": str(AUTHORITY.write_own(house.daemon.folder)),
        "RELEASED_TOKEN": made["token"],
    }
    listed = await house.run_cli("--url", house.url, "client", "list", "--json", **trusted)
    assert [1, 2, 3] == [client["id"] for client in json.loads(listed)]


async def test_the_doctor_counts_its_days(house: House) -> None:
    """On the server, about the daemon that runs there by HTTPS."""
    done = await run_quickly(
        "released_cli",
        *("--local", "doctor", "--json"),
        folder=house.daemon.folder,
        settings=house.daemon.settings,
    )
    found = {line["check"]: line for line in json.loads(done.out)}
    assert ("ok", "ok") == (found["certificate"]["state"], found["daemon"]["state"])
    assert "59 more days" in found["certificate"]["detail"]
    assert house.url in found["daemon"]["detail"]


async def test_renewals_under_connections_cost_none(house: House) -> None:
    """Callers on kept and on new connections meet five renewals, one of them broken."""
    failures: list[str] = []
    answered = 0

    async def call_on(*, reuse: bool) -> None:
        nonlocal answered
        async with house.session(reuse=reuse) as http:
            while True:
                try:
                    async with http.get(f"{house.url}/docs") as answer:
                        assert 200 == answer.status
                        answered += 1
                except aiohttp.ClientError as failed:
                    failures.append(repr(failed))

    async def is_answered() -> bool:
        return answered > before

    callers = [asyncio.create_task(call_on(reuse=number % 2 == 0)) for number in range(4)]
    for name in ("second", "third", "fourth", "fifth"):
        put(house.files, AUTHORITY.make(name))
        await house.wait_for_name(name)
        before = answered
        await wait_until(is_answered)
    house.files.key.write_bytes(AUTHORITY.make("broken").key_pem())
    await house.wait_for_line("the new certificate is not taken, the old one stays")
    assert "fifth" == await house.see_name()
    before = answered
    await wait_until(is_answered)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert [] == failures
    assert 0 == await house.daemon.stop()


async def test_a_hangup_has_the_files_read_again(house: House) -> None:
    """`systemctl reload` after a renewal: changed or not, the log says what is served now."""
    house.daemon._signal(signal.SIGHUP)
    await house.wait_for_line("certificate taken")
    await house.wait_for_line("reloaded")
    assert "first" == await house.see_name()
