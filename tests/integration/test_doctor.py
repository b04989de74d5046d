"""The doctor against a real daemon's parts and the sandbox: all well, then one thing spoilt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from daemon.core.doctor.meta import AT_ONCE, Lookups, check_meta
from daemon.core.meta.inspecting import GraphInspector
from daemon.sandbox import SandboxClient
from daemon.sandbox.accounts import APP_ID
from tests.doubles.inhouse import NOWHERE
from tests.doubles.stage import TOKEN
from tests.doubles.stage_clients import PLAZA, SEEDS
from tests.doubles.ward import Ward, assert_line, open_ward, pick, serving, states

NAMES = [seed["name"] for seed in SEEDS]
SECRETS = ("EAA", "verify-me", "app-secret", "sk-")
WABA = {"entity_type": "WABA"}
MANY = (
    """INSERT INTO clients (name, phone_number, phone_number_id, active, timezone, locale,
    created_at, updated_at)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 496)
    SELECT 'C' || i, '+34666777888', '' || i, 1, 'UTC', 'es', 0, 0 FROM n""",
    """INSERT INTO assistants (id, client_id, version, created_at)
    SELECT 'asst_' || id, id, 1, 0 FROM clients WHERE id > 3""",
    """INSERT INTO assistant_versions (assistant_id, version, instructions, faq_count, created_at)
    SELECT id, 1, '', 0, 0 FROM assistants WHERE client_id > 3""",
)
"""Onboards 497 clients at once, without their FAQs."""


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def test_all_is_well(ward: Ward) -> None:
    """Every check says so, clients by id; the local engine has no model to look at."""
    found = await ward.examine()
    ours = ("settings", "database", "disk", "clock", "signature", "daemon", "public_url", "webhook")
    idle = ("certificate", "https", "secrets", "backups", "model")
    expected = (
        dict.fromkeys(((check, None) for check in ours), "ok")
        | dict.fromkeys(((check, None) for check in idle), "skipped")
        | dict.fromkeys((("token", None), ("app_secret", None), ("webhook_fields", None)), "ok")
        | {(check, name): "ok" for name in NAMES for check in ("number", "subscription")}
    )
    assert list(expected.items()) == list(states(found).items())
    assert {"check", "subject", "state", "detail", "next"} == set(found[0])
    assert [] == [line for line in found if line["state"] == "ok" and line["next"]]


async def test_no_secret_is_ever_told(ward: Ward) -> None:
    """Not even when all of them are wrong."""
    right = str(await ward.examine())
    ward.set(
        meta_access_token=SecretStr("EAAwrong"),
        meta_app_secret=SecretStr("app-secret-of-another "),
        meta_verify_token=SecretStr("verify-me-not"),
        openai_api_key=SecretStr("sk-ñ"),
        answer_engine="responses",
    )
    wrong = await ward.examine()
    told = right + str(wrong)
    assert [] == [secret for secret in SECRETS if secret in told]
    for check in ("signature", "webhook", "model", "token"):
        assert "error" == pick(wrong, check)["state"]


async def test_a_wrong_token_stops_the_asking(ward: Ward) -> None:
    """It is told once; what it would have shown of the clients is skipped, not guessed."""
    ward.set(meta_access_token=SecretStr("EAAwrong"))
    found = await ward.examine()
    assert_line(found, "token", "error", "190", "META_ACCESS_TOKEN")
    assert_line(found, "app_secret", "skipped")
    told = {line["state"] for line in found if line["check"] == "number"}
    assert {"skipped"} == told
    assert "subscription" not in {line["check"] for line in found}


async def test_a_clients_own_token_is_its_own_line(ward: Ward) -> None:
    """Others are not touched by it; its step names the command."""
    await ward.run("UPDATE clients SET access_token = 'EAAown' WHERE id = 2")
    found = await ward.examine()
    line = pick(found, "token", "Bar Sol")
    assert ("error", True) == (line["state"], "client update 2" in line["next"])
    assert "skipped" == pick(found, "number", "Bar Sol")["state"]
    assert "ok" == pick(found, "number", "Restaurante La Plaza")["state"]
    await ward.run(f"UPDATE clients SET access_token = '{TOKEN}' WHERE id = 2")
    assert "ok" == pick(await ward.examine(), "token", "Bar Sol")["state"]


async def test_without_any_token_nothing_can_be_sent(ward: Ward) -> None:
    """It is an error for those who need it, and none where every client has its own."""
    ward.set(meta_access_token=None)
    found = await ward.examine()
    assert_line(found, "token", "error", "3 active client(s)")
    assert "no access token" in pick(found, "number", "Bar Sol")["detail"]
    await ward.run(f"UPDATE clients SET access_token = '{TOKEN}'")
    found = await ward.examine()
    assert_line(found, "token", "skipped", "no active client needs it")
    assert "ok" == pick(found, "number", "Bar Sol")["state"]


async def test_the_number_of_another_phone_is_an_error(ward: Ward) -> None:
    """The bot would answer for another business."""
    ward.known[0] = SandboxClient("La Plaza", PLAZA, "+34911222333")
    line = pick(await ward.examine(), "number", "Restaurante La Plaza")
    assert "error" == line["state"]
    assert "+34911222333" in line["detail"]


async def test_a_number_that_meta_does_not_know_is_an_error(ward: Ward) -> None:
    """And its subscription is not asked about."""
    del ward.known[0]
    found = await ward.examine()
    assert "error" == pick(found, "number", "Restaurante La Plaza")["state"]
    assert ("subscription", "Restaurante La Plaza") not in states(found)
    assert "ok" == pick(found, "number", "Bar Sol")["state"]


async def test_a_stopped_client_and_an_inactive_one(ward: Ward) -> None:
    """The first is an error with its reason, the second is nobody's trouble."""
    await ward.run("UPDATE clients SET stopped_code = 368, stopped_at = 1794000000 WHERE id = 2")
    await ward.run("UPDATE clients SET active = 0 WHERE id = 3")
    found = await ward.examine()
    line = pick(found, "sending", "Bar Sol")
    assert ("error", True) == (line["state"], "368" in line["detail"])
    assert "Siempre Cerrado" not in {line["subject"] for line in found}


