"""The sandbox's access tokens: their ends, their exchange, and what it can do wrong with them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.core.meta.exchanging import GraphExchanger
from daemon.core.meta.inspecting import NoAnswer
from daemon.sandbox.accounts import APP_ID
from daemon.sandbox.config import SandboxConfig
from daemon.sandbox.faults import FaultBox
from daemon.sandbox.wallet import LIFE_S, MOST, Wallet
from tests.doubles.echo_daemon import SECRET, TOKEN
from tests.doubles.sandbox_kit import NOW, NUMBER, Answer, Kit, open_kit

FORM = {
    "grant_type": "fb_exchange_token",
    "client_id": APP_ID,
    "client_secret": SECRET,
    "fb_exchange_token": TOKEN,
    "set_token_expires_in_60_days": "true",
}


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with open_kit(mute=True) as opened:
        yield opened


async def exchange(kit: Kit, **changed: str) -> Answer:
    return await kit.call("POST", "/v26.0/oauth/access_token", data=FORM | changed)


async def debug(kit: Kit, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    answer = await kit.call(
        "GET", "/v26.0/debug_token", headers=headers, params={"input_token": token}
    )
    return answer.body.get("data", answer.body)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_exchange_gives_a_token_that_works(kit: Kit, method: str) -> None:
    """For 60 days, and the old one works on."""
    sent: dict[str, Any] = {"params": FORM} if method == "GET" else {"data": FORM}
    answer = await kit.call(method, "/v26.0/oauth/access_token", **sent)
    new = answer.body["access_token"]
    assert (200, "bearer", LIFE_S) == (
        answer.status,
        answer.body["token_type"],
        answer.body["expires_in"],
    )
    facts = await debug(kit, new)
    assert (NOW + LIFE_S, True) == (facts["expires_at"], facts["is_valid"])
    for token in (TOKEN, new):
        assert 200 == (await kit.send(token=token)).status
    kit.clock.now += LIFE_S
    assert (401, 200) == (
        (await kit.send(token=new)).status,
        (await kit.send(token=TOKEN)).status,
    )
    assert 1 == (await kit.read_accepted())["counters"]["exchanges"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"grant_type": "authorization_code"}, 100),
        ({"client_id": "1"}, 101),
        ({"client_secret": "wrong"}, 1),
        ({"fb_exchange_token": "another"}, 190),
        ({"fb_exchange_token": ""}, 190),
    ],
)
async def test_a_wrong_exchange_is_refused(kit: Kit, changed: dict[str, str], code: int) -> None:
    """With the code that says what was wrong."""
    assert code == (await exchange(kit, **changed)).body["error"]["code"]


async def test_its_first_token_ends_when_it_is_told_to(kit: Kit) -> None:
    """Before, it tells when; afterwards it is refused, by the exchange too."""
    await kit.set_faults(token_expires_at=NOW + 60, kind_of_tokens="USER")
    facts = await debug(kit, TOKEN)
    assert (NOW + 60, NOW, "USER") == (facts["expires_at"], facts["issued_at"], facts["type"])
    kit.clock.now += 60
    assert 401 == (await kit.send()).status
    assert 190 == (await exchange(kit)).body["error"]["code"]


async def test_what_can_go_wrong(kit: Kit) -> None:
    """A refused exchange, a new token that does not work, one that may less, a bad number."""
    await kit.set_faults(exchange_error=2)
    assert 2 == (await exchange(kit)).body["error"]["code"]
    await kit.set_faults(exchanged_refused=True)
    new = (await exchange(kit)).body["access_token"]
    assert 190 == (await debug(kit, new))["error"]["code"]
    await kit.set_faults(missing_scope="whatsapp_business_messaging", quality_rating="RED")
    assert ["whatsapp_business_management"] == (await debug(kit, TOKEN))["scopes"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    params = {"fields": "quality_rating,throughput,name_status"}
    number = await kit.call("GET", f"/v26.0/{NUMBER}", headers=headers, params=params)
    told = {"quality_rating": "RED", "throughput": {"level": "STANDARD"}, "name_status": "APPROVED"}
    assert told | {"id": NUMBER} == number.body


async def test_an_exchange_that_hangs(kit: Kit) -> None:
    """Whoever asks gives up by itself."""
    await kit.set_faults(exchange_hangs=True)
    hasty = GraphExchanger(kit.http, base_url=kit.url, version="v26.0", timeout_s=0.05)
    with pytest.raises(NoAnswer):
        await hasty.exchange(TOKEN, app_id=APP_ID, app_secret=SECRET, in_60_days=True)


def test_the_oldest_exchanged_tokens_are_forgotten() -> None:
    """A sandbox that runs for weeks does not grow."""
    config = SandboxConfig("http://127.0.0.1:9/", SECRET, TOKEN, tuple)
    wallet = Wallet(config, FaultBox())
    first, _ = wallet.mint()
    for _ in range(MOST):
        last, _ = wallet.mint()
    assert (False, True) == (wallet.takes(first), wallet.takes(last))
