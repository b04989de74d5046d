"""Each way in which Meta fails a send: what waits, what goes on, what an operator sees."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.doubles.customers import KEPT, Crowd
from tests.doubles.daemon_process import wait_until
from tests.doubles.inner_house import InnerHouse, open_inner_house
from tests.doubles.stage import TOKEN, Stage
from tests.doubles.stage_clients import PLAZA, SOL

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_DOUBT_S = 1.2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[InnerHouse]:
    """Three tries in all, a second or so apart; a silent Meta is given up after half a second."""
    async with open_inner_house(
        tmp_path_factory.mktemp("faults"),
        send_budget_s=0.5,
        COALESCE_SECONDS="0",
        RETRY_BASE_SECONDS="1",
        RETRY_LIMIT="3",
        IN_DOUBT_SECONDS=str(IN_DOUBT_S),
    ) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def stage(opened: InnerHouse) -> AsyncIterator[Stage]:
    await opened.stage.reset()
    yield opened.stage
    await opened.stage.reset()


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(stage: Stage) -> Crowd:
    """Start an account of its own for each test; the numbers go on."""
    crowd = Crowd(stage)
    ((crowd._count,),) = stage.query("SELECT count(*) FROM inbox")
    return crowd


async def wait_for_error(stage: Stage, customer: str, error: str, *, state: str) -> None:
    """Wait until the newest message of a customer shows an error, in its own state."""
    query = (
        "SELECT inbox.state, error FROM inbox JOIN conversations ON conversations.id ="
        " conversation_id WHERE wa_id = ? ORDER BY inbox.id DESC LIMIT 1"
    )

    async def is_seen() -> bool:
        return stage.query(query, customer) == [(state, error)]

    await wait_until(is_seen)


async def count_stops(stage: Stage, code: int) -> float:
    """Count the stops that are in force, which they are a moment after they are written."""
    return await stage.read_metric(f'released_client_stops_total{{code="{code}"}}')


async def list_states(stage: Stage, *customers: str) -> list[str]:
    """Read an operator's list: the states of these customers' messages, oldest first."""
    entries = (await stage.run_cli("inbox", "list", "--json")).read_json()
    return [entry["state"] for entry in entries if entry["customer"] in customers]


class TestPassingTroubles:
    async def test_a_pair_limit_holds_up_this_customer_alone(self, crowd: Crowd) -> None:
        """131056: another customer of the same number is served meanwhile, and order is kept."""
        stage = crowd.stage
        slow, quick = stage.make_customer(), stage.make_customer()
        await stage.set_faults(error={"code": 131056, "count": 1})
        await crowd.ask(slow, number=PLAZA)
        await wait_for_error(stage, slow, "131056", state="answered")
        await crowd.ask(slow, number=PLAZA)
        await crowd.ask(quick, number=PLAZA)
        await stage.read_answers(quick)
        assert [] == await stage.read_sent(slow)
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults

    @pytest.mark.parametrize("code", [130429, 131016, 131000, 999_999])
    async def test_throttling_and_outages_are_waited_out(self, crowd: Crowd, code: int) -> None:
        """Tried three times with pauses between, and answered once; an unknown code is no other."""
        stage = crowd.stage
        customer = stage.make_customer()
        before = (await stage.read_counters())["refused"]
        await stage.set_faults(error={"code": code, "count": 2})
        started = time.monotonic()
        await crowd.ask(customer, number=SOL)
        await crowd.wait_until_settled()
        assert 1.0 <= time.monotonic() - started
        assert before + 2 == (await stage.read_counters())["refused"]
        assert KEPT == (await crowd.draw_up()).faults

    async def test_too_many_failures_park_it_and_the_next_goes_on(self, crowd: Crowd) -> None:
        """RETRY_LIMIT tries in all; an operator's retry then sends the same answer."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(error={"code": 131016, "count": 3})
        await crowd.ask(customer, number=SOL)
        await wait_for_error(stage, customer, "131016", state="parked")
        second = await crowd.ask(customer, number=SOL)
        assert [f"About q{second}."] == await stage.read_answers(customer)
        query = "SELECT max(id) FROM inbox WHERE state = 'parked'"
        ((parked_id,),) = stage.query(query)
        assert 0 == (await stage.run_cli("inbox", "retry", str(parked_id))).code
        expected = [f"About q{second}.", f"About q{second - 1}."]
        assert expected == await stage.read_answers(customer, count=2)
        await crowd.wait_until_settled()


