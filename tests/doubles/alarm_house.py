"""What makes an alert fire, done to a whole daemon: its own /metrics tell of it.

Each scene tells /metrics as it was before, and as it is after.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from daemon.api import survey
from daemon.core.clients import stop_client
from tests.doubles.alarms import Story
from tests.doubles.daemon_process import wait_until
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import build_text_webhook
from tests.doubles.stage_clients import PLAZA

Act = Callable[[House, Any], Awaitable[None]]
"""Does something to the house; is given pytest's monkeypatch."""


async def read_metrics(house: House) -> str:
    answer = await house.call("GET", "/metrics")
    assert 200 == answer.status
    return answer.text


async def play(act: Act, folder: Path, monkeypatch: Any, *, minutes: float) -> Story:
    """Let the house be well for half an hour, act, and let it stay as it is then."""
    monkeypatch.setattr(survey, "EVERY_S", 0.0)
    story = Story()
    async with _open(folder) as house:
        story.tell(await read_metrics(house), minutes=30)
        story.stay_calm()
        await act(house, monkeypatch)
        story.tell(await read_metrics(house), minutes=minutes)
        monkeypatch.undo()
    return story


@asynccontextmanager
async def _open(folder: Path) -> AsyncIterator[House]:
    # What cannot be sent is given up at once, or a day later.
    async with open_inhouse(folder, retry_limit=2, retry_base_seconds=1000) as house:
        yield house


async def break_the_store(house: House, _monkeypatch: Any) -> None:
    """Let the disk take nothing any more."""
    house.disk.curse("PRAGMA query_only=ON")


async def refuse_webhooks(house: House, monkeypatch: Any) -> None:
    await break_the_store(house, monkeypatch)
    for number in range(5):
        body = build_text_webhook("hola", customer="34600111222", wamid=f"wamid.{number}")
        answer = await house.post(body)
        assert 503 == answer.status, answer.text


async def sign_wrongly(house: House, _monkeypatch: Any) -> None:
    headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    for _ in range(12):
        assert 401 == (await house.call("POST", "/webhook", data=b"{}", headers=headers)).status


async def stop_a_client(house: House, _monkeypatch: Any) -> None:
    stop = partial(stop_client, client_id=1, code=190, access_token="t", now=time.time())
    await house.runtime.store.write(stop)


async def leave_waiting(house: House, _monkeypatch: Any) -> None:
    """Three customers whose answers Meta cannot be given, ten minutes ago."""
    for number in range(3):
        body = build_text_webhook(
            "¿Cuál es el horario?", customer=f"3460011122{number}", wamid=f"wamid.{number}"
        )
        assert 200 == (await house.post(body)).status

    async def are_answered() -> bool:
        return 3 == await _count(house, "answered")

    await wait_until(are_answered)
    await house.runtime.store.write(
        lambda conn: conn.exec_driver_sql("UPDATE inbox SET received_at = received_at - 600")
    )


async def park(house: House, _monkeypatch: Any) -> None:
    """Deliver a message over a day late: it is put aside."""
    body = build_text_webhook("hola", customer="34600111222", wamid="wamid.1", number=PLAZA)
    message = body["entry"][0]["changes"][0]["value"]["messages"][0]
    message["timestamp"] = str(int(time.time()) - 25 * 3600)
    assert 200 == (await house.post(body)).status

    async def is_parked() -> bool:
        return 1 == await _count(house, "parked")

    await wait_until(is_parked)


async def _count(house: House, state: str) -> int:
    query = "SELECT count(*) FROM inbox WHERE state = ?"
    async with asyncio.timeout(30):
        found = await house.runtime.store.read(
            lambda conn: conn.exec_driver_sql(query, (state,)).scalar_one()
        )
    return int(found)


ACTS: dict[str, tuple[Act, float]] = {
    "ReleasedUnhealthy-critical": (break_the_store, 3),
    "ReleasedWebhooksRefused-critical": (refuse_webhooks, 2),
    "ReleasedSignaturesRefused-warning": (sign_wrongly, 2),
    "ReleasedAllSignaturesRefused-critical": (sign_wrongly, 2),
    "ReleasedMessagesWaiting-warning": (leave_waiting, 4),
    "ReleasedAnswersStalled-critical": (leave_waiting, 7),
    "ReleasedMessagesParked-warning": (park, 3),
    "ReleasedClientStopped-critical": (stop_a_client, 3),
}
"""By the alert's name and severity: what is done, and how many minutes it lasts."""
