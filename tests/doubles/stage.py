"""A whole house on loopback: sandbox, model server and the real daemon, with clients onboarded.

    async with open_stage(tmp_path) as stage:
        await stage.write("¿Cuál es el horario?", customer=ANA)
        (answer,) = await stage.read_answers(ANA)

Sandbox and model server live in the test's loop, so that a test may turn their switches; the
daemon is a process (`stage.daemon`), so that a test may kill it.
"""

import asyncio
import hashlib
import hmac
import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from daemon.sandbox import Pace, SandboxClient, SandboxConfig, serve_sandbox
from tests.doubles.crashing_daemon import QuickDaemon
from tests.doubles.daemon_process import (
    Daemon,
    Finished,
    find_free_port,
    run_quickly,
    wait_until,
)
from tests.doubles.model_server import Behaviour, ModelServer, serve_model_server
from tests.doubles.stage_clients import PLAZA, SEEDS, onboard

SECRET = "app-secret-of-the-tests"
TOKEN = "EAAtokenofthetests"
VERIFY_TOKEN = "verify-me-please"


AT_ONCE = Pace(status_delays_s=(0, 0, 0), retry_pauses_s=(0.05,) * 600)
"""Statuses follow without a pause, and what a dead daemon missed is repeated twenty times a second
for half a minute."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def type(self) -> str:
        return self.headers.get("Content-Type", "")

    def read_json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Stage:
    """Everything a test plays with; the daemon's settings may be changed before a restart."""

    daemon: Daemon
    model: ModelServer
    sandbox_url: str
    http: aiohttp.ClientSession
    database: Path
    _customers: int = field(default=0)

    def make_customer(self) -> str:
        """Invent the number of a customer who has never written."""
        self._customers += 1
        return f"346{10_000_000 + self._customers}"

    async def write(
        self, text: str, *, customer: str | None = None, number: str = PLAZA, **fields: Any
    ) -> dict[str, Any]:
        """Let a customer write in the sandbox; the answer tells the webhook's status."""
        body = {"phone_number_id": number, "text": text, **fields}
        if customer is not None:
            body["from"] = customer
        async with self.http.post(f"{self.sandbox_url}/chat/messages", json=body) as answer:
            written: dict[str, Any] = await answer.json()
            assert answer.status in {200, 202}, written
            return written

    async def read_sent(self, customer: str | None = None) -> list[dict[str, Any]]:
        """Read what Meta has accepted, in order; for one customer (digits or user id), or all."""
        async with self.http.get(f"{self.sandbox_url}/sandbox/accepted") as answer:
            accepted = (await answer.json())["accepted"]
        return [
            sent
            for sent in accepted
            if customer is None or customer in {(sent["to"] or "")[1:], sent["recipient"]}
        ]

    async def read_counters(self) -> dict[str, int]:
        """Read the sandbox's counters."""
        async with self.http.get(f"{self.sandbox_url}/sandbox/accepted") as answer:
            counters: dict[str, int] = (await answer.json())["counters"]
            return counters

    async def read_answers(
        self, customer: str, *, count: int = 1, within_s: float = 30.0
    ) -> list[str]:
        """Wait until a customer was sent at least `count` messages; give the texts of all."""

        async def look() -> list[str]:
            texts = [sent["text"] for sent in await self.read_sent(customer)]
            return texts if len(texts) >= count else []

        return await wait_until(look, within_s=within_s)

    async def set_faults(self, **faults: Any) -> None:
        """Let the sandbox do these things wrong from now on, and no others."""
        async with self.http.put(f"{self.sandbox_url}/sandbox/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def read_faults(self) -> dict[str, Any]:
        """See what the sandbox will still do wrong; what strikes a number of times counts down."""
        async with self.http.get(f"{self.sandbox_url}/sandbox/faults") as answer:
            faults: dict[str, Any] = await answer.json()
            return faults

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Call the daemon."""
        async with self.http.request(method, self.daemon.url + path, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def post(self, body: bytes | Mapping[str, Any], signature: str | None = "") -> Answer:
        """Post a webhook body; signed rightly unless a signature, or None for none, is given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if signature is not None:
            headers["X-Hub-Signature-256"] = signature or sign(raw)
        return await self.call("POST", "/webhook", data=io.BytesIO(raw), headers=headers)

    async def read_health(self) -> dict[str, Any]:
        health: dict[str, Any] = (await self.call("GET", "/health")).read_json()
        return health

    async def settle(self, *, within_s: float = 30.0) -> None:
        """Wait until nothing is pending."""

        async def is_settled() -> bool:
            # One that has no time for the question has something to do.
            return bool((await self.read_health()).get("inbox", {}).get("pending") == 0)

        await wait_until(is_settled, within_s=within_s)

    async def read_metric(self, name: str) -> float:
        """Read one line of /metrics, labels included as they stand; 0 where there is none."""
        for line in (await self.call("GET", "/metrics")).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database beside the daemon."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    async def run_cli(self, *arguments: str, stdin: str = "") -> Finished:
        """Run `released` with the daemon's own settings."""
        return await run_quickly(
            "released_cli",
            *arguments,
            folder=self.daemon.folder,
            settings=self.daemon.settings,
            stdin=stdin,
        )

    async def restart(self) -> None:
        """Start the daemon again and wait for it."""
        await self.daemon.start()
        await self.daemon.wait_until_well()

    async def reset(self) -> None:
        """Turn every switch back, and let go whom the model keeps waiting."""
        self.model.always = Behaviour()
        self.model.scripted.clear()
        self.release_model()
        await self.set_faults()

    def release_model(self) -> None:
        """End the hanging calls to the model, and only those."""
        waiting, self.model.release = self.model.release, asyncio.Event()
        waiting.set()


def sign(body: bytes, secret: str = SECRET) -> str:
    """Sign a body as Meta does; written against the rule, on purpose without our own code."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def build_text_webhook(
    text: str, *, customer: str, wamid: str, number: str = PLAZA, kind: str = "text"
) -> dict[str, Any]:
    """Build a webhook of one message from a customer with a phone and no user id."""
    message = {
        "from": customer,
        "id": wamid,
        "timestamp": str(int(time.time())),
        "type": kind,
        kind: {"body": text},
    }
    return wrap(number, contacts=[{"wa_id": customer}], messages=[message])


def build_echo_webhook(
    text: str, *, customer: str, wamid: str, number: str = PLAZA, at: float | None = None
) -> dict[str, Any]:
    """Build a webhook of what an owner wrote to a customer in the WhatsApp Business app."""
    echo = {
        "from": "34666777888",
        "to": customer,
        "id": wamid,
        "timestamp": str(int(time.time() if at is None else at)),
        "type": "text",
        "text": {"body": text},
    }
    body = wrap(number, message_echoes=[echo])
    body["entry"][0]["changes"][0]["field"] = "smb_message_echoes"
    return body


def wrap(number: str, **value: Any) -> dict[str, Any]:
    """Put messages or statuses into what Meta wraps them in."""
    whole = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "34666777888", "phone_number_id": number},
        **value,
    }
    changes = [{"field": "messages", "value": whole}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


@asynccontextmanager
async def open_stage(
    folder: Path,
    *,
    seeds: Sequence[Mapping[str, Any]] = SEEDS,
    budgets: Mapping[str, float] | None = None,
    **settings: str,
) -> AsyncIterator[Stage]:
    """Set everything up and wait until the daemon is well; `settings` win over the quick ones."""
    port = find_free_port()
    database = folder / "released.db"
    onboard(database, seeds)
    known = [
        SandboxClient(seed["name"], seed["phone_number_id"], seed["phone_number"]) for seed in seeds
    ]
    config = SandboxConfig(
        f"http://127.0.0.1:{port}/webhook", SECRET, TOKEN, lambda: known, pace=AT_ONCE
    )
    async with (
        serve_model_server() as model,
        serve_sandbox(config, port=0) as sandbox_url,
        aiohttp.ClientSession() as http,
    ):
        quick = build_settings(database, sandbox_url=sandbox_url, model_url=model.base_url)
        daemon = QuickDaemon(folder, quick | settings, port=port, budgets=budgets)
        try:
            await daemon.start()
            await daemon.wait_until_well()
            yield Stage(daemon, model, sandbox_url, http, database)
        finally:
            await daemon.close()


def build_settings(database: Path, *, sandbox_url: str, model_url: str) -> dict[str, str]:
    """Make settings under which nothing waits longer than a test needs."""
    return {
        "DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "META_ACCESS_TOKEN": TOKEN,
        "META_APP_SECRET": SECRET,
        "META_VERIFY_TOKEN": VERIFY_TOKEN,
        "META_GRAPH_URL": sandbox_url,
        "OPENAI_API_KEY": "sk-of-the-tests",
        "OPENAI_BASE_URL": model_url,
        "OPENAI_RPS_PER_CLIENT": "0",
        "COALESCE_SECONDS": "0.1",
        "RETRY_BASE_SECONDS": "0.1",
        "IN_DOUBT_SECONDS": "1",
        "METRICS_OPEN": "1",
    }