async def test_messages_that_meta_posts_elsewhere(ward: Ward) -> None:
    """PUBLIC_URL is not what the app has as its callback."""
    ward.set(public_url=ward.house.url.replace("127.0.0.1", "localhost"))
    line = pick(await ward.examine(), "subscription", "Bar Sol")
    assert ("error", True) == (line["state"], "127.0.0.1/webhook" in line["detail"])


async def test_the_secret_of_another_app_is_found_out(ward: Ward) -> None:
    """Meta is asked; every webhook would be refused with it."""
    ward.set(meta_app_secret=SecretStr("0123456789abcdef"))
    found = await ward.examine()
    assert_line(found, "app_secret", "error", APP_ID, "META_APP_SECRET")
    assert_line(found, "signature", "ok")
    ward.set(meta_app_secret=None)
    found = await ward.examine()
    assert_line(found, "app_secret", "skipped")
    assert_line(found, "signature", "skipped", "META_APP_SECRET")
    assert_line(found, "settings", "error", "META_APP_SECRET is not set")


async def test_a_silent_meta_is_told_once(ward: Ward) -> None:
    """No client is blamed for it, and the clock goes by PUBLIC_URL's instead."""
    ward.set(meta_graph_url=NOWHERE)
    found = await ward.examine()
    assert_line(found, "meta", "error", NOWHERE, "no client was checked")
    assert_line(found, "clock", "ok", "PUBLIC_URL's")
    assert {None} == {line["subject"] for line in found}


async def test_without_a_client_the_shared_token_is_looked_at(ward: Ward) -> None:
    """A new installation is checked as far as it goes."""
    await ward.run("UPDATE clients SET active = 0")
    found = await ward.examine()
    assert_line(found, "token", "ok")
    assert {None} == {line["subject"] for line in found}


async def test_what_time_does_not_allow_is_skipped(ward: Ward) -> None:
    """A slow Meta costs the budget and no more."""
    await ward.set_faults(latency_ms=60_000)
    async with aiohttp.ClientSession() as http:
        found = [each.as_document() for each in await check_meta(ward.parts, http, budget_s=0.05)]
    assert {"skipped"} == {line["state"] for line in found}
    assert "no time left" in pick(found, "token")["detail"]
    assert "no time left" in pick(found, "number", "Bar Sol")["detail"]