class TestInDoubt:
    async def test_a_status_proves_that_it_was_sent(self, crowd: Crowd) -> None:
        """The answer to the send never came, a status did: nothing is sent a second time."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(drop_after_accept=1)
        sends = (await stage.read_counters())["sends"]
        await crowd.ask(customer, number=SOL)
        await crowd.wait_until_settled(within_s=IN_DOUBT_S + 5)
        assert sends + 1 == (await stage.read_counters())["sends"]
        assert KEPT == (await crowd.draw_up()).faults

    @pytest.mark.parametrize("fault", ["drop_before_accept", "html_200", "hang"])
    async def test_without_a_status_it_is_sent_again(self, crowd: Crowd, fault: str) -> None:
        """After IN_DOUBT_SECONDS, not before."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(**{fault: 1})
        started = time.monotonic()
        await crowd.ask(customer, number=SOL)
        await stage.read_answers(customer)
        assert IN_DOUBT_S <= time.monotonic() - started
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults

    async def test_only_with_every_status_lost_may_it_come_twice(self, crowd: Crowd) -> None:
        """Meta took it, and neither answered nor ever told: the one case nobody can tell apart."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(drop_after_accept=1, mute_statuses=True)
        started = time.monotonic()
        number = await crowd.ask(customer, number=SOL)
        assert [f"About q{number}."] * 2 == await stage.read_answers(customer, count=2)
        assert IN_DOUBT_S <= time.monotonic() - started
        first, second = await stage.read_sent(customer)
        # Whoever reads Meta's records can tell that the two are one.
        key = "biz_opaque_callback_data"
        assert first[key] == second[key]

    async def test_what_follows_waits_for_what_is_in_doubt(self, crowd: Crowd) -> None:
        """The customer's next question is not answered before the first one's fate is known."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(drop_before_accept=1)
        await crowd.ask(customer, number=SOL)
        await wait_for_error(stage, customer, "in_doubt", state="answered")
        await crowd.ask(customer, number=SOL)
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults


NEVER = (131026, 131047, 131051, 131050, 131021, 131008, 131009)
NEVER_TOO = (100, 33, 130403, 130472, 131062, 131049)


@pytest.mark.parametrize("code", [*NEVER, *NEVER_TOO])
async def test_what_meta_never_takes_is_parked_with_its_code(crowd: Crowd, code: int) -> None:
    """One try, visible with the code; what the customer writes next is answered."""
    stage = crowd.stage
    customer = stage.make_customer()
    sends = (await stage.read_counters())["sends"]
    await stage.set_faults(error={"code": code, "count": 1})
    await crowd.ask(customer, number=SOL)
    await wait_for_error(stage, customer, str(code), state="parked")
    assert sends + 1 == (await stage.read_counters())["sends"]
    second = await crowd.ask(customer, number=SOL)
    assert [f"About q{second}."] == await stage.read_answers(customer)


class TestStoppedClients:
    @pytest.mark.parametrize("code", [190, 368, 133010])
    async def test_the_client_waits_and_the_others_go_on(self, crowd: Crowd, code: int) -> None:
        """Credential, policy, registration: its messages stay pending until it is resumed."""
        stage = crowd.stage
        first, later, other = (stage.make_customer() for _ in range(3))
        await stage.set_faults(error={"code": code, "count": 1})
        stops = await count_stops(stage, code)

        async def has_stopped() -> bool:
            return await count_stops(stage, code) > stops

        await crowd.ask(first, number=SOL)
        await wait_until(has_stopped)
        await wait_for_error(stage, first, str(code), state="answered")
        await crowd.ask(later, number=SOL)
        await crowd.ask(other, number=PLAZA)
        await stage.read_answers(other)
        assert ["pending", "pending"] == await list_states(stage, first, later)
        assert [] == await stage.read_sent(first) + await stage.read_sent(later)
        assert 0 == (await stage.run_cli("client", "resume", SOL)).code
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults

    async def test_a_new_token_is_enough_to_resume(self, crowd: Crowd, tmp_path: Path) -> None:
        """190 until `client update --access-token-file`; then it goes on by itself."""
        stage = crowd.stage
        customer = stage.make_customer()
        await stage.set_faults(token_refused=True)
        await crowd.ask(customer, number=SOL)
        await wait_for_error(stage, customer, "190", state="answered")
        assert "190" in (await stage.run_cli("client", "show", SOL)).out
        await stage.set_faults()
        token = tmp_path / "token"
        token.write_text(TOKEN)
        update = ("client", "update", SOL, "--access-token-file", str(token))
        assert 0 == (await stage.run_cli(*update)).code
        await crowd.wait_until_settled()
        assert KEPT == (await crowd.draw_up()).faults


async def test_an_answer_that_waited_too_long_is_not_sent(opened: InnerHouse, crowd: Crowd) -> None:
    """Over 24 hours since the customer wrote: parked as expired, and Meta never sees it."""
    stage = crowd.stage
    customer = stage.make_customer()
    await stage.set_faults(error={"code": 131016, "count": 1})
    await crowd.ask(customer, number=SOL)
    await wait_for_error(stage, customer, "131016", state="answered")
    opened.clock.shift(24 * 3600 + 60)
    try:
        await wait_for_error(stage, customer, "expired", state="parked")
        assert [] == await stage.read_sent(customer)
    finally:
        opened.clock.shift(-24 * 3600 - 60)
