"""The log of a whole run: it names nobody, ties what belongs together, and follows its operator."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from tests.doubles.daemon_process import (
    wait_until,
)
from tests.doubles.model_server import Kind
from tests.doubles.stage import SECRET, TOKEN, VERIFY_TOKEN, Stage, open_stage, wrap
from tests.doubles.stage_clients import PLAZA, WELCOME

OWN_TOKEN = "EAAclientsown4711"
MARKED = "xylophon"
"""Stands in everything that customers, callers and clients wrote."""

SECRETS = (SECRET, TOKEN, VERIFY_TOKEN, OWN_TOKEN, "sk-of-the-tests")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_the_log_of_a_full_run_names_nobody(tmp_path: Path) -> None:
    """At the chattiest level: no text, name, phone, user id or secret; each line is a JSON object.

    Customers write all kinds of things, the model and Meta fail in many ways, operators and
    strangers call, somebody is erased, the database breaks.
    """
    async with open_stage(
        tmp_path, LOG_LEVEL="DEBUG", COALESCE_SECONDS="0", IN_DOUBT_SECONDS="0.3"
    ) as stage:
        customers = [stage.make_customer() for _ in range(4)]
        await _write_all_kinds(stage, customers[0])
        await _fail_to_answer(stage)
        await _fail_to_send(stage, customers)
        tokens = await _administer(stage, customers[0])
        await _call_as_strangers(stage, customers[1])
        answers = [sent["text"] for sent in await stage.read_sent()]
        await _refuse_credential(stage, customers[2])
        await _break_the_database(stage, customers[3], tokens[0])
        await stage.daemon.stop()
        lines = stage.daemon.read_log_lines()
    private = [*customers, *answers, *SECRETS, *tokens, MARKED, WELCOME, "horario", "wamid"]
    # Read again, because JSON may write a letter in two ways.
    shown = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    assert [] == [word for word in private if word in shown]
    assert [] == re.findall(r"\+?346\d{8}", shown)
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys(), line
        assert MOMENT.fullmatch(line["time"])
    happened = {"claimed", "turn", "engine failed", "send", "not delivered", "client stopped"}
    happened |= {"request", "refused", "request failed", "rung", "listening", "stopping"}
    assert set() == happened - {line["message"] for line in lines}


async def _write_all_kinds(stage: Stage, customer: str) -> None:
    kinds = ("text", "image", "audio", "location", "contacts", "button", "reaction", "sticker")
    for kind in kinds:
        text = f"¿Cuál es el horario? {MARKED}-{kind}"
        await stage.write(text, customer=customer, type=kind, name=f"{MARKED} Ana")
    await stage.write(MARKED, user_id=f"ES.{MARKED}4711")
    await stage.settle()


async def _fail_to_answer(stage: Stage) -> None:
    kinds: tuple[Kind, ...] = ("bad_request", "odd_error", "bad_json", "refusal", "hang_up")
    for kind in kinds:
        stage.model.misbehave(kind)
        await stage.write(f"hola {MARKED}", user_id=f"ES.{MARKED}{len(kind)}")
        await stage.settle()


async def _fail_to_send(stage: Stage, customers: list[str]) -> None:
    troubles: list[dict[str, Any]] = [
        {"error": {"code": 131026, "count": 1}},
        {"drop_before_accept": 1},
        {"error": {"code": 130429, "count": 1}},
        # Nothing arrives that is told to have failed.
        {"mute_statuses": True},
    ]
    for customer, faults in zip(customers, troubles, strict=False):
        await stage.set_faults(**faults)
        await stage.write(f"hola {MARKED}", customer=customer)
        await stage.settle()
    ((outbox_id,),) = stage.query("SELECT id FROM outbox ORDER BY seq DESC LIMIT 1")
    failed = {
        "id": f"wamid.{MARKED}",
        "status": "failed",
        "timestamp": "1790000000",
        "recipient_id": customers[0],
        "biz_opaque_callback_data": str(outbox_id),
        "errors": [{"code": 131047, "title": MARKED, "message": customers[0]}],
    }
    assert 200 == (await stage.post(wrap(PLAZA, statuses=[failed]))).status


async def _administer(stage: Stage, customer: str) -> list[str]:
    """Call the API with a token, rightly and wrongly; give that token and the one it made."""
    done = await stage.run_cli("token", "create", "laptop", "--json")
    token: str = done.read_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    client = {
        "name": f"Bar {MARKED}",
        "phone_number": "+34699000111",
        "phone_number_id": "700800",
        "access_token": OWN_TOKEN,
        "faqs": [{"q": f"¿{MARKED}?", "a": MARKED}],
    }
    statuses = []
    for method, path, body in (
        ("POST", "/clients", client),
        ("POST", "/clients", client | {"odd": MARKED}),
        ("GET", f"/log?q={MARKED}", None),
        ("GET", f"/clients/1/contacts/{customer}", None),
        ("DELETE", f"/clients/1/contacts/{customer}", None),
        ("GET", f"/clients/1/contacts/+{customer}", None),
    ):
        statuses.append((await stage.call(method, path, json=body, headers=headers)).status)
    made = await stage.call("POST", "/tokens", json={"name": "new"}, headers=headers)
    assert [201, 422, 200, 200, 200, 404] == statuses
    return [token, made.read_json()["token"]]


async def _call_as_strangers(stage: Stage, customer: str) -> None:
    await stage.post(f"hola {MARKED}".encode())
    await stage.post({"text": MARKED}, "sha256=wrong")
    await stage.call("GET", f"/webhook?hub.mode=subscribe&hub.verify_token={MARKED}")
    await stage.call("GET", f"/{MARKED}", headers={"X-Request-ID": f"{MARKED}/1"})
    await stage.call("GET", "/clients", headers={"Authorization": f"Bearer {MARKED}"})
    port = int(stage.daemon.url.rpartition(":")[2])
    for raw in (f"GET /{customer} HTTP/{MARKED}", f"GET / HTTP/1.1\r\n{MARKED}", "\x16\x03"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw.encode() + b"\r\n\r\n")
        await reader.read()
        writer.close()


async def _refuse_credential(stage: Stage, customer: str) -> None:
    await stage.set_faults(token_refused=True)
    await stage.write(f"hola {MARKED}", customer=customer)

    async def has_stopped() -> bool:
        return any(line["message"] == "client stopped" for line in stage.daemon.read_log_lines())

    await wait_until(has_stopped)


async def _break_the_database(stage: Stage, customer: str, token: str) -> None:
    stage.query("ALTER TABLE inbox RENAME COLUMN text TO broken")
    await stage.post(wrap(PLAZA, messages=[_text(f"hola {MARKED}", customer)]))
    # Last: a daemon that cannot look for changes any more soon ends.
    stage.query("DROP TABLE audit")
    headers = {"Authorization": f"Bearer {token}"}
    failed = await stage.call("PATCH", "/clients/1", json={"name": MARKED}, headers=headers)
    assert 500 == failed.status


def _text(text: str, customer: str) -> dict[str, Any]:
    body = {"id": "w9", "timestamp": "1790000000", "type": "text", "text": {"body": text}}
    return body | {"from": customer}


async def test_a_message_is_followed_by_its_ids(tmp_path: Path) -> None:
    """From the request that brought it to the status of its answer; one INFO line an outcome."""
    async with open_stage(tmp_path, LOG_LEVEL="DEBUG") as stage:
        await stage.set_faults(mute_statuses=True)
        stage.model.misbehave("bad_request")
        await stage.write("hola", customer=stage.make_customer())
        await stage.settle()
        ((outbox_id, turn, inbox),) = stage.query(
            "SELECT o.id, o.turn_id, i.id FROM outbox o JOIN inbox i ON i.turn_id = o.turn_id"
        )
        failed = {"id": "w", "status": "failed", "timestamp": "1790000000"}
        told = failed | {"recipient_id": "1", "biz_opaque_callback_data": str(outbox_id)}
        await stage.post(wrap(PLAZA, statuses=[told]))
        await stage.daemon.stop()
        lines = stage.daemon.read_log_lines()
    of_turn = [
        line
        for line in lines
        if (line.get("conversation") == 1 or line.get("turn") == turn)
        # A status that overtakes the record of its send rings too.
        and line.get("wrote") is not False
    ]
    facts = ("client", "conversation", "inbox", "turn", "outbox")
    found = [
        (line["level"], line["message"], *(line.get(name) for name in facts)) for line in of_turn
    ]
    expected = [
        ("DEBUG", "rung", 1, 1, None, None, None),
        ("DEBUG", "claimed", 1, 1, inbox, None, None),
        ("WARNING", "engine failed", 1, 1, inbox, None, None),
        ("INFO", "turn", 1, 1, inbox, turn, None),
        ("INFO", "send", 1, 1, inbox, turn, outbox_id),
        ("WARNING", "not delivered", 1, None, None, turn, None),
    ]
    assert expected == [line for line in found if line[1] != "typing not shown"]
    (request,) = [line["request"] for line in of_turn if line["message"] == "rung"]
    by_request = [line for line in lines if line.get("request") == request]
    assert ["rung", "request"] == [line["message"] for line in by_request]