async def test_ten_lookups_are_under_way_at_a_time() -> None:
    """The next begins when one has ended."""
    started: list[int] = []
    full, gate = asyncio.Event(), asyncio.Event()

    async def look_up() -> int:
        started.append(1)
        if len(started) == AT_ONCE:
            full.set()
        await gate.wait()
        return len(started)

    async with aiohttp.ClientSession() as http:
        inspector = GraphInspector(http, base_url=NOWHERE, version="v26.0")
        lookups = Lookups(inspector, until=asyncio.get_running_loop().time() + 30)
        running = asyncio.create_task(lookups.run(dict.fromkeys(range(25), look_up)))
        await full.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert AT_ONCE == len(started)
        gate.set()
        assert list(range(25)) == list(await running)


async def test_five_hundred_clients_cost_little_more_than_a_lookup_each(tmp_path: Path) -> None:
    """What they share, token, secret, webhook and account, is asked about once."""
    asked: Counter[str] = Counter()

    async def graph(request: web.Request) -> web.StreamResponse:
        kind = request.path.rpartition("/")[2]
        asked["number" if kind.isdigit() else kind] += 1
        if kind == "debug_token":
            return web.json_response({"data": {"is_valid": True, "app_id": "600"}})
        if kind == "subscribed_apps":
            return web.json_response({"data": [{"whatsapp_business_api_data": {"id": "600"}}]})
        if kind == "subscriptions":
            hook = {"object": "whatsapp_business_account", "fields": ["messages"]}
            return web.json_response({"data": [hook]})
        return web.json_response({"health_status": {"entities": [{**WABA, "id": "900"}]}})

    async with open_ward(tmp_path) as ward, serving(graph) as url:
        for sql in MANY:
            await ward.run(sql)
        ward.set(meta_graph_url=url)
        async with aiohttp.ClientSession() as http:
            found = await check_meta(ward.parts, http)
    shared = {"debug_token": 2, "subscriptions": 1, "subscribed_apps": 1}
    assert {"number": 500, **shared} == asked
    assert {"ok"} == {finding.state for finding in found}
    told = [finding.subject for finding in found if finding.check == "number"]
    assert [*NAMES, *(f"C{number}" for number in range(497))] == told


@pytest.mark.parametrize(
    ("accounts", "state"),
    [(["900"], "ok"), (["900", "901"], "skipped"), ([], "skipped")],
)
async def test_the_account_is_the_tokens_where_it_has_but_one(
    ward: Ward, accounts: list[str], state: str
) -> None:
    """Where the number does not tell its account, and only then."""
    scope = {"scope": "whatsapp_business_messaging", "target_ids": accounts}

    async def graph(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("debug_token"):
            data = {"is_valid": True, "app_id": "600", "granular_scopes": [scope]}
            return web.json_response({"data": data})
        if request.path.endswith("subscribed_apps"):
            return web.json_response({"data": [{"whatsapp_business_api_data": {"id": "600"}}]})
        return web.json_response({"id": "1"})

    async with serving(graph) as url:
        ward.set(meta_graph_url=url)
        found = await ward.examine()
    assert state == pick(found, "subscription", "Bar Sol")["state"]


async def test_a_token_that_meta_does_not_tell_about_is_tried_on_the_number(ward: Ward) -> None:
    """A right that lacks for one lookup says nothing about the other."""
    refusal = {"error": {"code": 10}}

    async def graph(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("debug_token"):
            return web.json_response(refusal, status=400)
        return web.json_response({"status": "CONNECTED"})

    async with serving(graph) as url:
        ward.set(meta_graph_url=url)
        found = await ward.examine()
    assert_line(found, "token", "skipped", "Meta error 10")
    assert_line(found, "app_secret", "skipped", "cannot be told")
    assert "ok" == pick(found, "number", "Bar Sol")["state"]
    assert "skipped" == pick(found, "subscription", "Bar Sol")["state"]


async def test_a_secret_that_meta_does_not_tell_about(ward: Ward) -> None:
    """Only Meta's no is a no."""

    async def graph(request: web.Request) -> web.StreamResponse:
        if "|" in request.headers.get("Authorization", ""):
            return web.json_response({"error": {"code": 4}}, status=400)
        return web.json_response({"data": {"is_valid": True, "app_id": "600"}})

    async with serving(graph) as url:
        ward.set(meta_graph_url=url)
        assert_line(await ward.examine(), "app_secret", "skipped", "Meta error 4")
